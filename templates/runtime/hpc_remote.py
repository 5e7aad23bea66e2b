"""The one program that HPC Agent runs on a login node: many questions, one reply.

Reads one JSON request on standard input and prints one line, `HPC1 <base64 of zlib of JSON>`, so that nothing that a
login shell prints can be taken for it. Verbs:

exec     run scheduler commands, reply with what each printed
observe  the same, plus what is new in the event logs of runs; long outputs travel as differences to the last reply
submit   submit the arrays of one run exactly once (see `submit` below)
tail     the end, or a part from an offset, of one file
diagnose run scheduler commands, then tell what the logs of failed tasks have in common (see hpc_diagnose.py)
files    what a task left in its result folder (see hpc_files.py)

Python 3.6 or newer, standard library only.
"""

import base64
import errno
import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib

PROTOCOL = 1
# One reply stays below this, so that a month of events comes in portions: the client asks again while `more` is true.
MAX_EVENT_BYTES = 4 * 1024 * 1024


class Refused(Exception):
    """The request cannot be served; the text says why."""


# ---------------------------------------------------------------- commands


def command_environment(spec, base):
    env = dict(os.environ)
    env.update(base)
    for pattern in spec.get("unset", ()):
        if pattern.endswith("*"):
            for name in [n for n in env if n.startswith(pattern[:-1])]:
                del env[name]
        else:
            env.pop(pattern, None)
    env.update(spec.get("env") or {})
    return env


