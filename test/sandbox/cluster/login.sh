# shellcheck shell=bash
# The sandbox's own /etc and /home, its users, and sshd on the login node and on the bastion.

OTP_SECRET=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP   # test values, public on purpose
PASSWORD='correct horse'
PASSPHRASE='battery staple'

# name, number, shell. alice is the one tests work as, bob the second user; the others differ in how they log in.
USERS='alice 2001 /bin/bash
bob 2002 /bin/bash
pwuser 2003 /bin/bash
otpuser 2004 /bin/bash
tcshuser 2005 /bin/tcsh
noisyuser 2006 /bin/bash'
GRID_USERS='carol 2101 /bin/bash
dave 2102 /bin/bash'

make_keys() {
  local keys=$STATE/keys name
  mkdir -p "$keys"; chmod 700 "$keys"
  [ -e "$keys/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C ed25519@sandbox -f "$keys/id_ed25519"
  [ -e "$keys/id_rsa" ] || ssh-keygen -q -t rsa -b 3072 -N '' -C rsa@sandbox -f "$keys/id_rsa"
  [ -e "$keys/id_encrypted" ] || ssh-keygen -q -a 1 -t ed25519 -N "$PASSPHRASE" -C encrypted@sandbox -f "$keys/id_encrypted"
  for name in host_login host_bastion host_other; do
    [ -e "$keys/$name" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$keys/$name"
  done
}

# Copies from the host what programs want to find there, and no more.
make_etc() {
  local etc=$STATE/etc item name uid shell
  [ ! -e "$etc/.complete" ] || return 0
  rm -rf "$etc"; mkdir -p "$etc/ssh/sshd_config.d" "$etc/otp"
  for item in passwd group shadow gshadow login.defs shells skel bash.bashrc profile csh.cshrc csh.login inputrc alternatives \
    ld.so.cache ld.so.conf ld.so.conf.d pam.d pam.conf security ssl ca-certificates mysql python3 python3.11 localtime timezone \
    services protocols rpc os-release debian_version mime.types magic terminfo ssh/moduli gai.conf host.conf; do
    [ ! -e "/etc/$item" ] || cp -a "/etc/$item" "$etc/$item"
  done
  printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' 'services: files' 'protocols: files' >"$etc/nsswitch.conf"
  : >"$etc/resolv.conf"; : >"$etc/environment"
  while read -r name uid shell; do
    echo "$name:x:$uid:$uid:$name of the sandbox:/home/$name:$shell" >>"$etc/passwd"
    echo "$name:x:$uid:" >>"$etc/group"
    echo "$name:*:19000:0:99999:7:::" >>"$etc/shadow"
  done <<<"$USERS"
  mkdir -p "$etc/profile.d"
  sed -i "s|^pwuser:\*:|pwuser:$(openssl passwd -6 "$PASSWORD"):|" "$etc/shadow"
  printf '%s\n" TOTP_AUTH\n" WINDOW_SIZE 17\n' "$OTP_SECRET" >"$etc/otp/otpuser"
  chmod 400 "$etc/otp/otpuser"
  write_pam
  touch "$etc/.complete"
}

# otpuser gives a code after the key; everybody else who comes this way gives a password.
write_pam() {
  cat >"$STATE/etc/pam.d/sshd" <<'PAM'
auth [success=1 default=ignore] pam_succeed_if.so quiet user != otpuser
auth [success=done default=die] pam_google_authenticator.so secret=/etc/otp/${USER} user=root
auth required pam_unix.so
account required pam_unix.so
session required pam_limits.so
session required pam_unix.so
PAM
}

write_hosts() {
  local machine
  { echo '127.0.0.1 localhost'
    for machine in "${MACHINES[@]}"; do echo "$(network_address "$machine") $machine"; done; } >"$STATE/etc/hosts"
}

# /home is a small file system of its own, so that a test can fill it.
mount_home() {
  local home=$STATE/home image=$STATE/home.img
  mkdir -p "$home"
  mountpoint -q "$home" && return 0
  if [ ! -e "$image" ]; then
    truncate -s "${HOME_MIB}M" "$image.new"
    mkfs.ext4 -q -m 0 -E lazy_itable_init=1,nodiscard "$image.new" && mv "$image.new" "$image" || return 1
  fi
  mount -o loop,noatime "$image" "$home"
}

unmount_home() { ! mountpoint -q "$STATE/home" || umount "$STATE/home" || umount --lazy "$STATE/home"; }

make_homes() {
  local name uid shell home
  while read -r name uid shell; do
    home=$STATE/home/$name
    [ ! -e "$home/.ssh/authorized_keys" ] || continue
    mkdir -p "$home/.ssh"
    [ "$shell" = /bin/tcsh ] || cp -a /etc/skel/. "$home/"
    case $name in
      tcshuser) echo 'setenv FROM_CSHRC yes' >"$home/.cshrc" ;;
      noisyuser) noise .bashrc >"$home/.bashrc"; noise .profile >"$home/.profile"
        echo '[ ! -t 0 ] || exec tcsh' >>"$home/.profile" ;;
    esac
    cat "$STATE"/keys/id_*.pub >"$home/.ssh/authorized_keys"
    chmod 700 "$home" "$home/.ssh"; chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$uid:$uid" "$home"
  done <<<"$USERS"
}

