"""The command server of a held node: proof of the key, commands by id, terminals, over one connection for each asker.

Rules:
- A command has an id that its asker made; the same id never runs twice. A lost asker may ask for the id again and gets all output.
- Nothing is served before both sides proved that they know the key of the reservation; every line is authenticated.

Used by hpc_hold.py. Python 3.6 or newer, standard library only.
"""

import base64
import binascii
import errno
import hashlib
import hmac
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from hpc_shells import FAIL_AND_END, SOFTWARE_FAILED, Software, Terminal, in_thread, login_shell, pack, signal_group

# 2: software, terminals.
PROTOCOL = 2
MAX_LINE = 64 * 1024 * 1024
HANDSHAKE_S = 10.0
KILL_GRACE_S = 5.0
KEEP_FINISHED = 256
KEEP_FINISHED_S = 3600.0


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

    def __init__(self, request, directory, mark, software):
        self.id = request["id"]
        self.path = os.path.join(directory, self.id)
        self.file = open(self.path, "wb", buffering=0)
        self.size = 0
        self.ended_at = None
        self.changed = threading.Condition()
        self.began = time.time()
        self.why = None
        # Of what is running for it now; the software's shell comes before the command.
        self.process = None
        self.limit = threading.Timer(request["timeout_s"], self.stop, ("timeout",)) if request.get("timeout_s") else None
        if self.limit:
            self.limit.daemon = True
            self.limit.start()
        base = dict(os.environ, **mark)
        wish = request.get("software")
        if wish is None:
            self.launch(request, base, mark, [])
            return
        known = software.lookup(wish)
        if known is not None:
            self.launch(request, known, mark, wish.get("wrap") or [])
        else:
            in_thread(self.launch_with, request, base, mark, wish, software)

    def launch_with(self, request, base, mark, wish, software):
        found, said = software.set_up(wish, base, folder_of(request), self.follow)
        if self.why is not None:
            self.finish({"rc": None, "signal": int(signal.SIGTERM)})
        elif found is None:
            self.tell({"e": "err", "d": pack(said)})
            self.why = "the software of the cluster profile could not be set up, so the command did not run (`bare` runs it without)"
            self.finish({"rc": SOFTWARE_FAILED, "signal": None})
        else:
            self.launch(request, found, mark, wish.get("wrap") or [])

    def follow(self, process):
        self.process = process
        if self.why is not None:
            self.signal_group(signal.SIGTERM)

    def launch(self, request, base, mark, wrap):
        env = dict(base)
        env.update(request.get("env") or {})
        env.update(mark)
        argv = wrap + (
            request.get("argv")
            or (["/bin/bash", "-lc", request["script"]] if request.get("login") else ["/bin/sh", "-c", request["script"]])
        )
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder_of(request),
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
        self.follow(process)
        self.tell({"e": "begun", "pid": process.pid})
        pumps = [in_thread(self.pump, process.stdout, "out"), in_thread(self.pump, process.stderr, "err")]
        if request.get("stdin"):
            in_thread(self.feed, request["stdin"])
        in_thread(self.wait, pumps)

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

    def wait(self, pumps):
        code = self.process.wait()
        for pump in pumps:
            # What the command left in the background may hold the streams open for ever.
            pump.join(0.5)
        self.finish({"rc": code if code >= 0 else None, "signal": -code if code < 0 else None})

    def finish(self, end):
        if self.limit:
            self.limit.cancel()
        self.tell(dict(end, e="end", why=self.why, elapsed_s=round(time.time() - self.began, 3)))
        with self.changed:
            self.ended_at = time.time()
            self.file.close()
            self.changed.notify_all()

    def stop(self, why):
        """Ends the process group: asks first, then does not."""
        if self.ended_at is not None:
            return
        self.why = self.why or why
        self.signal_group(signal.SIGTERM)

        def kill():
            deadline = time.time() + KILL_GRACE_S
            while time.time() < deadline and self.signal_group(0):
                time.sleep(0.05)
            self.signal_group(signal.SIGKILL)

        in_thread(kill)

    def signal_group(self, number):
        return self.process is not None and signal_group(self.process.pid, number)

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


def farewell(tell):
    """Whoever is connected asks elsewhere from now on; what is on its way here already is still answered."""
    try:
        tell({"e": "leaving"})
    except (OSError, ValueError, Torn):
        pass


def folder_of(request):
    return request.get("cwd") or os.path.expanduser("~")


