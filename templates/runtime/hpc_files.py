"""What a task left in its result folder: names and sizes, and one file's end. Used by hpc_remote.py, its verb `files`.

Rules: nothing outside the folder is read, also not through links; the list is bounded; a folder that is not there is an answer.

Python 3.6 or newer, standard library only.
"""

import base64
import errno
import json
import os

import _hpc_task


def frozen_kwargs(state, run_id, task):
    """The task's own line of the parameters as they were submitted."""
    path = os.path.join(state, b"runs", os.fsencode(run_id) + b".params.jsonl")
    with open(path, "rb") as handle:
        for index, line in enumerate(handle):
            if index == task:
                return json.loads(line.decode("utf-8"))
    raise _hpc_task.TaskError(1, "ERROR: run %s has no task %d" % (run_id, task))


def list_files(directory, limit):
    """([[name, size]] in order, how many more there are)."""
    found = []
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                size = os.lstat(path).st_size
            except OSError:
                continue
            found.append([os.path.relpath(path, directory).decode("utf-8", "replace"), size])
            if len(found) >= 20 * limit:
                return found[:limit], len(found) - limit
    return found[:limit], max(0, len(found) - limit)


def read_end(directory, name, limit):
    """The end of one file, as `tail` gives it."""
    path = os.path.realpath(os.path.join(directory, os.fsencode(name)))
    if not path.startswith(os.path.realpath(directory) + b"/"):
        raise _hpc_task.TaskError(1, "ERROR: %s is not in the task's result folder" % name)
    with open(path, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        handle.seek(max(0, size - limit))
        data = handle.read(limit)
    return {"size": size, "offset": max(0, size - limit), "data": base64.b64encode(data).decode("ascii")}


def files(request):
    root = os.fsencode(request["root"])
    os.chdir(root)
    state = os.path.join(root, b".hpc")
    run_id, task = request["run_id"], request["task"]
    sidecar = _hpc_task.load_sidecar(state, run_id)
    directory = _hpc_task.result_directory(sidecar, task, run_id, frozen_kwargs(state, run_id, task))
    reply = {"directory": directory.decode("utf-8", "replace"), "found": os.path.isdir(directory), "files": [], "more": 0}
    name = request.get("read")
    if name is None:
        reply["files"], reply["more"] = list_files(directory, request.get("limit", 200))
        return reply
    try:
        reply.update(read_end(directory, name, request["max_bytes"]))
    except (IOError, OSError) as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
        reply["found"] = False
    return reply
