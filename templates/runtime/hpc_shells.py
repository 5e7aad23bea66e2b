"""What a command in a held node finds: the software of the cluster profile, and a terminal.

Rules:
- The software is set up by the very text that stands in job scripts, once per text; what it leaves in the environment is what every
  command gets, as every program of a job does. Where it cannot be set up, the command does not run, as a job would not.
- A terminal ends with its connection. What is to survive it runs under the tmux server of the holding job.

Used by hpc_commands.py. Python 3.6 or newer, standard library only.
"""

import base64
import fcntl
import hashlib
import os
import pty
import pwd
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

SOFTWARE_FAILED = 78
HANGUP_GRACE_S = 5.0
# What the shell that set it up knew of itself.
OWN_VARIABLES = ("HPC_HOLD_DUMP", "_", "SHLVL", "PWD", "OLDPWD")
FAIL_AND_END = 'hpc_fail() { printf \'hpc-agent: %s\\n\' "$1" >&2; exit "${2:-1}"; }\n'
FAIL_AND_GO_ON = "hpc_fail() { printf 'hpc-agent: %s\\n' \"$1\" >&2; }\n"


def pack(data):
    return base64.b64encode(data).decode("ascii")


def in_thread(body, *args):
    thread = threading.Thread(target=body, args=args)
    thread.daemon = True
    thread.start()
    return thread


def environment_of(data):
    pairs = [pair.partition(b"=") for pair in data.split(b"\0") if b"=" in pair]
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def restore(kind, before_file):
    """A folder with start files for zsh or fish: the person's own first, then once more what changed since `before_file`. It removes itself."""
    with open(before_file, "rb") as handle:
        before = environment_of(handle.read())
    os.unlink(before_file)
    names = [name for name in sorted(set(before) | set(os.environ)) if re.match(r"[A-Za-z_]\w*$", name, re.A) and name not in OWN_VARIABLES]
    changed = [(name, os.environ.get(name)) for name in names if before.get(name) != os.environ.get(name)]
    folder = tempfile.mkdtemp(prefix="hpc-shell-")
    if kind == "zsh":
        own = "ZDOTDIR=%s" % shlex.quote(os.environ["ZDOTDIR"]) if "ZDOTDIR" in os.environ else "unset ZDOTDIR"
        # Their .zshenv may name another folder for the files after it.
        keep = 'if [ -n "${ZDOTDIR+x}" ]; then hpc_own=$ZDOTDIR; else unset hpc_own; fi\nZDOTDIR=%s\n' % shlex.quote(folder)
        back = 'if [ -n "${hpc_own+x}" ]; then ZDOTDIR=$hpc_own; unset hpc_own; else unset ZDOTDIR; fi\n'
        source = '[ ! -r "${ZDOTDIR:-$HOME}/%s" ] || . "${ZDOTDIR:-$HOME}/%s"\n'
        lines = ["unset %s\n" % name if value is None else "export %s=%s\n" % (name, shlex.quote(value)) for name, value in changed]
        files = {
            ".zshenv": own + "\n" + source % (".zshenv", ".zshenv") + keep,
            ".zshrc": back + source % (".zshrc", ".zshrc") + "".join(lines) + "rm -rf %s\n" % shlex.quote(folder),
        }
    else:
        quote = lambda text: "'%s'" % text.replace("\\", "\\\\").replace("'", "\\'")  # noqa: E731
        lists = ("PATH", "MANPATH", "CDPATH")
        words = lambda name, value: " ".join(quote(part) for part in (value.split(":") if name in lists else [value]))  # noqa: E731
        lines = ["set -e %s\n" % name if value is None else "set -gx %s %s\n" % (name, words(name, value)) for name, value in changed]
        files = {"start.fish": "".join(lines) + "set -e HPC_START\ncommand rm -rf %s\n" % quote(folder)}
    for name, text in files.items():
        with open(os.path.join(folder, name), "wb") as handle:
            handle.write(os.fsencode(text))
    return folder


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
        return True
    except OSError:
        return False


def login_shell():
    """The person's own, not the one that the scheduler ran the job with."""
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return os.environ.get("SHELL") or "/bin/sh"