class CommandServer:
    def __init__(self, facts, mark):
        self.facts = dict(facts, e="hello", version=PROTOCOL, server=binascii.hexlify(os.urandom(6)).decode("ascii"))
        self.mark = mark
        self.directory = tempfile.mkdtemp(prefix="hpc-hold-")
        self.software = Software(self.directory)
        # Program and name of the tmux server of this job, where it has one.
        self.tmux = None
        self.executions = {}
        self.terminals = []
        # Ids that their asker gave up, having been told that they never came: should they still come, they do not run.
        self.forbidden = set()
        # Set when another job holds from now on, or this one is about to end: what is new goes there, or nowhere.
        self.moved = False
        self.moved_at = 0.0
        # Ways to tell those that are connected now.
        self.askers = set()
        self.lock = threading.Lock()
        self.last_used = time.time()

    def running(self):
        self.terminals = [terminal for terminal in self.terminals if terminal.ended_at is None]
        return [e for e in list(self.executions.values()) if e.ended_at is None] + self.terminals

    def move(self):
        """Takes nothing new from now on. False where something runs."""
        with self.lock:
            if not self.moved:
                self.moved_at = time.time()
            told = self.moved
            self.moved = True
            running = self.running()
            askers = [] if told else list(self.askers)
        # Not under the lock: an asker that does not read holds up nobody else.
        for tell in askers:
            in_thread(farewell, tell)
        return not running

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
                known = self.executions[request["id"]] = Execution(request, self.directory, self.mark, self.software)
            return known

    def recall(self, command_id):
        with self.lock:
            if command_id not in self.executions:
                self.forbidden.add(command_id)
            return self.executions.get(command_id)

    def open_terminal(self, request, send):
        """None where another job holds by now."""
        if not re.match(r"[A-Za-z0-9_-]{8,64}$", str(request.get("id"))):
            raise ValueError("a terminal needs an id")
        software = request.get("software") or {}
        env = dict(os.environ, **self.mark)
        # What names the scheduler's own shell or terminal is not the person's.
        env.update(SHELL=login_shell(), TERM=request.get("term") or "xterm-256color")
        shell = ["/bin/sh", self.software.shell_file(software)]
        argv = request.get("argv")
        survives = False
        if argv:
            text = FAIL_AND_END + (software.get("text") or "") + '\nexec "$@"'
            argv = ["/bin/sh", "-c", text, "sh"] + (software.get("wrap") or []) + argv
        elif self.tmux and self.tell_tmux(shell):
            argv = [self.tmux["program"], "-u", "-L", self.tmux["server"], "new-session", "-A", "-s", "main"]
            survives = True
        else:
            argv = shell
        with self.lock:
            if self.moved:
                return None
            self.last_used = time.time()
            terminal = Terminal(request, argv, env, send)
            self.terminals.append(terminal)
        terminal.begin(survives)
        return terminal

    def tell_tmux(self, shell):
        """What windows of the job's tmux server run from now on. False where the server is gone."""
        program = "exec %s" % " ".join(shlex.quote(word) for word in shell)
        try:
            argv = [self.tmux["program"], "-L", self.tmux["server"], "set-option", "-g", "default-command", program]
            return subprocess.call(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        except OSError:
            return False

    def talk(self, wire):
        """Serves one asker until it is gone. What it began goes on without it, unless it asked to end it."""
        mine = []
        streams = []
        terminals = {}
        tell = lambda event: wire.send(json.dumps(event).encode("ascii"))  # noqa: E731
        tell(self.facts)
        with self.lock:
            self.askers.add(tell)
            moved = self.moved
        if moved:
            farewell(tell)

        def stream(execution):
            try:
                execution.stream(wire.send)
                self.last_used = time.time()
            except (OSError, ValueError, Torn):
                pass

        try:
            while True:
                request = json.loads(wire.receive().decode("utf-8"))
                op, name = request.get("op"), request.get("id")
                if op in ("exec", "attach", "terminal"):
                    try:
                        begin = {
                            "exec": self.begin,
                            "attach": lambda r: self.recall(r["id"]),
                            "terminal": lambda r: self.open_terminal(r, tell),
                        }
                        begun = begin[op](request)
                    except (ValueError, KeyError, TypeError, OSError) as error:
                        tell({"e": "refused", "id": name, "error": str(error)})
                        continue
                    if begun is None:
                        # It did not run: the asker goes to the job that holds now.
                        tell({"e": "absent" if op == "attach" else "moved", "id": name})
                    elif op == "terminal":
                        terminals[name] = begun
                    else:
                        mine.append(begun)
                        streams.append(in_thread(stream, begun))
                elif op == "type" and name in terminals:
                    self.last_used = time.time()
                    terminals[name].type(base64.b64decode(request.get("d") or ""))
                elif op == "resize" and name in terminals:
                    terminals[name].resize(request)
                elif op == "cancel":
                    execution = self.executions.get(name) or terminals.get(name)
                    if execution:
                        execution.stop("cancelled")
                elif op == "cancel-mine":
                    for execution in mine:
                        execution.stop("cancelled")
        except (OSError, ValueError, TypeError, Torn):
            pass
        finally:
            with self.lock:
                self.askers.discard(tell)
            for terminal in terminals.values():
                terminal.stop("its connection ended")
        return streams

    def close(self, why="the reservation ended", grace_s=3.0):
        for execution in self.running():
            execution.stop(why)
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
