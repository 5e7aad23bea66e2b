/**
 * Tasks that really fail on a real Slurm without cgroups: each class is named rightly, with what proves it. One run holds the cases that Slurm's
 * walltime of a minute makes slow; preemption and the lost node happen beside it.
 */
import assert from 'node:assert/strict';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { eventually } from './cli.ts';
import { Desk, type Submitted, type Work } from './desk.ts';

interface Failure {
  readonly error_class: string;
  readonly certainty: string;
  readonly message: string;
  readonly task_ids: readonly number[];
  readonly culprit: { readonly file: string; readonly line: number } | null;
  readonly evidence: readonly { readonly source: string; readonly text: string; readonly path: string | null; readonly line: number | null }[];
  readonly retry_advice?: { readonly policy: Readonly<Record<string, number>>; readonly eligible_task_ids: readonly number[] };
}

interface Failures {
  readonly failed_count: number;
  readonly clusters: readonly Failure[];
  readonly preempted_task_ids?: readonly number[];
  readonly note?: string;
}

const kinds = ['ok', 'memory', 'walltime', 'traceback', 'traceback', 'module', 'segv', 'missing_command', 'cancelled'] as const;

const program = `import os, sys, time

kind = os.environ["HPC_KW_KIND"]
index = int(os.environ["HPC_KW_X"])
print("begin", file=sys.stderr)
if kind == "memory":
    data = b"x" * (400 << 20)
    time.sleep(120)
if kind in ("walltime", "cancelled"):
    time.sleep(300)
if kind == "traceback":
    raise ValueError("alpha of task %d is out of range" % index)
if kind == "module":
    import a_module_that_is_not_there
if kind == "segv":
    import ctypes
    ctypes.string_at(0)
if kind == "missing_command":
    sys.exit(os.system("no-such-program-at-all") >> 8)
print('{"y": %d}' % index)
`;
const tasks = `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i], "x": i}\n`;

const firstJob = (run: Submitted): string => run.job_ids[0] ?? assert.fail('no job');