def run_command(spec, base, on_stderr_line=None):
    """What one command printed: {rc, out, err}. rc is 124 after its time limit, 127 where it does not exist."""
    try:
        process = subprocess.Popen(
            spec["argv"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=command_environment(spec, base),
            close_fds=True,
            start_new_session=True,
        )
    except OSError as error:
        return {"rc": 127, "out": "", "err": "%s: %s" % (spec["argv"][0], error.strerror)}
    stdin = (spec.get("stdin") or "").encode("utf-8")
    try:
        out, err = process.communicate(stdin, timeout=spec.get("timeout", 60))
        code = process.returncode
    except subprocess.TimeoutExpired:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            pass
        out, err = process.communicate()
        code = 124
        err += ("\nended after its limit of %s s" % spec.get("timeout", 60)).encode("utf-8")
    return {"rc": code, "out": out.decode("utf-8", "replace"), "err": err.decode("utf-8", "replace")[-20000:]}


# ---------------------------------------------------------------- differences


def text_hash(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def difference(old, new):
    """`new` as a list of literal lines and [start, count] copies from `old`; order is kept."""
    where = {}
    old_lines = old.split("\n")
    for index, line in enumerate(old_lines):
        where.setdefault(line, index)
    parts = []
    for line in new.split("\n"):
        last = parts[-1] if parts else None
        if isinstance(last, list) and last[0] + last[1] < len(old_lines) and old_lines[last[0] + last[1]] == line:
            last[1] += 1
        elif line in where:
            parts.append([where[line], 1])
        else:
            parts.append(line)
    return parts


def write_atomic(path, text):
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.rename(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise
    try:
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError:
        pass


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as handle:
            return handle.read()
    except (IOError, OSError):
        return None


def shorten(name, result, request):
    """Replaces a long output by its difference to the one that the client still holds."""
    cache = request.get("cache")
    text = result["out"]
    result["hash"] = text_hash(text)
    if not cache or len(text) < 512:
        return
    known = (request.get("known") or {}).get(name)
    if known == result["hash"]:
        result["out"] = None
        return
    path = os.path.join(cache, name + ".txt")
    old = read_text(path) if known else None
    if old is not None and text_hash(old) == known:
        result["out"] = difference(old, text)
        result["base"] = known
    try:
        if not os.path.isdir(cache):
            os.makedirs(cache, 0o700)
        write_atomic(path, text)
    except OSError:
        pass  # without a cache the next reply is merely longer


# ---------------------------------------------------------------- observing


def new_events(directory, offsets, budget):
    """What was appended to the event logs since the offsets: {name: {from, text}}, and whether more is there."""
    found = {}
    more = False
    try:
        names = sorted(n for n in os.listdir(directory) if n.endswith(".jsonl"))
    except OSError:
        return found, more, budget
    for name in names:
        path = os.path.join(directory, name)
        start = offsets.get(name, 0)
        try:
            size = os.stat(path).st_size
            if size == start:
                continue
            if size < start:
                start = 0  # replaced: read it anew; the reader drops what it has seen of this file
            if budget <= 0:
                more = True
                continue
            with open(path, "rb") as handle:
                handle.seek(start)
                data = handle.read(min(size - start, budget))
        except OSError:
            continue
        end = data.rfind(b"\n") + 1
        if end == 0:
            # Not one whole line fitted in what was left of this portion.
            more = more or (budget < MAX_EVENT_BYTES and len(data) < size - start)
            continue
        if start + end < size and len(data) < size - start:
            more = True
        budget -= end
        found[name] = {"from": start, "text": data[:end].decode("utf-8", "replace"), "bytes": end}
    return found, more, budget


def list_directory(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def observe_run(run, budget):
    state = run["state_dir"]
    if not os.path.isdir(state):
        return {"id": run["id"], "gone": True}, False, budget
    events, more, budget = new_events(os.path.join(state, "events"), run.get("offsets") or {}, budget)
    reply = {"id": run["id"]}
    if events:
        reply["events"] = events
    claims = list_directory(os.path.join(state, "claims"))
    if len(claims) != run.get("claims", 0):
        reply["claims"] = {n: read_text(os.path.join(state, "claims", n)) for n in claims}
    combined = [n for n in list_directory(run["combiner_dir"]) if re.match(r"wave_\d+\.json$", n)]
    if len(combined) != run.get("combined", 0):
        reply["combined"] = combined
    if run.get("receipts"):
        reply["receipts"] = read_receipts(state)
    return (reply if len(reply) > 1 else None), more, budget


def observe(request):
    base = request.get("env") or {}
    outputs = {}
    for name in sorted(request.get("commands") or {}):
        outputs[name] = run_command(request["commands"][name], base)
        shorten(name, outputs[name], request)
    runs = []
    more = False
    budget = MAX_EVENT_BYTES
    # The queue was asked before the logs are read: a task that ended in between is then seen to have ended, never as vanished.
    for run in request.get("runs") or ():
        reply, run_more, budget = observe_run(run, budget)
        more = more or run_more
        if reply:
            runs.append(reply)
    return {"outputs": outputs, "runs": runs, "more": more, "now": time.time()}


# ---------------------------------------------------------------- submitting


def read_receipts(state):
    receipts = {}
    for name in list_directory(os.path.join(state, "receipts")):
        if not name.endswith(".json"):
            continue
        try:
            receipts[name[:-5]] = json.loads(read_text(os.path.join(state, "receipts", name)) or "")
        except ValueError:
            # A receipt is written by rename, so a torn one is a damaged disk: what it stood for is not known.
            receipts[name[:-5]] = {"state": "submitting", "torn": True}
    return receipts


def take_lock(state, token, wait_s):
    """An flock that lives as long as this process or a submit command that it started: the child inherits it."""
    home = os.path.join(os.path.expanduser("~"), ".hpc-agent", "locks")
    deadline = time.time() + wait_s
    path = os.path.join(state, "lock")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.set_inheritable(handle, True)
            return handle
        except OSError as error:
            os.close(handle)
            if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP) and not path.startswith(home):
                # A file system without locks (some Lustre mounts): the home's has them.
                if not os.path.isdir(home):
                    os.makedirs(home, 0o700)
                path = os.path.join(home, token)
                continue
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.time() > deadline:
                return None
            time.sleep(0.1)


def run_submit_command(array, argv, base, lock):
    """Runs one submit command, watching its error output for "refused for now", on which it is ended at once."""
    env = command_environment(array, base)
    throttled = [re.compile(p) for p in array.get("throttled_patterns", ())]
    err_path = os.path.join(array["state_dir"], "receipts", "." + array["key"] + ".err")
    with open(err_path, "w+b") as err, open(err_path + ".out", "w+b") as out:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if array.get("stdin") else subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=env,
            pass_fds=(lock,),
            start_new_session=True,
        )
        if array.get("stdin"):
            try:
                process.stdin.write(array["stdin"].encode("utf-8"))
                process.stdin.close()
            except OSError:
                pass
        deadline = time.time() + array.get("timeout", 60)
        outcome = None
        pause = 0.002
        while process.poll() is None:
            text = read_text(err_path) or ""
            if any(p.search(text) for p in throttled):
                outcome = "throttled"
            elif time.time() > deadline:
                outcome = "timeout"
            if outcome:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except OSError:
                    pass
                process.wait()
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        out.seek(0)
        err.seek(0)
        text_out = out.read().decode("utf-8", "replace")
        text_err = err.read().decode("utf-8", "replace")
    for path in (err_path, err_path + ".out"):
        try:
            os.unlink(path)
        except OSError:
            pass
    if outcome is None and any(p.search(text_err) for p in throttled):
        outcome = "throttled"
    return process.returncode, text_out, text_err, outcome


def with_job_ids(text, receipts):
    """`{job:KEY}` becomes the id of that key's job."""
    return re.sub(r"\{job:([A-Za-z0-9]+)\}", lambda m: receipts[m.group(1)]["job_id"], text)


def find_job_ids(pattern, text):
    """Every id that a submit command may have meant: a site's own filter says numbers too, before and after (hours left, a project)."""
    matches = [re.match(pattern, line.strip()) for line in text.split("\n")]
    return sorted({match.group(1) for match in matches if match})


def submit(request):
    """Submits what has no receipt yet, each array at most once for its token.

    Rule: a receipt `submitting` is on the disk before the submit command runs, and `submitted` with the job id right after.
    Who finds `submitting` without an id does not know whether the scheduler took the job: it is never repeated here.
    The client looks the job up by its name and calls again with what it found (`resolved`), which alone settles it.
    """
    state, token = request["state_dir"], request["token"]
    base = request.get("env") or {}
    try:
        os.setsid()
    except OSError:
        pass
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in ("receipts", "events", "logs", "claims"):
        path = os.path.join(state, name)
        if not os.path.isdir(path):
            os.makedirs(path, 0o755)
    # The folder is ours, or the run id was given twice: then nothing is touched.
    token_file = os.path.join(state, "token")
    if not os.path.exists(token_file):
        own = "%s.%d" % (token_file, os.getpid())
        with open(own, "w") as handle:
            handle.write(token)
        try:
            os.link(own, token_file)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        os.unlink(own)
    if (read_text(token_file) or "").strip() != token:
        return {"foreign": token_file, "receipts": {}}
    lock = take_lock(state, token, request.get("lock_wait", 20))
    if lock is None:
        return {"busy": True, "receipts": read_receipts(state)}
    receipts = read_receipts(state)
    resolved = request.get("resolved") or {}

    def record(key, receipt):
        receipt = dict(receipt, key=key, token=token, at=time.time(), host=os.uname()[1])
        write_atomic(os.path.join(state, "receipts", key + ".json"), json.dumps(receipt, sort_keys=True))
        receipts[key] = receipt

    for key in sorted(receipts):
        # A job that began left its id itself: proof that needs no scheduler.
        claim = (read_text(os.path.join(state, "claims", key)) or "").split(" ")[0]
        if receipts[key].get("state") == "submitting" and re.match(r"[0-9]+(\[\])?(_[0-9]+)?$", claim):
            record(key, {"state": "submitted", "job_id": claim.split("_")[0], "found": "it left its mark when it began"})
    for key in sorted(resolved):
        current = receipts.get(key)
        if current is None or current.get("state") in ("submitted",):
            continue
        if resolved[key].get("job_id"):
            record(key, {"state": "submitted", "job_id": resolved[key]["job_id"], "found": resolved[key].get("evidence", "")})
        elif resolved[key].get("absent") and current.get("at") == resolved[key].get("at"):
            # The same attempt that was looked up, and nobody can still be at it: we hold the lock that its command inherits.
            record(key, {"state": "refused", "err": "not found in the queue nor in accounting", "rc": None})

    stopped = None
    for array in request.get("arrays") or ():
        key = array["key"]
        current = receipts.get(key)
        if current and current.get("state") == "submitted":
            continue
        if array.get("job_id"):
            # Its receipt was purged with the folder; who submitted it wrote the id down as well.
            record(key, {"state": "submitted", "job_id": array["job_id"], "found": "recorded by who submitted it"})
            continue
        if current and current.get("state") == "submitting":
            stopped = {"kind": "unknown", "key": key}
            break
        missing = [k for k in array.get("after", ()) if (receipts.get(k) or {}).get("state") != "submitted"]
        if missing:
            stopped = {"kind": "blocked", "key": key, "missing": missing}
            break
        argv = [with_job_ids(word, receipts) for word in array["argv"]]
        stdin = with_job_ids(array.get("stdin") or "", receipts)
        record(key, {"state": "submitting"})
        try:
            code, out, err, outcome = run_submit_command(dict(array, state_dir=state, stdin=stdin), argv, base, lock)
        except OSError as error:
            record(key, {"state": "refused", "rc": 127, "err": "%s: %s" % (argv[0], error.strerror)})
            stopped = {"kind": "refused", "key": key}
            break
        job_ids = find_job_ids(array["job_id_pattern"], out)
        if len(job_ids) == 1 and (code == 0 or outcome is None):
            # An id that was printed is an accepted job, whatever noise stands on the error output.
            record(key, {"state": "submitted", "job_id": job_ids[0], "err": err[-2000:]})
            continue
        if outcome == "throttled":
            record(key, {"state": "throttled", "rc": code, "err": err[-4000:]})
            stopped = {"kind": "throttled", "key": key}
        elif outcome == "timeout" or code is None or code <= 0 or not err.strip() or re.search(request["unknown_pattern"], err) or job_ids:
            # Of several numbers none is guessed: its name tells which is the job.
            # Who refuses says why: no word at all may be a job whose id a full disk did not take.
            record(key, {"state": "submitting", "rc": code, "err": err[-4000:], "out": out[-2000:]})
            stopped = {"kind": "unknown", "key": key}
        else:
            record(key, {"state": "refused", "rc": code, "err": err[-4000:]})
            stopped = {"kind": "refused", "key": key}
        break
    os.close(lock)
    return {"receipts": receipts, "stopped": stopped, "now": time.time()}


# ---------------------------------------------------------------- logs


def tail(request):
    """A part of a file: from `offset` on, or what comes last before `before` (the end of the file by itself), whole lines of it."""
    path, limit = request["path"], request["max_bytes"]
    if request.get("in_folder") and os.path.isdir(path):
        path = os.path.join(path, request["in_folder"])
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            offset = request.get("offset")
            if offset is None:
                end = min(request.get("before", size), size)
                start = max(0, end - limit)
                handle.seek(start)
                data = handle.read(end - start)
                cut = first_of_last_lines(data, request.get("lines"), start == 0)
                start += cut
                data = data[cut:]
            else:
                start = min(offset, size)
                handle.seek(start)
                data = handle.read(limit)
    except (IOError, OSError) as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return {"found": False, "path": path}
        raise Refused("cannot read %s: %s" % (path, error.strerror)) from None
    return {"found": True, "path": path, "offset": start, "size": size, "data": base64.b64encode(data).decode("ascii")}


def first_of_last_lines(data, lines, whole):
    """Where the last lines begin; the first line is left out where it may be half a line, unless it is all there is."""
    last = len(data) - 1 if data.endswith(b"\n") else len(data)
    position = last
    for _ in range(lines or 0):
        position = data.rfind(b"\n", 0, position)
        if position < 0:
            break
    else:
        if lines:
            return position + 1
    return 0 if whole else data.find(b"\n", 0, last) + 1


def execute(request):
    base = request.get("env") or {}
    return {"outputs": [run_command(command, base) for command in request["commands"]]}


def diagnose(request):
    # Only here: no other answer should wait for its patterns.
    import hpc_diagnose

    base = request.get("env") or {}
    commands = request.get("commands") or {}
    outputs = {name: run_command(commands[name], base) for name in sorted(commands)}
    return {"outputs": outputs, "scan": hpc_diagnose.scan(request["scan"])}


def files(request):
    import _hpc_task
    import hpc_files

    try:
        return hpc_files.files(request)
    except _hpc_task.TaskError as error:
        raise Refused(re.sub(r"^ERROR: ", "", str(error))) from None


VERBS = {"exec": execute, "observe": observe, "submit": submit, "tail": tail, "diagnose": diagnose, "files": files}


def main():
    try:
        request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
        if request.get("v") != PROTOCOL or request.get("verb") not in VERBS:
            raise Refused("unknown request: %r version %r" % (request.get("verb"), request.get("v")))
        reply = VERBS[request["verb"]](request)
        reply["ok"] = True
    except Refused as refusal:
        reply = {"ok": False, "error": str(refusal)}
    except (OSError, IOError) as error:
        reply = {
            "ok": False,
            "error": "%s: %s" % (error.filename or "file system", error.strerror),
            "errno": errno.errorcode.get(error.errno, ""),
        }
    packed = zlib.compress(json.dumps(reply).encode("utf-8"), 6)
    try:
        sys.stdout.write("HPC1 %s\n" % base64.b64encode(packed).decode("ascii"))
        sys.stdout.flush()
    except (IOError, OSError):
        os._exit(0)  # the asker is gone; what was done is on the disk


if __name__ == "__main__":
    main()
