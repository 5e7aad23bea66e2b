# shellcheck shell=bash
# The Slurm cluster: head (slurmctld, slurmdbd, mariadb) and node1..nodeN (slurmd), a munged on each machine.
#
# Hard rule: slurm.conf is written here only. What a test changes lies in $STATE/slurm.options and is laid over it, so
# taking the change back is removing that file.

PID_munged=/run/munge/munged.pid
PID_slurmd=/run/slurm/slurmd.pid
PID_slurmctld=/run/slurm/slurmctld.pid
PID_slurmdbd=/run/slurm/slurmdbd.pid

node_names() { local i; for ((i = 1; i <= NODES; i++)); do echo "node$i"; done; }

write_slurm_conf() {
  local dir=$STATE/etc/slurm options=$STATE/slurm.options key
  mkdir -p "$dir"
  slurm_defaults >"$dir/slurm.conf.new"
  if [ -s "$options" ]; then
    while IFS='=' read -r key _; do sed -i "/^$key=/d" "$dir/slurm.conf.new"; done <"$options"
    cat "$options" >>"$dir/slurm.conf.new"
  fi
  slurm_machines >>"$dir/slurm.conf.new"
  mv "$dir/slurm.conf.new" "$dir/slurm.conf"
  echo 'CgroupPlugin=cgroup/v1' >"$dir/cgroup.conf"
  echo "NodeName=node$NODES Name=gpu Type=a100 File=/dev/nvidia[0-3]" >"$dir/gres.conf"
  cat >"$dir/slurmdbd.conf.new" <<CONF
AuthType=auth/munge
DbdHost=head
SlurmUser=slurm
PidFile=$PID_slurmdbd
LogFile=/var/log/slurm/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct
CommitDelay=1
CONF
  install -m 600 -o slurm -g slurm "$dir/slurmdbd.conf.new" "$dir/slurmdbd.conf"; rm "$dir/slurmdbd.conf.new"
}

slurm_defaults() {
  cat <<CONF
ClusterName=sandbox
SlurmctldHost=head
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=$PID_slurmctld
SlurmdPidFile=$PID_slurmd
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
PropagateResourceLimits=NONE
# Nodes have the size declared below, whatever this machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=50000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
EnforcePartLimits=ALL
MpiDefault=none
MaxArraySize=$MAX_ARRAY_SIZE
MaxJobCount=10000
MinJobAge=300
KillWait=3
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=10
BatchStartTimeout=10
ReturnToService=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=head
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
CONF
  [ ! -e "$STATE/etc/slurm/job_submit.lua" ] || echo 'JobSubmitPlugins=lua'
}

slurm_machines() {
  local node extra
  # Machines share one network, so each slurmd has a port of its own. (Binding each to its address instead would break
  # srun: steps call back to where the request seemed to come from, which on a loopback device is the callee's address.)
  for node in $(node_names); do
    extra='Feature=cpu'
    [ "$node" != "node$NODES" ] || extra='Feature=gpu Gres=gpu:a100:4'
    echo "NodeName=$node NodeAddr=$(network_address "$node") Port=$((17000 + ${node#node})) CPUs=16 RealMemory=64000 $extra State=UNKNOWN"
  done
  cat <<CONF
PartitionName=cpu Nodes=node[1-$NODES] Default=YES MaxTime=1-00:00:00 DefaultTime=00:10:00 PriorityTier=10
PartitionName=gpu Nodes=node$NODES MaxTime=12:00:00 DefaultTime=00:10:00 PriorityTier=10
PartitionName=debug Nodes=node1 MaxTime=00:05:00 DefaultTime=00:01:00 PriorityTier=10
PartitionName=scavenge Nodes=node[1-$NODES] MaxTime=1-00:00:00 DefaultTime=00:10:00 PriorityTier=1 PreemptMode=CANCEL
CONF
}

prepare_munge_key() {
  [ -s "$STATE/etc/munge/munge.key" ] && return 0
  install -d -o munge -g munge -m 700 "$STATE/etc/munge"
  head -c 1024 /dev/urandom >"$STATE/etc/munge/munge.key"
  chown munge:munge "$STATE/etc/munge/munge.key"; chmod 400 "$STATE/etc/munge/munge.key"
}

start_munge() { # MACHINE
  daemon_answers "$1" munged "$PID_munged" && return 0
  inside "$1" bash -c '
    install -d -o munge -g munge /run/munge /var/lib/munge /var/log/munge
    exec runuser -u munge -- /usr/sbin/munged --force'
}

mariadb_answers() { inside head mariadb-admin ping; }

start_mariadb() {
  mariadb_answers >/dev/null 2>&1 && return 0
  inside head bash -c '
    install -d -o mysql -g mysql /run/mysqld /var/lib/mysql /var/log/mysql
    [ -e /var/lib/mysql/.complete ] && exit
    find /var/lib/mysql -mindepth 1 -delete
    mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket && touch /var/lib/mysql/.complete' \
    >"$STATE/log/mariadb-install" 2>&1 || { complain "no database: $STATE/log/mariadb-install"; return 1; }
  # A power cut may cost the last second of accounting here; speed matters more in a test bed.
  inside head bash -c 'setsid mariadbd --user=mysql --skip-networking --innodb-flush-log-at-trx-commit=0 \
    --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 </dev/null >>/var/log/mysql/mariadbd.log 2>&1 &'
  wait_until 60 mariadb mariadb_answers || return 1
  inside head mariadb -e "CREATE DATABASE IF NOT EXISTS slurm_acct;
    CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket;
    GRANT ALL ON slurm_acct.* TO slurm@localhost"
}

