# shellcheck shell=bash
# Machines made of Linux namespaces: start, enter, kill.
#
# Hard rule: the host keeps nothing of a machine outside $STATE. A machine has its own mounts, host name, processes and
# IPC; all machines of one sandbox share one network namespace, pinned at $STATE/net, in which each has an address. (Those of
# Grid Engine have their own, joined by a bridge in that one: OWN_NETWORK.)
# Killing a machine's first process kills all of it, as a power cut would.

# wait_until SECONDS WHAT COMMAND...
wait_until() {
  local limit=$1 what=$2 deadline; shift 2
  deadline=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { complain "waited $limit s in vain for $what"; return 1; }
    sleep 0.1
  done
}

# The moment a process started, in clock ticks: with the number it names a process for good, whatever comes later.
started_at() {
  local stat
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  echo "${20}"
}

# machine_pid NAME: number (on the host) of the machine's first process; fails when it does not run.
machine_pid() {
  local pid ticks
  { read -r pid ticks <"$STATE/machines/$1/pid"; } 2>/dev/null || return 1
  [ "$(started_at "$pid")" = "$ticks" ] && echo "$pid"
}

# inside NAME COMMAND...: run as root in the machine, with a clean environment.
inside() {
  local pid
  pid=$(machine_pid "$1") || { complain "machine $1 is not running"; return 1; }
  shift
  nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

network_address() { # NAME
  case $1 in
    head) echo 198.18.0.1 ;; login) echo 198.18.0.2 ;; bastion) echo 198.18.0.3 ;;
    node*) echo "198.18.1.${1#node}" ;;
    exec*) echo "198.18.2.${1#exec}" ;;
    *) complain "no such machine: $1"; return 1 ;;
  esac
}

# The sandbox's network: a loopback device that owns every machine's address. No route leads out of it or into it.
make_network() {
  local machine
  if ! nsenter --net="$STATE/net" true 2>/dev/null; then
    : >"$STATE/net"
    unshare --net="$STATE/net" ip link set lo up || return 1
  fi
  for machine in "${MACHINES[@]}"; do
    nsenter --net="$STATE/net" ip address replace "$(network_address "$machine")/32" dev lo || return 1
  done
}

# Whatever still runs in the sandbox's network, also when the files that name it are gone.
end_network_members() {
  local network other
  network=$(stat --file-system --format=%T "$STATE/net" 2>/dev/null) && [ "$network" = nsfs ] || return 0
  network=net:[$(stat --format=%i "$STATE/net")]
  for other in /proc/[0-9]*; do
    [ "$(readlink "$other/ns/net" 2>/dev/null)" != "$network" ] || kill -KILL "${other#/proc/}" 2>/dev/null
  done
  return 0
}

drop_network() { while umount "$STATE/net" 2>/dev/null; do :; done; rm -f "$STATE/net"; }

start_machine() { # NAME
  local dir=$STATE/machines/$1
  machine_pid "$1" >/dev/null && return 0
  rm -f "$dir/pid"
  mkdir -p "$dir"/root "$dir"/var/{cache,lib,log,mail,spool,tmp}
  chmod 1777 "$dir/var/tmp"
  setsid nsenter --net="$STATE/net" unshare --mount --uts --ipc --pid ${OWN_NETWORK:+--net} --fork --kill-child=KILL \
    bash "$BED/machine-init.sh" "$1" "$STATE" </dev/null >"$STATE/log/$1.boot" 2>&1 &
  disown
  wait_until 15 "machine $1 ($STATE/log/$1.boot)" test -s "$dir/pid"
}

kill_machine() { # NAME
  local pid
  pid=$(machine_pid "$1") || return 0
  kill -KILL "$pid"
  wait_until 10 "machine $1 to end" test ! -d "/proc/$pid"
  rm -f "$STATE/machines/$1/pid"
}

# daemon_pid MACHINE NAME PIDFILE: its number inside the machine; fails when it is not (any more) that program.
daemon_pid() {
  local root pid name
  root=/proc/$(machine_pid "$1")/root || return 1
  { read -r pid <"$root$3" && read -r name <"$root/proc/$pid/comm"; } 2>/dev/null || return 1
  [ "$name" = "$2" ] && echo "$pid"
}

# daemon_answers MACHINE NAME PIDFILE: it runs and is not stopped by a signal.
daemon_answers() {
  local pid stat
  pid=$(daemon_pid "$@") || return 1
  read -r stat 2>/dev/null <"/proc/$(machine_pid "$1")/root/proc/$pid/stat" || return 1
  stat=${stat##*) }
  [ "${stat:0:1}" != T ]
}

signal_daemon() { # SIGNAL MACHINE NAME PIDFILE
  local signal=$1 pid; shift
  pid=$(daemon_pid "$@") || return 0
  inside "$1" kill "-$signal" "$pid"
}

end_daemon() { # SIGNAL MACHINE NAME PIDFILE
  local signal=$1; shift
  signal_daemon CONT "$@"
  signal_daemon "$signal" "$@"
  wait_until 20 "$2 to end" daemon_gone "$@"
}

daemon_gone() { ! daemon_pid "$@" >/dev/null; }
