import assert from 'node:assert/strict';
import { lostAfterMs, lostAfterTimes, mergeTaskStates, type MergeInput } from '../../../src/runs/mergeTaskStates.ts';
import { TaskList } from '../../../src/runs/placement.ts';
import type { AccountingRow, JobState, QueueRow } from '../../../src/scheduler/port.ts';

const now = 1_700_000_000_000;
const all = [{ first: 1, last: 4 }];
const queueRow = (state: JobState, more: Partial<QueueRow> = {}): QueueRow => ({ jobId: '7', indices: all, state, rawState: state.toUpperCase(), name: 'n', reason: '', node: '', ...more });
const accountingRow = (state: JobState, more: Partial<AccountingRow> = {}): AccountingRow => ({ jobId: '7', indices: all, state, rawState: state.toUpperCase(), name: 'n', comment: '', exitCode: 0, signal: 0, elapsedS: 1, maxRssMiB: null, node: 'node1', ...more });

function viewOf(task: number, more: Partial<MergeInput>): ReturnType<typeof mergeTaskStates>[number] | undefined {
  const input: MergeInput = {
    totalTasks: 4,
    arrays: [{ jobId: '7', attempt: 1, tasks: TaskList.from(0, 4) }],
    histories: [{}, {}, {}, {}],
    queue: { rows: [], atMs: now },
    accounting: undefined,
    isCancelRequested: () => false,
    nowMs: now,
    ...more,
  };
  return mergeTaskStates(input)[task];
}

const stateOf = (task: number, more: Partial<MergeInput>): string => viewOf(task, more)?.state ?? 'none';

const ended = (o: string, rc: number): MergeInput['histories'] => [{ start: { e: 'start', i: 0, t: 1, node: 'n1' }, end: { e: 'end', i: 0, t: 2, rc, o, node: 'n1' } }, {}, {}, {}];

