# shellcheck shell=bash
# The Grid Engine cluster: head (qmaster), login (sshd, clients), exec1..execN (execd). A sandbox of its own beside the Slurm one.
#
# Hard rule: Grid Engine compares the address that somebody calls from with the name he gives, so each machine has a network
# interface of its own, on a bridge inside the pinned network. SGE_ROOT is not where the programs look by themselves: only the
# login start-up files tell, as at most sites.

SGE_ROOT=/opt/gridengine
PID_qmaster=/var/spool/gridengine/qmaster/qmaster.pid
PID_execd=/run/gridengine/execd.pid
SGE_SLOTS=16

exec_names() { local i; for ((i = 1; i <= NODES; i++)); do echo "exec$i"; done; }

# in_grid MACHINE COMMAND...: with what Grid Engine's programs want to know.
in_grid() { local machine=$1; shift; inside "$machine" env SGE_ROOT="$SGE_ROOT" "$@"; }

prepare_sge_root() {
  local root=$STATE/gridengine
  [ ! -e "$root/.complete" ] || return 0
  rm -rf "$root"; mkdir -p "$root"
  cp -a /var/lib/gridengine/. "$root/"
  rm -rf "$root/default"; mkdir -p "$root/default/common"
  cp /usr/share/gridengine/default-bootstrap "$root/default/common/bootstrap"
  echo head >"$root/default/common/act_qmaster"
  # A site that ran jobs before has one.
  : >"$root/default/common/accounting"
  chown -R sgeadmin:sgeadmin "$root"
  mkdir -p "$STATE/etc/profile.d"
  echo "export SGE_ROOT=$SGE_ROOT SGE_CELL=default" >"$STATE/etc/profile.d/gridengine.sh"
  touch "$root/.complete"
}

make_grid_network() {
  if ! nsenter --net="$STATE/net" true 2>/dev/null; then
    : >"$STATE/net"
    unshare --net="$STATE/net" ip link set lo up || return 1
  fi
  nsenter --net="$STATE/net" bash -c 'ip link show bridge >/dev/null 2>&1 ||
    { ip link add bridge type bridge && ip address add 198.18.0.254/16 dev bridge && ip link set bridge up; }'
}

start_grid_machine() { # NAME
  local dir=$STATE/machines/$1 pid port
  machine_pid "$1" >/dev/null && return 0
  OWN_NETWORK=yes start_machine "$1" || return 1
  pid=$(machine_pid "$1") || return 1
  port=v-$1
  nsenter --net="$STATE/net" bash -c 'ip link delete "$1" 2>/dev/null; ip link add "$1" type veth peer name eth0 netns "$2" && ip link set "$1" master bridge up' - "$port" "$pid" || return 1
  inside "$1" bash -c 'ip link set lo up && ip address add "$1/16" dev eth0 && ip link set eth0 up' - "$(network_address "$1")"
}

qmaster_answers() { in_grid head timeout 5 qconf -sh; }

start_qmaster() {
  signal_daemon CONT head sge_qmaster "$PID_qmaster"
  daemon_answers head sge_qmaster "$PID_qmaster" && return 0
  in_grid head bash -c '
    rm -f "$1"
    install -d -o sgeadmin -g sgeadmin /run/gridengine /var/spool/gridengine /var/spool/gridengine/{qmaster,qmaster/job_scripts,spooldb}
    if [ ! -e /var/spool/gridengine/spooldb/sge ]; then
      su -s /bin/sh -c "/usr/share/gridengine/scripts/init_cluster $SGE_ROOT default /var/spool/gridengine/spooldb sgeadmin" sgeadmin || exit 1
      # The qmaster rewrites it with its own name.
      chown -R sgeadmin:sgeadmin "$SGE_ROOT/default"
    fi
    exec sge_qmaster' - "$PID_qmaster" >"$STATE/log/qmaster" 2>&1 || { complain "no qmaster: $STATE/log/qmaster"; return 1; }
  wait_until 30 sge_qmaster qmaster_answers
}

# Global settings: accounting is written at once, lost hosts are noticed soon. What a test changed comes last.
apply_grid_options() {
  local edits=() key value
  while IFS='=' read -r key value; do edits+=(-e "s|^($key +).*|\\1$value|"); done < <(
    cat <<'OPTIONS'
load_report_time=00:00:03
max_unheard=00:00:15
reporting_params=accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00 joblog=false sharelog=00:00:00
mailer=/bin/true
execd_params=ENABLE_ADDGRP_KILL=TRUE
max_aj_tasks=75000
max_aj_instances=2000
max_u_jobs=0
max_jobs=0
OPTIONS
    cat "$STATE/sge.options" 2>/dev/null
  )
  # shellcheck disable=SC2016
  in_grid head bash -c 'export SGE_SINGLE_LINE=1; file=$(mktemp) && qconf -sconf | sed -E "$@" >"$file" && mv "$file" /tmp/global && qconf -Mconf /tmp/global' - "${edits[@]}" >"$STATE/log/qconf.global" 2>&1
}

