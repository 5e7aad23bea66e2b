#!/usr/bin/env python3
"""Reduces the tasks of one wave to means per grid point, on the cluster: `_hpc_combiner.py --wave N --run-id R [--force]`.

Rules:
- `_combiner/<run_id>/wave_N.json` exists only whole; its existence says "combined", so it is written last and never
  replaced without --force. With --all a file that is torn or another run's is replaced, and named.
- A result counts only when its stamp does not belong to other parameters; what is missing, damaged or foreign is
  listed in `errors`, never guessed.
- `grid_points` holds finite numbers only, since hpc-agent's readers multiply whatever they find there. Everything more
  (counts, spread, parameters) lies beside it under keys that they do not read.

Run it in the workspace's folder on the cluster. Python >= 3.6, standard library only.
"""

import argparse
import json
import math
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import _hpc_task  # noqa: E402


class Refused(Exception):
    pass


def fail(message):
    raise Refused(message)


# --- numbers ----------------------------------------------------------------------------------------------------------


def neumaier_sum(values):
    """Compensated summation: the rounding errors are summed apart and added once."""
    total = 0.0
    lost = 0.0
    for value in values:
        new = total + value
        lost += (total - new) + value if abs(total) >= abs(value) else (value - new) + total
        total = new
    return total + lost


def is_number(value):
    return isinstance(value, (int, float))


def as_finite(value):
    """The number as a float, or None where it is none that can be averaged."""
    try:
        number = float(value)
    except (OverflowError, ValueError, TypeError):
        return None
    return number if math.isfinite(number) else None


def flatten(metrics, prefix=""):
    """Nested objects become dotted names: {"test": {"rmse": 1}} -> {"test.rmse": 1}."""
    flat = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            flat.update(flatten(value, prefix + key + "."))
        else:
            flat[prefix + key] = value
    return flat


def spread(values):
    count = len(values)
    mean = math.fsum(values) / count
    return {
        "count": count,
        "min": min(values),
        "max": max(values),
        "std": math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (count - 1)) if count > 1 else 0.0,
    }


def reduce_point(entries, left_out, notes):
    """(weighted means, spread per metric) of [(task id, metrics)], each weighted by its n_samples (1 where it says none).

    What has no mean is added to left_out: {metric: {reason: [task id]}}."""
    weights = []
    for task, metrics in entries:
        weight = metrics.get("n_samples", 1)
        if not is_number(weight) or as_finite(weight) is None or weight < 0:
            notes.append("task %d: n_samples %r is not a count: weighted as 1" % (task, weight))
            weight = 1
        weights.append(weight)
    means = {}
    statistics = {}
    for name in sorted({name for _, metrics in entries for name in metrics}):
        if name == "n_samples":
            counts = [w for (_, metrics), w in zip(entries, weights) if name in metrics]
            means[name] = sum(counts)
            continue
        having = [(task, metrics[name], w) for (task, metrics), w in zip(entries, weights) if name in metrics]
        odd = [task for task, value, _ in having if not is_number(value)]
        if odd:
            left_out.setdefault(name, {}).setdefault("is not a number", []).extend(odd)
            continue
        values = [(task, as_finite(value), w) for task, value, w in having]
        odd = [task for task, value, _ in values if value is None]
        finite = [value for _, value, _ in values if value is not None]
        if finite:
            statistics[name] = spread(finite)
        if odd:
            # A mean without the tasks that diverged would look better than the truth.
            left_out.setdefault(name, {}).setdefault("is not finite", []).extend(odd)
            continue
        total = neumaier_sum(w for _, _, w in values)
        if total == 0:
            left_out.setdefault(name, {}).setdefault("has no samples", []).extend(task for task, _, _ in values)
            continue
        mean = neumaier_sum(value * w for _, value, w in values) / total
        if not math.isfinite(mean):
            # The products overflowed: scale the weights first.
            mean = neumaier_sum(value * (w / total) for _, value, w in values)
        means[name] = mean
    return means, statistics


def compact_task_ids(ids):
    """[3, 7, 12, 13, 14] -> "3,7,12-14"."""
    parts = []
    ids = sorted(set(ids))
    start = 0
    for position in range(1, len(ids) + 1):
        if position == len(ids) or ids[position] != ids[position - 1] + 1:
            first, last = ids[start], ids[position - 1]
            parts.append(str(first) if first == last else "%d-%d" % (first, last))
            start = position
    return ",".join(parts)


