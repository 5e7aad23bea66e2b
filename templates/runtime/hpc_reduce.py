#!/usr/bin/env python3
"""Runs the user's own reducer over a run's results, on the cluster: a request as JSON on standard input, a reply as one JSON line.

Rules:
- The results are checked first, as the combiner checks them: what is missing, damaged, stale or another run's is named, and nothing
  runs while tasks are missing unless the request says `partial`. Only what passed is listed in $HPC_TASKS.
- An output file that was there before and was not written now is not this reducer's answer.
- The client cancels with a signal to us; the reducer has a session of its own, which we then end with all that is in it. We listen before it
  starts, and are done with it before the client's patience ends: whoever cancels finds nothing running and no file of ours left behind.

Run it in the workspace's folder on the cluster. Python >= 3.6, standard library only.
"""

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import _hpc_combiner  # noqa: E402
import _hpc_task  # noqa: E402

KEPT_BYTES = 65536
# The client makes us end two seconds after it asked.
GRACE_S = 1.0
POLL_S = 0.02


def text_of(data):
    return data.decode("utf-8", "replace")


def results_root(template, run_id):
    """The folder that holds all tasks' results: the template's parts before the first that differs from task to task."""
    parts = []
    for part in template.replace("{run_id}", run_id).split("/"):
        if "{" in part:
            break
        parts.append(part)
    return os.path.join(os.getcwd(), *[part for part in parts if part])


def look(run_id, sidecar, state, settle):
    """([{task_id, result_dir, params}] of what is there, {task: why not})."""
    parameters = _hpc_combiner.read_parameters(state, run_id, sidecar)
    folders, kwargs, missing = {}, {}, {}
    for task in range(int(sidecar.get("task_count") or 0)):
        try:
            kwargs[task] = parameters[task]
            folders[task] = _hpc_task.result_directory(sidecar, task, run_id, kwargs[task])
        except (IndexError, _hpc_task.TaskError) as error:
            missing[task] = str(error)
    results = _hpc_combiner.read_results(folders, sidecar.get("cmd_sha") or "", settle) if folders else {}
    there = []
    for task in sorted(results):
        metrics, problem = results[task][:2]
        if metrics is None:
            missing[task] = problem
        else:
            there.append({"task_id": task, "result_dir": text_of(folders[task]), "params": kwargs[task]})
    return there, missing


def scripts_of(command):
    """{path: sha256} of the files here that the command names, as words or as `-m module`."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    found = {}
    for position, word in enumerate(words):
        name = word
        if position and words[position - 1] == "-m":
            name = word.replace(".", "/") + ".py"
            if not os.path.isfile(name):
                name = word.replace(".", "/") + "/__main__.py"
        if len(name) > 4096 or not os.path.isfile(name) or os.path.relpath(os.path.realpath(name), os.path.realpath(".")).startswith(".."):
            continue
        found[name] = sha_of(name)
    return found


def sha_of(name):
    digest = hashlib.sha256()
    with open(name, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def identity(path):
    try:
        known = os.stat(path)
    except OSError:
        return None
    return (known.st_mtime_ns, known.st_size, known.st_ino)


class Tail:
    """Drains a pipe and keeps its last bytes."""

    def __init__(self, pipe, limit):
        self.pipe = pipe
        self.limit = limit
        self.data = b""
        self.total = 0
        self.thread = threading.Thread(target=self.drain)
        self.thread.daemon = True
        self.thread.start()

    def drain(self):
        while True:
            block = os.read(self.pipe.fileno(), 65536)
            if not block:
                return
            self.total += len(block)
            self.data = (self.data + block)[-self.limit :]

    def close(self):
        # A grandchild in the background may hold the pipe open for ever.
        self.thread.join(2.0)
        return self.data


def listen():
    """The numbers of the signals that ask us to end, as they come."""
    told = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: told.append(number))
    return told


def ends_within(child, seconds, told=()):
    """Whether it ended in time; waits no longer once a signal came."""
    deadline = time.monotonic() + seconds
    while child.poll() is None:
        if told or time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def end(child):
    """Asks the reducer and all that it started to end, then makes them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except OSError:
            pass
        ends_within(child, GRACE_S)
    child.wait()


