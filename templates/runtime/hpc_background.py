#!/usr/bin/env python3
"""A scheduler for a host that has none: supervised processes, told the truth about.

One file, standard library, Python 3.6 and newer, POSIX. Commands (requests are JSON on standard input):

    submit      starts a detached supervisor for the job and prints its id
    list        jobs that have not ended
    accounting  every element of the jobs asked for
    find        jobs by name
    cancel      whole jobs or elements
    limits      what this host has
    resources   what of it is free, and the jobs that have not ended

Rules:
- A supervisor is alive if and only if it holds the lock of its job; pids are never guessed from. A free lock without an end record
  means that the supervisor was killed or the host went down: the elements that had not ended are then `node_fail`, with the
  reason, and a task that still runs on its own is found by process group and birth time, and is shown as running.
- All space that the life of a job needs is taken when it is submitted (fixed-length records, overwritten in place), so a
  disk that fills up later cannot lose a result or a cancellation.
- A task starts only after its pid is recorded: there is no unrecorded process, whenever a supervisor dies.
- Nothing busy-waits: supervisors sleep until a child ends, somebody pokes their FIFO or a deadline comes.
"""

import errno
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

RECORD = 128
MARK = "HPCBG "
TERMINAL = ("completed", "failed", "cancelled", "timeout", "node_fail")
# How long a lost poke can delay something: only after a neighbour was killed with SIGKILL.
FALLBACK_S = 2.0
KEEP_DAYS = 90
LINUX = sys.platform.startswith("linux")


class Refused(Exception):
    """Nothing was done; `code` is the product's error code."""

    def __init__(self, code, message, status=65):
        Exception.__init__(self, message)
        self.code = code
        self.message = message
        self.status = status


# ---------------------------------------------------------------- host facts


def boot_id():
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return "boot-%d" % boot_time()


def boot_time():
    try:
        with open("/proc/stat") as file:
            for line in file:
                if line.startswith("btime "):
                    return int(line.split()[1])
    except OSError:
        pass
    match = re.search(r"sec\s*=\s*(\d+)", output_of(["/usr/sbin/sysctl", "-n", "kern.boottime"]))
    return int(match.group(1)) if match else 0


def output_of(argv):
    import subprocess

    try:
        environment = dict(os.environ, LC_ALL="C")
        return subprocess.check_output(argv, stderr=subprocess.DEVNULL, env=environment).decode("utf-8", "replace")
    except (OSError, subprocess.CalledProcessError):
        return ""


def stat_fields(pid):
    """The fields of /proc/PID/stat after the program's name (which may hold anything); none if there is no such process."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()
    except (OSError, IndexError):
        return None


def birth_of(pid):
    """Together with the pid and the boot this names one process for ever; '-' where it does not run."""
    if LINUX:
        fields = stat_fields(pid)
        if fields is None or fields[0] in (b"Z", b"X"):
            return "-"
        return fields[19].decode("ascii")
    return re.sub(r"\s+", "_", output_of(["/bin/ps", "-o", "lstart=", "-p", str(pid)]).strip())[:24] or "-"


def cpu_count():
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


def slot_count():
    text = os.environ.get("HPC_AGENT_BACKGROUND_SLOTS", "")
    return max(1, int(text)) if re.match(r"^[0-9]{1,5}$", text) else cpu_count()


def memory_mib():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    except (ValueError, OSError):
        return None


def utc(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


# ---------------------------------------------------------------- files


def base_directory():
    chosen = os.environ.get("HPC_AGENT_BACKGROUND_DIR")
    if chosen:
        return os.path.abspath(chosen)
    host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname()) or "host"
    return os.path.join(os.path.expanduser("~"), ".hpc-agent", "background", host)


def make_directories(path):
    if not os.path.isdir(path):
        os.makedirs(path, 0o700, exist_ok=True)


def write_whole(path, data):
    """Written beside, flushed, renamed: there whole or not at all."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while len(view) > 0:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)


