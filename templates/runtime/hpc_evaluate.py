#!/usr/bin/env python3
"""Evaluates a tasks.py once and prints what every task resolves to. Fed to `python3 - tasks.py nonce max_tasks seconds`.

Rules:
- `total()` is called once and `resolve(i)` once for every i in order: a tasks.py may ask an optimiser for its next trial.
- What user code prints goes to standard error. Standard output carries only our frames: lines that begin with the nonce,
  and between `begin` and `end` one line of canonical JSON per task, closed by their number and SHA-256.
- Failures are a frame as well: {"code", "message", "file", "line", "task"}.

Python >= 3.6, standard library only.
"""

import hashlib
import json
import os
import signal
import sys
import traceback
import types

BATCH = 1000


class Invalid(Exception):
    def __init__(self, code, message, task=None):
        Exception.__init__(self, message)
        self.code = code
        self.task = task


class TooSlow(BaseException):
    pass


class Frames:
    """Our own copy of standard output; the one that user code sees leads to standard error."""

    def __init__(self, nonce):
        sys.stdout.flush()
        self.out = os.fdopen(os.dup(1), "wb")
        self.nonce = nonce.encode("ascii")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def frame(self, kind, value):
        self.out.write(self.nonce + b" " + kind + b" " + json.dumps(value, default=repr).encode("ascii") + b"\n")
        self.out.flush()


def install_flag_helpers():
    """hpc-agent's `flag`, `generic_args` and `gpu_args` for a tasks.py that imports them where that package is not installed."""

    def flag(name, type=str, *, default=None, required=False, choices=None, help="", nargs=None):
        return {"name": name, "type": type, "default": default, "required": required, "choices": choices, "help": help, "nargs": nargs}

    def generic_args():
        return [
            flag("output_file", required=True),
            flag("seed", int, default=42),
            flag("start", int, default=0),
            flag("end", int, default=-1),
            flag("data_path"),
        ]

    def gpu_args():
        return [flag("gpu_count", int, default=1), flag("epochs", int), flag("batch_size", int), flag("learning_rate", float)]

    for package in ("hpc_agent", "claude_hpc"):
        try:
            __import__(package)
        except ImportError:
            parent = types.ModuleType(package)
            module = types.ModuleType(package + ".executor_cli")
            module.flag, module.generic_args, module.gpu_args = flag, generic_args, gpu_args
            parent.executor_cli = module
            parent.__path__ = []
            sys.modules[package] = parent
            sys.modules[package + ".executor_cli"] = module