def run_reducer(script, environment, timeout_s, limit, told):
    """(exit status, standard output's tail, its length, standard error's tail, whether it was too slow). Exits where a signal came."""
    with tempfile.NamedTemporaryFile(prefix="hpc-reduce-", suffix=".sh", delete=False) as handle:
        handle.write(script.encode("utf-8"))
    try:
        child = subprocess.Popen(
            ["/bin/sh", handle.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        out, err = Tail(child.stdout, limit), Tail(child.stderr, KEPT_BYTES)
        late = not ends_within(child, timeout_s, told)
        if late:
            end(child)
        if told:
            sys.exit(128 + told[0])
        return child.returncode, out.close(), out.total, err.close(), late
    finally:
        try:
            os.unlink(handle.name)
        except OSError:
            # A site that tidies its temporary folder was quicker.
            pass


def last_value(stdout):
    """The JSON value of the last line that is not empty, as its text; None where it is none."""
    lines = [line for line in text_of(stdout).split("\n") if line.strip()]
    if not lines:
        return None
    try:
        json.loads(lines[-1])
    except ValueError:
        return None
    return lines[-1].strip()


def reduce(request):
    run_id = request["run_id"]
    state = _hpc_task.state_folder(os.environb)
    sidecar = _hpc_task.load_sidecar(state, run_id)
    if sidecar.get("cmd_sha") != request["cmd_sha"]:
        return {
            "problem": "other",
            "message": "the run's sidecar on the cluster has other parameters (cmd_sha %s)" % str(sidecar.get("cmd_sha"))[:12],
        }
    there, missing = look(run_id, sidecar, state, float(request.get("settle", 2)))
    reply = {
        "present": _hpc_combiner.compact_task_ids([entry["task_id"] for entry in there]),
        "missing": _hpc_combiner.compact_task_ids(list(missing)),
        "why": ["task %d: %s" % (task, missing[task]) for task in sorted(missing)][:50],
        "missing_outputs": [],
    }
    for entry in there:
        for name in request.get("require_outputs") or []:
            if not os.path.isfile(os.path.join(entry["result_dir"], name)):
                reply["missing_outputs"].append("%d:%s" % (entry["task_id"], name))
    if not there or ((missing or reply["missing_outputs"]) and not request.get("partial")):
        return dict(reply, problem="missing", missing_outputs=reply["missing_outputs"][:50])
    reply["missing_outputs"] = reply["missing_outputs"][:50]
    reply["scripts"] = scripts_of(request["command"])
    # What is meant is the file that the person sees, not one that went along with the submission.
    expected = request.get("expected_scripts") or {}
    other = [
        "%s is %s" % (name, "another one there" if os.path.isfile(name) else "not there")
        for name in sorted(expected)
        if not os.path.isfile(name) or sha_of(name) != expected[name]
    ]
    if other:
        return dict(reply, problem="scripts", message="; ".join(other[:5]))
    output = os.path.join(os.getcwd(), request.get("output") or os.path.join("_aggregated", run_id + ".json"))
    if not os.path.isdir(os.path.dirname(output)):
        os.makedirs(os.path.dirname(output))
    told = listen()
    here = tempfile.mkdtemp(prefix="hpc-reduce-")
    listing = os.path.join(here, "tasks.jsonl")
    try:
        with open(listing, "w") as handle:
            for entry in there:
                handle.write(json.dumps(entry) + "\n")
        environment = dict(os.environ)
        environment.update(
            {
                "HPC_RUN_ID": run_id,
                "HPC_CMD_SHA": request["cmd_sha"],
                "HPC_RESULTS_DIR": results_root(sidecar.get("result_dir_template") or "", run_id),
                "HPC_TASK_COUNT": str(sidecar.get("task_count")),
                "HPC_PARAMS": os.path.join(text_of(state), "runs", run_id + ".params.jsonl"),
                "HPC_TASKS": listing,
                "HPC_PARTIAL": "1" if missing else "0",
                "HPC_OUTPUT": output,
                "HPC_AGGREGATED_OUTPUT": output,
            }
        )
        before = identity(output)
        began = time.time()
        limit = int(request["max_bytes"])
        code, out, total, err, late = run_reducer(request["script"], environment, float(request["timeout_s"]), limit, told)
    finally:
        try:
            os.unlink(listing)
            os.rmdir(here)
        except OSError:
            pass
    reply.update(exit_code=code, stderr_tail=text_of(err)[-4000:], elapsed_s=round(time.time() - began, 3), output=output)
    if late:
        return dict(reply, problem="late")
    if code != 0:
        return dict(reply, problem="failed")
    after = identity(output)
    if after is not None and after != before:
        if after[1] > limit:
            return dict(reply, problem="output", message="%s has %d bytes; a reduced result has at most %d" % (output, after[1], limit))
        try:
            with open(output, "rb") as handle:
                value = handle.read().decode("utf-8")
            json.loads(value)
        except ValueError as error:
            return dict(reply, problem="output", message="%s is not JSON: %s" % (output, error))
        return dict(reply, source="file", value=value)
    value = last_value(out)
    if value is None:
        left = "; %s is there, but from before" % output if after is not None else ""
        return dict(reply, problem="output", message="it wrote no $HPC_OUTPUT, and its last line of output is no JSON" + left)
    return dict(reply, source="stdout", value=value)


def main():
    request = json.load(sys.stdin)
    try:
        reply = reduce(request)
    except (_hpc_combiner.Refused, _hpc_task.TaskError, OSError) as error:
        reply = {"problem": "other", "message": str(error)}
    sys.stdout.write("HPC1R " + json.dumps(reply) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