describe('diagnosis of failed tasks (sandbox)', function () {
  this.timeout(240_000);
  let sandbox: Sandbox;
  let desk: Desk;
  let slow: { readonly work: Work; readonly run: Submitted };
  before(async () => {
    sandbox = await startSandbox();
    await sandbox.faults.mendAll();
    desk = await Desk.open(sandbox);
    await desk.cli.writeClusters({ bed: { scheduler: 'slurm', host: sandbox.ssh.aliases.plain, ssh_config_file: sandbox.ssh.sshConfigFile, scratch: '$HOME/scratch' } });
    const work = await desk.work({ files: { '.hpc/tasks.py': tasks, 'executors/fail.py': program } });
    slow = { work, run: await work.submit('bed', 'python3 executors/fail.py', '--resources', JSON.stringify({ memory: '200M', walltime: '1m' })) };
    // Its user ends one with the scheduler's own tool, after it has begun.
    const element = `${firstJob(slow.run)}_${kinds.indexOf('cancelled') + 1}`;
    await eventually('the task to cancel runs', async () => ((await sandbox.asUser(`squeue --noheader --jobs=${element} --format=%T`)).stdout.trim() === 'RUNNING' ? true : undefined));
    await sandbox.asUser(`scancel ${element}`);
  });
  after(async () => {
    await sandbox.faults.mendAll();
    await desk.close();
  });

  const failuresOf = async ({ work, run }: { work: Work; run: Submitted }, ...words: string[]): Promise<Failures> => {
    const { envelope, stderr } = await work.call('failures', run.run_id, ...words);
    assert.ok(envelope?.ok, `${JSON.stringify(envelope)} ${stderr.slice(-2000)}`);
    return envelope.data as unknown as Failures;
  };
  const classOf = (failures: Failures, task: number): Failure => failures.clusters.find(({ task_ids }) => task_ids.includes(task)) ?? assert.fail(`task ${task} is in no group: ${JSON.stringify(failures)}`);

  it('a job of the partition that gives way is preempted', async () => {
    const work = await desk.work({ total: 1 });
    const run = await work.submit('bed', 'sleep 300', '--resources', JSON.stringify({ partition: 'scavenge', constraint: 'gpu', walltime: '5m', memory: '100M' }));
    await eventually('it runs', async () => ((await work.status(run)).counts.running === 1 ? true : undefined));
    // Every core of its node is wanted by somebody with more right.
    const { stdout } = await sandbox.asUser('sbatch --parsable --partition=cpu --constraint=gpu --nodes=1 --ntasks=16 --mem-per-cpu=10 --time=2 --output=/dev/null --wrap="sleep 100"');
    let failures: Failures;
    try {
      failures = await eventually('it is preempted', async () => {
        const found = await failuresOf({ work, run });
        return found.failed_count > 0 ? found : undefined;
      });
    } finally {
      await sandbox.asUser(`scancel ${stdout.trim()}`);
    }
    const failure = classOf(failures, 0);
    // By accounting, or, where that lags, by Slurm's own line in the log.
    assert.deepEqual([failure.error_class, failure.certainty], ['preempted', 'proved'], JSON.stringify(failures));
    assert.match(failure.message, /PREEMPT/);
    assert.deepEqual([failures.preempted_task_ids, failure.retry_advice?.eligible_task_ids], [[0], [0]]);
  });

  it('a node that dies takes its task with it', async () => {
    const work = await desk.work({ total: 1 });
    const run = await work.submit('bed', 'sleep 300', '--resources', JSON.stringify({ walltime: '5m', memory: '100M', constraint: 'gpu', partition: 'gpu' }));
    await eventually('it runs', async () => ((await work.status(run)).counts.running === 1 ? true : undefined));
    // Slurm would put it back into the queue; a site that forbids that shows its users NODE_FAIL.
    await sandbox.asRoot(`scontrol update jobid=${firstJob(run)} requeue=0`);
    await sandbox.faults.killMachine('node4');
    try {
      const failures = await eventually(
        'the loss is noticed',
        async () => {
          const found = await failuresOf({ work, run });
          return found.failed_count > 0 ? found : undefined;
        },
        90_000,
      );
      const failure = classOf(failures, 0);
      assert.deepEqual([failure.error_class, failure.certainty], ['node_failure', 'proved'], JSON.stringify(failures));
      assert.match(failure.message, /NODE_FAIL/);
      assert.equal(failure.retry_advice?.policy.max_attempts, 2);
    } finally {
      await sandbox.faults.startMachine('node4');
    }
  });

  it('memory, walltime, traceback, missing module, crash: each with its proof; what its user cancelled is no failure', async () => {
    const summary = await slow.work.monitor(slow.run);
    assert.equal(summary.counts.complete, 1, JSON.stringify(summary));
    const failures = await failuresOf(slow);
    const seen = JSON.stringify(failures, undefined, 1);
    assert.equal(failures.failed_count, 7, seen);
    const expected = { 1: 'system_oom', 2: 'walltime', 3: 'python_traceback', 5: 'import_error', 6: 'segv', 7: 'import_error' };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((task) => [task, classOf(failures, Number(task)).error_class])), expected, seen);
    assert.ok(!failures.clusters.some(({ task_ids }) => task_ids.includes(8) || task_ids.includes(0)), seen);

    const memory = classOf(failures, 1);
    // No cgroups here: Slurm says FAILED, and its reason stands in the job's own output.
    assert.deepEqual([memory.certainty, memory.evidence[0]?.source], ['proved', 'log'], seen);
    assert.match(memory.message, /[Ee]xceeded .*memory limit/, seen);
    assert.ok(memory.evidence.some(({ source, text }) => source === 'accounting' && text.includes('FAILED')), seen);
    assert.equal(memory.retry_advice?.policy.mem_multiplier, 1.5);

    const walltime = classOf(failures, 2);
    assert.deepEqual([walltime.certainty, walltime.evidence[0]?.source], ['proved', 'accounting'], seen);
    assert.match(walltime.message, /TIMEOUT/);

    const traceback = classOf(failures, 3);
    assert.deepEqual(traceback.task_ids, [3, 4], 'equal tracebacks are one');
    const raised = program.split('\n').findIndex((line) => line.includes('raise ValueError')) + 1;
    assert.deepEqual(traceback.culprit && [traceback.culprit.file, traceback.culprit.line], ['executors/fail.py', raised], seen);
    assert.match(traceback.message, /^ValueError: alpha of task \d is out of range$/);

    assert.match(classOf(failures, 5).message, /a_module_that_is_not_there/);
    assert.match(classOf(failures, 7).message, /no-such-program-at-all/);

    // The line that is named is there, on the cluster.
    for (const failure of failures.clusters) {
      for (const { path, line, text } of failure.evidence) {
        if (path === null || line === null) continue;
        const { stdout } = await sandbox.asUser(`sed -n ${line}p '${path}'`);
        assert.equal(stdout.trim(), text, seen);
      }
    }
  });

  it('accounting down: the logs still tell, and it is said what could not be asked', async () => {
    await sandbox.faults.slurmdbd.stop();
    try {
      const failures = await failuresOf(slow, '--no-refresh');
      assert.equal(classOf(failures, 3).error_class, 'python_traceback');
      assert.equal(classOf(failures, 1).error_class, 'system_oom');
      assert.match(failures.note ?? '', /Accounting could not be asked/);
    } finally {
      await sandbox.faults.slurmdbd.start();
    }
  });
});
