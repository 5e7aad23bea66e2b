/** Refreshing a cluster costs one round trip, one question to the queue, at most one to accounting, and bytes for what is new. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { listRunStates } from '../../../src/runs/listRuns.ts';
import type { RunView } from '../../../src/runs/runView.ts';
import { accountingRow, endEvent, makePlace, queueRow, startEvent, type Place } from './place.ts';

const runCount = 50;
const taskCount = 1000;
const ended = 400;
const running = 20;

const jobOf = (run: number): string => String(1000 + run);
const runIdOf = (run: number): string => `20260102-0000${String(run).padStart(2, '0')}-abcdef01`;

describe('refreshing 50 runs of 1,000 tasks (unit)', function () {
  this.timeout(60_000);
  let place: Place;

  const append = async (run: number, text: string): Promise<void> => fs.appendFile(path.join(place.remoteRoot, '.hpc', 'state', runIdOf(run), 'events', `node${run % 4}.jsonl`), text);
  /** `more` tasks of each run have ended since the beginning. */
  const queue = (more: readonly number[] = []): string =>
    Array.from({ length: runCount }, (_, run) => {
      const first = ended + (more[run] ?? 0);
      return Array.from({ length: ended + running - first }, (_, offset) => queueRow(`${jobOf(run)}_${first + offset + 1}`, 'RUNNING', 'node1')).join('') + queueRow(`${jobOf(run)}_[${ended + running + 1}-${taskCount}]`, 'PENDING', '', 'Resources');
    }).join('');

  const refresh = async (): Promise<{ runs: readonly RunView[]; roundTrips: number; received: number; sent: number; queue: number; accounting: number }> => {
    const { statistics } = place.connection;
    const before = { ...statistics, queue: await place.asked('squeue'), accounting: await place.asked('sacct') };
    const { runs, problems } = await listRunStates({ refresh: true, allWorkspaces: false, limit: 100 }, place.deps, place.call);
    assert.deepEqual(problems.map(({ error }) => error.message), []);
    const after = place.connection.statistics;
    return {
      runs,
      roundTrips: after.roundTrips - before.roundTrips,
      received: after.bytesReceived - before.bytesReceived,
      sent: after.bytesSent - before.bytesSent,
      queue: (await place.asked('squeue')) - before.queue,
      accounting: (await place.asked('sacct')) - before.accounting,
    };
  };

  beforeEach(async () => {
    place = await makePlace();
    for (let run = 0; run < runCount; run += 1) {
      const job = jobOf(run);
      await place.writeRun({ run_id: runIdOf(run), task_count: taskCount }, [{ wave: 0, first: 0, count: taskCount, jobId: job }]);
      await append(run, Array.from({ length: ended + running }, (_, task) => startEvent(job, task, task + 1) + (task < ended ? endEvent(job, task, task + 1) : '')).join(''));
    }
    await place.says('squeue', queue());
    // The runtime is there already, as on every day but the first.
    await place.session.facts();
    await (await place.session.facts()).runtime.install();
  });
  afterEach(() => place.dispose());

  it('is one round trip, one queue call and at most one accounting call, cold and warm', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const { runs, roundTrips, queue: queueCalls, accounting } = await refresh();
      assert.equal(roundTrips, 1);
      assert.equal(queueCalls, 1);
      assert.ok(accounting <= 1);
      assert.equal(runs.length, runCount);
      for (const { counts } of runs) assert.deepEqual([counts.complete, counts.running, counts.pending], [ended, running, taskCount - ended - running]);
      place.setNow(place.nowMs() + 5_000);
    }
    assert.ok((await place.asked('sacct')) <= 1, 'accounting is asked once a minute, where nothing is missing');
  });

  it('sends what is new: nothing for nothing, little for a little', async () => {
    const first = await refresh();
    place.setNow(place.nowMs() + 5_000);
    const unchanged = await refresh();
    assert.ok(unchanged.received < 2_000, `${unchanged.received} bytes for no change at all`);
    assert.ok(unchanged.received * 20 < first.received, `${unchanged.received} bytes against ${first.received} of the first answer`);
    const changed: number[] = [];
    for (let run = 0; run < 10; run += 1) {
      await append(run, endEvent(jobOf(run), ended, ended + 1));
      changed[run] = 1;
    }
    await place.says('squeue', queue(changed));
    place.setNow(place.nowMs() + 5_000);
    const ten = await refresh();
    assert.ok(ten.received - unchanged.received < 10 * 300, `${ten.received - unchanged.received} bytes for ten tasks`);
    assert.deepEqual(ten.runs.map(({ counts }) => counts.complete).sort(), [...Array<number>(runCount - 10).fill(ended), ...Array<number>(10).fill(ended + 1)]);
    assert.equal(ten.roundTrips, 1);
  });

  it('asks accounting once for all jobs that the queue no longer explains, and not again until there is news', async () => {
    await refresh();
    // Run 3 left the queue without a word: its job was killed with its node.
    await place.says('squeue', queue().split('\n').filter((line) => !line.includes(`|${jobOf(3)}_`)).join('\n'));
    await place.says('sacct', Array.from({ length: taskCount - ended }, (_, offset) => accountingRow(`${jobOf(3)}_${ended + offset + 1}`, 'NODE_FAIL', '0:0')).join(''));
    place.setNow(place.nowMs() + 61_000);
    const first = await refresh();
    assert.equal(first.roundTrips, 1);
    assert.equal(first.accounting, 1);
    const third = first.runs.find(({ sidecar }) => sidecar.run_id === runIdOf(3));
    assert.equal(third?.counts.failed, taskCount - ended);
    assert.equal(third?.lifecycle, 'failed');
    place.setNow(place.nowMs() + 5_000);
    assert.equal((await refresh()).accounting, 0);
  });

  it('two who refresh at once ask once', async () => {
    const before = place.connection.statistics.roundTrips;
    const answers = await Promise.all([1, 2, 3].map(() => listRunStates({ refresh: true, allWorkspaces: false, limit: 100 }, place.deps, place.call)));
    assert.equal(place.connection.statistics.roundTrips - before, 1);
    for (const { runs } of answers) assert.ok(runs.every(({ counts }) => counts.complete === ended));
  });

  it('a clock that was set back an hour does not make an old answer fresh', async () => {
    await refresh();
    place.setNow(place.nowMs() - 3_600_000);
    await append(0, endEvent(jobOf(0), ended, ended + 1));
    const { roundTrips, runs } = await refresh();
    assert.equal(roundTrips, 1);
    assert.ok(runs.some(({ counts }) => counts.complete === ended + 1));
  });

  it('a queue that cannot be asked leaves the last answer, with the reason and its age', async () => {
    const good = await refresh();
    await place.says('squeue', '!slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n');
    place.setNow(place.nowMs() + 60_000);
    const { runs, problems } = await listRunStates({ refresh: true, allWorkspaces: false, limit: 100 }, place.deps, place.call);
    assert.equal(problems[0]?.error.code, 'cluster_timeout');
    assert.ok(problems[0].error.remediation);
    for (const run of runs) {
      assert.deepEqual(run.counts, good.runs[0]?.counts);
      assert.match(run.facts.stale_reason ?? '', /Unable to contact/);
      assert.equal(run.facts.observed_at, good.runs[0]?.facts.observed_at);
    }
  });
});

