/** Whole runs through the command line on a login node of a fake PBS, in both families. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Cli, eventually, makeWorkspace } from '../../sandbox/runs/cli.ts';
import { describeChain } from '../../sandbox/runs/describeChain.ts';
import { startFakePbs, type FakePbs, type PbsControl } from './fakePbs/fakePbs.ts';
import { spawnText } from './place.ts';

interface Run {
  readonly run_id: string;
  readonly lifecycle_state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly waves: readonly { readonly combined: boolean; readonly arrays: readonly { readonly task_count: number }[] }[];
  readonly stale_reason: string | null;
  readonly job_ids: readonly string[];
}

const square = 'echo "task $HPC_KW_X"; printf \'{"y": %s}\\n\' "$((HPC_KW_X * HPC_KW_X))"';
const whenReleased = 'while [ ! -e "$HOME/released" ]; do sleep 0.1; done; printf \'{"y": %s}\\n\' "$HPC_KW_X"';

describe('runs on PBS, from submission to the table', function () {
  this.timeout(120_000);
  let cli: Cli;
  let pbs: FakePbs | undefined;
  let root: string;
  before(async () => {
    cli = await Cli.build();
  });
  after(() => cli.dispose());
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-pbs-'));
  });
  afterEach(async () => {
    await pbs?.dispose();
    pbs = undefined;
    await fs.rm(root, { recursive: true, force: true });
  });

  async function open(control: PbsControl): Promise<{ pbs: FakePbs; env: Readonly<Record<string, string>> }> {
    pbs = await startFakePbs({ ...control, user: os.userInfo().username });
    // The login shell is where a site puts its PBS on the PATH.
    await fs.writeFile(path.join(pbs.home, '.bash_profile'), `PATH=${pbs.bin}:$PATH\nexport PATH\necho Welcome to the cluster\n`);
    await cli.writeClusters({ bed: { scheduler: 'pbs', connection: 'local', constraints: { max_array_size: 3, max_concurrent_jobs: 1 }, defaults: { walltime: '00:10:00', cpus: 1 } } });
    return { pbs, env: { HOME: pbs.home, HPC_AGENT_HOME: path.join(root, 'home') } };
  }
  async function begin(control: PbsControl, total: number): Promise<{ pbs: FakePbs; data: (...words: string[]) => Promise<Readonly<Record<string, unknown>>>; run: (...words: string[]) => ReturnType<Cli['run']>; workspace: string }> {
    const { pbs: fake, env } = await open(control);
    await fs.mkdir(path.join(root, 'home'));
    await fs.copyFile(path.join(cli.home, 'clusters.yaml'), path.join(root, 'home', 'clusters.yaml'));
    const workspace = await makeWorkspace(path.join(root, 'work'), total);
    const options = { cwd: workspace, env };
    return { pbs: fake, workspace, data: (...words) => cli.data(words, options), run: (...words) => cli.run(words, options) };
  }
  const runOf = (data: Readonly<Record<string, unknown>>): Run => (data as unknown as { run: Run }).run;

  for (const control of [{ flavour: 'a' }, { flavour: 'torque', server: 'torque.cluster.example.org', short_names: true }] as const) {
    it(`seven tasks in three waves, the last of one task, to the table (${control.flavour})`, async () => {
      const { data, workspace } = await begin(control, 7);
      const submitted = await data('submit', '--cluster', 'bed', '--command', square, '--run-name', 'a-sweep-with-a-rather-long-name', '--yes');
      assert.deepEqual(submitted.job_ids, ['1[]', '3[]', '5[]']);
      const runId = String(submitted.run_id);
      const run = runOf(await data('monitor', runId, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '90'));
      assert.deepEqual([run.lifecycle_state, run.counts.complete], ['complete', 7]);
      assert.deepEqual(run.waves.map(({ arrays }) => arrays.map(({ task_count }) => task_count)), [[3], [3], [1]]);
      await eventually('every wave is combined', async () => (runOf(await data('status', runId)).waves.every(({ combined }) => combined) ? true : undefined), 30_000);
      await data('aggregate', runId);
      const table = JSON.parse(await fs.readFile(path.join(workspace, 'results', runId, 'summary.json'), 'utf8')) as { rows: { parameters: { x: number }; metrics: { y: number } }[]; report: { ok: boolean } };
      assert.equal(table.report.ok, true);
      assert.deepEqual(table.rows.map(({ parameters, metrics }) => [parameters.x, metrics.y]).sort(([a = 0], [b = 0]) => a - b), [0, 1, 2, 3, 4, 5, 6].map((x) => [x, x * x]));
      for (const task of ['1', '6']) {
        const log = await data('logs', runId, task);
        assert.match(String(log.text), new RegExp(`task ${task}`));
        // Others of the group may read what the person's own files let them, although jobs of PBS begin with 077.
        assert.equal((await fs.stat(String(log.path))).mode & 0o777, 0o666 & ~process.umask());
      }
    });
  }

  it('cancels some tasks, then all; a server that is down changes no state', async () => {
    const { data, run, pbs: fake } = await begin({ flavour: 'a' }, 6);
    const runId = String((await data('submit', '--cluster', 'bed', '--command', whenReleased, '--yes')).run_id);
    const status = async (): Promise<Run> => runOf(await data('status', runId));
    await eventually('three run', async () => ((await status()).counts.running === 3 ? true : undefined), 30_000);
    await fake.set({ down: true });
    const silent = await run('status', runId);
    const seen = silent.envelope?.data ? runOf(silent.envelope.data) : undefined;
    if (seen) assert.deepEqual([seen.counts.running, seen.counts.pending, seen.counts.complete], [3, 3, 0]);
    else assert.equal(silent.envelope?.error_code, 'cluster_timeout');
    await fake.set({ down: false });
    await data('cancel', runId, '--task-ids', '1,4', '--yes');
    await eventually('two are cancelled', async () => ((await status()).counts.cancelled === 2 ? true : undefined), 30_000);
    assert.deepEqual([(await status()).counts.running, (await status()).counts.pending], [2, 2]);
    await data('cancel', runId, '--yes');
    const end = await eventually('all are', async () => ((await status()).counts.cancelled === 6 ? await status() : undefined), 30_000);
    assert.equal(end.lifecycle_state, 'cancelled');
  });

  it('an answer of qsub that was lost: the job is found by its name, and is there once', async () => {
    const { data, pbs: fake } = await begin({ flavour: 'a', lose_reply: 1 }, 2);
    const submitted = await data('submit', '--cluster', 'bed', '--command', square, '--yes');
    assert.deepEqual(submitted.job_ids, ['1[]']);
    const table = await spawnText('sh', ['-c', 'qstat -x'], { env: fake.env });
    assert.deepEqual([...table.stdout.matchAll(/^(\d+\S*)/gm)].map(([id]) => id), ['1[].pbs01', '2.pbs01']);
    const run = runOf(await data('monitor', String(submitted.run_id), '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '60'));
    assert.deepEqual([run.lifecycle_state, run.counts.complete], ['complete', 2]);
  });

  it('a site that forgets its jobs: what our own log says stands, and what was refused leaves nothing', async () => {
    const { data, run, pbs: fake } = await begin({ flavour: 'b', history: false }, 3);
    const runId = String((await data('submit', '--cluster', 'bed', '--command', 'if [ "$HPC_KW_X" = 1 ]; then exit 3; fi; printf \'{"y": 1}\\n\'', '--yes')).run_id);
    const end = await eventually('all have ended', async () => {
      const seen = runOf(await data('status', runId));
      return seen.counts.complete === 2 && seen.counts.failed === 1 ? seen : undefined;
    }, 30_000);
    assert.equal(end.lifecycle_state, 'failed');
    await fake.set({ max_queued: 1 });
    const refused = await run('submit', '--cluster', 'bed', '--command', square, '--if-prior', 'new', '--yes');
    assert.equal(refused.envelope?.error_code, 'scheduler_throttled', JSON.stringify(refused.envelope));
    assert.match(refused.envelope?.message ?? '', /per-user limit/);
  });
});

// OpenPBS lets an array wait for another by `afterany`, and ends a job at its walltime with SIGTERM first.
describeChain('a fake PBS', async () => {
  const pbs = await startFakePbs({ flavour: 'a', user: os.userInfo().username });
  await fs.writeFile(path.join(pbs.home, '.bash_profile'), `PATH=${pbs.bin}:$PATH\nexport PATH\n`);
  return {
    cluster: { scheduler: 'pbs', connection: 'local' },
    env: { HOME: pbs.home },
    walltime: '10s',
    long: 14,
    brief: true,
    read: (file) => fs.readFile(file, 'utf8'),
    clean: () => pbs.dispose(),
  };
});
