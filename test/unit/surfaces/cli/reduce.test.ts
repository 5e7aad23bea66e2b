/** The workspace's own reducer over a run on this computer: while tasks are missing, when it fails, after a second attempt, and cancelled. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { RunSummary } from '../../../../src/operations/schemas.ts';
import type { Reduced } from '../../../../src/runs/reduceRun.ts';
import { isAlive, makeDesk, until, type Desk } from './product.ts';

/** Task 3 fails in its first attempt; the metric says which attempt made it. */
const program = `import json, os

attempt, task = int(os.environ["HPC_ATTEMPT"]), int(os.environ["HPC_TASK_ID"])
if task == 3 and attempt == 1:
    raise ValueError("no such thing")
json.dump({"y": float(os.environ["HPC_KW_X"]), "attempt": attempt}, open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w"))
`;

const reducer = `"""Sums y over all tasks."""
import json, os

tasks = [json.loads(line) for line in open(os.environ["HPC_TASKS"])]
ys = [json.load(open(os.path.join(task["result_dir"], "metrics.json")))["y"] for task in tasks]
frozen = open(os.environ["HPC_PARAMS"]).read().splitlines()
answer = {
    "sum": sum(ys),
    "tasks": [task["task_id"] for task in tasks],
    "seen": [os.environ[name] for name in ("HPC_RUN_ID", "HPC_TASK_COUNT", "HPC_PARTIAL", "GREETING")],
    "params": [json.loads(line) for line in frozen][0] == {"seed": 0, "x": 0},
    "results": sorted(os.listdir(os.environ["HPC_RESULTS_DIR"])),
}
json.dump(answer, open(os.environ["HPC_OUTPUT"], "w"))
print("done")
`;