def grid_key(values):
    return re.sub(r"[^a-zA-Z0-9.\-]", "_", "_".join(str(value) for value in values))


def plain(value):
    """For JSON that every reader takes: NaN and infinities as words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


# --- reading ----------------------------------------------------------------------------------------------------------


def read_parameters(folder, run_id, sidecar):
    """The kwargs of every task: the frozen ones, else what the user's tasks.py says."""
    import hashlib

    path = os.path.join(folder, b"runs", os.fsencode(run_id) + b".params.jsonl")
    try:
        text = _hpc_task.read_whole(path)
    except FileNotFoundError:
        return AskedParameters(folder, sidecar)
    if text.endswith(b"\n"):
        text = text[:-1]
    known = sidecar.get("cmd_sha")
    if known and hashlib.sha256(text).hexdigest() != known:
        fail("params.jsonl does not match this run's cmd_sha")
    return [json.loads(line.decode("utf-8")) for line in text.split(b"\n")] if text else []


class AskedParameters:
    def __init__(self, folder, sidecar):
        self.folder = folder
        self.sidecar = sidecar

    def __getitem__(self, index):
        try:
            return json.loads(_hpc_task.asked_line(self.folder, os.environb, index, self.sidecar).decode("ascii"))
        except _hpc_task.TaskError as error:
            raise IndexError(str(error)) from None


def read_result(task, folder, cmd_sha):
    """(metrics or None, why not, runtime sample or None, whether waiting may help)."""
    name = folder.decode("utf-8", "replace")
    runtime = None
    try:
        runtime = json.loads(_hpc_task.read_whole(os.path.join(folder, b"_runtime.json")).decode("utf-8"))
    except (OSError, ValueError):
        pass
    if not isinstance(runtime, dict):
        runtime = None
    stamp = _hpc_task.read_first(os.path.join(folder, b".hpc_cmd_sha"), 128)
    try:
        text = _hpc_task.read_whole(os.path.join(folder, b"metrics.json"))
    except FileNotFoundError:
        return None, "metrics.json not found", runtime, True
    except OSError as error:
        return None, "failed to read metrics.json: %s" % error, runtime, True
    if not text.strip():
        return None, "metrics.json is empty", runtime, True
    found = None if stamp is None else stamp.strip().decode("ascii", "replace")
    if found is not None and cmd_sha and found != cmd_sha:
        return (
            None,
            "the result in %s belongs to other parameters (cmd_sha %s)" % (name, stamp.strip().decode("ascii", "replace")[:12]),
            runtime,
            False,
        )
    if stamp is not None and runtime and runtime.get("task_id") not in (None, task):
        return None, "the result in %s is that of task %s" % (name, runtime["task_id"]), None, False
    if stamp is not None and runtime and runtime.get("exit_code") not in (None, 0):
        # A task whose result counts is not run again, unless it was forced: then the metrics are those of before.
        return (
            None,
            "the result in %s is stale: attempt %s, after it, ended with status %s" % (name, runtime.get("attempt"), runtime["exit_code"]),
            runtime,
            False,
        )
    try:
        metrics = json.loads(text.decode("utf-8"))
    except ValueError as error:
        return None, "failed to read metrics.json: %s" % error, runtime, True
    if not isinstance(metrics, dict):
        return None, "metrics.json is not an object", runtime, False
    return flatten(metrics), None if stamp is not None else "unstamped", runtime, False


def read_results(folders, cmd_sha, settle):
    """{task: read_result}. What is not there yet is looked for again for `settle` seconds, since NFS shows files late."""
    results = {}
    until = time.time() + settle
    left = dict(folders)
    pause = 0.25
    while left:
        with ThreadPoolExecutor(max_workers=min(16, len(left))) as pool:
            for task, result in pool.map(lambda item: (item[0], read_result(item[0], item[1], cmd_sha)), sorted(left.items())):
                results[task] = result
        left = {task: folder for task, folder in left.items() if results[task][3]}
        if not left or time.time() + pause > until:
            return results
        time.sleep(pause)
        pause *= 2
        for parent in {os.path.dirname(folder) for folder in left.values()}:
            try:
                os.listdir(parent)  # makes an NFS client look again
            except OSError:
                pass
    return results


