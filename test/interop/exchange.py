"""The published hpc-agent reads what we wrote, and writes what we shall read. Prints one JSON object; warnings are in it.

Usage: exchange.py read|write <json>
"""

import contextlib
import importlib
import importlib.util
import io
import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path


def load(name, *modules):
    """The thing of that name, from the first of the modules that has it: newer versions moved them."""
    for module in modules:
        try:
            return getattr(importlib.import_module("hpc_agent." + module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError("hpc_agent has no " + name + " in " + ", ".join(modules))


def import_tasks(path):
    spec = importlib.util.spec_from_file_location("tasks", str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(ask):
    work, run_id, profile, cluster = Path(ask["work"]), ask["run_id"], ask["profile"], ask["cluster"]
    combined = work / "_combiner" / run_id
    runs = "state.runs"
    sidecar = load("read_run_sidecar", runs)(work, run_id)
    record = load("load_run", "_internal.session.journal", "state.journal")(work, run_id)
    tasks = import_tasks(work / ".hpc" / "tasks.py")
    spec_model = load("ValidateWalltimeAgainstHistorySpec", "_schema_models.validators.validate_walltime_against_history", "_wire.validators.validate_walltime_against_history")
    validate = load("validate_walltime_against_history", "atoms.validate_walltime_against_history", "ops.validate.walltime_against_history")
    findings = validate(work, spec=spec_model(profile=profile, cluster=cluster, gpu_type="cpu", requested_walltime_sec=1, workload_tags=[]))
    health_model = load("CampaignHealthSpec", "_schema_models.queries.campaign_health", "_wire.queries.campaign_health")
    clusters = load("load_clusters_config", "infra.clusters")(Path(ask["clusters"]))
    load("validate_clusters_config", "infra.clusters")(clusters)
    prior = load("find_prior_run", "atoms.setup_actions", "cli.setup_actions")(work, cmd_sha=sidecar["cmd_sha"])
    return {
        "sidecar": {key: sidecar[key] for key in ("run_id", "task_count", "wave_map", "cluster", "profile", "job_ids", "result_dir_template")},
        "runs": [path.stem for path in load("find_existing_runs", runs)(work)],
        "orphan": load("is_orphan_sidecar", runs)(work, run_id),
        "prior": {key: prior[key] for key in ("found", "prior_run_id", "is_orphan", "job_ids")},
        "record": None if record is None else {"total_tasks": record.total_tasks, "job_ids": record.job_ids, "profile": record.profile, "status": record.status},
        "in_flight": [found.run_id for found in load("find_in_flight_runs", "_internal.session.index", "state.index")(work)],
        "cmd_sha": load("compute_cmd_sha", "state.run_sha", runs)(tasks),
        "tasks_py_sha": load("compute_tasks_py_sha", "state.run_sha", runs)(work / ".hpc" / "tasks.py"),
        "partials": load("reduce_partials", "mapreduce.reduce.metrics", "execution.mapreduce.reduce.metrics")(combined),
        "errors": load("collect_wave_errors", "mapreduce.reduce.metrics", "execution.mapreduce.reduce.metrics")(combined),
        "verified": load("verify_aggregation_complete", "atoms.aggregation_invariants", "ops.aggregate.invariants")(work, run_id=run_id, combiner_dir_local=str(combined)),
        "rollup": load("roll_up_quantiles", "state.runtime_prior")(work, profile=profile, cluster=cluster),
        "findings": [finding.code for finding in findings.findings],
        "health": str(load("campaign_health", "atoms.campaign_health", "meta.campaign.atoms.health")(work, spec=health_model(profile=profile, cluster=cluster)))[:200],
        "recall": load("recall_campaigns", "atoms.recall", "ops.memory.recall")([work])["rollup"]["count"],
        "axes": load("read_axes", "planning.axes", "state.axes")(work),
        "executors": [str(found.path) for found in load("discover_executors", "state.discover")(work)],
        "clusters": sorted(clusters),
    }


def ingest(ask):
    """Reads our runtime samples of a wave into its own memory, as its aggregate does."""
    work, run_id = Path(ask["work"]), ask["run_id"]
    return load("ingest_runtime_samples_from_combiner_dir", "state.runtime_prior")(
        work / "_combiner" / run_id, experiment_dir=work, profile=ask["profile"], cluster=ask["cluster"]
    )


def append(ask):
    """Tells its memory of run times one task after the other, as its monitor does."""
    tell = load("append_sample", "state.runtime_prior")
    for task in range(int(ask["tasks"])):
        tell(Path(ask["work"]), profile=ask["profile"], cluster=ask["cluster"], run_id="its", task_id=task, gpu_type="cpu", node="n1", elapsed_sec=10, exit_code=0)
    return int(ask["tasks"])


def write(ask):
    work, run_id = Path(ask["work"]), ask["run_id"]
    version = importlib.import_module("hpc_agent").__version__
    spec_model = load("BuildTasksPyInput", "_schema_models.actions.build_tasks_py", "_wire.actions.build_tasks_py")
    spec = spec_model(axes=[{"name": "alpha", "values": [0.1, 1e-05, 2]}, {"name": "name", "values": ["a", "ü b"]}], flags_by_executor={"fit": [{"name": "alpha", "type": "float"}]})
    load("build_tasks_py", "atoms.build_tasks_py", "incorporation.build.tasks_py")(work, spec=spec)
    tasks_py = work / ".hpc" / "tasks.py"
    tasks = import_tasks(tasks_py)
    total = tasks.total()
    cmd_sha = load("compute_cmd_sha", "state.run_sha", "state.runs")(tasks)
    common = {"run_id": run_id, "submitted_at": "2026-01-02T10:00:00+00:00", "profile": "fit", "cluster": "bed", "remote_path": "/scratch/me/fit"}
    load("write_run_sidecar", "state.runs")(
        work,
        cmd_sha=cmd_sha,
        hpc_agent_version=version,
        executor="python3 fit.py",
        result_dir_template="results/{run_id}/{task_id}",
        task_count=total,
        tasks_py_sha=load("compute_tasks_py_sha", "state.run_sha", "state.runs")(tasks_py),
        wave_map={"0": list(range(total))},
        resources={"cpus": 2, "mem": "4G", "walltime": "01:00:00"},
        env={"modules": ["gcc"], "conda_env": "fit"},
        **common,
    )
    record_type = load("RunRecord", "_internal.session.run_record", "state.run_record")
    load("upsert_run", "_internal.session.journal", "state.journal")(
        work, record_type(ssh_target="me@bed", job_name="fit", job_ids=["4711"], total_tasks=total, experiment_dir=str(work), **common)
    )
    load("update_run_sidecar_job_ids", "state.runs")(work, run_id, ["4711"])
    append = load("append_sample", "state.runtime_prior")
    for task in range(total):
        append(work, profile="fit", cluster="bed", run_id=run_id, task_id=task, gpu_type="cpu", node="n1", elapsed_sec=100 + 10 * task, peak_host_mem_mb=900, exit_code=0)
        results = work / "results" / run_id / str(task)
        results.mkdir(parents=True)
        (results / "metrics.json").write_text(json.dumps({"loss": task / 2, "n_samples": 2}))
    # Its combiner stands beside tasks.py on a cluster, and runs in the folder above.
    module = load("__file__", "mapreduce.combiner", "execution.mapreduce.combiner")
    (work / ".hpc" / "_hpc_combiner.py").write_text(Path(module).read_text())
    ran = subprocess.run([sys.executable, ".hpc/_hpc_combiner.py", "--wave", "0", "--run-id", run_id], cwd=str(work), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        raise RuntimeError(ran.stdout.decode())
    package = Path(importlib.import_module("hpc_agent").__file__).parent
    return {
        "cmd_sha": cmd_sha,
        "total": total,
        "tasks": [tasks.resolve(task) for task in range(total)],
        "rollup": load("roll_up_quantiles", "state.runtime_prior")(work, profile="fit", cluster="bed"),
        "wave": str(sorted((work / "_combiner").rglob("wave_0.json"))[0]),
        "clusters_yaml": (package / "config" / "clusters.yaml").read_text(),
    }


def main():
    said = io.StringIO()
    logging.basicConfig(stream=said, level=logging.WARNING)
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(said):
        warnings.simplefilter("always")
        answer = {"read": read, "ingest": ingest, "append": append, "write": write}[sys.argv[1]](json.loads(sys.argv[2]))
    ours = [str(warning.message) for warning in caught]
    print(json.dumps({"answer": answer, "warnings": ours, "said": said.getvalue()}, default=str))


main()
