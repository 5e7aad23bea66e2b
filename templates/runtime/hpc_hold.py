"""A held node: the program of a reservation's job, and the ways into it.

hold DIR            runs as the job (hpc_holder.py)
enter DIR [-- ARGV] runs on the login node: connects standard input and output with the command server of the job that holds now;
                    where the node's port cannot be reached, ARGV (with {job} and {node} filled in) starts this program there
serve               a command server on standard input and output, for a job that is not ours (started in it by the scheduler)
prepare | show | keep | release | renewal    one question on standard input, one line `HOLD1 <JSON>` back

Rule: a question loads nothing of what only jobs need; it is asked often.

Python 3.6 or newer, standard library only.
"""

import binascii
import errno
import json
import os
import signal
import socket
import sys
import threading
import time

import hpc_remote
from hpc_remote import read_text, write_atomic
from hpc_renewal import lines_of, read_json, release, renew, write_json

CONNECT_S = 2.0
# The script of a successor in a year must not depend on what this version leaves elsewhere.
PROGRAMS = ("hpc_hold.py", "hpc_holder.py", "hpc_commands.py", "hpc_shells.py", "hpc_renewal.py", "hpc_remote.py")


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
    from hpc_commands import MAX_LINE, Torn, Wire

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
    from hpc_commands import CommandServer, Pipe

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
    for name in PROGRAMS:
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
        from hpc_holder import Holder

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
