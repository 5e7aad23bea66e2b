/** What breaks on real clusters, broken on purpose: each time the right result or a typed error with a remedy, and nothing lost. */
import { randomUUID } from 'node:crypto';
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { eventually } from './cli.ts';
import { traceTasks } from './ledger.ts';
import { Desk, expectError, square, whenReleased, type Submitted, type Work } from './desk.ts';

describe('runs while things break (sandbox)', function () {
  this.timeout(300_000);
  let sandbox: Sandbox;
  let desk: Desk;
  let forgotten: { readonly work: Work; readonly run: Submitted };
  before(async () => {
    sandbox = await startSandbox();
    await sandbox.faults.mendAll();
    desk = await Desk.open(sandbox);
    // The gate before submissions is passed while all is well.
    const first = await desk.work();
    await first.provesWhole(await first.submit());
  });
  after(async () => {
    await sandbox.faults.mendAll();
    await desk.close();
  });

  it('a job that the controller forgot in a crash is not said to run', async () => {
    const work = await desk.work();
    await sandbox.asRoot('scontrol update nodename=ALL state=drain reason=test');
    // What it has not saved is lost in a crash. How soon it saves is not left to chance.
    await sandbox.asRoot('rm -rf /var/spool/saved && cp -a /var/spool/slurmctld /var/spool/saved', { machine: 'head' });
    const run = await work.submit();
    await sandbox.faults.slurmctld.kill();
    await sandbox.asRoot('rm -rf /var/spool/slurmctld && mv /var/spool/saved /var/spool/slurmctld', { machine: 'head' });
    await sandbox.faults.slurmctld.start();
    await sandbox.asRoot('scontrol update nodename=ALL state=resume');
    const { stdout } = await sandbox.asRoot(`squeue --noheader --states=all --format=%j | grep -c '^${work.name}-'`);
    assert.equal(stdout.trim(), '0', 'the controller still knows the jobs: this test proves nothing');
    // The number is soon given out again, to a job that runs and ends well.
    const [number = ''] = run.job_ids;
    const again = await sandbox.asUser(`while id=$(sbatch --parsable --job-name=stranger --output=/dev/null --wrap=true) && [ "$id" -lt ${number} ]; do :; done; echo "$id"`);
    assert.equal(again.stdout.trim(), number, again.stderr);
    const summary = await work.status(run);
    assert.equal(summary.counts.unknown, 4, JSON.stringify(summary));
    assert.notEqual(summary.lifecycle_state, 'complete');
    // Its end is looked at in the last test: it takes a minute until "not there" is believed.
    forgotten = { work, run };
  });

  it('slurmctld down: submit, status and cancel say so; afterwards all three do their work', async () => {
    const running = await desk.work({ gate: 'down' });
    const run = await running.submit('bed', whenReleased);
    await eventually('the first tasks run', async () => ((await running.status(run)).counts.running === 2 ? true : undefined));
    const late = await desk.work();
    await sandbox.faults.slurmctld.stop();
    const [submitted, asked, cancelled] = await Promise.all([late.submitCall(), running.call('status', run.run_id), running.call('cancel', run.run_id, '--yes')]);
    expectError(submitted, 'cluster_timeout', 'remote_command_failed');
    expectError(asked, 'cluster_timeout');
    expectError(cancelled, 'cluster_timeout');
    const kept = await running.status(run, '--no-refresh');
    assert.match(kept.stale_reason ?? '', /controller|slurm/i);
    assert.equal(kept.counts.running, 2);
    await sandbox.faults.slurmctld.start();
    await late.provesWhole(await late.submit());
    await running.call('cancel', run.run_id, '--yes');
    const summary = await eventually('the cancelled run ends', async () => {
      const seen = await running.status(run);
      return seen.lifecycle_state === 'cancelled' ? seen : undefined;
    });
    assert.equal(summary.counts.cancelled, 4);
  });

  it('a hung slurmctld at submit: not known is not "failed"; the same command later finds or makes each job once', async () => {
    const work = await desk.work();
    await sandbox.faults.slurmctld.hang();
    expectError(await work.submitCall(), 'cluster_timeout');
    await sandbox.faults.slurmctld.resume();
    await work.provesWhole(await work.submit());
  });

  it('slurmdbd down for a whole run: the run ends all the same, an unknown submission is found in the queue', async () => {
    await sandbox.faults.slurmdbd.stop();
    const work = await desk.work();
    const run = await work.submit();
    const summary = await work.monitor(run);
    assert.equal(summary.lifecycle_state, 'complete');
    // As if the reply of sbatch had been lost.
    const receipts = `${run.remote_path}/.hpc/state/${run.run_id}/receipts`;
    await sandbox.asRoot(`for key in w0a0 w1c; do echo '{"state":"submitting","at":1000000000}' >"${receipts}/$key.json"; done`);
    const { found_jobs } = (await desk.cli.data(['reconcile', run.run_id], { cwd: work.workspace })) as unknown as { found_jobs: { key: string; job_id: string }[] };
    await sandbox.faults.slurmdbd.start();
    assert.deepEqual(found_jobs.filter(({ key }) => !key.endsWith('c')).map(({ job_id }) => job_id), run.job_ids);
    await eventually('accounting has heard of the run', async () => ((await work.jobs()).size === 4 ? true : undefined));
    await work.provesWhole(run);
  });

  it('login banner, noisy start-up files, tcsh: the same results', async () => {
    await Promise.all(
      ['noisy', 'tcsh'].map(async (cluster) => {
        const work = await desk.work();
        await work.provesWhole(await work.submit(cluster));
      }),
    );
  });

  it('a changed host key: both fingerprints are named, nothing is submitted; afterwards it goes on', async () => {
    const work = await desk.work();
    await sandbox.faults.changeHostKey();
    const { message } = expectError(await work.submitCall(), 'ssh_unreachable');
    assert.equal(new Set(message?.match(/SHA256:[A-Za-z0-9+/]{43}/g)).size, 2, message);
    await sandbox.faults.restoreHostKey();
    assert.equal((await work.jobs()).size, 0);
    await work.provesWhole(await work.submit());
  });

  it('a full disk on the far side: a typed error, nothing submitted, nothing torn; with room the same command goes on', async () => {
    const work = await desk.work({ files: { 'data.txt': 'x'.repeat(300_000) + randomUUID() } });
    for (const left of [0, 40, 200]) {
      await sandbox.faults.fillHome(left);
      const error = expectError(await work.submitCall(), 'remote_command_failed', 'config_invalid', 'sync_failed', 'ssh_unreachable');
      assert.match(`${error.message} ${error.remediation}`, /full|space|quota|room/i);
      await sandbox.faults.freeHome();
      assert.equal((await work.jobs()).size, 0);
    }
    const run = await work.submit();
    const { stdout } = await sandbox.asRoot(`wc -c <"${run.remote_path}/data.txt"; find "${run.remote_path}" -name '*.tmp' -o -name '.*.part' | wc -l`);
    assert.match(stdout, /^300036\n/);
    await work.provesWhole(run);
  });

  it('spaces, quotes and unicode in the workspace’s path, and an executor named a b;$(x).py', async () => {
    const executor = 'import argparse, json\nparser = argparse.ArgumentParser()\nparser.add_argument("--x", type=int)\nprint(json.dumps({"y": parser.parse_args().x}))\n';
    const work = await desk.work({ folder: 'wörk “space” \'q\' "d" $(x);', files: { 'executors/a b;$(x).py': executor } });
    await work.provesWhole(await work.submit('bed', '', '--executor', 'executors/a b;$(x).py'));
  });

  it('MaxSubmitJobs: what is submitted stays, the rest follows when there is room, nothing twice', async () => {
    const work = await desk.work({ gate: 'limit' });
    await sandbox.faults.setUserLimits('alice', { MaxSubmitJobs: 3 });
    const error = expectError(await work.submitCall('bed', whenReleased), 'scheduler_throttled');
    assert.match(error.message ?? '', /2 of 4 jobs are submitted/);
    expectError(await work.submitCall('bed', whenReleased), 'scheduler_throttled');
    await desk.release('limit');
    const run = await eventually('there is room', async () => {
      const { envelope } = await work.submitCall('bed', whenReleased);
      if (envelope?.ok !== true) assert.equal(envelope?.error_code, 'scheduler_throttled', JSON.stringify(envelope));
      return envelope?.ok === true ? (envelope.data as unknown as Submitted) : undefined;
    });
    await sandbox.faults.setUserLimits('alice', {});
    await work.provesWhole(run);
  });

  it('an account that is refused, then corrected: the second command submits what it says', async () => {
    const work = await desk.work();
    expectError(await work.submitCall('bed', square, '--resources.account', 'nobody'), 'spec_invalid');
    await work.provesWhole(await work.submit());
  });

  it('a cut connection and a killed monitor: the run goes on, the next look tells the truth', async () => {
    const work = await desk.work({ gate: 'cut' });
    const run = await work.submit('bed', whenReleased);
    const words = ['monitor', run.run_id, '--poll-interval-seconds', '1'];
    const [cut, killed] = [desk.cli.start(words, { cwd: work.workspace }), desk.cli.start(words, { cwd: work.workspace })];
    await eventually('the monitors watch', async () => ((await work.status(run, '--no-refresh')).counts.running === 2 ? true : undefined));
    killed.child.kill('SIGKILL');
    await sandbox.faults.dropSshSessions();
    await desk.release('cut');
    const end = await cut.ended;
    assert.equal((end.envelope?.data as unknown as { run: { lifecycle_state: string } } | undefined)?.run.lifecycle_state, 'complete', JSON.stringify(end.envelope));
    await work.provesWhole(run);
  });

  /** All tasks of the run have ended `ends` times in all, by the cluster's own files. */
  const endedThere = (run: Submitted, ends: number): Promise<unknown> =>
    eventually('the tasks have ended', async () => ([...(await traceTasks(sandbox, `${run.remote_path}/.hpc/state/${run.run_id}`)).values()].reduce((sum, trace) => sum + trace.ends, 0) >= ends ? true : undefined));

  it('sshd restarted in the middle of a run: the monitor says what it last heard, goes on by itself, and is right', async () => {
    const work = await desk.work({ gate: 'restart' });
    const run = await work.submit('bed', whenReleased);
    const monitor = desk.cli.start(['monitor', run.run_id, '--poll-interval-seconds', '1'], { cwd: work.workspace });
    await eventually('it watches', async () => ((await work.status(run, '--no-refresh')).counts.running === 2 ? true : undefined));
    await sandbox.faults.sshd.stop();
    const { accepted } = await sandbox.faults.networkState();
    await sandbox.faults.dropSshSessions();
    await desk.release('restart');
    await endedThere(run, 4);
    // Attempts come with growing pauses; the looks in between, one each second, get no answer.
    await eventually('it has tried several times', async () => ((await sandbox.faults.networkState()).accepted >= accepted + 3 ? true : undefined));
    const meanwhile = await work.status(run, '--no-refresh');
    assert.deepEqual([meanwhile.counts.running, meanwhile.counts.failed, meanwhile.counts.unknown], [2, 0, 0], JSON.stringify(meanwhile));
    assert.ok((meanwhile.stale_reason ?? '') !== '');
    await sandbox.faults.sshd.start();
    const end = await monitor.ended;
    assert.equal((end.envelope?.data as unknown as { run: { lifecycle_state: string } } | undefined)?.run.lifecycle_state, 'complete', JSON.stringify(end.envelope));
    await work.provesWhole(run);
  });

  it('a laptop asleep for a day: what ended meanwhile is told as it was, and what may be tried again is', async () => {
    const work = await desk.work({ gate: 'asleep' });
    const run = await work.submit('bed', `[ "$HPC_KW_X-$HPC_ATTEMPT" != 3-1 ] || exit 3; ${whenReleased}`, '--auto-retry', '{"unknown": {"max_attempts": 1}}');
    // The process that sleeps has a clock of its own.
    const clock = path.join(desk.root, 'clock');
    await fs.writeFile(clock, '0');
    const asleep = `import fs from 'node:fs'; const Real = Date; const now = () => Real.now() + Number(fs.readFileSync(${JSON.stringify(clock)}, 'utf8')); globalThis.Date = class extends Real { constructor(...given) { if (given.length > 0) super(...given); else super(now()); } static now() { return now(); } };`;
    const monitor = desk.cli.start(['monitor', run.run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '120'], { cwd: work.workspace, env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(asleep)}` } });
    await eventually('it watches', async () => ((await work.status(run, '--no-refresh')).counts.running === 2 ? true : undefined));
    monitor.child.kill('SIGSTOP');
    await sandbox.faults.setNetwork({ refused: true });
    await sandbox.faults.dropSshSessions();
    await desk.release('asleep');
    await endedThere(run, 4);
    await fs.writeFile(clock, String(86_400_000));
    monitor.child.kill('SIGCONT');
    await eventually('it is awake, and without a network', async () => ((await work.status(run, '--no-refresh')).stale_reason === null ? undefined : true));
    assert.equal((await work.status(run, '--no-refresh')).counts.running, 2);
    await sandbox.faults.calmNetwork();
    const end = await monitor.ended;
    const told = end.envelope?.data as unknown as { run: { lifecycle_state: string; counts: { complete: number } }; retries: { task_count: number }[] } | undefined;
    assert.deepEqual([told?.run.lifecycle_state, told?.run.counts.complete, told?.retries.map(({ task_count }) => task_count)], ['complete', 4, [1]], `${JSON.stringify(end.envelope)} ${end.stderr.slice(-1000)}`);
    const traces = await traceTasks(sandbox, `${run.remote_path}/.hpc/state/${run.run_id}`);
    assert.deepEqual([...traces].sort(([a], [b]) => a - b).map(([, { starts }]) => starts), [1, 1, 1, 2]);
  });

  it('logs while it runs, requeue of a task, cancel of tasks, of a wave, of the rest', async () => {
    const work = await desk.work({ gate: 'never' });
    const run = await work.submit('bed', whenReleased);
    await eventually('the first tasks run', async () => ((await work.status(run)).counts.running === 2 ? true : undefined));
    const log = (stream: string, ...more: string[]): Promise<{ text: string; next_offset: number; ended: boolean }> =>
      desk.cli.data(['logs', run.run_id, '1', '--stream', stream, ...more], { cwd: work.workspace }) as unknown as Promise<{ text: string; next_offset: number; ended: boolean }>;
    const out = await eventually('the task has printed', async () => {
      const seen = await log('stdout');
      return seen.text.includes('waiting') ? seen : undefined;
    });
    assert.equal(out.ended, false);
    assert.match((await log('stderr')).text, /trouble 1/);
    assert.equal((await log('stdout', '--offset', String(out.next_offset))).text, '');

    await sandbox.asRoot(`scontrol requeue ${run.job_ids[0]}_2`);
    await eventually('the requeued task waits or runs again', async () => {
      const { counts } = await work.status(run);
      assert.equal(counts.failed + counts.cancelled + counts.complete, 0, JSON.stringify(counts));
      return counts.running + counts.pending === 4 ? true : undefined;
    });

    await desk.cli.data(['cancel', run.run_id, '--task-ids', '0', '--yes'], { cwd: work.workspace });
    await eventually('task 0 is cancelled and nothing else', async () => {
      const { counts } = await work.status(run);
      return counts.cancelled === 1 && counts.running + counts.pending === 3 ? true : undefined;
    });
    await desk.cli.data(['cancel', run.run_id, '--wave', '1', '--yes'], { cwd: work.workspace });
    await eventually('wave 1 is cancelled, task 1 goes on', async () => {
      const { counts } = await work.status(run);
      return counts.cancelled === 3 && counts.running + counts.pending === 1 ? true : undefined;
    });
    await desk.cli.data(['cancel', run.run_id, '--yes'], { cwd: work.workspace });
    const end = await eventually('all is cancelled', async () => {
      const seen = await work.status(run);
      return seen.counts.cancelled === 4 ? seen : undefined;
    });
    assert.equal(end.lifecycle_state, 'cancelled');
    await eventually('the queue is empty of it', async () => ((await sandbox.asRoot(`squeue --noheader --format=%j | grep -c '^${work.name}-'`)).stdout.trim() === '0' ? true : undefined));
  });

  it('a node that dies under its tasks: nobody believes for long that they run; they wait to run again', async () => {
    const work = await desk.work({ gate: 'node', total: 2 });
    const run = await work.submit('bed', whenReleased);
    const node = await eventually('the tasks run', async () => /^node\d/m.exec((await sandbox.asRoot(`squeue --noheader --states=running --format=%N --jobs=${run.job_ids[0]}`)).stdout)?.[0]);
    await sandbox.faults.killMachine(node);
    const seen = await eventually('their end is noticed', async () => {
      const summary = await work.status(run);
      return summary.counts.running === 0 ? summary : undefined;
    }, 120_000, 2_000);
    assert.equal(seen.counts.complete, 0, JSON.stringify(seen));
    await desk.release('node');
    await sandbox.faults.startMachine(node);
    // Slurm holds a requeued job back for two minutes: the full count waits for it, the sample ends it.
    if (Number(process.env.HPC_AGENT_FAULTS ?? 0) >= 100) await work.provesWhole(run, 2);
    else await desk.cli.data(['cancel', run.run_id, '--yes'], { cwd: work.workspace });
  });

  it('a site without accounting: a run ends, a cancelled one too, a submission whose reply was lost is settled', async () => {
    const bob = { user: sandbox.ssh.users.second };
    await sandbox.asUser('mkdir -p tools && cd tools && for tool in /usr/bin/*; do [ "$tool" = /usr/bin/sacct ] || ln -sf "$tool" .; done; echo \'PATH="$HOME/tools"\' >"$HOME/.bash_profile"', bob);
    try {
      const work = await desk.work();
      const run = await work.submit('second');
      assert.equal((await work.monitor(run)).lifecycle_state, 'complete');
      const receipts = `${run.remote_path}/.hpc/state/${run.run_id}/receipts`;
      await sandbox.asRoot(`for key in w0a0 w1c; do echo '{"state":"submitting","at":1000000000}' >"${receipts}/$key.json"; done`);
      const { found_jobs } = (await desk.cli.data(['reconcile', run.run_id], { cwd: work.workspace })) as unknown as { found_jobs: { key: string; job_id: string | null }[] };
      assert.deepEqual(found_jobs.filter(({ key }) => !key.endsWith('c')).map(({ job_id }) => job_id), run.job_ids);
      await work.provesWhole(run);
      const stopped = await desk.work({ gate: 'never' });
      const other = await stopped.submit('second', whenReleased);
      await desk.cli.data(['cancel', other.run_id, '--yes'], { cwd: stopped.workspace });
      await eventually('it is cancelled', async () => ((await stopped.status(other)).lifecycle_state === 'cancelled' ? true : undefined));
    } finally {
      await sandbox.asUser('rm -rf "$HOME/tools" "$HOME/.bash_profile" "$HOME/scratch/hpc-agent"', bob);
    }
  });

  it('the forgotten job is lost, with evidence: not done, not running for ever, and not the other job that has its number now', async () => {
    await eventually('accounting says that the stranger ended well', async () => {
      const { stdout } = await sandbox.asRoot(`sacct --allusers --duplicates --allocations --noheader --parsable2 --jobs=${forgotten.run.job_ids[0] ?? ''} --format=JobName,State`);
      return stdout.includes('stranger|COMPLETED') ? true : undefined;
    });
    const summary = await eventually('its loss is believed', async () => {
      const seen = await forgotten.work.status(forgotten.run);
      return seen.lifecycle_state === 'abandoned' ? seen : undefined;
    }, 240_000, 3_000);
    const lost = summary.attention.find(({ kind }) => kind === 'lost');
    assert.deepEqual(lost?.task_ids, [0, 1, 2, 3]);
    assert.match(summary.evidence.join(), /the queue no longer lists its job/);
  });
});