describe('mergeTaskStates (unit)', () => {
  it('believes the end that a task wrote over a queue that still lists it', () => {
    assert.equal(stateOf(0, { histories: ended('done', 0), queue: { rows: [queueRow('running')], atMs: now } }), 'complete');
    assert.equal(stateOf(0, { histories: ended('skipped', 0) }), 'complete');
    assert.equal(stateOf(0, { histories: ended('failed', 3) }), 'failed');
  });

  it('a task that the scheduler put back waits or runs again, whatever its last try said; a stale queue does not overrule', () => {
    const waits = { rows: [queueRow('pending')], atMs: now };
    assert.equal(stateOf(0, { histories: ended('preempted', 143), queue: waits }), 'pending');
    assert.equal(stateOf(0, { histories: ended('failed', 1), queue: waits }), 'pending');
    assert.equal(stateOf(0, { histories: ended('preempted', 143), queue: { rows: [queueRow('running')], atMs: now } }), 'running');
    assert.equal(stateOf(0, { histories: ended('failed', 1), queue: { rows: [queueRow('running')], atMs: now } }), 'failed');
    assert.equal(stateOf(0, { histories: ended('preempted', 143), queue: { rows: [queueRow('pending')], atMs: 1_000 } }), 'failed');
    // The node's clock is hours ahead of ours.
    const ahead = ended('preempted', 143).map(({ start, end }) => ({ ...(start ? { start } : {}), ...(end ? { end: { ...end, t: now / 1000 + 7_200 } } : {}) }));
    assert.equal(stateOf(0, { histories: ahead, queue: waits }), 'pending');
    assert.equal(viewOf(0, { histories: ahead, queue: { rows: [queueRow('pending', { reason: 'job requeued in held state' })], atMs: now } })?.stuckFor, 'PENDING (job requeued in held state)');
    assert.equal(stateOf(0, { histories: ended('done', 0), queue: waits }), 'complete');
  });

  it('reads condensed rows element by element', () => {
    const queue = { rows: [queueRow('running', { indices: [{ first: 1, last: 1 }] }), queueRow('pending', { indices: [{ first: 3, last: 4 }] })], atMs: now };
    assert.deepEqual([0, 1, 2, 3].map((task) => stateOf(task, { queue })), ['running', 'unknown', 'pending', 'pending']);
  });

  it('never takes absence for an end: unknown at first, lost only after several answers over time', () => {
    assert.equal(stateOf(0, {}), 'unknown');
    const absent = (times: number, ageMs: number): Partial<MergeInput> => ({ arrays: [{ jobId: '7', attempt: 1, tasks: TaskList.from(0, 4), absent: { sinceMs: now - ageMs, times } }] });
    assert.equal(stateOf(0, absent(lostAfterTimes - 1, lostAfterMs * 10)), 'unknown');
    assert.equal(stateOf(0, absent(lostAfterTimes, lostAfterMs - 1)), 'unknown');
    assert.equal(stateOf(0, absent(lostAfterTimes, lostAfterMs)), 'lost');
  });

  it('an accepted job that the controller forgot is lost although accounting still says RUNNING', () => {
    const arrays = [{ jobId: '7', attempt: 1, tasks: TaskList.from(0, 4), absent: { sinceMs: now - lostAfterMs, times: lostAfterTimes } }];
    const accounting = { rows: [accountingRow('running')], atMs: now };
    assert.equal(stateOf(0, { arrays, accounting }), 'lost');
    const [view] = mergeTaskStates({ totalTasks: 4, arrays, histories: [], queue: { rows: [], atMs: now }, accounting, isCancelRequested: () => false, nowMs: now });
    assert.match(view?.evidence ?? '', /accounting still says RUNNING/);
  });

  it('is not given up before accounting was asked again: its first answer may be from before the end', () => {
    const arrays = [{ jobId: '7', attempt: 1, tasks: TaskList.from(0, 4), absent: { sinceMs: now - lostAfterMs, times: lostAfterTimes } }];
    const answered = (atMs: number): MergeInput['accounting'] => ({ rows: [accountingRow('running')], atMs });
    assert.equal(stateOf(0, { arrays, accounting: answered(now - lostAfterMs + 1) }), 'unknown');
    assert.equal(stateOf(0, { arrays, accounting: answered(now) }), 'lost');
    // One that has fallen silent is not waited for without end.
    const long = [{ ...arrays[0]!, absent: { sinceMs: now - 10 * lostAfterMs, times: lostAfterTimes } }];
    assert.equal(stateOf(0, { arrays: long, accounting: answered(now - 10 * lostAfterMs) }), 'lost');
  });

  it('accounting that shows only the finished part of an array speaks for that part alone', () => {
    const accounting = { rows: [accountingRow('completed', { indices: [{ first: 1, last: 2 }] })], atMs: now };
    assert.deepEqual([0, 1, 2, 3].map((task) => stateOf(task, { accounting })), ['complete', 'complete', 'unknown', 'unknown']);
  });

  it('a half row without indices decides nothing', () => {
    const accounting = { rows: [{ ...accountingRow('completed'), indices: undefined }] as unknown as AccountingRow[], atMs: now };
    assert.equal(stateOf(0, { accounting }), 'unknown');
  });

  it('knows the classes that accounting knows', () => {
    for (const [state, expected] of [['timeout', 'timeout'], ['out_of_memory', 'failed'], ['node_fail', 'failed'], ['cancelled', 'cancelled'], ['completed', 'complete']] as const) {
      assert.equal(stateOf(0, { accounting: { rows: [accountingRow(state)], atMs: now } }), expected);
    }
    assert.equal(stateOf(0, { histories: ended('failed', 143), accounting: { rows: [accountingRow('timeout')], atMs: now } }), 'timeout');
    const evidenceBeside = (state: JobState): string | undefined =>
      viewOf(0, { histories: ended('failed', 1), accounting: { rows: [accountingRow(state)], atMs: now } })?.evidence;
    assert.match(evidenceBeside('timeout') ?? '', /status 1 .*; accounting says TIMEOUT/);
    // It lags behind the task's own word, which proves the end.
    assert.doesNotMatch(evidenceBeside('pending') ?? 'accounting', /accounting/);
  });

  it('a task that was asked to end and is gone is cancelled; one that had ended well stays done', () => {
    const isCancelRequested = (): boolean => true;
    assert.equal(stateOf(0, { isCancelRequested }), 'cancelled');
    assert.equal(stateOf(0, { isCancelRequested, histories: ended('done', 0) }), 'complete');
    assert.equal(stateOf(0, { isCancelRequested, queue: { rows: [queueRow('running')], atMs: now } }), 'running');
  });

  it('without any answer of the queue nothing is claimed', () => {
    assert.equal(stateOf(0, { queue: undefined }), 'unknown');
    assert.equal(stateOf(0, { queue: undefined, arrays: [{ jobId: undefined, attempt: 1, tasks: TaskList.from(0, 4) }] }), 'pending');
  });

  it('tells what may never start by itself from what waits for its turn', () => {
    const stuckFor = (reason: string, state: JobState = 'pending'): string | undefined => viewOf(0, { queue: { rows: [queueRow(state, { rawState: 'PENDING', reason })], atMs: now } })?.stuckFor;
    for (const reason of ['PartitionDown', 'PartitionTimeLimit', 'ReqNodeNotAvail, UnavailableNodes:node4', 'Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions', 'QOSMaxMemoryPerJob', 'Can Never Run: Insufficient amount of resource: ncpus']) {
      assert.equal(stuckFor(reason), `PENDING (${reason})`);
    }
    assert.equal(stuckFor('JobHeldUser', 'held'), 'PENDING (JobHeldUser)');
    for (const reason of ['', 'Resources', 'Priority', 'Dependency', 'QOSMaxJobsPerUserLimit', 'JobArrayTaskLimit', 'BeginTime']) assert.equal(stuckFor(reason), undefined, reason);
    assert.equal(stuckFor('PartitionDown', 'running'), undefined);
  });

  it('a word of the scheduler that we do not know is shown, not guessed', () => {
    assert.equal(stateOf(0, { queue: { rows: [queueRow('unknown', { rawState: 'LEVITATING' })], atMs: now } }), 'unknown');
  });

  describe('a chain', () => {
    const links = [1, 2, 3].map((attempt, index) => ({ jobId: String(10 + attempt), attempt, tasks: TaskList.from(0, 1), link: { index, count: 3, first: 1 } }));
    const row = (hop: number, state: JobState, more: Partial<QueueRow> = {}): QueueRow => queueRow(state, { jobId: String(10 + hop), indices: [{ first: 1, last: 1 }], ...more });
    const event = (a: number, t: number, more: object = {}): NonNullable<MergeInput['histories'][number]['end']> => ({ e: 'start', i: 0, a, t, node: 'n1', ...more });
    const end = (a: number, t: number, o: string, rc = 0): NonNullable<MergeInput['histories'][number]['end']> => event(a, t, { e: 'end', o, rc });
    const seen = (history: MergeInput['histories'][number], rows: readonly QueueRow[], more: Partial<MergeInput> = {}): unknown[] => {
      const view = mergeTaskStates({ totalTasks: 1, arrays: links, histories: [history], queue: { rows, atMs: now }, accounting: undefined, isCancelRequested: () => false, nowMs: now, ...more })[0];
      return [view?.state, view?.attempt, view?.job];
    };
    const waiting = [row(2, 'pending'), row(3, 'pending')];

    it('shows the job that runs or will go on; that one was ended by its limit is no failure', () => {
      assert.deepEqual(seen({}, [row(1, 'pending'), ...waiting]), ['pending', 1, '11_1']);
      assert.deepEqual(seen({ start: event(1, 1) }, [row(1, 'running'), ...waiting]), ['running', 1, '11_1']);
      assert.deepEqual(seen({ start: event(1, 1), end: end(1, 2, 'preempted', 130) }, waiting), ['pending', 2, '12_1']);
      assert.deepEqual(seen({ start: event(1, 1), end: end(1, 2, 'preempted', 130) }, [row(1, 'completing'), ...waiting], { queue: { rows: [row(1, 'completing'), ...waiting], atMs: 1_000 } }), ['pending', 2, '12_1']);
      assert.deepEqual(seen({ start: event(1, 1) }, waiting), ['pending', 2, '12_1'], 'killed without a word');
      assert.deepEqual(seen({ start: event(2, 3) }, [row(2, 'running'), row(3, 'pending')]), ['running', 2, '12_1']);
    });

    it('a result or a failure of the task itself decides, whatever still waits', () => {
      const done = end(1, 2, 'done');
      assert.deepEqual(seen({ start: event(1, 1), end: done, done }, waiting), ['complete', 1, '11_1']);
      assert.deepEqual(seen({ end: end(3, 9, 'skipped'), done: end(2, 5, 'done') }, []), ['complete', 2, '12_1']);
      assert.deepEqual(seen({ start: event(1, 1), end: end(1, 2, 'failed', 3) }, waiting), ['failed', 1, '11_1']);
    });

    it('after the last job of the chain it is a failure, by what the scheduler says of that one', () => {
      assert.deepEqual(seen({ start: event(3, 5), end: end(3, 6, 'preempted', 130) }, [])[0], 'failed');
      const accounting = { rows: [accountingRow('timeout', { jobId: '13', indices: [{ first: 1, last: 1 }] })], atMs: now };
      assert.deepEqual(seen({ start: event(3, 5), end: end(3, 6, 'preempted', 130) }, [], { accounting }), ['timeout', 3, '13_1']);
      assert.deepEqual(seen({ start: event(1, 1) }, [])[0], 'unknown', 'of none is anything known');
    });

    it('one that is not submitted yet waits', () => {
      const arrays = links.map((link, index) => (index === 2 ? { ...link, jobId: undefined } : link));
      assert.deepEqual(seen({ start: event(2, 3), end: end(2, 4, 'paused', 85) }, [], { arrays }), ['pending', 3, null]);
    });
  });
});
