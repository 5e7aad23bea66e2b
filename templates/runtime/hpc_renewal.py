"""The successor of a held node's job, and the files that the jobs of one reservation share.

Rules:
- The successor is submitted by the program that submits everything else (`hpc_remote.py submit`): exactly once, whoever asks.
- After `released` is written no successor is submitted (one lock), and a job that starts nevertheless ends at once.

Used by hpc_hold.py and hpc_holder.py. Python 3.6 or newer, standard library only.
"""

import fcntl
import json
import os
import subprocess
import sys
import time

from hpc_remote import read_text, write_atomic


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