# --- combining --------------------------------------------------------------------------------------------------------


def combine(tasks, run_id, sidecar, parameters, settle):
    """What is written for these tasks, apart from the wave's number; and the runtime samples."""
    extra = sidecar.get("extra") or {}
    order = extra.get("key_order") or []
    replicates = set(extra.get("replicate_keys") or [])
    cmd_sha = sidecar.get("cmd_sha") or ""
    errors = []
    notes = []
    folders = {}
    kwargs_of = {}
    for task in tasks:
        try:
            kwargs = parameters[task]
            folders[task] = _hpc_task.result_directory(sidecar, task, run_id, kwargs)
            kwargs_of[task] = kwargs
        except (IndexError, _hpc_task.TaskError) as error:
            errors.append("task %d: %s" % (task, error))
    results = read_results(folders, cmd_sha, settle)
    points = {}
    samples = []
    unstamped = []
    attempts = {}
    inherited = {}
    expected = {}
    for task in tasks:
        if task not in results:
            continue
        kwargs = kwargs_of[task]
        names = [name for name in order if name in kwargs] + [name for name in kwargs if name not in order]
        point = {name: kwargs[name] for name in names if name not in replicates}
        identity = json.dumps(point, sort_keys=True)
        expected.setdefault(identity, []).append(task)
        metrics, problem, runtime, _ = results[task]
        if runtime:
            samples.append(runtime)
        if metrics is None:
            errors.append("task %d: %s" % (task, problem))
            continue
        if problem:
            unstamped.append(task)
        if runtime and isinstance(runtime.get("attempt"), int):
            attempts.setdefault(str(runtime["attempt"]), []).append(task)
        if runtime and runtime.get("run_id") not in (None, run_id):
            inherited.setdefault(str(runtime["run_id"]), []).append(task)
        points.setdefault(identity, (point, []))[1].append((task, metrics))
    for other in sorted(inherited):
        # The dispatcher took them for done as well: the same parameters in the same folder.
        notes.append("tasks %s: the result is that of run %s, which had the same parameters" % (compact_task_ids(inherited[other]), other))
    if unstamped:
        notes.append("tasks %s: no .hpc_cmd_sha beside the result, so its origin is not proved" % compact_task_ids(unstamped))
    left_out = {}
    by_key = {}
    for identity, (point, entries) in points.items():
        by_key.setdefault(grid_key(point.values()), []).append((identity, point, entries))
    output = {"grid_points": {}, "errors": errors, "notes": notes, "statistics": {}, "params": {}, "grid_tasks": {}, "grid_expected": {}}
    output["attempts"] = {attempt: compact_task_ids(attempts[attempt]) for attempt in sorted(attempts, key=int)}
    for key in sorted(by_key):
        several = by_key[key]
        if len(several) > 1:
            notes.append("%d grid points share the name %s: a number was added" % (len(several), key))
        for identity, point, entries in several:
            name = key
            if len(several) > 1:
                from hashlib import sha256

                name = key + "." + sha256(identity.encode("utf-8")).hexdigest()[:8]
            means, statistics = reduce_point(entries, left_out, notes)
            output["grid_points"][name] = means
            output["statistics"][name] = statistics
            output["params"][name] = plain(point)
            output["grid_tasks"][name] = compact_task_ids([task for task, _ in entries])
            output["grid_expected"][name] = compact_task_ids(expected[identity])
    # One note for all grid points of a run: a metric that diverged everywhere must not bury the others.
    for name in sorted(left_out):
        for reason in sorted(left_out[name]):
            notes.append(
                "metric %s %s in tasks %s: no mean at their grid points" % (name, reason, compact_task_ids(left_out[name][reason]))
            )
    output["without_mean"] = sorted(left_out)
    return output, samples


