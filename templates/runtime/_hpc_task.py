"""Runs one task of a run on the node where the job script started it.

Rules:
- A result is visible only when it is whole: the executor works in `<result_dir>/_wip_<id>/`, and metrics.json is
  moved last, after the stamp `.hpc_cmd_sha` that says which parameters it belongs to.
- The parameters are the frozen ones (`.hpc/runs/<run_id>.params.jsonl`); the user's tasks.py is asked only where a
  run has no such file. Parameters that do not match the run are refused, never used.
- Two copies of one task never work in the same folder: the second waits for the first and then finds it done.
- It is started once per task, so it imports nothing that costs milliseconds (no json, re, subprocess), and it is a module
  of its own, started by `_hpc_dispatch.py`, so that Python keeps it compiled. Python >= 3.6, standard library only.

Reads: HPC_TASK_ID (or TASK_ID), HPC_RUN_ID, HPC_DIR (the `.hpc` folder), HPC_TASKS_PATH, HPC_FORCE_RERUN, HPC_KW_NAMESPACE_ONLY,
HPC_PREEMPT_GRACE_SEC, HPC_STATE_DIR, HPC_ATTEMPT, HPC_JOB_ID, HPC_ALLOW_CHANGED_TASKS; in a chain (jobs one after the other for one task)
HPC_HOP, HPC_CHAIN_FIRST: the work folder of the job before is kept, and a task that failed by itself is not tried again.
Exit status: the executor's (128 + n after signal n), 130 after SIGTERM, 85 stopped at a checkpoint for the next job of the chain, 127 no such executor, 28 disk full,
13 permission, 2 unknown sidecar version, 1 anything else that kept the task from starting.
"""

import os
import sys
import time

try:
    import _signal as signal  # the C module: `signal` itself imports enum
except ImportError:
    import signal

EXIT_PREEMPTED = 130
# What an executor says that stopped by itself after a checkpoint, to go on in the next job of its chain.
EXIT_CHECKPOINT = 85
SCHEMA_VERSIONS = (1, 2)
INDEX_HEADER = 128
INDEX_RECORD = 12
# Bare names that a keyword must not take over in the executor's environment; HPC_KW_<KEY> is set for these too.
RESERVED = {
    "HOME",
    "PATH",
    "PWD",
    "OLDPWD",
    "SHELL",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TMPDIR",
    "TEMP",
    "TMP",
    "TERM",
    "MAIL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "HOSTNAME",
    "TASK_ID",
    "REPO_DIR",
    "RESULT_DIR",
    "JOB_ID",
    "JOB_NAME",
    "CUDA_VISIBLE_DEVICES",
    "CONDA_PREFIX",
    "VIRTUAL_ENV",
    "DISPLAY",
    "TZ",
}
RESERVED_PREFIXES = (
    "HPC_",
    "SLURM_",
    "SBATCH_",
    "SGE_",
    "PBS_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "LD_",
    "DYLD_",
    "LC_",
    "PYTHON",
    "BASH_FUNC_",
)


# What asks us to stop: schedulers send TERM, Grid Engine's -notify USR2, a terminal INT.
STOP_SIGNALS = {signal.SIGTERM: "TERM", signal.SIGUSR2: "USR2", signal.SIGINT: "INT"}


class TaskError(Exception):
    """Why the task could not be started or finished, with the exit status that says so."""

    def __init__(self, status, message):
        Exception.__init__(self, message)
        self.status = status


class Preempted(BaseException):
    """SIGTERM came while there was no executor yet."""


def say(message):
    os.write(2, ("[dispatch] " + message + "\n").encode("utf-8", "backslashreplace"))


def encode(text):
    # Not os.fsencode: in the C locale of a batch job that may be ASCII.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise TaskError(1, "ERROR: a value is not valid Unicode: " + ascii(text)) from None


def system_error(doing, error):
    import errno

    status = {errno.ENOSPC: 28, errno.EDQUOT: 28, errno.EACCES: 13, errno.EPERM: 13, errno.EROFS: 13}.get(error.errno, 1)
    return TaskError(status, "ERROR: %s: %s" % (doing, error))


def parse_json(text):
    """json.loads without the price of importing json (which imports re and enum)."""
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    constants = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

    class Context:
        strict = True
        object_hook = None
        object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = constants.__getitem__
        memo = {}

    text = text.strip(" \t\r\n")
    try:
        value, end = make_scanner(Context)(text, 0)
        if end == len(text):
            return value
    except (StopIteration, SystemError, ValueError):
        pass  # damaged: the C scanner cannot say how without the module around it
    import json

    return json.loads(text)


