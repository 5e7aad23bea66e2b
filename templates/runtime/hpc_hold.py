"""A held node: the program of a reservation's job, and the ways into it.

hold DIR            runs as the job: keeps the node, serves commands, renews itself, ends itself when idle or released
enter DIR [-- ARGV] runs on the login node: connects standard input and output with the command server of the job that holds now;
                    where the node's port cannot be reached, ARGV (with {job} and {node} filled in) starts this program there
serve               a command server on standard input and output, for a job that is not ours (started in it by the scheduler)
prepare | show | keep | release | renewal    one question on standard input, one line `HOLD1 <JSON>` back

Rules:
- A command has an id that its asker made; the same id never runs twice. A lost asker may ask for the id again and gets all output.
- Nothing is served before both sides proved that they know the key of the reservation; every line is authenticated.
- The successor is submitted by the program that submits everything else (`hpc_remote.py submit`): exactly once, whoever asks.
- After `released` is written no successor is submitted (one lock), and a job that starts nevertheless ends at once.

Python 3.6 or newer, standard library only.
"""

import base64
import binascii
import errno
import fcntl
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import hpc_remote
from hpc_remote import read_text, write_atomic

MAX_LINE = 64 * 1024 * 1024
HANDSHAKE_S = 10.0
CONNECT_S = 2.0
KILL_GRACE_S = 5.0
KEEP_FINISHED = 256
KEEP_FINISHED_S = 3600.0