def read_whole(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (IOError, OSError) as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def flock(fd, mode):
    """True if the lock was got (`mode` without LOCK_NB waits)."""
    while True:
        try:
            fcntl.flock(fd, mode)
            return True
        except OSError as error:
            if error.errno == errno.EINTR:
                continue
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise Refused(
                "config_invalid",
                "The file system of %s does not support locks (%s). Set HPC_AGENT_BACKGROUND_DIR to a folder on a local disk."
                % (base_directory(), error.strerror),
                78,
            ) from None


def bytes_path(text):
    """Paths of a request go to the system as UTF-8 whatever the locale is."""
    return text.encode("utf-8", "surrogateescape")


class Element(object):
    __slots__ = (
        "position",
        "index",
        "state",
        "exit",
        "signal",
        "started",
        "ended",
        "rss",
        "pid",
        "birth",
        "reason",
        "cause",
        "term_at",
        "kill_at",
        "slots",
        "errors",
    )

    def __init__(self, position, index):
        self.position = position
        self.index = index
        self.state = "pending"
        self.exit = self.signal = self.started = self.ended = self.rss = self.pid = None
        self.birth = "-"
        self.reason = ""
        self.cause = None
        self.term_at = self.kill_at = None
        self.slots = []
        self.errors = None

    def line(self):
        def word(value, form="%s"):
            return "-" if value is None else form % value

        text = " ".join(
            (
                str(self.index),
                self.state,
                word(self.exit),
                word(self.signal),
                word(self.started, "%.2f"),
                word(self.ended, "%.2f"),
                word(self.rss),
                word(self.pid),
                self.birth,
                self.reason,
            )
        )
        data = text.encode("ascii", "replace")[: RECORD - 1]
        return data + b" " * (RECORD - 1 - len(data)) + b"\n"

    def read(self, line):
        words = line.decode("ascii", "replace").rstrip().split(" ", 9)
        if len(words) < 9 or words[0] != str(self.index):
            # A record torn by a power cut: nothing is known of it but that it had not been recorded as ended.
            self.state = "running"
            return

        def value(text, kind):
            return None if text == "-" else kind(text)

        self.state = words[1]
        self.exit, self.signal = value(words[2], int), value(words[3], int)
        self.started, self.ended = value(words[4], float), value(words[5], float)
        self.rss, self.pid, self.birth = value(words[6], int), value(words[7], int), words[8]
        self.reason = words[9] if len(words) > 9 else ""

    def elapsed(self):
        if self.started is None:
            return None
        return max(0.0, (self.ended if self.ended is not None else time.time()) - self.started)


class Job(object):
    """The files of one job."""

    def __init__(self, base, job_id):
        self.base = base
        self.id = job_id
        self.directory = os.path.join(base, "jobs", job_id)
        self.spec = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def load(self):
        data = read_whole(self.path("job.json"))
        if data is None:
            return False
        self.spec = json.loads(data.decode("utf-8"))
        return True

    def indices(self):
        ranges = self.spec["array"]
        return [0] if ranges is None else [index for first, last in ranges for index in range(first, last + 1)]

    def elements(self):
        data = read_whole(self.path("elements")) or b""
        found = []
        for position, index in enumerate(self.indices()):
            element = Element(position, index)
            element.read(data[position * RECORD : (position + 1) * RECORD])
            found.append(element)
        return found

    def end_record(self):
        """What was written when the job ended; None while it has not."""
        data = read_whole(self.path("done"))
        if data is None:
            return None
        try:
            return json.loads(data.decode("utf-8"))
        except ValueError:
            return {}

    def supervised(self):
        """Whether a supervisor holds the lock. Several may ask at once: they ask with shared locks."""
        try:
            fd = os.open(self.path("lock"), os.O_RDWR)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return False
            raise
        try:
            return not flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(fd)

    def cancel_flags(self):
        return read_whole(self.path("cancel")) or b""

    def set_cancel_flags(self, ranges):
        """In place: no new space is needed. `ranges` None: all elements."""
        indices = self.indices()
        fd = os.open(self.path("cancel"), os.O_RDWR)
        try:
            if ranges is None:
                os.pwrite(fd, b"1" * len(indices), 0)
                return
            wanted = sorted((first, last) for first, last in ranges)
            position = 0
            while position < len(indices):
                end = position
                if any(first <= indices[position] <= last for first, last in wanted):
                    while end < len(indices) and any(first <= indices[end] <= last for first, last in wanted):
                        end += 1
                    os.pwrite(fd, b"1" * (end - position), position)
                position = max(end, position + 1)
        finally:
            os.close(fd)

    def write_end(self, lost):
        """The room was taken at submission: only overwritten, then renamed."""
        text = json.dumps({"endedAt": time.time(), "lost": lost}).encode("ascii")[:255]
        try:
            fd = os.open(self.path("done.room"), os.O_RDWR)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        else:
            try:
                os.pwrite(fd, text + b" " * (256 - len(text)), 0)
                sync(fd)
            finally:
                os.close(fd)
            os.rename(self.path("done.room"), self.path("done"))
        unlink(os.path.join(self.base, "active", self.id))
        for dependent in names_in(self.path("dependents")):
            Job(self.base, dependent).poke()

    def poke(self):
        """Wakes the supervisor; False where none listens."""
        try:
            fd = os.open(self.path("poke"), os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            os.write(fd, b".")
        except OSError:
            pass  # full: it is awake already
        finally:
            os.close(fd)
        return True


def names_in(directory):
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def unlink(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def sync(fd):
    try:
        os.fsync(fd)
    except OSError:
        pass


def job_directory_names(base):
    return [name for name in names_in(os.path.join(base, "jobs")) if re.match(r"^[0-9]+$", name)]


# ---------------------------------------------------------------- processes


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
        return True
    except OSError:
        return False


def process_tree(pid, mark):
    """Every process that belongs to the task: its session, its descendants, and those that carry its mark in their environment."""
    if not LINUX:
        return set()
    parents, found = {}, set()
    for name in names_in("/proc"):
        if not name.isdigit():
            continue
        fields = stat_fields(int(name))
        if fields is None:
            continue
        candidate = int(name)
        parents[candidate] = int(fields[1])
        if int(fields[3]) == pid or int(fields[2]) == pid or candidate == pid:
            found.add(candidate)
            continue
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.add(candidate)
        except (IOError, OSError):
            pass
    grew = True
    while grew:
        more = [candidate for candidate, parent in parents.items() if parent in found and candidate not in found]
        found.update(more)
        grew = bool(more)
    found.discard(os.getpid())
    return found


def kill_tree(pid, mark):
    signal_group(pid, signal.SIGKILL)
    for candidate in process_tree(pid, mark):
        try:
            os.kill(candidate, signal.SIGKILL)
        except OSError:
            pass


def task_mark(job, index):
    """One word in the environment of a task and of all that it starts."""
    return b"HPC_BACKGROUND_TASK=" + os.fsencode("%s:%d" % (job.directory, index))


# ---------------------------------------------------------------- the supervisor


class Supervisor(object):
    def __init__(self, job):
        self.job = job
        self.spec = job.spec
        self.table = os.open(job.path("elements"), os.O_RDWR)
        self.elements = job.elements()
        self.waiting = [element for element in self.elements if element.state == "pending"]
        self.waiting.reverse()
        self.running = {}
        self.by_index = None
        self.flags = b""
        self.slots = slot_count()
        self.need = self.spec["cpus"]
        self.first_fd = None
        self.announced = False
        self.fork_failures = 0
        self.not_before = 0.0
        self.ending = False
        self.dirty_since = None
        self.script_argv = None
        self.slots_directory = os.path.join(job.base, "slots")
        self.waiting_directory = os.path.join(job.base, "waiting")
        self.dependencies = [(item["type"], Job(job.base, other)) for item in self.spec["dependencies"] for other in item["jobIds"]]
        # Opened for writing too, so that it never reads as closed.
        try:
            self.poke_fd = os.open(job.path("poke"), os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            self.poke_fd = None
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.set_wakeup_fd(self.wake_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.told_to_end)

    def told_to_end(self, number, frame):
        self.ending = True

    def write(self, element):
        os.pwrite(self.table, element.line(), element.position * RECORD)
        if self.dirty_since is None:
            self.dirty_since = time.monotonic()

    def finish(self, element, state, reason=""):
        element.state = state
        element.reason = reason or element.reason
        element.ended = time.time() if element.started is not None else None
        self.write(element)

    # -- slots: one locked file per core of the host, shared by all jobs

    def take_slots(self):
        """File descriptors of as many locked slots as a task needs, or None.

        Only who holds `first` may look; who finds too few keeps it, so that a wide task is not overtaken for ever.
        """
        if self.first_fd is None:
            fd = os.open(os.path.join(self.slots_directory, "first"), os.O_RDWR | os.O_CREAT, 0o600)
            if not flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB):
                os.close(fd)
                return None
            self.first_fd = fd
        taken = []
        for number in range(self.slots):
            fd = os.open(os.path.join(self.slots_directory, "slot%d" % number), os.O_RDWR | os.O_CREAT, 0o600)
            if flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB):
                taken.append(fd)
                if len(taken) == self.need:
                    return taken
            else:
                os.close(fd)
        for fd in taken:
            os.close(fd)
        return None

    def leave_first(self):
        if self.first_fd is not None:
            os.close(self.first_fd)
            self.first_fd = None
            self.poke_waiting()

    def give_back(self, fds):
        for fd in fds:
            # Explicitly: a process that the task left behind may hold a copy.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)
        self.poke_waiting()

    def announce(self, waits):
        if waits == self.announced:
            return
        path = os.path.join(self.waiting_directory, self.job.id)
        try:
            if waits:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            else:
                unlink(path)
            self.announced = waits
        except OSError:
            pass  # no room for a file: the fallback interval wakes us

    def poke_waiting(self):
        for name in names_in(self.waiting_directory):
            if name != self.job.id and not Job(self.job.base, name).poke():
                unlink(os.path.join(self.waiting_directory, name))

    # -- starting

    def arguments(self):
        """The script as its first line asks for it; executable or not, as schedulers do."""
        if self.script_argv is None:
            script = bytes_path(self.spec["script"])
            line = b""
            try:
                with open(script, "rb") as file:
                    line = file.readline(512)
            except (IOError, OSError):
                pass  # the shell says so in the task's own error output
            words = line[2:].strip().split(None, 1) if line.startswith(b"#!") else []
            self.script_argv = (words or [b"/bin/sh"]) + [script]
        return self.script_argv

    def log_path(self, pattern, index):
        array_id = self.job.id

        def replacement(match):
            word = match.group(1)
            return {"%": "%", "A": array_id, "j": array_id, "a": str(index)}[word]

        return bytes_path(re.sub(r"%([%Aaj])", replacement, pattern))

    def environment(self, index):
        environment = dict(os.environb)
        own = {
            b"HPC_BACKGROUND_JOB_ID": self.job.id.encode("ascii"),
            b"HPC_BACKGROUND_JOB_NAME": bytes_path(self.spec["name"]),
            b"HPC_BACKGROUND_CPUS": str(self.need).encode("ascii"),
        }
        if self.spec["array"] is not None:
            own[b"HPC_BACKGROUND_ARRAY_JOB_ID"] = own[b"HPC_BACKGROUND_JOB_ID"]
            own[b"HPC_BACKGROUND_ARRAY_INDEX"] = str(index).encode("ascii")
        environment.update(own)
        name, _, value = task_mark(self.job, index).partition(b"=")
        environment[name] = value
        return environment

    def become_task(self, element, go_read, go_write, errors_write):
        """In the child. Never returns."""
        step = "start"
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.close(go_write)
            if os.read(go_read, 1) != b"g":
                os._exit(1)  # the supervisor died before it recorded us
            step = "standard output"
            stdout_path = self.log_path(self.spec["stdout"], element.index)
            stderr_path = self.log_path(self.spec["stderr"], element.index)
            files = []
            for path in (stdout_path, stderr_path):
                if files and stderr_path == stdout_path:
                    files.append(files[0])
                    continue
                parent = os.path.dirname(path)
                if parent and not os.path.isdir(parent):
                    os.makedirs(parent, exist_ok=True)
                files.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666))
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(files[0], 1)
            os.dup2(files[1], 2)
            step = "working directory"
            os.chdir(bytes_path(self.spec["workdir"]))
            for fd in element.slots:
                # A task that outlives its supervisor keeps its cores.
                os.set_inheritable(fd, True)
            step = "script"
            argv = self.arguments()
            os.execve(argv[0], argv, self.environment(element.index))
        except BaseException as error:
            try:
                text = "%s: %s" % (step, getattr(error, "strerror", None) or type(error).__name__)
                os.write(errors_write, text.encode("ascii", "replace")[:60])
            finally:
                os._exit(127)

    def start(self, element, slots):
        """False when the system cannot fork now."""
        go_read, go_write = os.pipe()
        errors_read, errors_write = os.pipe()
        element.slots = slots
        try:
            pid = os.fork()
        except OSError as error:
            for fd in (go_read, go_write, errors_read, errors_write):
                os.close(fd)
            element.slots = []
            self.give_back(slots)
            self.fork_failures += 1
            if self.fork_failures > 10:
                self.finish(element, "failed", "fork: %s" % error.strerror)
                self.fork_failures = 0
                return True
            self.not_before = time.monotonic() + min(0.1 * 2**self.fork_failures, 20)
            return False
        if pid == 0:
            self.become_task(element, go_read, go_write, errors_write)
        os.close(go_read)
        os.close(errors_write)
        self.fork_failures = 0
        element.pid, element.birth = pid, birth_of(pid)
        element.state, element.started, element.errors = "running", time.time(), errors_read
        self.write(element)
        self.running[pid] = element
        if self.spec["walltimeS"]:
            element.term_at = time.monotonic() + self.spec["walltimeS"]
        os.write(go_write, b"g")
        os.close(go_write)
        return True

    # -- ending

    def reap(self):
        while True:
            try:
                if hasattr(os, "waitid"):
                    info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                    if info is None:
                        return
                    pid = info.si_pid
                    # Its number cannot be given away yet: whatever it left in its group ends with it.
                    signal_group(pid, signal.SIGKILL)
                    pid, status, usage = os.wait4(pid, 0)
                else:
                    pid, status, usage = os.wait4(-1, os.WNOHANG)
                    if pid == 0:
                        return
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            element = self.running.pop(pid, None)
            if element is not None:
                self.ended(element, status, usage)

    def ended(self, element, status, usage):
        if os.WIFSIGNALED(status):
            element.exit, element.signal = None, os.WTERMSIG(status)
        else:
            element.exit, element.signal = os.WEXITSTATUS(status), None
        # Kibibytes on Linux, bytes on macOS.
        element.rss = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
        message = os.read(element.errors, 64)
        os.close(element.errors)
        self.give_back(element.slots)
        element.slots = []
        if message:
            self.finish(element, "failed", message.decode("ascii", "replace"))
        elif element.cause is not None:
            self.finish(element, element.cause)
        else:
            self.finish(element, "completed" if status == 0 else "failed")

    def end_element(self, element, cause):
        if element.cause is None:
            element.cause = cause
            element.kill_at = time.monotonic() + self.spec["graceS"]
            signal_group(element.pid, signal.SIGTERM)

    def read_cancellations(self):
        flags = self.job.cancel_flags()
        if flags == self.flags or b"1" not in flags:
            return
        self.flags = flags
        for element in self.elements:
            if flags[element.position : element.position + 1] != b"1":
                continue
            if element.state == "pending":
                self.finish(element, "cancelled")
            elif element.state == "running":
                self.end_element(element, "cancelled")
        self.waiting = [element for element in self.waiting if element.state == "pending"]

    def enforce_deadlines(self):
        now = time.monotonic()
        for element in list(self.running.values()):
            if element.kill_at is not None and now >= element.kill_at:
                kill_tree(element.pid, task_mark(self.job, element.index))
                element.kill_at = now + 1.0
            elif element.term_at is not None and now >= element.term_at:
                element.term_at = None
                self.end_element(element, "timeout")

    # -- waiting for other jobs

    def dependencies_met(self):
        """True, or None to go on waiting; cancels everything when `afterok` can no longer hold."""
        left = []
        for kind, other in self.dependencies:
            if other.end_record() is None:
                if not other.supervised():
                    bury(other)
                if other.end_record() is None:
                    left.append((kind, other))
                    continue
            if kind == "afterok" and other.load() and any(element.state != "completed" for element in other.elements()):
                for element in self.waiting:
                    self.finish(element, "cancelled", "DependencyNeverSatisfied")
                self.waiting = []
                return True
        self.dependencies = left
        return True if not left else None

    # -- the loop

    def start_what_may(self):
        """Returns True while it waits for slots of other jobs."""
        limit = self.spec["maxConcurrent"] or len(self.elements)
        while self.waiting and len(self.running) < limit and time.monotonic() >= self.not_before:
            slots = self.take_slots()
            if slots is None:
                return True
            if not self.start(self.waiting[-1], slots):
                break
            self.waiting.pop()
        self.leave_first()
        return False

    def next_wait(self, fallback):
        deadlines = [
            at
            for element in self.running.values()
            for at in ((element.kill_at,) if element.kill_at is not None else (element.term_at,))
            if at is not None
        ]
        if fallback or self.poke_fd is None:
            deadlines.append(time.monotonic() + FALLBACK_S)
        if self.not_before > time.monotonic():
            deadlines.append(self.not_before)
        if self.dirty_since is not None:
            deadlines.append(self.dirty_since + FALLBACK_S)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def run(self):
        while True:
            self.reap()
            self.read_cancellations()
            self.enforce_deadlines()
            if self.ending:
                for element in self.running.values():
                    self.end_element(element, "node_fail")
                    element.reason = "supervisor was told to end"
                for element in self.waiting:
                    self.finish(element, "node_fail", "supervisor was told to end")
                self.waiting = []
            fallback = False
            if self.waiting:
                if self.dependencies and not self.dependencies_met():
                    fallback = True
                else:
                    fallback = self.start_what_may()
            if not self.waiting:
                self.leave_first()
            self.announce(bool(self.waiting) and fallback)
            if self.dirty_since is not None and time.monotonic() >= self.dirty_since + FALLBACK_S:
                sync(self.table)
                self.dirty_since = None
            if not self.waiting and not self.running:
                break
            sources = [self.wake_read] + ([self.poke_fd] if self.poke_fd is not None else [])
            ready, _, _ = select.select(sources, [], [], self.next_wait(fallback))
            for fd in ready:
                try:
                    os.read(fd, 4096)
                except OSError:
                    pass
        sync(self.table)
        self.job.write_end(None)


