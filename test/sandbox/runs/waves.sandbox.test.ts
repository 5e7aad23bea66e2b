/** A sweep larger than one array, over SSH on real Slurm: in waves, every result once, and the numbers of this computer. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { Cli, makeWorkspace } from './cli.ts';
import { byKey, jobsNamed, resultsOf, traceTasks } from './ledger.ts';

interface RunSummary {
  readonly run_id: string;
  readonly lifecycle_state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly waves: readonly { readonly wave: number; readonly first_task: number; readonly task_count: number; readonly combined: boolean; readonly arrays: readonly { readonly task_count: number }[] }[];
}

interface Table {
  readonly rows: readonly { readonly parameters: Readonly<Record<string, unknown>>; readonly metrics: Readonly<Record<string, number>>; readonly tasks: readonly number[] }[];
  readonly report: { readonly ok: boolean; readonly missing_tasks: readonly number[]; readonly duplicate_tasks: readonly number[] };
}

describe('a sweep in waves (sandbox)', function () {
  this.timeout(900_000);
  let sandbox: Sandbox;
  let cli: Cli;
  let root: string;
  before(async () => {
    sandbox = await startSandbox();
    cli = await Cli.build();
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-waves-'));
    await cli.writeClusters({
      bed: { scheduler: 'slurm', host: sandbox.ssh.aliases.plain, ssh_config_file: sandbox.ssh.sshConfigFile, scratch: '$HOME/scratch', constraints: { max_array_size: 200, max_concurrent_jobs: 2 } },
      site: { scheduler: 'slurm', host: sandbox.ssh.aliases.plain, ssh_config_file: sandbox.ssh.sshConfigFile, scratch: '$HOME/scratch' },
    });
  });
  after(async () => {
    await sandbox.asUser('rm -rf "$HOME/scratch/hpc-agent"');
    await cli.dispose();
    await fs.rm(root, { recursive: true, force: true });
  });

  /** Submits, watches to the end, aggregates. */
  const runToEnd = async (workspace: string, words: readonly string[]): Promise<{ runId: string; remotePath: string; run: RunSummary; table: Table }> => {
    const submitted = (await cli.data(['submit', ...words, '--yes'], { cwd: workspace })) as { run_id: string; remote_path: string };
    const { run } = (await cli.data(['monitor', submitted.run_id, '--poll-interval-seconds', '2', '--wall-clock-budget-seconds', '600'], { cwd: workspace })) as unknown as { run: RunSummary };
    await cli.data(['aggregate', submitted.run_id], { cwd: workspace });
    const table = JSON.parse(await fs.readFile(path.join(workspace, 'results', submitted.run_id, 'summary.json'), 'utf8')) as Table;
    return { runId: submitted.run_id, remotePath: submitted.remote_path, run, table };
  };

  it('1,200 tasks run in three waves of two arrays; each wave waits for the one before; the numbers are those of this computer', async () => {
    const total = 1200;
    const command = 'printf \'{"square": %s}\\n\' "$((HPC_KW_X * HPC_KW_X))"';
    const there = await makeWorkspace(path.join(root, 'there'), total);
    const name = `waves${Date.now()}`;
    const far = await runToEnd(there, ['--cluster', 'bed', '--command', command, '--run-name', name]);
    assert.equal(far.run.lifecycle_state, 'complete');
    assert.equal(far.run.counts.complete, total);
    assert.deepEqual(far.run.waves.map(({ arrays, combined }) => [arrays.map(({ task_count }) => task_count), combined]), [[[200, 200], true], [[200, 200], true], [[200, 200], true]]);

    const jobs = byKey(await jobsNamed(sandbox, `${name}-`), name);
    assert.deepEqual([...jobs.keys()].sort(), ['w0a0', 'w0a1', 'w0c', 'w1a0', 'w1a1', 'w1c', 'w2a0', 'w2a1', 'w2c']);
    for (const ids of jobs.values()) assert.equal(ids.length, 1);

    const traces = await traceTasks(sandbox, `${far.remotePath}/.hpc/state/${far.runId}`);
    assert.equal(traces.size, total);
    for (const [task, trace] of traces) assert.deepEqual([trace.starts, trace.ends], [1, 1], `task ${task}`);
    const times = far.run.waves.map(({ first_task, task_count }) => {
      const own = Array.from({ length: task_count }, (_, offset) => traces.get(first_task + offset));
      return { start: Math.min(...own.map((trace) => trace?.firstStartS ?? NaN)), end: Math.max(...own.map((trace) => trace?.lastEndS ?? NaN)) };
    });
    for (const [wave, { start }] of times.entries()) assert.ok(wave === 0 || start >= (times[wave - 1]?.end ?? Infinity), `wave ${wave} began before wave ${wave - 1} had ended: ${JSON.stringify(times)}`);

    const results = await resultsOf(sandbox, far.remotePath, far.runId);
    assert.equal(results.size, total);
    assert.equal(far.table.report.ok, true);
    assert.deepEqual(far.table.rows.flatMap(({ tasks }) => tasks).sort((a, b) => a - b), Array.from({ length: total }, (_, task) => task));
    for (const { parameters, metrics } of far.table.rows) assert.equal(metrics.square, Number(parameters.x) ** 2);

    // Its own reducer: not one that is not there as it is here, and not over results that do not count.
    await fs.mkdir(path.join(there, 'aggregators'));
    await fs.writeFile(path.join(there, 'aggregators', 'sum_up.py'), 'import json, os\ntasks = [json.loads(line) for line in open(os.environ["HPC_TASKS"])]\njson.dump(sum(json.load(open(os.path.join(task["result_dir"], "metrics.json")))["square"] for task in tasks), open(os.environ["HPC_OUTPUT"], "w"))\n');
    const reduce = async (): Promise<string> => {
      const { envelope } = await cli.run(['cluster-reduce', far.runId, '--aggregate-cmd', 'python3 aggregators/sum_up.py; true', '--yes'], { cwd: there });
      return envelope?.ok === true ? JSON.stringify(envelope.data?.reduced) : `${envelope?.error_code ?? ''} ${envelope?.message ?? ''}`;
    };
    assert.match(await reduce(), /^spec_invalid .*aggregators\/sum_up\.py is not there/);
    await cli.data(['sync', 'bed', '--yes'], { cwd: there });
    assert.equal(await reduce(), String(Array.from({ length: total }, (_, x) => x * x).reduce((sum, y) => sum + y)));
    await fs.appendFile(path.join(there, 'aggregators', 'sum_up.py'), '# newer\n');
    assert.match(await reduce(), /^spec_invalid .*is another one there/);
    await cli.data(['sync', 'bed', '--yes'], { cwd: there });
    // A partial of another run, a torn one, and a result of other parameters.
    await sandbox.asUser(`cd "${far.remotePath}" && sed -i 's/${far.runId}/20200101-000000-deadbeef/' _combiner/${far.runId}/wave_0.json && echo '{' >_combiner/${far.runId}/wave_1.json && printf ffff >results/${far.runId}/task_7/.hpc_cmd_sha`);
    assert.match(await reduce(), /^outputs_missing .*tasks 7 have no result that counts/);
    const { data: partly } = (await cli.run(['aggregate', far.runId, '--allow-partial'], { cwd: there })).envelope ?? {};
    const { report, table } = partly as unknown as { report: { missing_tasks: number[]; errors: string[] }; table: Table };
    assert.deepEqual([report.missing_tasks, table.rows.length], [[7], total - 1]);
    assert.match(report.errors.join(), /task 7: .*belongs to other parameters/);

    const here = await makeWorkspace(path.join(root, 'here'), total);
    const near = await runToEnd(here, ['--cluster', 'this-computer', '--command', command, '--run-name', name]);
    assert.equal(near.run.counts.complete, total);
    assert.deepEqual(near.table.rows, far.table.rows);
  });

  it('without limits of ours the site’s own MaxArraySize cuts the sweep: no index above 1000', async () => {
    const workspace = await makeWorkspace(path.join(root, 'site'), 1200);
    const plan = (await cli.data(['plan', '--cluster', 'site', '--command', 'true'], { cwd: workspace })) as unknown as { arrays: { task_count: number }[]; limits: { name: string; value: number }[] };
    assert.equal(plan.limits.find(({ name }) => name === 'maxArrayIndex')?.value, 1000);
    assert.deepEqual(plan.arrays.map(({ task_count }) => task_count), [600, 600]);
  });

  it('the sample’s executors give the same numbers on Slurm as on this computer', async () => {
    const sample = path.resolve(import.meta.dirname, '../../../templates/sample');
    const tables: Table[] = [];
    for (const cluster of ['bed', 'this-computer']) {
      const workspace = path.join(root, `sample ${cluster}`);
      await fs.cp(sample, workspace, { recursive: true });
      await cli.data(['build-tasks-py', '--spec', 'sweep.json', '--yes'], { cwd: workspace });
      const { run, table } = await runToEnd(workspace, ['--cluster', cluster]);
      assert.equal(run.lifecycle_state, 'complete');
      assert.equal(table.report.ok, true);
      tables.push(table);
    }
    assert.equal(tables[0]?.rows.length, 24);
    assert.ok(tables[0].rows.every(({ metrics }) => Object.values(metrics).some((value) => Number.isFinite(value))));
    assert.deepEqual(tables[0].rows, tables[1]?.rows);
  });
});