configure_grid() {
  local marker=$STATE/gridengine/.configured
  [ ! -e "$marker" ] || return 0
  # Root on the qmaster's host is a manager.
  # shellcheck disable=SC2046
  in_grid head bash -s "$SGE_SLOTS" $(exec_names) >"$STATE/log/qconf" 2>&1 <<'SETUP' || { complain "Grid Engine cannot be configured: $STATE/log/qconf"; return 1; }
set -e
slots=$1; shift
cd "$(mktemp -d)"; export SGE_SINGLE_LINE=1
qconf -as login
qconf -ah login
for host; do qconf -ah "$host"; done
qconf -ssconf | sed -E -e 's/^(schedule_interval +).*/\10:0:1/' -e 's/^(flush_(submit|finish)_sec +).*/\11/' \
  -e 's/^(job_load_adjustments +).*/\1NONE/' -e 's/^(load_adjustment_decay_time +).*/\10:0:0/' >scheduler
qconf -Msconf scheduler
cat >smp <<'PE'
pe_name            smp
slots              9999
user_lists         NONE
xuser_lists        NONE
start_proc_args    NONE
stop_proc_args     NONE
allocation_rule    $pe_slots
control_slaves     FALSE
job_is_first_task  TRUE
urgency_slots      min
accounting_summary FALSE
qsort_args         NONE
PE
qconf -Ap smp
sed -e 's/^pe_name.*/pe_name mpi/' -e 's/\$pe_slots/$round_robin/' smp >mpi
qconf -Ap mpi
# h_data is countable for each slot, gpu for each job, as at sites that share nodes.
qconf -sc | sed -E 's/^(h_data +h_data +MEMORY +<= +YES +)NO( +)0/\1YES\2100M/' >complex
echo 'gpu gpu INT <= YES JOB 0 0' >>complex
qconf -Mc complex
{ printf 'group_name @allhosts\nhostlist'; printf ' %s' "$@"; echo; } >group
qconf -Ahgrp group
queue() { # NAME SLOTS LIMIT
  cat >"$1" <<QUEUE
qname                 $1
hostlist              @allhosts
seq_no                0
load_thresholds       NONE
suspend_thresholds    NONE
nsuspend              1
suspend_interval      00:05:00
priority              0
min_cpu_interval      00:05:00
processors            UNDEFINED
qtype                 BATCH INTERACTIVE
ckpt_list             NONE
pe_list               smp mpi
rerun                 FALSE
slots                 $2
tmpdir                /tmp
shell                 /bin/csh
prolog                NONE
epilog                NONE
shell_start_mode      posix_compliant
starter_method        NONE
suspend_method        NONE
resume_method         NONE
terminate_method      NONE
notify                00:00:05
owner_list            NONE
user_lists            NONE
xuser_lists           NONE
subordinate_list      NONE
complex_values        NONE
projects              NONE
xprojects             NONE
calendar              NONE
initial_state         default
s_rt                  INFINITY
h_rt                  $3
QUEUE
  for limit in cpu fsize data stack core rss vmem; do printf 's_%s INFINITY\nh_%s INFINITY\n' "$limit" "$limit"; done >>"$1"
  qconf -Aq "$1"
}
queue all.q "$slots" 24:00:00
queue short.q 4 00:05:00
for host; do qconf -aattr exechost complex_values gpu=2,h_data=64G "$host"; done
SETUP
  touch "$marker"
}

start_grid_head() {
  start_grid_machine head && start_qmaster && configure_grid && apply_grid_options
}

start_exec() { # NAME
  start_grid_machine "$1" || return 1
  daemon_answers "$1" sge_execd "$PID_execd" && return 0
  # shellcheck disable=SC2016
  in_grid "$1" bash -c '
    install -d -o sgeadmin -g sgeadmin /run/gridengine /var/spool/gridengine /var/spool/gridengine/execd
    rm -f "$1"
    SGE_EXECD_PIDFILE=$1 exec sge_execd' - "$PID_execd" >"$STATE/log/$1.execd" 2>&1
}

# A load report of the host, and no queue of it that is unknown, in alarm or in error.
host_usable() {
  in_grid head qhost -h "$1" | grep -q "^$1 .*lx.* [0-9]" && ! in_grid head qstat -f | grep -E "^(all|short)\\.q@$1 " | awk 'NF > 5 { found = 1 } END { exit !found }'
}

hosts_usable() {
  local host
  for host in $(exec_names); do host_usable "$host" || return 1; done
}

await_hosts() { wait_until 60 'all execution hosts to be usable' hosts_usable; }

grid_part() {
  case $1 in
    head) start_grid_head ;;
    login) start_grid_machine login && start_sshd login ;;
    exec*) start_exec "$1" ;;
  esac
}

grid_up() {
  prepare_sge_root && make_grid_network && in_parallel grid_part head login || return 1
  # An execd ends when it finds no qmaster.
  # shellcheck disable=SC2046
  in_parallel start_exec $(exec_names) && await_hosts
}

grid_runs() {
  local machine
  for machine in $(exec_names); do daemon_answers "$machine" sge_execd "$PID_execd" || return 1; done
  daemon_answers head sge_qmaster "$PID_qmaster" && daemon_answers login sshd /run/sshd.pid && hosts_usable
}

set_grid_options() { # KEY=VALUE... (none: back to normal)
  if [ $# -gt 0 ]; then printf '%s\n' "$@" >"$STATE/sge.options"; else rm -f "$STATE/sge.options"; fi
  apply_grid_options
}

stop_grid() { daemon_pid head sge_qmaster "$PID_qmaster" >/dev/null && end_daemon TERM head sge_qmaster "$PID_qmaster"; return 0; }
