/** Runs on a real Grid Engine over SSH: waves to the end, logs, a cancelled range of elements, and no false word when it is away. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { startGridEngine, type GridEngine } from '../gridEngine.ts';
import { Cli, eventually, makeWorkspace } from './cli.ts';

interface Run {
  readonly run_id: string;
  readonly lifecycle_state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly job_ids: readonly string[];
  readonly stale_reason: string | null;
  readonly waves: readonly { readonly combined: boolean; readonly arrays: readonly { readonly task_count: number }[] }[];
}
interface Submitted {
  readonly run_id: string;
  readonly remote_path: string;
  readonly job_ids: readonly string[];
}

describe('runs on Grid Engine (sandbox)', function () {
  this.timeout(300_000);
  let grid: GridEngine;
  let cli: Cli;
  let root: string;
  before(async () => {
    grid = await startGridEngine();
    cli = await Cli.build();
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-grid-'));
    await cli.writeClusters({
      grid: { scheduler: 'sge', host: grid.ssh.aliases.plain, ssh_config_file: grid.ssh.sshConfigFile, scratch: '$HOME/scratch', constraints: { max_array_size: 5, max_concurrent_jobs: 2 } },
    });
  });
  after(async () => {
    await grid.asUser('qdel -u "$USER"; rm -rf "$HOME"/scratch "$HOME"/go-*');
    await cli.dispose();
    await fs.rm(root, { recursive: true, force: true });
  });

  const submit = async (workspace: string, name: string, command: string): Promise<Submitted> =>
    (await cli.data(['submit', '--cluster', 'grid', '--command', command, '--run-name', name, '--yes'], { cwd: workspace })) as unknown as Submitted;
  const status = async (workspace: string, run: Submitted): Promise<Run> => ((await cli.data(['status', run.run_id], { cwd: workspace })) as unknown as { run: Run }).run;
  const monitor = async (workspace: string, run: Submitted): Promise<Run> =>
    ((await cli.data(['monitor', run.run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '120'], { cwd: workspace })) as unknown as { run: Run }).run;
  const waiting = (gate: string): string => `echo "waits $HPC_KW_X"; while [ ! -e "$HOME/go-${gate}" ]; do sleep 0.2; done; printf '{"y": %s}\\n' "$HPC_KW_X"`;

  it('20 tasks in two waves of two arrays: each result once, combined and aggregated', async () => {
    const workspace = await makeWorkspace(path.join(root, 'waves'), 20);
    const name = `waves${Date.now().toString(36)}x`;
    const run = await submit(workspace, name, 'printf \'{"square": %s}\\n\' "$((HPC_KW_X * HPC_KW_X))"');
    const summary = await monitor(workspace, run);
    assert.equal(summary.lifecycle_state, 'complete', JSON.stringify(summary));
    assert.equal(summary.counts.complete, 20);
    assert.deepEqual(summary.waves.map(({ arrays, combined }) => [arrays.map(({ task_count }) => task_count), combined]), [[[5, 5], true], [[5, 5], true]]);
    await cli.data(['aggregate', run.run_id], { cwd: workspace });
    const table = JSON.parse(await fs.readFile(path.join(workspace, 'results', run.run_id, 'summary.json'), 'utf8')) as { rows: { parameters: { x: number }; metrics: { square: number } }[]; report: { ok: boolean } };
    assert.equal(table.report.ok, true);
    assert.deepEqual(table.rows.map(({ parameters, metrics }) => [parameters.x, metrics.square]).sort(([a = 0], [b = 0]) => a - b), Array.from({ length: 20 }, (_, x) => [x, x * x]));
    // Each job is there once, by its own name.
    const { stdout } = await grid.asUser(`qacct -o carol -j '${name}-*' | grep -E '^job(name|number)' | awk '{ if ($1 == "jobname") name = $2; else print name, $2 }' | sort -u | cut -d' ' -f1 | sort | uniq -c`);
    assert.deepEqual(stdout.trim().split('\n').map((line) => line.trim().replace(/-[0-9a-f]{10}$/, '')), ['w0a0', 'w0a1', 'w0c', 'w1a0', 'w1a1', 'w1c'].map((key) => `1 ${name}-${key}`));
  });

  it('shows the log of what runs, cancels a range of elements, and lets the others end', async () => {
    const workspace = await makeWorkspace(path.join(root, 'cancel'), 5);
    const run = await submit(workspace, 'cancel', waiting('cancel'));
    await eventually('all five run', async () => ((await status(workspace, run)).counts.running === 5 ? true : undefined));
    await eventually('the log is there', async () => {
      const log = (await cli.data(['logs', run.run_id, '--task-id', '3'], { cwd: workspace })) as { text?: string };
      return JSON.stringify(log).includes('waits 3') ? true : undefined;
    });
    await cli.data(['cancel', run.run_id, '--task-ids', '1,2,3', '--yes'], { cwd: workspace });
    await eventually('three are gone', async () => ((await grid.asUser(`qstat -u carol -g d | grep -c ' ${run.job_ids[0] ?? ''} '`)).stdout.trim() === '2' ? true : undefined));
    await grid.asUser('touch "$HOME/go-cancel"');
    const summary = await eventually('the run ends', async () => {
      const now = await status(workspace, run);
      return now.counts.complete === 2 && now.counts.cancelled === 3 ? now : undefined;
    });
    assert.equal(summary.counts.failed, 0);
  });

  it('what has left the queue and is not in accounting yet is unknown; then the record speaks, and no record of another job with its id', async () => {
    const workspace = await makeWorkspace(path.join(root, 'vanish'), 3);
    const run = await submit(workspace, 'vanish', waiting('vanish'));
    await eventually('all three run', async () => ((await status(workspace, run)).counts.running === 3 ? true : undefined));
    const [jobId = ''] = run.job_ids;
    await grid.faults.editAccounting('chmod 600 "$1"');
    // Killed with its whole session: it cannot say so itself.
    for (const machine of grid.hosts) await grid.asRoot(`for p in $(pgrep -u carol); do tr '\\0' '\\n' <"/proc/$p/environ" 2>/dev/null | grep -qx 'JOB_ID=${jobId}' && kill -KILL "$p"; done; true`, { machine });
    const listed = async (): Promise<string> => (await grid.asUser('qstat -u carol -g d')).stdout;
    await eventually('the queue lists it no more', async () => ((await listed()).includes(` ${jobId} `) ? undefined : true));
    for (let times = 0; times < 3; times += 1) {
      const { counts } = await status(workspace, run);
      assert.deepEqual([counts.unknown, counts.complete, counts.failed], [3, 0, 0], JSON.stringify(counts));
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    // A job of another name once had the same number, and it ended well.
    await grid.faults.editAccounting(`stranger=$(grep ':${jobId}:' "$1" | tail -n 1 | awk -F: -v OFS=: '{ $5 = "stranger"; $12 = 0; $13 = 0; print }'); echo "$stranger" >>"$1"; chmod 644 "$1"`);
    const summary = await eventually('accounting speaks', async () => {
      const now = await status(workspace, run);
      return now.counts.unknown === 0 ? now : undefined;
    }, 90_000, 1000);
    assert.equal(summary.counts.failed, 3, JSON.stringify(summary));
  });

  it('a job in error waits and says why; what is cleared runs to its end, what is cancelled is submitted again', async () => {
    const workspace = await makeWorkspace(path.join(root, 'error'), 5);
    const queues = (verb: string): Promise<unknown> => grid.asRoot(`qmod -${verb} all.q short.q`, { machine: 'head' });
    const data = async <T>(...words: string[]): Promise<T> => (await cli.data(words, { cwd: workspace })) as unknown as T;
    await queues('d');
    const run = await submit(workspace, 'error', waiting('error'));
    await grid.asUser('touch "$HOME/go-error"');
    await grid.asUser(`mv '${run.remote_path}' '${run.remote_path}.away'`);
    await queues('e');
    await eventually('it is in error', async () => ((await grid.asUser('qstat -u carol')).stdout.includes('Eqw') ? true : undefined));
    await grid.asUser(`mv '${run.remote_path}.away' '${run.remote_path}'`);
    const held = await eventually('the run says so', async () => {
      const { run: now } = await data<{ run: Run & { attention: readonly { kind: string; message: string; task_ids: readonly number[] }[] } }>('status', run.run_id);
      return now.attention.some(({ kind, task_ids }) => kind === 'held' && task_ids.length === 5) ? now : undefined;
    });
    assert.deepEqual([held.counts.pending, held.counts.running, held.counts.failed], [5, 0, 0]);
    const reason = `can't chdir to ${run.remote_path}: No such file or directory`;
    assert.ok(held.attention.some(({ message }) => message.includes(reason)), JSON.stringify(held.attention));
    const { clusters } = await data<{ clusters: readonly { error_class: string; certainty: string; task_ids: readonly number[]; evidence: readonly { source: string; text: string }[] }[] }>('failures', run.run_id);
    assert.deepEqual(clusters.map(({ error_class, certainty, task_ids }) => [error_class, certainty, task_ids]), [['node_failure', 'proved', [0, 1, 2, 3, 4]]]);
    assert.deepEqual(clusters[0]?.evidence[0], { source: 'scheduler', text: `the scheduler holds it in error: Eqw (in error: ${reason})`, path: null, line: null });
    const refused = await cli.run(['resubmit', run.run_id, '--task-ids', '[1]', '--yes'], { cwd: workspace });
    assert.equal(refused.envelope?.error_code, 'spec_invalid', 'what waits is not submitted beside itself');

    await data('cancel', run.run_id, '--task-ids', '0,1', '--yes');
    await grid.asUser(`qmod -cj ${run.job_ids[0] ?? ''}`);
    await eventually('two are cancelled, and the others done', async () => {
      const { counts } = await status(workspace, run);
      return counts.cancelled === 2 && counts.complete === 3 ? true : undefined;
    });
    const again = await data<{ task_count: number }>('resubmit', run.run_id, '--task-ids', '[0,1]', '--yes');
    assert.equal(again.task_count, 2);
    const summary = await monitor(workspace, run);
    assert.deepEqual([summary.lifecycle_state, summary.counts.complete], ['complete', 5], JSON.stringify(summary));
  });

  it('what the site moves to another host goes on in its attempt: nobody says that it failed', async () => {
    const workspace = await makeWorkspace(path.join(root, 'moved'), 3);
    const run = await submit(workspace, 'moved', waiting('moved'));
    await eventually('all three run', async () => ((await status(workspace, run)).counts.running === 3 ? true : undefined));
    const [jobId = ''] = run.job_ids;
    await grid.asRoot(`qmod -f -rj ${jobId}.1 ${jobId}.2`, { machine: 'head' });
    await eventually('both run again', async () => {
      const { counts } = await status(workspace, run);
      assert.equal(counts.failed, 0, JSON.stringify(counts));
      return (await grid.asUser(`qstat -u carol | grep -c ' Rr '`)).stdout.trim() === '2' && counts.running === 3 ? true : undefined;
    });
    await grid.asUser('touch "$HOME/go-moved"');
    const summary = await monitor(workspace, run);
    assert.deepEqual([summary.lifecycle_state, summary.counts.complete], ['complete', 3], JSON.stringify(summary));
  });

  it('tasks of a host that lost its power run until it is known otherwise, and have failed when it is back', async () => {
    const workspace = await makeWorkspace(path.join(root, 'power'), 3);
    const run = await submit(workspace, 'power', waiting('power'));
    await eventually('all three run', async () => ((await status(workspace, run)).counts.running === 3 ? true : undefined));
    for (const host of grid.hosts) await grid.faults.killMachine(host);
    const { counts } = await status(workspace, run);
    assert.deepEqual([counts.running, counts.failed, counts.unknown], [3, 0, 0], JSON.stringify(counts));
    await Promise.all(grid.hosts.map((host) => grid.faults.startMachine(host)));
    const summary = await eventually('their end is known', async () => {
      const now = (await cli.data(['status', run.run_id], { cwd: workspace })) as unknown as { run: Run & { evidence: readonly string[] } };
      return now.run.counts.failed === 3 ? now.run : undefined;
    }, 90_000, 1000);
    assert.ok(summary.evidence.some((line) => line.includes('failed 19')), JSON.stringify(summary.evidence));
  });

  it('a qmaster that is away is said, and nothing is lost or done by it', async () => {
    const workspace = await makeWorkspace(path.join(root, 'away'), 4);
    const run = await submit(workspace, 'away', waiting('away'));
    await eventually('all four run', async () => ((await status(workspace, run)).counts.running === 4 ? true : undefined));
    await grid.faults.qmaster.kill();
    // An answer younger than a second is used again.
    await eventually('it is said that the qmaster is away', async () => {
      const { envelope } = await cli.run(['status', run.run_id], { cwd: workspace });
      if (envelope?.ok !== true) return envelope?.error_code === 'cluster_timeout' ? true : undefined;
      const told = (envelope.data as unknown as { run: Run }).run;
      assert.equal(told.counts.running, 4, JSON.stringify(told));
      return /qmaster|commlib/.test(told.stale_reason ?? '') ? true : undefined;
    });
    const refused = await cli.run(['submit', '--cluster', 'grid', '--command', 'true', '--run-name', 'refused', '--yes'], { cwd: await makeWorkspace(path.join(root, 'refused'), 3) });
    assert.equal(refused.envelope?.error_code, 'cluster_timeout', JSON.stringify(refused.envelope));
    assert.ok((refused.envelope?.remediation ?? '') !== '');
    await grid.asUser('touch "$HOME/go-away"');
    await grid.faults.qmaster.start();
    const summary = await monitor(workspace, run);
    assert.equal(summary.counts.complete, 4, JSON.stringify(summary));
    assert.deepEqual(summary.job_ids, run.job_ids);
  });
});
