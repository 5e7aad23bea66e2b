"""The successor of a held node's job, and the files that the jobs of one reservation share.

Rules:
- The successor is submitted by the program that submits everything else (`hpc_remote.py submit`): exactly once, whoever asks.
- A submission without an answer is settled by what the scheduler says of the job's name, never by time alone: adopted when it is there, submitted
  again only when every source answered, twice, that it is not.
- After `released` is written no successor is submitted (one lock), and a job that starts nevertheless ends at once.

Used by hpc_hold.py and hpc_holder.py. Python 3.6 or newer, standard library only.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
import time

from hpc_remote import read_text, run_command, write_atomic

# As long may a request that a dead submit command sent still be on its way into the scheduler.
SETTLE_S = 10.0
# Between the two answers that a job is not there: a scheduler that wakes up may tell of its queue before it has read its letters.
TWICE_S = 3.0


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


def locked(directory, name):
    handle = os.open(os.path.join(directory, name), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system without locks: the released mark still ends a successor when it starts
    return handle


def ask_for_name(spec, since, fill):
    """One look at every source: ("there", id), ("absent", None), or ("silent", why) when one of them gave no answer."""
    silent = None
    for question in spec["find"]:
        words = [fill(word).replace("{since}", since) for word in question["argv"]]
        answer = run_command(dict(question, argv=words, stdin=fill(question.get("stdin") or "")), spec.get("env") or {})
        # PBS folds its long lines.
        text = answer["out"].replace("\r\n", "\n").replace("\n\t", "") + "\n" + answer["err"]
        match = re.search(fill(question["job_id_pattern"]), text, re.M)
        if match:
            return "there", match.group(1)
        if re.search(question["no_source_pattern"], text, re.M):
            continue
        if answer["rc"] != 0 or not re.search(question["whole_pattern"], text, re.M):
            lines = [line.strip() for line in answer["err"].split("\n") if line.strip()]
            silent = lines[-1] if lines else "no complete answer (exit status %s)" % answer["rc"]
    return ("absent", None) if silent is None else ("silent", silent)


def look_for_lost(directory, spec, key, fill):
    """(resolved, why): what settles a receipt that stands at `submitting`, as `hpc_remote.submit` takes it; else why it stays open."""
    receipt = read_json(os.path.join(directory, "receipts", key + ".json")) or {}
    if receipt.get("state") != "submitting" or not spec.get("find"):
        return {}, None
    at = receipt.get("at")
    if at is None:
        return {}, "its receipt does not say when it was submitted"
    if 0 <= time.time() - at < SETTLE_S:
        return {}, None
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at - 2 * 86400))
    seen, what = ask_for_name(spec, since, fill)
    if seen == "absent":
        time.sleep(TWICE_S)
        seen, what = ask_for_name(spec, since, fill)
    if seen == "there":
        return {key: {"job_id": what, "at": at, "evidence": "found by its name"}}, None
    if seen == "absent":
        return {key: {"absent": True, "at": at}}, None
    return {}, "the scheduler could not be asked for it: %s" % what


def renew(directory, spec, hop):
    """Submits the successor unless the reservation was released: exactly once, by the program that submits everything."""
    key = "h%d" % hop
    fill = lambda text: text.replace("-hNEXT-", "-%s-" % key)  # noqa: E731
    # Before the lock: a release does not wait for a scheduler that is away. A receipt that changes meanwhile is not taken for the one looked up.
    resolved, open_because = look_for_lost(directory, spec, key, fill)
    lock = locked(directory, "renewal.lock")
    try:
        if os.path.exists(os.path.join(directory, "released")):
            return {"state": "released"}
        step = spec["submit"]
        request = {
            "v": 1, "verb": "submit", "env": spec.get("env") or {}, "state_dir": directory, "token": spec["token"], "unknown_pattern": spec["unknown_pattern"],
            "resolved": resolved,
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
        words = "; ".join([line for line in lines if line not in ("", "Exiting.")] + ([open_because] if open_because else []))
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