describe('reducing on this computer (end to end)', function () {
  this.timeout(120_000);
  let desk: Desk;
  const data = async <T>(...words: string[]): Promise<T> => {
    const answer = await desk.run(words);
    assert.equal(answer.code, 0, answer.stdout);
    return answer.data<T>();
  };
  const refused = async (code: string, ...words: string[]): Promise<{ message: string; details: Record<string, unknown> }> => {
    const found = (await desk.run(words)).envelope();
    assert.ok(!found.ok, JSON.stringify(found));
    assert.equal(found.error_code, code, JSON.stringify(found));
    return { message: found.message, details: { ...found.details } };
  };
  const keptIn = (runId: string): Partial<Reduced> => JSON.parse(fs.readFileSync(path.join(desk.workspace, 'results', runId, 'reduced.json'), 'utf8')) as Partial<Reduced>;
  let runId: string;

  before(async () => {
    desk = makeDesk();
    desk.write('executors/work.py', program);
    desk.write('aggregators/sum_up.py', reducer);
    desk.write('scripts/plain.py', 'print("nothing of a reducer")\n');
    // Two seeds for each x: the grid point x=1 lacks one of its tasks at first.
    desk.write('.hpc/tasks.py', 'def total():\n    return 4\n\n\ndef resolve(i):\n    return {"x": i // 2, "seed": i % 2}\n');
    desk.write('submit.json', JSON.stringify({ cluster: 'this-computer', command: 'python3 executors/work.py', env: { GREETING: `it's "me"` }, aggregate_cmd: 'python3 aggregators/sum_up.py', tasks_per_array: 2 }));
    const { body } = await data<{ body: string }>('plan', '--spec', 'submit.json');
    assert.match(body, /Reduced by: python3 aggregators\/sum_up\.py/);
    runId = (await data<{ run_id: string }>('submit', '--spec', 'submit.json', '--yes')).run_id;
    await data('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '60');
  });
  after(() => desk.remove());

  it('the workspace’s reducers are found; what the run names is said first', async () => {
    const found = await data<{ declared: { aggregate_cmd: string }; reducers: { path: string; matches: string[]; docstring: string; aggregate_cmd: string }[] }>('discover-reducers', '--run-id', runId);
    assert.equal(found.declared.aggregate_cmd, 'python3 aggregators/sum_up.py');
    assert.deepEqual(found.reducers, [{ path: 'aggregators/sum_up.py', name: 'sum_up', matches: ['uses:HPC_OUTPUT', 'uses:HPC_TASKS', 'uses:HPC_RESULTS_DIR', 'reads:metrics.json'], docstring: 'Sums y over all tasks.', aggregate_cmd: 'python3 aggregators/sum_up.py' }]);
  });

  it('while a task is missing it is refused, and partial says which tasks and which grid points are whole', async () => {
    const { message, details } = await refused('outputs_missing', 'cluster-reduce', runId, '--yes');
    assert.match(message, /tasks 3 have no result that counts/);
    assert.equal(details.present_tasks, '0-2');
    assert.ok(!fs.existsSync(path.join(desk.workspace, 'results', runId, 'reduced.json')));

    const { reduced, partial, provenance } = await data<Reduced>('cluster-reduce', runId, '--partial', '--yes');
    assert.deepEqual([partial, provenance.tasks, provenance.missing_tasks, provenance.source], [true, '0-2', '3', 'file']);
    assert.deepEqual(reduced, { sum: 1, tasks: [0, 1, 2], seen: [runId, '4', '1', `it's "me"`], params: true, results: ['task_0', 'task_1', 'task_2', 'task_3'] });

    const sidecar = path.join(desk.workspace, '.hpc/runs', `${runId}.json`);
    const text = fs.readFileSync(sidecar, 'utf8');
    const value = JSON.parse(text) as { extra: Record<string, unknown> };
    // Seeds are repetitions: one row for each x.
    fs.writeFileSync(sidecar, JSON.stringify({ ...value, extra: { ...value.extra, replicate_keys: ['seed'] } }));
    const { rows, partial: notWhole, ...all } = await data<{ partial: boolean; row_count: number; task_count: number; missing_task_ranges: string; rows: { parameters: unknown; whole: boolean; missing_tasks: number[] }[] }>('results', runId, '--partial');
    assert.deepEqual([notWhole, all.row_count, all.task_count, all.missing_task_ranges], [true, 2, 4, '3']);
    assert.match((await desk.run(['results', runId, '--limit', '1', '--human'])).stdout, /Not in these numbers, of 4 tasks: 3\.\nThe first 1 of 2 rows/);
    assert.match((await refused('spec_invalid', 'results', runId, '--sort-by', 'los')).message, /no metric/);
    assert.deepEqual(rows.map(({ parameters, whole, missing_tasks }) => [parameters, whole, missing_tasks]), [[{ x: 0 }, true, []], [{ x: 1 }, false, [3]]]);
    await refused('outputs_missing', 'results', runId, '--no-partial');
  });

  it('errors are told with what the reducer said; a file from before is not its answer', async () => {
    const failed = await refused('remote_command_failed', 'cluster-reduce', runId, '--partial', '--yes', '--aggregate-cmd', 'echo "bad: no scipy" >&2; exit 3');
    assert.match(failed.message, /ended with status 3: bad: no scipy/);
    assert.deepEqual([failed.details.exit_code, failed.details.stderr_tail], [3, 'bad: no scipy\n']);
    assert.match((await refused('remote_command_failed', 'cluster-reduce', runId, '--partial', '--yes', '--aggregate-cmd', 'echo fine')).message, /last line of output is no JSON; .* is there, but from before/);
    assert.match((await refused('remote_command_failed', 'cluster-reduce', runId, '--partial', '--yes', '--aggregate-cmd', 'echo "{" >"$HPC_OUTPUT"')).message, /is not JSON/);
    assert.match((await refused('cluster_timeout', 'cluster-reduce', runId, '--partial', '--yes', '--timeout-sec', '1', '--aggregate-cmd', 'echo slow >&2; sleep 600')).message, /did not end within 1 s .*: slow/);
    await refused('spec_invalid', 'cluster-reduce', runId, '--partial', '--yes', '--output-path', '../out.json');
    const printed = await data<Reduced>('cluster-reduce', runId, '--partial', '--yes', '--aggregate-cmd', 'echo first; echo \'{"n": 3}\'');
    assert.deepEqual([printed.reduced, printed.provenance.source], [{ n: 3 }, 'stdout']);
  });

  it('cancelled, nothing of it runs on, though it wants to', async () => {
    const file = path.join(desk.folder, 'pid');
    const child = await desk.start(['cluster-reduce', runId, '--partial', '--yes', '--aggregate-cmd', `trap '' TERM INT HUP; sleep 600 & echo $! >'${file}'; wait`]);
    const pid = Number(await until(() => fs.existsSync(file) && fs.readFileSync(file, 'utf8').trim()));
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('close', resolve));
    await until(() => !isAlive(pid));
  });

  it('after the second attempt all is whole, from the new results, and aggregate reduces too', async () => {
    const folder = path.join(desk.workspace, '_combiner', runId);
    const stale = fs.readFileSync(path.join(folder, 'wave_0.json'), 'utf8');
    await data('resubmit', runId, '--task-ids', '[3]', '--yes');
    const { run } = await data<{ run: RunSummary }>('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '60');
    assert.equal(run.counts.complete, 4);
    // A wave's file from before the second attempt, and a torn one of another wave.
    await until(() => fs.readFileSync(path.join(folder, 'all.json'), 'utf8').includes('"0-1"'));
    fs.writeFileSync(path.join(folder, 'wave_0.json'), stale);
    const before = await data<{ ok: boolean; refused_files: string[] }>('verify-aggregation-complete', runId);
    assert.deepEqual([before.ok, before.refused_files], [false, ['wave_0.json was written before the results of tasks 3']]);
    const { report, table, reduced } = await data<{ report: { ok: boolean; refused_files: string[] }; table: { rows: { metrics: Record<string, number>; whole: boolean }[] }; reduced: Reduced }>('aggregate', runId);
    assert.deepEqual([report.ok, report.refused_files, table.rows.map(({ whole }) => whole)], [true, [], [true, true]]);
    assert.deepEqual(table.rows.map(({ metrics }) => metrics.attempt), [1, 1.5], 'the second attempt is in the mean');
    assert.deepEqual([(reduced.reduced as { sum: number }).sum, reduced.partial, reduced.provenance.tasks], [2, false, '0-3']);
    const kept = keptIn(runId);
    assert.deepEqual(kept.provenance?.scripts, { 'aggregators/sum_up.py': createHash('sha256').update(reducer).digest('hex') });
    assert.deepEqual([kept.run_id, kept.provenance?.command, kept.provenance?.cmd_sha], [runId, 'python3 aggregators/sum_up.py', run.cmd_sha]);

    // A result whose latest attempt failed, and one of other parameters, count no more.
    const result = (task: number, name: string): string => path.join(desk.workspace, 'results', runId, `task_${task}`, name);
    fs.writeFileSync(result(0, '_runtime.json'), JSON.stringify({ task_id: 0, run_id: runId, attempt: 3, exit_code: 1 }));
    fs.writeFileSync(result(1, '.hpc_cmd_sha'), 'd'.repeat(64));
    const { details } = await refused('outputs_missing', 'cluster-reduce', runId, '--yes');
    assert.match((details.why as string[]).join('\n'), /task 0: .*is stale: attempt 3, after it, ended with status 1\ntask 1: .*belongs to other parameters/);
  });
});