def read_json(path):
    try:
        value = json.loads(read_text(path) or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def write_json(path, value):
    write_atomic(path, json.dumps(value, sort_keys=True))


def append_line(path, value):
    """One write, so that lines of several nodes do not mix; a torn line before it costs only itself."""
    data = (json.dumps(value, sort_keys=True) + "\n").encode("utf-8")
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size > 0 and os.pread(handle, 1, size - 1) != b"\n":
            data = b"\n" + data
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def lines_of(path, limit):
    values = []
    for line in (read_text(path) or "").split("\n")[-limit - 1 :]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            values.append(value)
    return values


# ---------------------------------------------------------------- proof of the key


class Torn(Exception):
    """The other side is gone, or is not who it should be."""


def mac(key, *parts):
    return hmac.new(key, b"\0".join(parts), hashlib.sha256).hexdigest().encode("ascii")


class Wire:
    """Lines over a socket, each with a code that only the holders of the key can make, counted so that none can be replayed."""

    def __init__(self, connection):
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.out_key = self.in_key = b""
        self.sent = self.received = 0
        self.lock = threading.Lock()

    def raw_line(self):
        line = self.reader.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise Torn("the connection ended")
        return line[:-1]

    def prove(self, key, is_server):
        self.connection.settimeout(HANDSHAKE_S)
        mine = binascii.hexlify(os.urandom(16))
        if is_server:
            self.connection.sendall(mine + b"\n")
            words = self.raw_line().split(b" ")
            nonces = (mine, words[0])
            if len(words) != 2 or not hmac.compare_digest(words[1], mac(key, b"client", *nonces)):
                raise Torn("the asker does not know the key")
            self.connection.sendall(mac(key, b"server", *nonces) + b"\n")
        else:
            nonces = (self.raw_line(), mine)
            self.connection.sendall(mine + b" " + mac(key, b"client", *nonces) + b"\n")
            if not hmac.compare_digest(self.raw_line(), mac(key, b"server", *nonces)):
                raise Torn("the server does not know the key")
        keys = mac(key, b"up", *nonces), mac(key, b"down", *nonces)
        self.in_key, self.out_key = keys if is_server else keys[::-1]
        self.connection.settimeout(None)

    def send(self, text):
        with self.lock:
            code = mac(self.out_key, b"%d" % self.sent, text)[:32]
            self.sent += 1
            self.connection.sendall(code + b" " + text + b"\n")

    def receive(self):
        line = self.raw_line()
        code, _, text = line.partition(b" ")
        if not hmac.compare_digest(code, mac(self.in_key, b"%d" % self.received, text)[:32]):
            raise Torn("a line was changed on its way")
        self.received += 1
        return text

    def close(self):
        for end in (lambda: self.connection.shutdown(socket.SHUT_RDWR), self.connection.close):
            try:
                end()
            except OSError:
                pass


class Pipe:
    """The same lines over standard input and output, where the scheduler carries them."""

    def __init__(self):
        self.reader = sys.stdin.buffer
        self.lock = threading.Lock()

    def send(self, text):
        with self.lock:
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.buffer.flush()

    def receive(self):
        line = self.reader.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise Torn("standard input ended")
        return line[:-1]

    def close(self):
        pass


# ---------------------------------------------------------------- commands


class Execution:
    """One command: its output lies in a file as the lines that its asker gets, so that it can be asked for again."""

    def __init__(self, request, directory, mark):
        self.id = request["id"]
        self.path = os.path.join(directory, self.id)
        self.file = open(self.path, "wb", buffering=0)
        self.size = 0
        self.ended_at = None
        self.changed = threading.Condition()
        self.began = time.time()
        self.why = None
        self.process = None
        env = dict(os.environ)
        env.update(request.get("env") or {})
        env.update(mark)
        argv = request.get("argv") or (
            ["/bin/bash", "-lc", request["script"]] if request.get("login") else ["/bin/sh", "-c", request["script"]]
        )
        try:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=request.get("cwd") or os.path.expanduser("~"),
                env=env,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            missing = isinstance(error, OSError) and error.errno == errno.ENOENT
            self.tell(
                {"e": "err", "d": pack(("%s: %s\n" % (getattr(error, "filename", None) or argv[0], error)).encode("utf-8", "replace"))}
            )
            self.finish({"rc": 127 if missing else 126, "signal": None})
            return
        self.tell({"e": "begun", "pid": self.process.pid})
        self.pumps = [self.start(self.pump, self.process.stdout, "out"), self.start(self.pump, self.process.stderr, "err")]
        if request.get("stdin"):
            self.start(self.feed, request["stdin"])
        self.start(self.wait, request.get("timeout_s"))

    def start(self, body, *args):
        thread = threading.Thread(target=body, args=args)
        thread.daemon = True
        thread.start()
        return thread

    def tell(self, event):
        data = json.dumps(dict(event, id=self.id)).encode("ascii") + b"\n"
        with self.changed:
            if self.ended_at is not None:
                return
            try:
                self.file.write(data)
                self.size += len(data)
            except OSError as error:
                # The node's disk is full: the command goes on, and its asker learns that output is missing.
                self.why = self.why or "output was lost: %s" % error.strerror
            self.changed.notify_all()

    def feed(self, text):
        try:
            self.process.stdin.write(text.encode("utf-8"))
            self.process.stdin.close()
        except OSError:
            pass

    def pump(self, stream, name):
        while True:
            try:
                chunk = os.read(stream.fileno(), 65536)
            except (OSError, ValueError):
                return
            if not chunk:
                return
            self.tell({"e": name, "d": pack(chunk)})

    def wait(self, timeout_s):
        # Not by `wait(timeout)`, which sleeps up to 50 ms between its looks.
        limit = threading.Timer(timeout_s, self.stop, ("timeout",)) if timeout_s else None
        if limit:
            limit.daemon = True
            limit.start()
        self.process.wait()
        if limit:
            limit.cancel()
        for pump in self.pumps:
            # What the command left in the background may hold the streams open for ever.
            pump.join(0.5)
        code = self.process.returncode
        self.finish({"rc": code if code >= 0 else None, "signal": -code if code < 0 else None})

    def finish(self, end):
        self.tell(dict(end, e="end", why=self.why, elapsed_s=round(time.time() - self.began, 3)))
        with self.changed:
            self.ended_at = time.time()
            self.file.close()
            self.changed.notify_all()

    def stop(self, why):
        """Ends the process group: asks first, then does not."""
        if self.ended_at is not None or self.process is None:
            return
        self.why = self.why or why
        self.signal_group(signal.SIGTERM)

        def kill():
            deadline = time.time() + KILL_GRACE_S
            while time.time() < deadline and self.signal_group(0):
                time.sleep(0.05)
            self.signal_group(signal.SIGKILL)

        self.start(kill)

    def signal_group(self, number):
        try:
            os.killpg(self.process.pid, number)
            return True
        except OSError:
            return False

    def stream(self, send):
        """Hands over all lines from the first, as they come, until the end."""
        offset = 0
        with open(self.path, "rb") as handle:
            while True:
                with self.changed:
                    while offset >= self.size and self.ended_at is None:
                        self.changed.wait(60)
                    size = self.size
                    over = self.ended_at is not None
                while offset < size:
                    line = handle.readline()
                    offset += len(line)
                    send(line.rstrip(b"\n"))
                if over and offset >= size:
                    return


def pack(data):
    return base64.b64encode(data).decode("ascii")


class CommandServer:
    def __init__(self, facts, mark):
        self.facts = dict(facts, e="hello", version=1, server=binascii.hexlify(os.urandom(6)).decode("ascii"))
        self.mark = mark
        self.directory = tempfile.mkdtemp(prefix="hpc-hold-")
        self.executions = {}
        # Ids that their asker gave up, having been told that they never came: should they still come, they do not run.
        self.forbidden = set()
        # Set when another job holds from now on, or this one is about to end: what is new goes there, or nowhere.
        self.moved = False
        self.lock = threading.Lock()
        self.last_used = time.time()

    def running(self):
        return [e for e in list(self.executions.values()) if e.ended_at is None]

    def move(self):
        """Takes nothing new from now on. False where something runs."""
        with self.lock:
            self.moved = True
            return not self.running()

    def forget_old(self):
        finished = sorted((e for e in self.executions.values() if e.ended_at is not None), key=lambda e: e.ended_at)
        for index, execution in enumerate(finished):
            if time.time() - execution.ended_at > KEEP_FINISHED_S or len(finished) - index > KEEP_FINISHED:
                del self.executions[execution.id]
                try:
                    os.unlink(execution.path)
                except OSError:
                    pass

    def begin(self, request):
        if not re.match(r"[A-Za-z0-9_-]{8,64}$", str(request.get("id"))):
            raise ValueError("a command needs an id")
        with self.lock:
            self.last_used = time.time()
            known = self.executions.get(request["id"])
            if known is None:
                if request["id"] in self.forbidden:
                    raise ValueError("its asker gave it up")
                if self.moved:
                    return None
                self.forget_old()
                known = self.executions[request["id"]] = Execution(request, self.directory, self.mark)
            return known

    def recall(self, command_id):
        with self.lock:
            if command_id not in self.executions:
                self.forbidden.add(command_id)
            return self.executions.get(command_id)

    def talk(self, wire):
        """Serves one asker until it is gone. What it began goes on without it, unless it asked to end it."""
        mine = []
        streams = []
        wire.send(json.dumps(self.facts).encode("ascii"))

        def stream(execution):
            try:
                execution.stream(wire.send)
                self.last_used = time.time()
            except (OSError, ValueError, Torn):
                pass

        try:
            while True:
                request = json.loads(wire.receive().decode("utf-8"))
                op = request.get("op")
                if op in ("exec", "attach"):
                    try:
                        execution = self.begin(request) if op == "exec" else self.recall(request["id"])
                        if execution is None:
                            # It did not run: the asker goes to the job that holds now.
                            wire.send(json.dumps({"e": "moved" if op == "exec" else "absent", "id": request["id"]}).encode("ascii"))
                            continue
                    except (ValueError, KeyError, OSError) as error:
                        wire.send(json.dumps({"e": "refused", "id": request.get("id"), "error": str(error)}).encode("ascii"))
                        continue
                    mine.append(execution)
                    thread = threading.Thread(target=stream, args=(execution,))
                    thread.daemon = True
                    thread.start()
                    streams.append(thread)
                elif op == "cancel":
                    execution = self.executions.get(request.get("id"))
                    if execution:
                        execution.stop("cancelled")
                elif op == "cancel-mine":
                    for execution in mine:
                        execution.stop("cancelled")
        except (OSError, ValueError, Torn):
            pass
        return streams

    def close(self, grace_s=3.0):
        for execution in self.running():
            execution.stop("the reservation ended")
        deadline = time.time() + grace_s
        while self.running() and time.time() < deadline:
            time.sleep(0.05)
        for execution in self.running():
            execution.signal_group(signal.SIGKILL)
        shutil.rmtree(self.directory, True)


def listen(server, key):
    """The port of the command server, on every interface of the node: which one the login node sees is not known here."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("", 0))
    listener.listen(32)

    def one(connection):
        wire = Wire(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            wire.prove(key, True)
            for thread in server.talk(wire):
                thread.join()
        except (OSError, ValueError, Torn):
            pass
        finally:
            wire.close()

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                time.sleep(0.1)
                continue
            thread = threading.Thread(target=one, args=(connection,))
            thread.daemon = True
            thread.start()

    thread = threading.Thread(target=accept)
    thread.daemon = True
    thread.start()
    return listener.getsockname()[1]


# ---------------------------------------------------------------- the job


def time_left_s(spec, job_id, base):
    """What the scheduler says is left; None where it does not say. Durations only: its clock times are in a zone of its own."""
    argv = spec.get("time_left")
    if not argv:
        return None
    answer = hpc_remote.run_command({"argv": [word.replace("{job}", job_id) for word in argv], "timeout": 20, "unset": ["SQUEUE_*"]}, base)
    for line in answer["out"].split("\n"):
        match = re.match(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$", line.strip())
        if answer["rc"] == 0 and match:
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None


class Holder:
    def __init__(self, directory):
        self.directory = directory
        self.spec = read_json(os.path.join(directory, "hold.json")) or {}
        self.job_id = os.environ.get("HPC_HOLD_JOB_ID", "").split(".")[0] and os.environ["HPC_HOLD_JOB_ID"]
        match = re.search(r"-h(\d+)-", os.environ.get("HPC_HOLD_JOB_NAME", ""))
        self.hop = int(match.group(1)) if match else self.hop_by_receipt()
        self.node = os.uname()[1]
        self.base = self.spec.get("env") or {}
        self.started = time.time()
        self.ends = None
        self.tmux = None
        self.wake = threading.Event()
        self.asked_to_end = None
        self.hinted = False
        self.renewed = False
        self.renewing = None
        self.renew_after = 0.0
        self.idle_since = self.started
        self.written = None
        self.mark = {"HPC_RESERVATION": self.spec.get("name", ""), "HPC_RESERVATION_MARK": self.spec.get("token", "")}

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def hop_by_receipt(self):
        for name in hpc_remote.list_directory(os.path.join(self.directory, "receipts")):
            receipt = read_json(os.path.join(self.directory, "receipts", name)) or {}
            if receipt.get("job_id") == os.environ.get("HPC_HOLD_JOB_ID") and re.match(r"h\d+\.json$", name):
                return int(name[1:-5])
        return 0

    def claim(self):
        """The job's own mark: proof for the submitter that it began. A second copy of the same hop finds the first one's."""
        path = self.path("claims", "h%d" % self.hop)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, ("%s %s %d\n" % (self.job_id, self.node, self.started)).encode("ascii"))
            os.close(handle)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            return (read_text(path) or "").split(" ")[0] in ("", self.job_id)
        return True

    def start_tmux(self):
        program, name = shutil.which("tmux"), self.spec.get("tmux_server")
        if not program or not name:
            return None
        env = dict(os.environ, **self.mark)
        argv = [program, "-L", name, "new-session", "-d", "-s", "_root", "exec sleep 2147483647"]
        try:
            code = subprocess.call(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError:
            return None
        # A server of that name that another job on this node started is as good for nobody here: it ends with that job.
        return {"program": program, "server": name} if code == 0 else None

    def state(self, state, **more):
        value = {
            "job_id": self.job_id, "hop": self.hop, "node": self.node, "nodes": os.environ.get("SLURM_JOB_NODELIST") or self.node, "port": getattr(self, "port", None),
            "pid": os.getpid(), "started": self.started, "ends": self.ends, "tmux": self.tmux, "state": state,
            "last_used": self.server.last_used, "running": len(self.server.running()), "busy": self.idle_since is None, "idle_since": self.idle_since,
        }  # fmt: skip
        value.update(more)
        shown = dict(value, last_used=int(self.server.last_used / 30))
        if shown != self.written or state == "ended":
            self.written = shown
            write_json(self.path("jobs", self.job_id + ".json"), dict(value, written=time.time()))

    def event(self, name, **more):
        append_line(self.path("chain.jsonl"), dict(more, e=name, job_id=self.job_id, hop=self.hop, node=self.node, t=round(time.time(), 3)))

    def is_released(self):
        return os.path.exists(self.path("released"))

    def run(self):
        if self.is_released():
            sys.stderr.write("hpc-agent: this reservation was released; the job ends.\n")
            return 0
        if not self.claim():
            sys.stderr.write("hpc-agent: another job holds this part of the reservation; this one is a copy and ends.\n")
            return 75
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_end_signal)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self.on_hint)
        left = time_left_s(self.spec, self.job_id, self.base)
        limit = left if left is not None else self.spec.get("walltime_s")
        self.ends = None if limit is None else time.time() + limit
        os.makedirs(self.path("jobs"), exist_ok=True)
        previous = read_json(self.path("current.json")) or {}
        self.server = CommandServer({"job_id": self.job_id, "node": self.node}, self.mark)
        self.port = listen(self.server, bytes.fromhex((read_text(self.path("key")) or "").strip()))
        self.tmux = self.start_tmux()
        self.state("up")
        before = (
            read_json(self.path("jobs", "%s.json" % previous.get("job_id"))) if previous.get("job_id") not in (None, self.job_id) else None
        )
        gap = None
        if before:
            # While the one before holds still there is none; how long both held is known when it ends.
            over = before["written"] if before.get("state") == "ended" else before.get("ends")
            gap = None if over is None else round(max(0.0, self.started - over), 3)
        receipt = read_json(self.path("receipts", "h%d.json" % self.hop)) or {}
        wait = round(self.started - receipt["at"], 3) if receipt.get("at") and receipt["at"] <= self.started else 0
        write_json(
            self.path("current.json"), {"job_id": self.job_id, "hop": self.hop, "node": self.node, "port": self.port, "at": time.time()}
        )
        self.event("up", ends=self.ends, gap_s=gap, queue_wait_s=wait, before=previous.get("job_id"))
        try:
            reason = self.keep()
        except Exception as error:
            reason = "failed: %s" % error
            sys.stderr.write("hpc-agent: %s\n" % reason)
        self.end(reason)
        return 1 if reason.startswith("failed") else 0

    def on_end_signal(self, number, _frame):
        self.asked_to_end = "signal %d" % number
        self.wake.set()

    def on_hint(self, _number, _frame):
        self.hinted = True
        self.wake.set()

    def keep(self):
        margin = 5.0 if (self.ends or 1e12) - self.started < 300 else 20.0
        while True:
            now = time.time()
            if self.asked_to_end:
                return self.asked_to_end
            if self.is_released():
                return "released"
            if self.ends is not None and now >= self.ends - margin:
                return "walltime"
            self.look_for_use()
            if self.renewal_is_due(now):
                self.start_renewal()
            current = read_json(self.path("current.json")) or {}
            handed_over = current.get("hop", self.hop) > self.hop
            if handed_over and self.server.move() and self.idle_since is not None:
                return "handed over to job %s" % current.get("job_id")
            limit = self.spec.get("release_after_idle_s")
            if limit and not handed_over and self.idle_since is not None and now - self.idle_since >= limit:
                if self.server.move():
                    release(self.directory, "idle for %d s" % (now - self.idle_since))
                    return "idle"
                self.server.moved = False
            self.state("draining" if handed_over else "up")
            pause = 2.0 if (self.ends or 1e12) - now < 180 or (limit or 1e12) < 60 else 10.0
            self.wake.wait(pause)
            self.wake.clear()

    # -- use

    def look_for_use(self):
        kept = (read_json(self.path("keep.json")) or {}).get("at", 0)
        used = max(self.server.last_used, kept, self.started)
        if self.server.running() or self.strangers():
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = time.time()
        else:
            self.idle_since = max(self.idle_since, used)

    def strangers(self):
        """Whether anything of this job runs besides this program, its tmux server and shells that wait for a person who left."""
        own_job = os.environ.get("SLURM_JOB_ID")
        marks = [("HPC_RESERVATION_MARK=%s" % self.spec.get("token", "")).encode("utf-8")] + (
            [("SLURM_JOB_ID=%s" % own_job).encode("ascii")] if own_job else []
        )
        user = os.getuid()
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                if os.stat("/proc/" + name).st_uid != user:
                    continue
                with open("/proc/%s/environ" % name, "rb") as handle:
                    if not any(mark in handle.read().split(b"\0") for mark in marks):
                        continue
                with open("/proc/%s/stat" % name, "rb") as handle:
                    words = handle.read().rpartition(b") ")
                with open("/proc/%s/cmdline" % name, "rb") as handle:
                    argv = handle.read().split(b"\0")
            except OSError:
                continue
            fields = words[2].split()
            if fields[0] == b"Z":
                continue
            found[int(name)] = (int(fields[1]), argv)
        parents = {parent for parent, _ in found.values()}
        ancestors = self.ancestors()
        for pid, (parent, argv) in found.items():
            program = os.path.basename(argv[0]).lstrip(b"-") if argv else b""
            if (
                pid in ancestors
                or program.startswith(b"tmux")
                or program in (b"slurmstepd", b"")
                or (program == b"sleep" and argv[1:2] == [b"2147483647"])
            ):
                continue
            under_tmux = parent in found and os.path.basename(found[parent][1][0]).startswith(b"tmux")
            if (
                under_tmux
                and program in (b"bash", b"sh", b"zsh", b"fish", b"tcsh", b"csh", b"dash", b"ksh")
                and pid not in parents
                and not self.has_tmux_client()
            ):
                continue
            if parent == os.getpid() and program.startswith(b"python") and b"hpc_remote.py" in argv[-1:]:
                continue
            return True
        return False

    @staticmethod
    def ancestors():
        found, pid = set(), os.getpid()
        while pid > 1 and pid not in found:
            found.add(pid)
            try:
                with open("/proc/%d/stat" % pid, "rb") as handle:
                    pid = int(handle.read().rpartition(b") ")[2].split()[1])
            except (OSError, ValueError):
                break
        return found

    def has_tmux_client(self):
        if not self.tmux:
            return False
        try:
            return (
                subprocess.check_output(
                    [self.tmux["program"], "-L", self.tmux["server"], "list-clients"], stderr=subprocess.DEVNULL
                ).strip()
                != b""
            )
        except (OSError, subprocess.CalledProcessError):
            return False

    # -- the successor

    def renewal_is_due(self, now):
        if not self.spec.get("persistent") or self.renewed or self.renewing or now < self.renew_after:
            return False
        # The scheduler sends its hint up to a minute early, so it counts only where nothing better is known.
        return self.hinted if self.ends is None else now >= self.ends - self.spec["renew_before_s"]

    def start_renewal(self):
        def body():
            try:
                outcome = renew(self.directory, self.spec, self.hop + 1)
            except Exception as error:
                outcome = {"state": "failed", "error": str(error)}
            self.renewed = outcome["state"] in ("submitted", "released")
            self.renew_after = time.time() + 30
            if outcome["state"] not in ("released",):
                try:
                    write_json(self.path("renewal.json"), dict(outcome, at=time.time(), hop=self.hop + 1, by=self.job_id))
                    self.event("renewal", **{k: v for k, v in outcome.items() if k in ("state", "successor", "error")})
                except OSError:
                    pass
            self.renewing = None

        self.renewing = threading.Thread(target=body)
        self.renewing.daemon = True
        self.renewing.start()

    def end(self, reason):
        self.server.close()
        if self.tmux:
            try:
                subprocess.call([self.tmux["program"], "-L", self.tmux["server"], "kill-server"], stderr=subprocess.DEVNULL)
            except OSError:
                pass
        try:
            self.state("ended", reason=reason)
            self.event("ended", reason=reason)
        except OSError:
            pass


def locked(directory, name):
    handle = os.open(os.path.join(directory, name), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system without locks: the released mark still ends a successor when it starts
    return handle


def renew(directory, spec, hop):
    """Submits the successor unless the reservation was released: exactly once, by the program that submits everything."""
    lock = locked(directory, "renewal.lock")
    try:
        if os.path.exists(os.path.join(directory, "released")):
            return {"state": "released"}
        step = spec["submit"]
        key = "h%d" % hop
        fill = lambda text: text.replace("-hNEXT-", "-%s-" % key)  # noqa: E731
        request = {
            "v": 1, "verb": "submit", "env": spec.get("env") or {}, "state_dir": directory, "token": spec["token"], "unknown_pattern": spec["unknown_pattern"],
            "arrays": [dict(step, key=key, after=[], argv=[fill(word) for word in step["argv"]], stdin=fill(step.get("stdin") or ""))],
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", os.path.join(directory, "hpc_remote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        out, err = process.communicate(json.dumps(request).encode("utf-8"))
        receipt = read_json(os.path.join(directory, "receipts", key + ".json")) or {}
        if receipt.get("state") == "submitted":
            return {"state": "submitted", "successor": receipt["job_id"]}
        # Grid Engine says why, and then "Exiting.".
        lines = [line.strip() for line in (receipt.get("err") or err.decode("utf-8", "replace")).split("\n")]
        words = "; ".join(line for line in lines if line not in ("", "Exiting."))
        return {"state": {"submitting": "unknown"}.get(receipt.get("state"), receipt.get("state") or "failed"), "error": words[:500]}
    finally:
        os.close(lock)


def release(directory, reason):
    lock = locked(directory, "renewal.lock")
    try:
        path = os.path.join(directory, "released")
        if not os.path.exists(path):
            write_json(path, {"reason": reason, "at": time.time()})
    finally:
        os.close(lock)


# ---------------------------------------------------------------- ways in


def current_of(directory):
    current = read_json(os.path.join(directory, "current.json"))
    if current is None:
        return None
    return dict(read_json(os.path.join(directory, "jobs", "%s.json" % current.get("job_id"))) or {}, **current)


def say(event):
    sys.stdout.buffer.write(json.dumps(event).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()


def enter(directory, here, other_way):
    current = current_of(directory)
    if current is None or current.get("state") == "ended":
        say(
            {
                "e": "closed",
                "why": "no job holds this reservation now"
                if current is None
                else "its job %s ended: %s" % (current.get("job_id"), current.get("reason")),
            }
        )
        return 0
    key = bytes.fromhex((read_text(os.path.join(directory, "key")) or "").strip())
    try:
        connection = socket.create_connection(("127.0.0.1" if here else current["node"], current["port"]), CONNECT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(connection)
        wire.prove(key, False)
    except (OSError, Torn) as error:
        if here or not other_way:
            say({"e": "closed", "why": "port %s of %s: %s" % (current.get("port"), current.get("node"), error)})
            return 0
        words = [word.replace("{job}", str(current["job_id"])).replace("{node}", str(current["node"])) for word in other_way]
        os.execvp(words[0], words)
    over = threading.Event()

    def upward():
        try:
            while True:
                line = sys.stdin.buffer.readline(MAX_LINE)
                if not line.endswith(b"\n"):
                    break
                wire.send(line[:-1])
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            over.set()

    def downward():
        try:
            while True:
                line = wire.receive()
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
        except (OSError, Torn):
            pass
        over.set()

    def on_end(_number, _frame):
        try:
            wire.send(b'{"op":"cancel-mine"}')
        except OSError:
            pass
        os._exit(143)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_end)
    for body in (upward, downward):
        thread = threading.Thread(target=body)
        thread.daemon = True
        thread.start()
    while not over.wait(3600):
        pass
    os._exit(0)


def serve():
    """In a job that is not ours: ends with its asker, and what it runs with it."""
    job_id = os.environ.get("SLURM_JOB_ID", "")
    server = CommandServer({"job_id": job_id, "node": os.uname()[1]}, {})
    signal.signal(signal.SIGTERM, lambda *_: (server.close(), os._exit(143)))
    for thread in server.talk(Pipe()):
        thread.join(0.2)
    server.close()
    return 0


# ---------------------------------------------------------------- questions


def prepare(request):
    directory = request["directory"]
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700)
    own = os.path.dirname(os.path.abspath(__file__))
    token = read_text(os.path.join(directory, "token"))
    if token is not None and token.strip() != request["spec"]["token"]:
        return {"foreign": directory}
    for name in ("hpc_hold.py", "hpc_remote.py"):
        # The script of a successor in a year must not depend on what this version leaves elsewhere.
        write_atomic(os.path.join(directory, name), read_text(os.path.join(own, name)))
    if read_text(os.path.join(directory, "key")) is None:
        write_atomic(os.path.join(directory, "key"), binascii.hexlify(os.urandom(32)).decode("ascii"))
    os.chmod(os.path.join(directory, "key"), 0o600)
    write_json(os.path.join(directory, "hold.json"), request["spec"])
    script = os.path.join(directory, "hold.sh")
    write_atomic(script, request["script"])
    os.chmod(script, 0o700)
    return {"directory": directory}


def show_one(directory):
    if not os.path.isdir(directory):
        return {"directory": directory, "there": False}
    jobs = {}
    for name in sorted(hpc_remote.list_directory(os.path.join(directory, "jobs")))[-16:]:
        value = read_json(os.path.join(directory, "jobs", name))
        if value and name.endswith(".json"):
            jobs[name[:-5]] = value
    return {
        "directory": directory,
        "there": True,
        "token": (read_text(os.path.join(directory, "token")) or "").strip(),
        "current": read_json(os.path.join(directory, "current.json")),
        "released": read_json(os.path.join(directory, "released")),
        "renewal": read_json(os.path.join(directory, "renewal.json")),
        "receipts": hpc_remote.read_receipts(directory),
        "chain": lines_of(os.path.join(directory, "chain.jsonl"), 100),
        "jobs": jobs,
    }


def show(request):
    return {"reservations": [show_one(directory) for directory in request["directories"]], "now": time.time()}


def keep(request):
    write_json(os.path.join(request["directory"], "keep.json"), {"at": time.time()})
    return {}


def release_verb(request):
    if os.path.isdir(request["directory"]):
        release(request["directory"], request.get("reason") or "released")
    return {}


def renewal(request):
    """The login side's turn, where the job itself could not submit its successor."""
    spec = read_json(os.path.join(request["directory"], "hold.json"))
    if spec is None:
        return {"outcome": {"state": "failed", "error": "hold.json cannot be read"}}
    outcome = renew(request["directory"], spec, request["hop"])
    write_json(os.path.join(request["directory"], "renewal.json"), dict(outcome, at=time.time(), hop=request["hop"], by="login"))
    return {"outcome": outcome}


QUESTIONS = {"prepare": prepare, "show": show, "keep": keep, "release": release_verb, "renewal": renewal}


def main(words):
    verb = words[0] if words else ""
    if verb == "hold":
        return Holder(words[1]).run()
    if verb == "enter":
        other_way = words[words.index("--") + 1 :] if "--" in words else []
        return enter(words[1], "--here" in words[: words.index("--")] if "--" in words else "--here" in words, other_way)
    if verb == "serve":
        return serve()
    if verb not in QUESTIONS:
        sys.stderr.write("unknown: %s\n" % verb)
        return 2
    try:
        reply = QUESTIONS[verb](json.loads(sys.stdin.buffer.read().decode("utf-8")))
    except OSError as error:
        reply = {"error": "%s: %s" % (error.filename or "file system", error.strerror), "errno": errno.errorcode.get(error.errno, "")}
    sys.stdout.write("HOLD1 %s\n" % json.dumps(reply))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