class Software:
    """Variables by the text that sets them. Texts that look at the folder (`per_folder`) are run anew every time."""

    def __init__(self, directory):
        self.directory = directory
        self.known = {}
        self.lock = threading.Lock()

    def lookup(self, software):
        return None if software.get("per_folder") else self.known.get(software["text"])

    def set_up(self, software, base, cwd, on_start):
        """(variables, None), or (None, what it said). `on_start` is given the process, to be ended by who gives up."""
        with self.lock:
            found = self.lookup(software)
            if found is not None:
                return found, None
            dump = os.path.join(self.directory, "variables")
            try:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", FAIL_AND_END + software["text"] + '\nenv -0 >"$HPC_HOLD_DUMP"\n'],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env=dict(base, HPC_HOLD_DUMP=dump),
                    start_new_session=True,
                )
                on_start(process)
                said = process.communicate()[0]
                if process.returncode != 0:
                    return None, said or b"the software of the cluster profile could not be set up (exit status %d)\n" % process.returncode
                with open(dump, "rb") as handle:
                    found = environment_of(handle.read())
                os.unlink(dump)
            except OSError as error:
                return None, ("hpc-agent: %s\n" % error).encode("utf-8", "replace")
            for name in OWN_VARIABLES:
                found.pop(name, None)
            if not software.get("per_folder"):
                self.known[software["text"]] = found
            return found, None

    def shell_file(self, software):
        """A program that is an interactive shell with this software. The person's start-up files come first: they may set PATH anew."""
        text = software.get("text") or ""
        wrap = software.get("wrap") or []
        name = hashlib.sha256(repr((text, wrap)).encode("utf-8", "replace")).hexdigest()[:12]
        path = os.path.join(self.directory, "shell-%s.sh" % name)
        if os.path.exists(path):
            return path
        setup = FAIL_AND_GO_ON + text + "\nunset -f hpc_fail\n"
        shell = login_shell()
        if wrap:
            inside = "command -v bash >/dev/null 2>&1 && exec bash -i; exec sh -i"
            program = setup + "exec %s\n" % " ".join(shlex.quote(word) for word in list(wrap) + ["/bin/sh", "-c", inside])
        elif os.path.basename(shell) == "bash":
            start = path[:-3] + ".rc"
            own = '[ ! -r /etc/profile ] || . /etc/profile\nfor hpc_file in ~/.bash_profile ~/.bash_login ~/.profile; do\n  [ -r "$hpc_file" ] && . "$hpc_file" && break\ndone\nunset hpc_file\n'
            with open(start, "w") as handle:
                handle.write(own + setup)
            program = "exec %s --rcfile %s -i\n" % (shlex.quote(shell), shlex.quote(start))
        else:
            kind = os.path.basename(shell)
            become = "SHELL=%s\nexport SHELL\n" % shlex.quote(shell)
            if kind in ("zsh", "fish"):
                ask = " ".join(shlex.quote(word) for word in [sys.executable, "-S", "-E", os.path.abspath(__file__), kind])
                setup = 'hpc_before=$(mktemp) && env -0 >"$hpc_before"\n%shpc_start=$(%s "$hpc_before")\n' % (setup, ask)
                begin = {
                    "zsh": "ZDOTDIR=$hpc_start; export ZDOTDIR",
                    "fish": 'HPC_START=$hpc_start; export HPC_START; exec "$SHELL" -i -C \'source "$HPC_START/start.fish"\'',
                }[kind]
                become += '[ -z "$hpc_start" ] || { %s; }\n' % begin
            program = setup + become + 'exec "$SHELL" -i\n'
        with open(path + ".new", "w") as handle:
            handle.write(program)
        os.rename(path + ".new", path)
        return path


def set_size(handle, request):
    columns, rows = (max(1, min(10000, int(request.get(name) or 0))) for name in ("columns", "rows"))
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A program on a terminal of its own, its bytes carried by one connection."""

    def __init__(self, request, argv, env, send):
        self.id = request["id"]
        self.send = send
        self.why = None
        self.ended_at = None
        self.closing = threading.Lock()
        self.master, slave = pty.openpty()
        try:
            set_size(self.master, request)
            # The first terminal that the leader of a new session opens is its controlling one.
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec <>"$0" >&0 2>&0; exec "$@"', os.ttyname(slave)] + argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=request.get("cwd") or os.path.expanduser("~"),
                env=env,
                start_new_session=True,
            )
        except (OSError, ValueError):
            os.close(self.master)
            raise
        finally:
            os.close(slave)

    def begin(self, survives):
        self.send({"e": "begun", "id": self.id, "pid": self.process.pid, "survives": survives})
        self.pumping = in_thread(self.pump)
        in_thread(self.wait)

    def pump(self):
        while True:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                return
            if not chunk:
                return
            try:
                self.send({"e": "out", "id": self.id, "d": pack(chunk)})
            except (OSError, ValueError):
                self.stop("its connection ended")
                return

    def wait(self):
        code = self.process.wait()
        # What it left in the background may hold the terminal open for ever.
        self.pumping.join(0.5)
        self.ended_at = time.time()
        try:
            self.send(
                {
                    "e": "end",
                    "id": self.id,
                    "rc": code if code >= 0 else None,
                    "signal": -code if code < 0 else None,
                    "why": self.why,
                    "elapsed_s": 0,
                }
            )
        except (OSError, ValueError):
            pass
        with self.closing:
            os.close(self.master)
            self.master = -1

    def type(self, data):
        with self.closing:
            while self.master >= 0 and data:
                try:
                    data = data[os.write(self.master, data) :]
                except OSError:
                    return

    def resize(self, request):
        with self.closing:
            if self.master >= 0:
                set_size(self.master, request)

    def stop(self, why):
        """As a terminal that is closed: a shell passes it on to what it runs, tmux goes on without it."""
        if self.ended_at is not None:
            return
        self.why = self.why or why
        signal_group(self.process.pid, signal.SIGHUP)
        signal_group(self.process.pid, signal.SIGCONT)

        def kill():
            deadline = time.time() + HANGUP_GRACE_S
            while time.time() < deadline and self.ended_at is None:
                time.sleep(0.05)
            if self.ended_at is None:
                signal_group(self.process.pid, signal.SIGKILL)

        in_thread(kill)

    def signal_group(self, number):
        return self.ended_at is None and signal_group(self.process.pid, number)


if __name__ == "__main__":
    print(restore(sys.argv[1], sys.argv[2]))