start_slurmdbd() {
  signal_daemon CONT head slurmdbd "$PID_slurmdbd"
  daemon_answers head slurmdbd "$PID_slurmdbd" && return 0
  inside head slurmdbd && wait_until 60 slurmdbd inside head sacctmgr --noheader --parsable2 show cluster
}

controller_answers() { inside head scontrol ping | grep -q 'is UP'; }

start_slurmctld() {
  signal_daemon CONT head slurmctld "$PID_slurmctld"
  daemon_answers head slurmctld "$PID_slurmctld" || inside head slurmctld || return 1
  wait_until 30 slurmctld controller_answers
}

# start_daemon / stop_daemon / kill / hang for the daemons a test may touch
start_daemon() {
  case $1 in
    slurmctld) start_slurmctld ;;
    slurmdbd) start_slurmdbd ;;
    sshd) start_sshd login ;;
    qmaster) start_qmaster && await_hosts ;;
  esac
}

daemon_place() {
  case $1 in
    slurmctld) echo "head slurmctld $PID_slurmctld" ;;
    slurmdbd) echo "head slurmdbd $PID_slurmdbd" ;;
    sshd) echo "login sshd /run/sshd.pid" ;;
    qmaster) echo "head sge_qmaster $PID_qmaster" ;;
    *) complain "no such daemon: $1 (slurmctld, slurmdbd, qmaster or sshd)"; return 1 ;;
  esac
}

prepare_accounts() {
  local marker=$STATE/accounts.complete users
  [ ! -e "$marker" ] || return 0
  users=$(cut -d' ' -f1 <<<"$USERS" | paste -sd,)
  { inside head sacctmgr --immediate add cluster sandbox
    inside head sacctmgr --immediate add account lab Description=sandbox Organization=sandbox
    inside head sacctmgr --immediate add user "$users" Account=lab DefaultAccount=lab; } >"$STATE/log/sacctmgr" 2>&1
  [ -n "$(inside head sacctmgr --noheader show user alice)" ] && touch "$marker"
}

start_head() {
  start_machine head && start_munge head && start_mariadb || return 1
  inside head install -d -o slurm -g slurm /run/slurm /var/log/slurm /var/spool/slurmctld
  start_slurmdbd && prepare_accounts && start_slurmctld
}

start_node() { # NODE
  start_machine "$1" && start_munge "$1" || return 1
  daemon_answers "$1" slurmd "$PID_slurmd" && return 0
  inside "$1" bash -c 'mkdir -p /run/slurm /var/log/slurm /var/spool/slurmd; exec slurmd'
}

nodes_usable() { ! inside head sinfo --noheader --Node --format=%T | grep -Evqx 'idle|mixed|allocated|completing'; }

# A node that came back is used again when it has registered; one that a test drained or set down needs a word.
await_nodes() {
  local node
  for node in $(node_names); do
    case $(inside head sinfo --noheader --nodes="$node" --partition=cpu --format=%T) in
      down | drain*) inside head scontrol update "nodename=$node" state=resume 2>/dev/null ;;
    esac
  done
  wait_until 60 'all nodes to be usable' nodes_usable
}

# Slurm reads most limits only when it starts, so it is restarted in order, with its state saved.
apply_slurm_conf() {
  write_slurm_conf
  daemon_pid head slurmctld "$PID_slurmctld" >/dev/null && { end_daemon TERM head slurmctld "$PID_slurmctld" || return 1; }
  start_slurmctld && inside head scontrol reconfigure && await_nodes
}

set_slurm_options() { # KEY=VALUE... (none: back to normal)
  if [ $# -gt 0 ]; then printf '%s\n' "$@" >"$STATE/slurm.options"; else rm -f "$STATE/slurm.options"; fi
  if apply_slurm_conf; then return 0; fi
  [ $# -gt 0 ] || return 1
  complain "slurm does not start with: $* (taken back)"
  rm -f "$STATE/slurm.options"; apply_slurm_conf
  return 1
}

# set_limits user|qos NAME KEY=VALUE...: limits of a user's association or of a QOS (all jobs have "normal"); without
# pairs, none.
set_limits() {
  local kind=$1 name=$2; shift 2
  case $kind in
    user)
      [ $# -gt 0 ] || set -- MaxSubmitJobs=-1 MaxJobs=-1 GrpTRES=cpu=-1 MaxTRES=cpu=-1 MaxWall=-1
      inside head sacctmgr --immediate modify user where "name=$name" account=lab set "$@" ;;
    qos)
      [ $# -gt 0 ] || set -- MaxSubmitJobsPerUser=-1 MaxJobsPerUser=-1 MaxTRESPerUser=cpu=-1 MaxWall=-1
      inside head sacctmgr --immediate modify qos where "name=$name" set "$@" ;;
    *) complain "limits are of a user or of a qos, not of a $kind"; return 1 ;;
  esac
}

stop_slurm() {
  daemon_pid head slurmctld "$PID_slurmctld" >/dev/null && end_daemon TERM head slurmctld "$PID_slurmctld"
  daemon_pid head slurmdbd "$PID_slurmdbd" >/dev/null && end_daemon TERM head slurmdbd "$PID_slurmdbd"
  if machine_pid head >/dev/null; then inside head mariadb-admin shutdown >/dev/null 2>&1; fi
  return 0
}