describe('the pace of asking accounting (unit)', function () {
  this.timeout(60_000);
  const runId = '20260102-000000-abcdef01';
  let place: Place;
  let start: number;
  beforeEach(async () => {
    place = await makePlace();
    start = place.nowMs();
    await place.writeRun({ run_id: runId, task_count: 2 }, [{ wave: 0, first: 0, count: 2, jobId: '1001' }]);
  });
  afterEach(() => place.dispose());

  /** Looks this many seconds after the beginning; how often accounting was asked by then, and the states. */
  const lookAt = async (seconds: number): Promise<readonly [number, string]> => {
    place.setNow(start + seconds * 1000);
    const { runs } = await listRunStates({ refresh: true, allWorkspaces: false, limit: 100 }, place.deps, place.call);
    return [await place.asked('sacct'), runs[0]?.tasks.map(({ state }) => state).join(' ') ?? ''];
  };

  it('at once when a job is newly missing, then every 15 s for 5 minutes, then every minute, of a lost one too, until it tells', async () => {
    await place.says('squeue', queueRow('1001_1', 'RUNNING', 'node1') + queueRow('1001_2', 'RUNNING', 'node1'));
    assert.deepEqual(await lookAt(0), [1, 'running running']);
    await place.says('squeue', '');
    // Missing for the first time: the next look asks, however soon.
    assert.deepEqual(await lookAt(5), [1, 'unknown unknown']);
    assert.deepEqual(await lookAt(7), [2, 'unknown unknown']);
    // Not sooner than 15 s later.
    assert.deepEqual(await lookAt(21), [2, 'unknown unknown']);
    assert.deepEqual(await lookAt(22), [3, 'unknown unknown']);
    assert.deepEqual(await lookAt(36), [3, 'unknown unknown']);
    assert.deepEqual(await lookAt(37), [4, 'unknown unknown']);
    // Missing for a minute, and accounting was asked after that.
    assert.deepEqual(await lookAt(66), [5, 'lost lost']);
    assert.deepEqual(await lookAt(80), [5, 'lost lost']);
    assert.deepEqual(await lookAt(81), [6, 'lost lost']);
    // Missing for five minutes: once a minute.
    assert.deepEqual(await lookAt(304), [7, 'lost lost']);
    assert.deepEqual(await lookAt(363), [7, 'lost lost']);
    assert.deepEqual(await lookAt(364), [8, 'lost lost']);
    // Accounting was late. What it told needs no more questions.
    await place.says('sacct', accountingRow('1001_1', 'COMPLETED') + accountingRow('1001_2', 'FAILED', '3:0'));
    assert.deepEqual(await lookAt(424), [9, 'complete failed']);
    assert.deepEqual(await lookAt(900), [9, 'complete failed']);
  });

  it('once a minute of what runs, however often one looks', async () => {
    await place.says('squeue', queueRow('1001_1', 'RUNNING', 'node1') + queueRow('1001_2', 'RUNNING', 'node1'));
    const asked: number[] = [];
    for (const seconds of [0, 15, 30, 45, 59, 60, 75, 119, 120]) asked.push((await lookAt(seconds))[0]);
    assert.deepEqual(asked, [1, 1, 1, 1, 1, 2, 2, 2, 3]);
  });

  it('a site that keeps none, although sacct is there: asked once, and the queue then tells of what ended, too', async () => {
    await place.says('sacct', '!Slurm accounting storage is disabled\n');
    await place.says('squeue', queueRow('1001_1', 'TIMEOUT', 'node1') + queueRow('1001_2', 'RUNNING', 'node1'));
    assert.deepEqual(await lookAt(0), [1, 'timeout running']);
    assert.deepEqual(await lookAt(61), [1, 'timeout running']);
    const asked = (await fs.readFile(path.join(place.directory, 'bin', 'squeue.asked'), 'utf8')).trim().split('\n');
    assert.deepEqual(asked.map((line) => line.includes('--states=all')), [false, true, true]);
  });
});