def close_inherited(keep):
    for name in names_in("/dev/fd") or [str(fd) for fd in range(256)]:
        fd = int(name) if name.isdigit() else -1
        if fd > 2 and fd not in keep:
            try:
                os.close(fd)
            except OSError:
                pass


def detach(job, lock_fd):
    """Starts the supervisor in a session of its own; returns when it is at work."""
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            if os.fork() > 0:
                os._exit(0)
            null = os.open(os.devnull, os.O_RDWR)
            log = os.open(job.path("supervisor.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for source, target in ((null, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
            close_inherited((lock_fd, ready_write))
            os.set_inheritable(lock_fd, True)
            os.set_inheritable(ready_write, True)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.chdir("/")
            # A job submitted from inside a task must not carry that task's mark, or it would end with it.
            environment = {name: value for name, value in os.environb.items() if not name.startswith(b"HPC_BACKGROUND_")}
            argv = [sys.executable, "-E", "-S", os.path.abspath(__file__), "_supervise", job.base, job.id, str(lock_fd), str(ready_write)]
            os.execve(sys.executable, argv, environment)
        finally:
            os._exit(1)
    os.close(ready_write)
    os.waitpid(pid, 0)
    answer = b""
    while True:
        piece = os.read(ready_read, 64)
        if not piece:
            break
        answer += piece
    os.close(ready_read)
    if answer != b"ready":
        tail = (read_whole(job.path("supervisor.log")) or b"").decode("utf-8", "replace")[-500:]
        raise Refused("remote_command_failed", "The supervisor did not start. %s" % tail, 71)


def supervise(arguments):
    base, job_id, lock_fd, ready_fd = arguments
    os.set_inheritable(int(lock_fd), False)
    os.set_inheritable(int(ready_fd), False)
    job = Job(base, job_id)
    job.load()
    supervisor = Supervisor(job)
    os.write(int(ready_fd), b"ready")
    os.close(int(ready_fd))
    supervisor.run()


# ---------------------------------------------------------------- jobs whose supervisor is gone


def bury(job):
    """Writes down the truth about a job whose supervisor died; ends what was cancelled or is overdue. Idempotent."""
    fd = os.open(job.path("lock.burial"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(fd, fcntl.LOCK_EX)
        if job.end_record() is not None:
            unlink(os.path.join(job.base, "active", job.id))
            return
        same_boot = job.spec["bootId"] == boot_id()
        reason = "supervisor was killed" if same_boot else "host rebooted at %s" % utc(boot_time())
        flags = job.cancel_flags()
        elements = job.elements()
        alive = [
            element
            for element in elements
            if element.state == "running"
            and same_boot
            and element.pid is not None
            and element.birth != "-"
            and birth_of(element.pid) == element.birth
        ]
        overdue = {}
        for element in alive:
            if flags[element.position : element.position + 1] == b"1":
                overdue[element.position] = "cancelled"
            elif job.spec["walltimeS"] and time.time() - (element.started or 0) > job.spec["walltimeS"] + job.spec["graceS"]:
                overdue[element.position] = "timeout"
        end_orphans(job, [element for element in alive if element.position in overdue])
        still = {element.position for element in alive if element.position not in overdue}
        table = os.open(job.path("elements"), os.O_RDWR)
        try:
            for element in elements:
                if element.state in TERMINAL or element.position in still:
                    continue
                cancelled = element.state == "pending" and flags[element.position : element.position + 1] == b"1"
                element.state = "cancelled" if cancelled else overdue.get(element.position, "node_fail")
                element.ended = time.time() if element.started is not None and same_boot else None
                element.reason = "" if element.state == "cancelled" else reason
                os.pwrite(table, element.line(), element.position * RECORD)
            sync(table)
        finally:
            os.close(table)
        if not still:
            job.write_end(reason)
    finally:
        os.close(fd)


def end_orphans(job, elements):
    for element in elements:
        signal_group(element.pid, signal.SIGTERM)
    deadline = time.monotonic() + min(3.0, job.spec["graceS"])
    while time.monotonic() < deadline and any(birth_of(element.pid) == element.birth for element in elements):
        time.sleep(0.05)
    for element in elements:
        if birth_of(element.pid) == element.birth:
            kill_tree(element.pid, task_mark(job, element.index))
        else:
            for candidate in process_tree(element.pid, task_mark(job, element.index)):
                try:
                    os.kill(candidate, signal.SIGKILL)
                except OSError:
                    pass


# ---------------------------------------------------------------- commands


def request():
    try:
        value = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        raise Refused("spec_invalid", "The request is not JSON: %s" % error) from None
    if not isinstance(value, dict):
        raise Refused("spec_invalid", "The request is not an object.")
    return value


def checked_ranges(value, what):
    good = (
        isinstance(value, list)
        and len(value) > 0
        and all(
            isinstance(item, list)
            and len(item) == 2
            and all(isinstance(number, int) and not isinstance(number, bool) for number in item)
            and 0 <= item[0] <= item[1]
            for item in value
        )
    )
    if not good:
        raise Refused("spec_invalid", "%s is not a list of index ranges." % what)
    ranges = sorted(value)
    if any(left[1] >= right[0] for left, right in zip(ranges, ranges[1:])):
        raise Refused("spec_invalid", "%s names an index twice." % what)
    if sum(last - first + 1 for first, last in ranges) > 1000000:
        raise Refused("spec_invalid", "%s has more than 1,000,000 elements." % what)
    return ranges


def checked_number(value, what, least):
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= least or value == float("inf"):
        raise Refused("spec_invalid", "%s must be a number from %s." % (what, least))
    return value


def checked_spec(value, base):
    texts = {}
    for key in ("name", "comment", "script", "workdir", "stdout", "stderr"):
        if not isinstance(value.get(key), str) or "\0" in value[key]:
            raise Refused("spec_invalid", "%s is missing or not a text." % key)
        texts[key] = value[key]
    for key in ("script", "workdir", "stdout", "stderr"):
        if not texts[key].startswith("/"):
            raise Refused("spec_invalid", "%s must be an absolute path: %s" % (key, texts[key]))
    if not os.path.isfile(bytes_path(texts["script"])):
        raise Refused("spec_invalid", "There is no script %s." % texts["script"])
    if not os.path.isdir(bytes_path(texts["workdir"])):
        raise Refused("spec_invalid", "There is no folder %s." % texts["workdir"])
    cpus = int(checked_number(value.get("cpus"), "cpus", 1) or 1)
    if cpus > slot_count():
        raise Refused("spec_invalid", "A task wants %d cores; this host has %d." % (cpus, slot_count()))
    memory, have = checked_number(value.get("memoryMiB"), "memoryMiB", 0), memory_mib()
    if memory is not None and have is not None and memory > have:
        raise Refused("spec_invalid", "A task wants %d MiB of memory; this host has %d." % (memory, have))
    dependencies = []
    for item in value.get("dependencies") or []:
        if item.get("type") not in ("afterany", "afterok"):
            raise Refused("spec_invalid", "Unknown kind of dependency: %s" % item.get("type"))
        for other in item.get("jobIds") or []:
            if not re.match(r"^[0-9]+$", str(other)) or not os.path.isdir(os.path.join(base, "jobs", str(other))):
                raise Refused("spec_invalid", "There is no job %s to wait for." % other)
        dependencies.append({"type": item["type"], "jobIds": [str(other) for other in item.get("jobIds") or []]})
    grace = os.environ.get("HPC_AGENT_BACKGROUND_GRACE_S", "")
    spec = dict(texts)
    spec.update(
        {
            "array": None if value.get("array") is None else checked_ranges(value["array"], "array"),
            "maxConcurrent": value.get("maxConcurrent") and int(checked_number(value["maxConcurrent"], "maxConcurrent", 1)),
            "cpus": cpus,
            "walltimeS": checked_number(value.get("walltimeS"), "walltimeS", 0.001),
            "graceS": float(grace) if re.match(r"^[0-9]+(\.[0-9]+)?$", grace) else 30.0,
            "dependencies": dependencies,
            "bootId": boot_id(),
            "host": socket.gethostname(),
            "submittedAt": time.time(),
        }
    )
    return spec


def new_job_directory(base):
    """Ids are dates in digits; mkdir makes each of them once, and the newest folder keeps them from going back."""
    make_directories(os.path.join(base, "jobs"))
    for name in ("active", "slots", "waiting"):
        make_directories(os.path.join(base, name))
    last = max([int(name) for name in job_directory_names(base)] or [0])
    candidate = max(int(time.strftime("%y%m%d%H%M%S", time.gmtime())), last + 1)
    while True:
        job = Job(base, str(candidate))
        try:
            os.mkdir(job.directory, 0o700)
            return job
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            candidate += 1


def submit():
    base = base_directory()
    make_directories(base)
    spec = checked_spec(request(), base)
    job = new_job_directory(base)
    job.spec = spec
    try:
        lock_fd = os.open(job.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        if not flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise Refused("remote_command_failed", "The new job %s is locked already." % job.id, 71)
        indices = job.indices()
        write_whole(job.path("elements"), b"".join(Element(position, index).line() for position, index in enumerate(indices)))
        write_whole(job.path("cancel"), b"0" * len(indices))
        write_whole(job.path("done.room"), b" " * 256)
        os.mkdir(job.path("dependents"), 0o700)
        try:
            os.mkfifo(job.path("poke"), 0o600)
        except OSError:
            pass  # a file system without FIFOs: the fallback interval serves
        for item in spec["dependencies"]:
            for other in item["jobIds"]:
                try:
                    os.close(os.open(os.path.join(Job(base, other).path("dependents"), job.id), os.O_WRONLY | os.O_CREAT, 0o600))
                except OSError as error:
                    if error.errno != errno.ENOENT:
                        raise
        # With this file the job exists; before it, the folder is only a number that was used up.
        write_whole(job.path("job.json"), json.dumps(spec).encode("ascii"))
        write_whole(os.path.join(base, "active", job.id), b"")
        detach(job, lock_fd)
    except BaseException:
        unlink(os.path.join(base, "active", job.id))
        shutil.rmtree(job.directory, ignore_errors=True)
        raise
    say_line("hpc-background-job %s" % job.id)
    prune(base)


def prune(base):
    """Forgets a few jobs that ended long ago."""
    oldest = int(time.strftime("%y%m%d%H%M%S", time.gmtime(time.time() - KEEP_DAYS * 86400)))
    for name in job_directory_names(base)[:20]:
        if int(name) < oldest and os.path.exists(os.path.join(base, "jobs", name, "done")):
            shutil.rmtree(os.path.join(base, "jobs", name), ignore_errors=True)


def say_line(text):
    sys.stdout.buffer.write((text + "\n").encode("ascii"))
    sys.stdout.buffer.flush()


def say(value):
    say_line(MARK + json.dumps(value, separators=(",", ":")))


def say_end(rows):
    say({"end": True, "rows": rows})


def looked_at(base, job_id):
    """The job with what is true of it now, or None where there is none."""
    job = Job(base, job_id)
    if not re.match(r"^[0-9]+$", job_id) or not job.load():
        return None
    if job.end_record() is None and not job.supervised():
        # Between the two looks it may have ended well; `bury` looks again under its lock.
        bury(job)
    return job


def merged(rows):
    """Neighbouring elements that say the same become one row."""
    result = []
    for index, facts in rows:
        if result and result[-1][1] == index - 1 and result[-1][2:] == facts:
            result[-1][1] = index
        else:
            result.append([index, index] + facts)
    return result


def list_jobs():
    say_end(say_jobs(base_directory()))


def say_jobs(base):
    rows = 0
    for job_id in names_in(os.path.join(base, "active")):
        job = looked_at(base, job_id) if not job_id.endswith(".tmp") else None
        if job is None or job.end_record() is not None:
            continue
        elements = [element for element in job.elements() if element.state not in TERMINAL]
        if not elements:
            continue
        running = [element for element in elements if element.state == "running"]
        orphaned = bool(running) and not job.supervised()
        if any(Job(base, other).end_record() is None for item in job.spec["dependencies"] for other in item["jobIds"]):
            reason = "Dependency"
        else:
            reason = "JobArrayTaskLimit" if job.spec["maxConcurrent"] and len(running) >= job.spec["maxConcurrent"] else "Resources"
        for state in ("running", "pending"):
            ranges = [row[:2] for row in merged([(element.index, []) for element in elements if element.state == state])]
            if not ranges:
                continue
            rows += 1
            why = reason if state == "pending" else "SupervisorKilled" if orphaned else ""
            say(
                {
                    "job": job.id,
                    "name": job.spec["name"],
                    "indices": None if job.spec["array"] is None else ranges,
                    "state": state,
                    "reason": why,
                    "node": job.spec["host"] if state == "running" else "",
                }
            )
    return rows


def accounting():
    base = base_directory()
    rows = 0
    for job_id in request().get("jobIds") or []:
        job = looked_at(base, str(job_id))
        if job is None:
            continue
        rows += 1
        facts = []
        for element in job.elements():
            elapsed = element.elapsed()
            facts.append(
                (
                    element.index,
                    [
                        element.state,
                        element.exit,
                        element.signal,
                        None if elapsed is None else round(elapsed, 2),
                        element.rss,
                        element.reason,
                    ],
                )
            )
        say(
            {
                "job": job.id,
                "name": job.spec["name"],
                "comment": job.spec["comment"],
                "node": job.spec["host"],
                "array": job.spec["array"] is not None,
                "elements": merged(facts),
            }
        )
    say_end(rows)


def find():
    base = base_directory()
    wanted = request()
    oldest = int(time.strftime("%y%m%d%H%M%S", time.gmtime(max(0, wanted.get("since") or 0))))
    rows = 0
    for job_id in job_directory_names(base):
        if int(job_id) < oldest:
            continue
        data = read_whole(os.path.join(base, "jobs", job_id, "job.json"))
        if data is None or json.loads(data.decode("utf-8")).get("name") != wanted.get("name"):
            continue
        job = looked_at(base, job_id)
        states = [element.state for element in job.elements()] if job else []
        state = next((known for known in ("running", "pending") if known in states), None) or next(
            (known for known in states if known != "completed"), "completed"
        )
        rows += 1
        say({"job": job_id, "name": wanted.get("name"), "state": state})
    say_end(rows)


def cancel():
    base = base_directory()
    targets = request().get("targets") or []
    for target in targets:
        job = Job(base, str(target.get("jobId")))
        if not re.match(r"^[0-9]+$", job.id) or not job.load() or job.end_record() is not None:
            continue
        job.set_cancel_flags(None if target.get("indices") is None else checked_ranges(target["indices"], "indices"))
        job.poke()
        if not job.supervised():
            bury(job)
    say_end(len(targets))


def limits():
    say(host_facts(base_directory()))
    say_end(1)


def host_facts(base):
    total = slot_count()
    busy = 0
    for number in range(total):
        try:
            fd = os.open(os.path.join(base, "slots", "slot%d" % number), os.O_RDWR)
        except OSError:
            continue
        try:
            busy += 0 if flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB) else 1
        finally:
            os.close(fd)
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    return {
        "host": socket.gethostname(),
        "cpus": total,
        "idle": total - busy,
        "memoryMiB": memory_mib(),
        "load": load,
        "python": "%d.%d.%d" % sys.version_info[:3],
    }


def memory_available_mib():
    try:
        with open("/proc/meminfo") as handle:
            for line in handle:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) // 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def gpus():
    """Model, total memory and used memory of each GPU, where NVIDIA's program is there and answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        child = subprocess.Popen(
            [program, "--query-gpu=name,memory.total,memory.used", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return []
    try:
        text = child.communicate(timeout=15)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return []
    found = []
    for line in text.splitlines() if child.returncode == 0 else []:
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            found.append([fields[0], int(fields[1]), int(fields[2])])
    return found


def resources():
    base = base_directory()
    facts = host_facts(base)
    facts["memoryAvailableMiB"] = memory_available_mib()
    facts["gpus"] = gpus()
    say(facts)
    say_end(1 + say_jobs(base))


def main(arguments):
    commands = {
        "submit": submit,
        "list": list_jobs,
        "accounting": accounting,
        "find": find,
        "cancel": cancel,
        "limits": limits,
        "resources": resources,
    }
    if arguments[:1] == ["_supervise"]:
        supervise(arguments[1:])
        return 0
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write("usage: hpc_background.py %s\n" % "|".join(commands))
        return 64
    try:
        commands[arguments[0]]()
        return 0
    except Refused as error:
        problem = {"code": error.code, "message": error.message}
        status = error.status
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        throttled = error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
        code = "scheduler_throttled" if throttled else "remote_command_failed"
        problem = {
            "code": code,
            "message": "The disk is full." if full else str(error),
            "reason": "disk_full" if full else errno.errorcode.get(error.errno, ""),
        }
        status = 75 if throttled else 74
    sys.stderr.write("HPCBG-ERROR %s\n" % json.dumps(problem))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