# What start-up files of real people do: talk, colour, complain, touch a terminal that is not there, look like data.
noise() { # FILE
  cat <<NOISE
echo "*** $1: maintenance on Sunday, 08:00 - 12:00 ***"
printf '\033[1;31mYou use 93%% of your quota\033[0m\r\n'
echo 'Loading modules ... done' >&2
stty erase '^H' -ixon
echo '{"state": "COMPLETED", "exitCode": 0}'
exec 7>/dev/null
printf 'no newline after this: '
NOISE
}

# write_sshd MACHINE
write_sshd() {
  local etc=$STATE/etc/ssh
  if [ ! -e "$etc/host_key_$1" ]; then install -m 600 "$STATE/keys/host_$1" "$etc/host_key_$1"; fi
  cat >"$etc/sshd_config_$1" <<SSHD
$([ "$1" = bastion ] || echo 'Include /etc/ssh/sshd_config.d/*.conf')
ListenAddress $(network_address "$1")
HostKey /etc/ssh/host_key_$1
PidFile /run/sshd.pid
LogLevel VERBOSE
UsePAM yes
UseDNS no
PrintMotd no
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication yes
AuthenticationMethods publickey
AllowTcpForwarding yes
MaxStartups 100
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
Match User otpuser
  AuthenticationMethods publickey,keyboard-interactive
Match User pwuser
  AuthenticationMethods keyboard-interactive
SSHD
}

start_sshd() { # MACHINE
  local machine=${1:-login}
  signal_daemon CONT "$machine" sshd /run/sshd.pid
  daemon_answers "$machine" sshd /run/sshd.pid && return 0
  inside "$machine" rm -f /run/sshd.pid
  inside "$machine" /usr/sbin/sshd -f "/etc/ssh/sshd_config_$machine" -E /var/log/sshd.log &&
    wait_until 10 "sshd of $machine" daemon_answers "$machine" sshd /run/sshd.pid
}

# Every sshd process but the listener. Both halves of a session must go: the unprivileged one holds the socket.
drop_ssh() {
  local listener
  listener=$(daemon_pid login sshd /run/sshd.pid) || listener=none
  # shellcheck disable=SC2016
  inside login bash -c 'for p in $(pgrep -x sshd); do [ "$p" = "$1" ] || kill -KILL "$p" 2>/dev/null; done; true' - "$listener"
}

# Re-reads the configuration, and waits for the new listener: sshd answers SIGHUP by executing itself again.
reload_sshd() {
  daemon_pid login sshd /run/sshd.pid >/dev/null || return 0
  end_daemon TERM login sshd /run/sshd.pid && start_sshd login
}

set_sshd_options() { # LINE... (none: back to normal)
  local file=$STATE/etc/ssh/sshd_config.d/test.conf complaint
  rm -f "$file"
  if [ $# -gt 0 ]; then
    printf '%s\n' "$@" >"$file"
    if ! complaint=$(inside login /usr/sbin/sshd -t -f /etc/ssh/sshd_config_login 2>&1); then
      rm -f "$file"; complain "sshd does not take this: $complaint"; return 1
    fi
  fi
  reload_sshd
}

set_host_key() { # login | other
  install -m 600 "$STATE/keys/host_$1" "$STATE/etc/ssh/host_key_login" && reload_sshd
}

fill_home() { # [KIB TO LEAVE]
  local fill=$STATE/home/.fill leave=${1:-0} free
  rm -f "$fill"
  free=$(($(df --output=avail -k "$STATE/home" | tail -n 1) - leave))
  ((free <= 0)) || fallocate -l "${free}K" "$fill" || dd if=/dev/zero of="$fill" bs=1M 2>/dev/null
  # Blocks kept back for the file system's own tables come free a few at a time: take them as well.
  ((leave > 0)) || dd if=/dev/zero of="$fill" bs=4k oflag=append conv=notrunc,fsync 2>/dev/null || :
}

free_home() { rm -f "$STATE/home/.fill"; }