def quote(text):
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json.encoder import encode_basestring_ascii
    return encode_basestring_ascii(text)


def read_whole(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        chunks = []
        while True:
            chunk = os.read(handle, 1 << 20)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
    finally:
        os.close(handle)


def read_first(path, length):
    """The file's first bytes, or None where there is no file. Opening and reading, unlike stat, gets past NFS caches."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(handle, length)
    except OSError:
        return None
    finally:
        os.close(handle)


def write_whole(path, data):
    """Beside the target, then renamed over it. A short write is an error."""
    temporary = path + b".%d.tmp" % os.getpid()
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)
        os.rename(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def append_line(path, line):
    """One O_APPEND write, so that lines do not mix; starts on a new line where a crash or a full disk tore the last one."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    try:
        handle = os.open(path, flags, 0o666)
    except OSError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, flags, 0o666)
    try:
        size = os.lseek(handle, 0, 2)
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (b"\n" if torn else b"") + line + b"\n")
    finally:
        os.close(handle)


# --- who we are -------------------------------------------------------------------------------------------------------


def state_folder(environment):
    """The workspace's `.hpc` folder: named, or ours when hpc-agent put us there, or below the working folder."""
    named = environment.get(b"HPC_DIR")
    if named:
        return named
    ours = os.path.dirname(os.path.realpath(os.fsencode(__file__)))
    return ours if os.path.isdir(os.path.join(ours, b"runs")) else os.path.join(os.getcwdb(), b".hpc")


def load_sidecar(folder, run_id):
    if "/" in run_id or run_id.startswith("."):
        raise TaskError(1, "ERROR: not a run id: %r" % run_id)
    path = os.path.join(folder, b"runs", encode(run_id) + b".json")
    try:
        text = read_whole(path)
    except OSError as error:
        raise TaskError(1, "ERROR: run sidecar not found: %s (%s)" % (path.decode("utf-8", "replace"), error)) from None
    try:
        sidecar = parse_json(text.decode("utf-8"))
        version = sidecar.get("sidecar_schema_version")
    except (ValueError, AttributeError) as error:
        raise TaskError(1, "ERROR: failed to parse sidecar: %s" % error) from None
    if version not in SCHEMA_VERSIONS:
        raise TaskError(2, "ERROR: sidecar schema_version=%s, supported=%s" % (version, list(SCHEMA_VERSIONS)))
    return sidecar


def task_index(environment):
    text = environment.get(b"HPC_TASK_ID") or environment.get(b"TASK_ID")
    if text is None:
        raise TaskError(1, "ERROR: HPC_TASK_ID env var not set")
    try:
        return int(text)
    except ValueError:
        raise TaskError(1, "ERROR: HPC_TASK_ID is not an integer: %r" % text) from None


def job_of(environment):
    """The scheduler's name for this element, `123_4`; empty where there is none."""
    get = environment.get
    known = get(b"HPC_JOB_ID")
    if known:
        return known
    array, element = get(b"SLURM_ARRAY_JOB_ID"), get(b"SLURM_ARRAY_TASK_ID")
    if array:
        return array + b"_" + (element or b"")
    plain = get(b"SLURM_JOB_ID") or get(b"PBS_JOBID") or get(b"JOB_ID") or b""
    element = get(b"SGE_TASK_ID")
    return plain + b"_" + element if plain and element and element != b"undefined" else plain


# --- parameters -------------------------------------------------------------------------------------------------------


def changed(what):
    return TaskError(1, "ERROR: %s: the parameters on disk are not those of this run. Submit it again." % what)


def frozen_line(folder, run_id, index, sidecar):
    """Line `index` of the frozen parameters, or None where the run has none.

    Checked cheaply: the index file carries the run's cmd_sha and the size of the parameter file, and a CRC of each
    line. Without an index file the whole parameter file is read and hashed.
    """
    base = os.path.join(folder, b"runs", encode(run_id))
    try:
        handle = os.open(base + b".params.jsonl", os.O_RDONLY)
    except FileNotFoundError:
        return None
    cmd_sha = sidecar.get("cmd_sha") or ""
    try:
        size = os.fstat(handle).st_size
        try:
            table = os.open(base + b".params.idx", os.O_RDONLY)
        except FileNotFoundError:
            return scanned_line(handle, index, cmd_sha)
        try:
            header = os.pread(table, INDEX_HEADER, 0).decode("ascii", "replace").split()
            if header[:2] != ["hpc-params-index", "1"] or len(header) != 5:
                raise changed("params.idx is damaged")
            count = int(header[2])
            if header[4] != cmd_sha or int(header[3]) != size:
                raise changed("params.idx does not match")
            if not 0 <= index < count:
                raise TaskError(1, "ERROR: task_id=%d out of range [0, %d)" % (index, count))
            record = os.pread(table, 2 * INDEX_RECORD, INDEX_HEADER + index * INDEX_RECORD)
        finally:
            os.close(table)
        number = int.from_bytes
        start, crc, end = number(record[0:8], "big"), number(record[8:12], "big"), number(record[12:20], "big")
        line = os.pread(handle, end - start, start)[:-1]
    finally:
        os.close(handle)
    from binascii import crc32

    if crc32(line) & 0xFFFFFFFF != crc:
        raise changed("params.jsonl does not match its index at task %d" % index)
    return line