def write_json(path, value):
    text = json.dumps(value, allow_nan=False).encode("utf-8")
    temporary = path + ".%d.tmp" % os.getpid()
    try:
        with open(temporary, "wb") as handle:
            handle.write(text + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        os.rename(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def write_wave(folder, stem, head, tasks, output, samples):
    path = os.path.join(folder, stem + ".json")
    runtime = dict({name: head[name] for name in ("wave", "run_id")}, samples=[plain(sample) for sample in samples])
    write_json(os.path.join(folder, stem + ".runtime.json"), runtime)
    whole = dict(head, task_ids=list(tasks), task_ids_compact=compact_task_ids(tasks))
    whole.update(output)
    write_json(path, whole)
    print("[combiner] grid_points=%d errors=%d wrote %s" % (len(output["grid_points"]), len(output["errors"]), path))


def refusal(path, wave, tasks, head):
    """Why a wave's file cannot stand for these tasks as it is; None where it can, or where there is none."""
    try:
        written = json.loads(_hpc_task.read_whole(path).decode("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return "is torn"
    if not isinstance(written, dict):
        return "is torn"
    if written.get("run_id") != head["run_id"]:
        return "belongs to run %s" % written.get("run_id")
    if written.get("cmd_sha") not in (None, head["cmd_sha"]):
        return "was made of other parameters"
    if written.get("wave") != wave or written.get("task_ids") != tasks:
        return "holds other tasks than the wave has"
    return None


def waves_of(sidecar):
    waves = sidecar.get("wave_map") or {"0": list(range(int(sidecar.get("task_count") or 0)))}
    return {int(wave): [int(task) for task in tasks] for wave, tasks in waves.items()}


def run(arguments):
    run_id = arguments.run_id or os.environ.get("HPC_RUN_ID")
    if not run_id:
        fail("--run-id not given and HPC_RUN_ID env var not set")
    state = _hpc_task.state_folder(os.environb)
    sidecar = _hpc_task.load_sidecar(state, run_id)
    waves = waves_of(sidecar)
    folder = os.path.join("_combiner", run_id)
    if arguments.all:
        wanted = sorted(waves)
    else:
        wave = arguments.wave if arguments.wave is not None else os.environ.get("HPC_WAVE")
        if wave is None:
            fail("--wave not given and HPC_WAVE env var not set")
        try:
            wanted = [int(wave)]
        except ValueError:
            fail("HPC_WAVE is not an integer: %r" % wave)
        if wanted[0] not in waves:
            fail("wave %d not in wave_map (available: %s)" % (wanted[0], sorted(waves)))
        if os.path.exists(os.path.join(folder, "wave_%d.json" % wanted[0])) and not arguments.force:
            fail("output already exists: %s/wave_%d.json (use --force to overwrite)" % (folder, wanted[0]))
    parameters = read_parameters(state, run_id, sidecar)
    os.makedirs(folder, exist_ok=True)
    head = {"run_id": run_id, "cmd_sha": sidecar.get("cmd_sha") or ""}
    for wave in wanted:
        path = os.path.join(folder, "wave_%d.json" % wave)
        if arguments.all and not arguments.force and os.path.exists(path):
            reason = refusal(path, wave, waves[wave], head)
            if reason is None:
                continue
            sys.stderr.write("[combiner] %s %s: combined anew\n" % (path, reason))
        output, samples = combine(waves[wave], run_id, sidecar, parameters, arguments.settle)
        write_wave(folder, "wave_%d" % wave, dict(head, wave=wave), waves[wave], output, samples)
    if arguments.all:
        # Over all tasks at once, not over the waves' means: a grid point may have tasks in several waves.
        tasks = sorted(task for wave in waves.values() for task in wave)
        output, samples = combine(tasks, run_id, sidecar, parameters, 0)
        write_wave(folder, "all", dict(head, wave=None), tasks, output, samples)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Reduce the metrics.json of one wave to _combiner/<run_id>/wave_N.json.")
    parser.add_argument("--wave", type=int, help="wave number from 0; else $HPC_WAVE")
    parser.add_argument("--all", action="store_true", help="every wave that is not combined yet, and all.json over all tasks")
    parser.add_argument("--run-id", help="else $HPC_RUN_ID")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.add_argument("--settle", type=float, default=5.0, metavar="S", help="look for missing results again for S seconds (default 5)")
    try:
        run(parser.parse_args(argv))
        return 0
    except (Refused, _hpc_task.TaskError) as error:
        message = str(error)
        status = getattr(error, "status", 1)
    except OSError as error:
        message = str(error)
        status = 1
    sys.stderr.write("[combiner] ERROR: %s\n" % re.sub(r"^ERROR: ", "", message))
    return status


if __name__ == "__main__":
    sys.exit(main())