def place_of(error, path):
    """The innermost line of tasks.py that the failure passed through, else the failure's own place."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    found = (None, None)
    for entry in traceback.extract_tb(error.__traceback__):
        name = os.path.abspath(entry.filename) if os.path.exists(entry.filename) else entry.filename
        if name == path:
            found = (name, entry.lineno)
    return found


def load(path):
    try:
        with open(path, "rb") as source_file:
            source = source_file.read()
    except OSError as error:
        raise Invalid("tasks_py_missing", "%s: %s" % (path, error.strerror)) from None
    module = types.ModuleType("hpc_user_tasks")
    module.__file__ = path
    sys.modules["hpc_user_tasks"] = module
    folder = os.path.dirname(path)
    # As the dispatcher does: modules beside tasks.py first, then the workspace (below which `.hpc` lies).
    sys.path[:0] = [folder, os.path.dirname(folder)]
    install_flag_helpers()
    exec(compile(source, path, "exec"), module.__dict__)
    for name in ("total", "resolve"):
        if not callable(getattr(module, name, None)):
            raise Invalid("tasks_py_import_error", "%s does not define %s()" % (os.path.basename(path), name))
    return module, hashlib.sha256(source).hexdigest()


def count_of(module, limit):
    count = module.total()
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise Invalid("total_invalid", "total() must return an int, not %s" % type(count).__name__)
    count = count.__index__()
    if count < 0:
        raise Invalid("total_invalid", "total() returned %d" % count)
    if count > limit:
        raise Invalid("total_invalid", "total() returned %d, more than the %d tasks that one run may have" % (count, limit))
    return count


def line_of(module, index):
    kwargs = module.resolve(index)
    if not isinstance(kwargs, dict):
        raise Invalid("resolve_returned_non_dict", "resolve(%d) must return a dict, not %s" % (index, type(kwargs).__name__), index)
    for key in kwargs:
        if not isinstance(key, str):
            raise Invalid("literal_value_not_allowed", "resolve(%d): the key %r is not a string" % (index, key), index)
    try:
        return json.dumps(kwargs, sort_keys=True, separators=(",", ":")), kwargs
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid("literal_value_not_allowed", "resolve(%d): %s" % (index, error), index) from None


def flag_of(entry):
    def get(name):
        return entry.get(name) if isinstance(entry, dict) else getattr(entry, name, None)

    kind = get("type")
    name = get("name")
    if not isinstance(name, str):
        return {"name": None, "source": repr(entry)[:200]}
    choices = get("choices")
    return {
        "name": name,
        "type": getattr(kind, "__name__", None) if kind is not None else None,
        "default": jsonable(get("default")),
        "required": bool(get("required")),
        "choices": [jsonable(choice) for choice in choices] if isinstance(choices, (list, tuple)) else None,
        "help": get("help") if isinstance(get("help"), str) else "",
    }


def jsonable(value):
    try:
        json.dumps(value, allow_nan=False)
        return value
    except (TypeError, ValueError):
        return repr(value)


def flags_of(module):
    flags = getattr(module, "FLAGS", None)
    if not isinstance(flags, dict):
        return None
    return {str(name): [flag_of(entry) for entry in entries] for name, entries in flags.items() if isinstance(entries, (list, tuple))}


def print_tasks(frames, module, count):
    digest = hashlib.sha256()
    # Every name, in the order in which it first comes: tasks of different executors have different ones.
    order = []
    known = set()
    batch = []
    for index in range(count):
        line, kwargs = line_of(module, index)
        if not known.issuperset(kwargs):
            order.extend(name for name in kwargs if name not in known)
            known.update(kwargs)
        batch.append(line)
        if len(batch) == BATCH or index == count - 1:
            text = "\n".join(batch).encode("ascii")
            digest.update(text if index < BATCH else b"\n" + text)
            frames.out.write(text + b"\n")
            batch = []
    return digest.hexdigest(), order


def alarm(_number, _frame):
    raise TooSlow


def main():
    path, nonce, limit, seconds = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    frames = Frames(nonce)
    sys.argv = [path]
    # `python3 -` puts the working folder first; a file `json.py` there must not matter to us, and we have imported all we need.
    module = None
    try:
        if hasattr(signal, "SIGALRM") and seconds > 0:
            signal.signal(signal.SIGALRM, alarm)
            signal.alarm(seconds)
        module, tasks_sha = load(path)
        count = count_of(module, limit)
        frames.frame(b"begin", {"count": count, "python": "%d.%d.%d" % sys.version_info[:3], "tasks_py_sha": tasks_sha})
        cmd_sha, order = print_tasks(frames, module, count)
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)
        frames.frame(b"end", {"count": count, "cmd_sha": cmd_sha, "key_order": order, "flags": flags_of(module)})
        return 0
    except TooSlow as error:
        code, message, task = "tasks_py_timeout", "did not finish within %d s" % seconds, None
        place = place_of(error, path)
    except Invalid as error:
        code, message, task, place = error.code, str(error), error.task, (None, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a tasks.py that calls exit() is an answer to give, not to obey
        code = "tasks_py_import_error" if module is None else "resolve_raised"
        message, task = "%s: %s" % (type(error).__name__, error), None
        place = place_of(error, path)
        traceback.print_exc(file=sys.stderr)
    frames.frame(b"error", {"code": code, "message": message[:2000], "file": place[0], "line": place[1], "task": task})
    return 0


status = main()
sys.stderr.flush()
# Threads and exit handlers of user code have no say in how we end.
os._exit(status)