def scanned_line(handle, index, cmd_sha):
    from hashlib import sha256

    chunks = []
    while True:
        chunk = os.read(handle, 1 << 20)
        if not chunk:
            break
        chunks.append(chunk)
    text = b"".join(chunks)
    if text.endswith(b"\n"):
        text = text[:-1]
    if cmd_sha and sha256(text).hexdigest() != cmd_sha:
        raise changed("params.jsonl does not match cmd_sha")
    lines = text.split(b"\n") if text else []
    if not 0 <= index < len(lines):
        raise TaskError(1, "ERROR: task_id=%d out of range [0, %d)" % (index, len(lines)))
    return lines[index]


def asked_line(folder, environment, index, sidecar):
    """Asks the user's tasks.py, for runs without frozen parameters. As slow as what it imports."""
    import hashlib
    import json

    path = os.fsdecode(environment.get(b"HPC_TASKS_PATH") or os.path.join(folder, b"tasks.py"))
    try:
        with open(path, "rb") as source_file:
            source = source_file.read()
    except OSError:
        raise TaskError(1, "ERROR: tasks.py not found: " + path) from None
    known = sidecar.get("tasks_py_sha")
    if known and hashlib.sha256(source).hexdigest() != known and environment.get(b"HPC_ALLOW_CHANGED_TASKS") != b"1":
        raise TaskError(1, "ERROR: %s has changed since this run was submitted. Submit it again (or set HPC_ALLOW_CHANGED_TASKS=1)." % path)
    import types

    module = types.ModuleType("hpc_user_tasks")
    module.__file__ = path
    sys.modules["hpc_user_tasks"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    try:
        # -S left the installed packages out of sys.path; a tasks.py may need them.
        import site

        site.main()
        exec(compile(source, path, "exec"), module.__dict__)
        count = int(module.total())
        if not 0 <= index < count:
            raise TaskError(1, "ERROR: task_id=%d out of range [0, %d)" % (index, count))
        kwargs = module.resolve(index)
        if not isinstance(kwargs, dict):
            raise TaskError(1, "ERROR: tasks.resolve(%d) must return dict, got %s" % (index, type(kwargs).__name__))
        return json.dumps(kwargs, sort_keys=True, separators=(",", ":")).encode("ascii")
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(1, "ERROR: tasks.py: %s: %s" % (type(error).__name__, error)) from None


def result_directory(sidecar, index, run_id, kwargs):
    template = sidecar.get("result_dir_template")
    if not template:
        raise TaskError(1, "ERROR: sidecar missing result_dir_template")
    values = {"task_id": index, "run_id": run_id}
    values.update(kwargs)
    try:
        path = template.format(**values)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise TaskError(
            1, "ERROR: result_dir_template %r: unknown key or bad format: %s; available: %s" % (template, error, sorted(values))
        ) from None
    if ".." in path.split("/") or "\0" in path:
        raise TaskError(1, "ERROR: result_dir %r leaves its folder" % path)
    return os.path.join(os.getcwdb(), encode(path))


# --- what to run ------------------------------------------------------------------------------------------------------


def words_of(flag, value):
    """One keyword as words of the command line. Booleans are switches; None is left out; a list gives several words."""
    if value is None:
        return []
    if isinstance(flag, list):  # [on, off], as argparse.BooleanOptionalAction
        chosen = flag[0] if value else flag[1]
        return [chosen] if chosen else []
    if isinstance(flag, dict):  # given once per value, as action="append"
        values = value if isinstance(value, list) else [value]
        return [word for one in values for word in words_of(flag["each"], one)]
    if value is True and flag:
        return [flag]
    if value is False and flag:
        return []
    if isinstance(value, list):
        return ([flag] if flag else []) + [str(item) for item in value]
    text = str(value)
    if not flag:
        return [text]
    # A value that begins with a dash would be read as another option.
    return [flag + "=" + text] if text.startswith("-") and flag.startswith("--") else [flag, text]


def arguments_of(command, kwargs, last):
    """The keywords as words: options, then those of last, then what has no flag."""
    options = []
    positional = []
    for name, flag in (command.get("flags") or {}).items():
        if name in kwargs:
            words = [encode(word) for word in words_of(flag, kwargs[name])]
            (options if flag else positional).extend(words)
    # An option that takes several values would swallow these, and one that begins with a dash would be read as an option.
    return options + last + ([b"--"] + positional if positional else [])


def command_of(sidecar, kwargs, folder):
    """(argv, through a shell or not)."""
    extra = sidecar.get("extra") or {}
    command = extra.get("command")
    several = extra.get("commands")
    if several:
        chosen = kwargs.get("executor")
        if chosen not in several:
            raise TaskError(127, "ERROR: executor not found: %r is not one of %s" % (chosen, sorted(several)))
        command = several[chosen]
    if command:
        argv = [encode(word) for word in command["argv"]]
        subcommand = command.get("subcommand")
        if subcommand:
            argv += arguments_of(command, kwargs, []) + [encode(subcommand["name"])]
        outputs = []
        for flag, name in (command.get("outputs") or {}).items():
            outputs += [encode(flag), os.path.join(folder, encode(name)) if name else folder]
        return argv + arguments_of(subcommand or command, kwargs, outputs), False
    executor = sidecar.get("executor")
    if not executor:
        raise TaskError(1, "ERROR: sidecar missing executor")
    return [b"/bin/sh", b"-c", encode(executor)], True


def environment_of(base, kwargs, folder, index, run_id):
    environment = {name: value for name, value in base.items() if not name.startswith(b"HPC_KW_")}
    namespace_only = base.get(b"HPC_KW_NAMESPACE_ONLY") == b"1"
    for key, value in kwargs.items():
        name, text = key.upper(), encode(str(value))
        if "=" in name or "\0" in name or not name or b"\0" in text:
            raise TaskError(1, "ERROR: keyword %r cannot be put into the environment" % key)
        environment[encode("HPC_KW_" + name)] = text
        if namespace_only:
            continue
        if name in RESERVED or name.startswith(RESERVED_PREFIXES):
            say("WARN: keyword %r is set as HPC_KW_%s only, since %s has a meaning of its own" % (key, name, name))
        else:
            environment[encode(name)] = text
    environment[b"RESULT_DIR"] = environment[b"HPC_RESULT_DIR"] = folder
    environment[b"HPC_TASK_ID"] = b"%d" % index
    environment[b"HPC_RUN_ID"] = encode(run_id)
    return environment


def program_path(name, environment):
    if b"/" in name:
        found = [name]
    else:
        found = [os.path.join(part or b".", name) for part in environment.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":")]
    for path in found:
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise TaskError(127, "failed: executor not found: %s" % name.decode("utf-8", "replace"))


class Usage:
    """What the executor and the processes that it waited for used.

    `peak_mib` is the resident peak of the largest single process, not of all together: the kernel keeps nothing better for a tree, and
    asking again and again would cost every task. A scheduler's own figure, where there is one, counts all of them.
    """

    def __init__(self, usage):
        self.peak_mib = usage.ru_maxrss / (1048576.0 if sys.platform == "darwin" else 1024.0)
        self.cpu_sec = usage.ru_utime + usage.ru_stime


class Child:
    """The executor in its own process group, and what SIGTERM does to it: SIGINT, after the grace TERM, 2 s later KILL.

    The handlers only send signals; the one wait below always returns the executor's real end. So no signal, however
    often and whenever it comes, can lose the exit status or leave the group running.
    """

    def __init__(self, grace, on_preempt):
        self.pid = 0
        self.waiting_for_lock = False
        self.preempted = False
        self.grace = grace
        self.on_preempt = on_preempt
        self.steps = []
        for number in STOP_SIGNALS:
            signal.signal(number, self.terminate)
        signal.signal(signal.SIGALRM, self.escalate)

    def terminate(self, number, _frame):
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        if not self.pid:
            if self.waiting_for_lock:
                raise Preempted
            self.preempted = True
            return
        if not self.send(signal.SIGINT):
            return  # it had ended by itself
        self.preempted = True
        self.steps = [(signal.SIGTERM, 2.0), (signal.SIGKILL, 0.0)]
        if self.grace > 0:
            signal.setitimer(signal.ITIMER_REAL, self.grace)
        else:
            self.escalate(0, None)
        say("SIG%s received; the executor has %s s to end" % (STOP_SIGNALS[number], self.grace))
        self.on_preempt()

    def escalate(self, _number, _frame):
        if self.steps:
            number, then = self.steps.pop(0)
            self.send(number)
            if then:
                signal.setitimer(signal.ITIMER_REAL, then)

    def send(self, number):
        try:
            os.killpg(self.pid, number)
            return True
        except OSError:
            return False

    def run(self, argv, environment, keep_tail):
        """(wait status, what it used, last bytes of standard output)."""
        path = program_path(argv[0], environment)
        pipe = os.pipe() if keep_tail else None
        # Stop signals are blocked here (see main), so none can fall between fork and the group's making.
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGALRM) + tuple(STOP_SIGNALS):
                    signal.signal(number, signal.SIG_DFL)
                if pipe:
                    os.dup2(pipe[1], 1)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
                os.execve(path, argv, environment)
            except BaseException as error:
                say("failed: cannot execute %s: %s" % (path.decode("utf-8", "replace"), error))
            os._exit(126)
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass
        self.pid = pid
        tail = b""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        if pipe:
            os.close(pipe[1])
            tail = self.pass_through(pipe[0])
        _, status, usage = os.wait4(pid, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM and not self.preempted:
            # Schedulers signal every process of the job at once: ours may come a moment after the executor's.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            until = time.time() + 0.5
            while time.time() < until and signal.getsignal(signal.SIGTERM) != signal.SIG_IGN:
                time.sleep(0.02)
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            self.preempted = signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        if self.preempted:
            self.send(signal.SIGKILL)
        self.steps = []
        signal.setitimer(signal.ITIMER_REAL, 0)
        return status, Usage(usage), tail

    def pass_through(self, source):
        """Copies standard output to ours and keeps its end, until the executor has ended and the pipe is empty."""
        from select import select

        tail = b""
        ended = False
        while True:
            ready, _, _ = select([source], [], [], 0 if ended else 0.05)
            if ready:
                chunk = os.read(source, 65536)
                if not chunk:
                    break
                tail = (tail + chunk)[-65536:]
                while chunk:
                    chunk = chunk[os.write(1, chunk) :]
            elif ended:
                break  # something that the executor left behind still holds the pipe
            else:
                # Without waitid (older macOS) only the end of the pipe tells.
                ended = hasattr(os, "waitid") and bool(os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        os.close(source)
        return tail


# --- GPUs ---------------------------------------------------------------------------------------------------------------


GPU_EVERY_S = 20


class GpuWatch:
    """How busy the task's GPUs were, as nvidia-smi says every so often. A help: whatever goes wrong, the task runs on and nothing is said.

    It writes into a pipe that nobody reads before the end, so it ends with us however we end; a pipe that is full stops it.
    """

    def __init__(self, environment):
        self.process = None
        if not environment.get(b"HPC_GPU_TYPE"):
            return
        from subprocess import DEVNULL, PIPE, Popen

        argv = [
            b"nvidia-smi",
            b"--query-gpu=index,utilization.gpu,memory.used",
            b"--format=csv,noheader,nounits",
            b"-l",
            b"%d" % GPU_EVERY_S,
        ]
        chosen = environment.get(b"CUDA_VISIBLE_DEVICES", b"")
        if chosen and all(part.isdigit() or part.startswith(b"GPU-") for part in chosen.split(b",")):
            argv += [b"-i", chosen]
        try:
            self.process = Popen(argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True)
        except OSError:
            pass

    def close(self):
        """(share of the time that they were busy, largest memory in MiB), or None where too little was seen."""
        if self.process is None:
            return None
        try:
            # A site's wrapper may have started the program as its child: that would hold the pipe open.
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            self.process.kill()
        text = self.process.communicate()[0]
        seen = {}
        for line in text.split(b"\n")[:-1]:
            parts = line.split(b",")
            try:
                seen.setdefault(parts[0].strip(), []).append((float(parts[1]), float(parts[2])))
            except (IndexError, ValueError):
                pass  # [N/A], or words in place of numbers
        # The first look is before the program began.
        samples = [sample for its in seen.values() for sample in its[1:]]
        if not samples:
            return None
        return sum(busy for busy, _ in samples) / len(samples) / 100, max(memory for _, memory in samples)


# --- folders ----------------------------------------------------------------------------------------------------------


def is_done(folder, index, cmd_sha):
    """Whether this task's result is there. Raises when the folder holds another task's."""
    if not read_first(os.path.join(folder, b"metrics.json"), 1):
        return False
    stamp = read_first(os.path.join(folder, b".hpc_cmd_sha"), 128)
    if stamp is not None and stamp.strip().decode("ascii", "replace") != cmd_sha:
        return False
    runtime = read_first(os.path.join(folder, b"_runtime.json"), 1 << 20)
    try:
        owner = parse_json((runtime or b"null").decode("utf-8"))
    except ValueError:
        owner = None
    if stamp is not None and owner and owner.get("task_id") not in (None, index):
        raise TaskError(
            1,
            "ERROR: %s holds the result of task %s: result_dir_template must differ for every task"
            % (folder.decode("utf-8", "replace"), owner["task_id"]),
        )
    return True


def take_lock(folder, index, child):
    """Holds off a second copy of this task for as long as we live. None where the file system has no locks."""
    path = os.path.join(folder, b".hpc_lock_%d" % index)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            os.lockf(handle, os.F_TLOCK, 0)
        except (BlockingIOError, PermissionError):
            say("task %d: another copy of it runs; waiting for it to end" % index)
            child.waiting_for_lock = True
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            os.lockf(handle, os.F_LOCK, 0)
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            child.waiting_for_lock = False
        except OSError:
            os.close(handle)
            return None
        try:
            if os.stat(path).st_ino == os.fstat(handle).st_ino:
                return handle
        except OSError:
            pass
        os.close(handle)  # its last holder removed the file: lock the new one


def drop_lock(handle, folder, index):
    if handle is not None:
        try:
            os.unlink(os.path.join(folder, b".hpc_lock_%d" % index))
        except OSError:
            pass
        os.close(handle)


def kept_work_folder(folder, index):
    """The work folder as the job before in the chain left it, with its checkpoints; None where there is none."""
    work = os.path.join(folder, b"_wip_%d" % index)
    try:
        made = os.stat(work)
    except OSError:
        return None
    try:
        os.unlink(os.path.join(work, b"metrics.json"))  # half a result is none
    except OSError:
        pass
    say("going on in the work folder of the job before")
    return work, made


def make_work_folder(folder, index):
    work = os.path.join(folder, b"_wip_%d" % index)
    for attempt in range(20):
        try:
            os.mkdir(work)
            return work, os.stat(work)
        except FileExistsError:
            # An earlier attempt died here: kept for whoever wants to know why.
            suffix = b"_failed_%d" % time.time() + (b"_%d" % attempt if attempt else b"")
            try:
                os.rename(work, work + suffix)
                say("preserved the work folder of an earlier attempt at %s" % (work + suffix).decode("utf-8", "replace"))
            except OSError:
                pass
    raise TaskError(1, "ERROR: cannot make " + work.decode("utf-8", "replace"))


def promote(work, folder, made, cmd_sha, runtime):
    now = os.stat(work)
    if (now.st_ino, now.st_dev) != (made.st_ino, made.st_dev):
        raise TaskError(1, "ERROR: another copy of this task took over the work folder; its result will stand")
    final = os.path.join(folder, b"metrics.json")
    try:
        os.unlink(final)  # an outdated result must not be seen beside new files
    except FileNotFoundError:
        pass
    names = sorted(os.listdir(work))
    for name in names:
        if name != b"metrics.json":
            move(os.path.join(work, name), os.path.join(folder, name))
    write_whole(os.path.join(folder, b".hpc_cmd_sha"), cmd_sha.encode("ascii") + b"\n")
    write_whole(os.path.join(folder, b"_runtime.json"), runtime)
    if b"metrics.json" in names:
        os.rename(os.path.join(work, b"metrics.json"), final)
    try:
        os.rmdir(work)
    except OSError:
        pass  # NFS keeps .nfs… files of what is still open


def move(source, target):
    try:
        os.rename(source, target)
    except OSError:
        if not os.path.isdir(target):
            raise
        # A folder of an earlier result is in the way: set aside first, so that both never mix.
        aside = target + b".old%d" % os.getpid()
        os.rename(target, aside)
        os.rename(source, target)
        import shutil

        shutil.rmtree(aside, ignore_errors=True)


def last_json_object(tail):
    lines = tail.rstrip().split(b"\n")
    line = lines[-1].strip()
    if not line.startswith(b"{"):
        return None
    try:
        return line if isinstance(parse_json(line.decode("utf-8")), dict) else None
    except ValueError:
        return None


# --- one task ---------------------------------------------------------------------------------------------------------


class Task:
    def __init__(self, environment):
        self.environment = environment
        self.index = None
        self.run_id = ""
        self.started = None
        self.gpu = None
        self.state = environment.get(b"HPC_STATE_DIR")
        attempt = environment.get(b"HPC_ATTEMPT", b"1")
        self.attempt = int(attempt) if attempt.isdigit() else 1
        first = environment.get(b"HPC_CHAIN_FIRST", b"")
        # The attempt with which its chain begins; 0 outside of one.
        self.chain = int(first) if first.isdigit() else 0

    def event(self, kind, rest=""):
        """To the log of this node; never a reason for a task to fail."""
        if not self.state or self.index is None:
            return
        name = "".join(c if c.isalnum() or c in "-._" else "_" for c in os.uname().nodename) or "node"
        line = '{"e":"%s","i":%d,"a":%d,"t":%.3f,"j":%s%s}' % (
            kind,
            self.index,
            self.attempt,
            time.time(),
            quote(job_of(self.environment).decode("utf-8", "replace")),
            rest,
        )
        try:
            append_line(os.path.join(self.state, b"events", encode(name) + b".jsonl"), line.encode("ascii"))
        except OSError as error:
            say("WARN: cannot write the task event: %s" % error)

    def end(self, status, outcome, number=None, used=None, metrics=True):
        elapsed = time.time() - self.started if self.started else 0.0
        rest = ',"rc":%d,"s":%s,"el":%.3f,"rss":%.1f,"cpu":%.2f,"o":"%s"' % (
            status,
            "null" if number is None else number,
            elapsed,
            used.peak_mib if used else 0.0,
            used.cpu_sec if used else 0.0,
            outcome,
        )
        if self.gpu:
            rest += ',"gu":%.3f,"gm":%.0f' % self.gpu
        self.event("end", rest if metrics else rest + ',"m":0')
        return status

    def run(self):
        environment = self.environment
        self.index = task_index(environment)
        here = state_folder(environment)
        run_id = environment.get(b"HPC_RUN_ID", b"").decode("utf-8", "surrogateescape")
        if not run_id:
            raise TaskError(1, "ERROR: HPC_RUN_ID env var not set")
        self.run_id = run_id
        sidecar = load_sidecar(here, run_id)
        line = frozen_line(here, run_id, self.index, sidecar)
        if line is None:
            line = asked_line(here, environment, self.index, sidecar)
        try:
            kwargs = parse_json(line.decode("utf-8"))
        except ValueError as error:
            raise changed("params.jsonl, task %d: %s" % (self.index, error)) from None
        if not isinstance(kwargs, dict):
            raise changed("params.jsonl, task %d is not an object" % self.index)
        folder = result_directory(sidecar, self.index, run_id, kwargs)
        cmd_sha = sidecar.get("cmd_sha") or ""
        forced = environment.get(b"HPC_FORCE_RERUN") == b"1"
        if not forced and is_done(folder, self.index, cmd_sha):
            return self.skip()

        grace = environment.get(b"HPC_PREEMPT_GRACE_SEC", b"25")
        child = Child(int(grace) if grace.isdigit() else 25, lambda: self.mark(here, run_id, child.grace))
        try:
            os.makedirs(folder, exist_ok=True)
            lock = take_lock(folder, self.index, child)
        except OSError as error:
            raise system_error("cannot prepare " + folder.decode("utf-8", "replace"), error) from None
        try:
            # The other copy that we waited for may have done it.
            if not forced and is_done(folder, self.index, cmd_sha):
                return self.skip()
            over = self.chain_is_over(folder, cmd_sha)
            if over is not None:
                return over
            return self.work(child, sidecar, kwargs, line, folder, run_id, cmd_sha)
        finally:
            drop_lock(lock, folder, self.index)

    def chain_is_over(self, folder, cmd_sha):
        """The exit status with which a job of a chain ends at once, or None where it has something to go on with.

        A metrics.json is not the only end: the task may have ended well without one, may have failed by itself, or may have been
        submitted again since. Of the last two no event is written: the one that decides is there.
        """
        if not self.chain:
            return None
        try:
            last = parse_json((read_first(os.path.join(folder, b"_runtime.json"), 1 << 20) or b"null").decode("utf-8"))
        except ValueError:
            return None
        if not isinstance(last, dict) or last.get("task_id") != self.index:
            return None
        attempt, code = last.get("attempt"), last.get("exit_code")
        if not isinstance(attempt, int) or not isinstance(code, int) or last.get("run_id") != self.run_id or attempt < self.chain:
            return None
        if attempt > self.attempt:
            say("task %d was submitted again since (attempt %d); nothing to do" % (self.index, attempt))
            return 0
        if attempt < self.attempt and code == 0:
            stamp = read_first(os.path.join(folder, b".hpc_cmd_sha"), 128)
            unmoved = os.path.exists(os.path.join(folder, b"_wip_%d" % self.index, b"metrics.json"))
            is_result = stamp is not None and stamp.strip().decode("ascii", "replace") == cmd_sha and not unmoved
            return self.skip() if is_result else None
        if attempt < self.attempt and code not in (EXIT_PREEMPTED, EXIT_CHECKPOINT):
            say("task %d failed by itself in attempt %d (exit %d); nothing to go on with" % (self.index, attempt, code))
            return code
        return None

    def skip(self):
        say("task %d already complete (metrics.json found); skipping" % self.index)
        return self.end(0, "skipped")

    def mark(self, here, run_id, grace):
        # A file of its own: tasks that rewrite the shared sidecar would lose each other's marks and the client's changes.
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = '{"task_id":%d,"preempt":{"at":"%s","grace_sec":%d}}' % (self.index, at, grace)
        try:
            append_line(os.path.join(here, b"runs", encode(run_id) + b".preempt.jsonl"), line.encode("ascii"))
        except OSError as error:
            say("WARN: cannot write the preempt mark: %s" % error)

    def work(self, child, sidecar, kwargs, line, folder, run_id, cmd_sha):
        try:
            work, made = (kept_work_folder(folder, self.index) if self.chain else None) or make_work_folder(folder, self.index)
        except OSError as error:
            raise system_error("cannot make the work folder in " + folder.decode("utf-8", "replace"), error) from None
        argv, through_shell = command_of(sidecar, kwargs, work)
        environment = environment_of(self.environment, kwargs, work, self.index, run_id)
        from_stdout = bool((sidecar.get("extra") or {}).get("metrics_from_stdout"))
        self.started = time.time()
        self.event("start")
        gpus = GpuWatch(self.environment)
        try:
            status, used, tail = child.run(argv, environment, from_stdout)
        finally:
            self.gpu = gpus.close()
        ended = time.time()
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = 128 + number if number else os.WEXITSTATUS(status)
        if number is None and through_shell and 128 < code < 160:
            number = code - 128  # the shell's word for a signal
        if child.preempted:
            code = EXIT_PREEMPTED
        runtime = self.runtime(run_id, line, ended, code, used)
        metrics = os.path.join(work, b"metrics.json")
        try:
            if code == 0:
                found = read_first(metrics, 1)
                if found is None and from_stdout:
                    found = last_json_object(tail)
                    if found:
                        write_whole(metrics, found + b"\n")
                if found == b"":
                    raise TaskError(28, "ERROR: the executor left an empty metrics.json (disk full?)")
                promote(work, folder, made, cmd_sha, runtime)
                return self.end(0, "done", None, used, bool(found))
            write_whole(os.path.join(folder, b"_runtime.json"), runtime)
        except OSError as error:
            if code == 0:
                raise system_error("cannot move the result into place", error) from None
        if child.preempted:
            say("preempted; partial output kept in %s" % work.decode("utf-8", "replace"))
            return self.end(code, "preempted", number, used)
        if code == EXIT_CHECKPOINT and self.chain:
            say("stopped at a checkpoint; the next job of the chain goes on in %s" % work.decode("utf-8", "replace"))
            return self.end(code, "paused", number, used)
        say("FAILED (exit %d), partial output preserved in %s" % (code, work.decode("utf-8", "replace")))
        return self.end(code, "failed", number, used)

    def runtime(self, run_id, line, ended, code, used):
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        gpu = self.environment.get(b"HPC_GPU_TYPE")
        text = (
            '{"task_id":%d,"run_id":%s,"started_at":"%s","ended_at":"%s","elapsed_sec":%.3f,"exit_code":%d,'
            '"node":%s,"gpu_type":%s,"attempt":%d,"peak_rss_mib":%.1f,"peak_rss_of":"largest process","cpu_sec":%.2f,"axis_bindings":'
        ) % (
            self.index,
            quote(run_id),
            time.strftime(stamp, time.gmtime(self.started)),
            time.strftime(stamp, time.gmtime(ended)),
            ended - self.started,
            code,
            quote(os.uname().nodename),
            quote(gpu.decode("utf-8", "replace")) if gpu else "null",
            self.attempt,
            used.peak_mib,
            used.cpu_sec,
        )
        measured = ',"gpu_busy":%.3f,"peak_gpu_mem_mb":%.0f' % self.gpu if self.gpu else ""
        return text.encode("ascii") + line + measured.encode("ascii") + b"}\n"


def main():
    """Runs the task that the environment names; the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    task = Task(dict(os.environb))
    try:
        return task.run()
    except TaskError as error:
        say(str(error))
        return task.end(error.status, "failed")
    except Preempted:
        say("SIGTERM received before the executor was started")
        return task.end(EXIT_PREEMPTED, "preempted")
