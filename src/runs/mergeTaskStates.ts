/**
 * What several sources said of each task, merged into one state. Pure; called on reading, nothing merged is ever stored.
 *
 * Rules, in order of strength:
 * 1. An end event of the latest attempt decides: the task wrote it itself. A bad end is overruled by a later answer of the queue
 *    in which the task waits to be tried again.
 * 2. The queue, when it could be asked: what it lists is pending, held or running.
 * 3. Accounting, when it could be asked: a terminal state of the allocation.
 * 4. Absence decides nothing at once. A task whose job is in no queue and has no end is `unknown`, and becomes `lost` only
 *    when the queue was asked with success several times over `lostAfterMs`, accounting after that, and it does not tell an end (an
 *    accounting that has fallen silent holds this up for ten times as long at most).
 * 5. Of a chain (jobs one after the other for one task) one link decides: see `mergeChain`. That a link was ended by its limit is no failure
 *    while another one follows.
 * A source that could not be asked contributes its last good answer, and the age of that is said.
 */
import { groupBy } from '../foundation/collections.ts';
import { isTerminalJobState, type AccountingRow, type IndexRange, type JobState, type QueueRow } from '../scheduler/port.ts';
import { isHeldInError, isStuck } from './unableToStart.ts';
import type { ChainLink, TaskList } from './placement.ts';
import type { TaskEvent, TaskHistory } from './taskEvents.ts';

export type TaskState = 'pending' | 'running' | 'complete' | 'failed' | 'cancelled' | 'timeout' | 'lost' | 'unknown';

export interface TaskView {
  readonly state: TaskState;
  readonly attempt: number;
  readonly job: string | null;
  readonly node: string | null;
  readonly exitCode: number | null;
  readonly elapsedS: number | null;
  readonly peakRssMiB: number | null;
  /** When this attempt began, seconds since the epoch by the node's clock; null: not known. */
  readonly startedAtS: number | null;
  /** Seconds of all its tries that have ended. */
  readonly spentS: number;
  /** Why we say so, in words. */
  readonly evidence: string;
  /** Where it waits and will not begin by itself: the scheduler holds it in error, for this reason. */
  readonly heldFor?: string;
  /** Where it waits for what may never come by itself. */
  readonly stuckFor?: string;
}

export interface ArrayFacts {
  readonly jobId: string | undefined;
  /** Which attempt of its tasks it is, from 1. */
  readonly attempt: number;
  readonly tasks: TaskList;
  readonly link?: ChainLink;
  /** Since when (ms) and how often the job was missing in a queue that could be asked. */
  readonly absent?: { readonly sinceMs: number; readonly times: number };
}

export interface MergeInput {
  readonly totalTasks: number;
  readonly arrays: readonly ArrayFacts[];
  readonly histories: readonly TaskHistory[];
  /** Rows of the last good answer; undefined: never asked with success. */
  readonly queue: { readonly rows: readonly QueueRow[]; readonly atMs: number } | undefined;
  readonly accounting: { readonly rows: readonly AccountingRow[]; readonly atMs: number } | undefined;
  readonly isCancelRequested: (task: number) => boolean;
  /** The whole run was cancelled: what has no job never gets one. */
  readonly isGivenUp?: boolean;
  readonly nowMs: number;
}

/** A job is believed lost after this long without a sign of it, in at least three answers of the queue. */
export const lostAfterMs = 60_000;
export const lostAfterTimes = 3;

const fromAccounting: Partial<Record<JobState, TaskState>> = {
  completed: 'complete',
  failed: 'failed',
  cancelled: 'cancelled',
  timeout: 'timeout',
  out_of_memory: 'failed',
  node_fail: 'failed',
  preempted: 'failed',
};

/**
 * Rows by array element (1-based index). A row without indices decides nothing: Slurm shows an element that ended a moment ago,
 * or was cancelled before it started, in such a half row.
 */
function byIndex<Row extends { readonly indices?: readonly IndexRange[] }>(rows: readonly Row[], count: number): (Row | undefined)[] {
  const found = Array<Row | undefined>(count + 1).fill(undefined);
  for (const row of rows) {
    for (const { first, last } of row.indices ?? []) for (let index = Math.max(1, first); index <= Math.min(last, count); index += 1) found[index] = row;
  }
  return found;
}

/** Accounting lags behind the queue: what it said at the beginning proves nothing at the end. Where it has fallen silent it is not waited for without end. */
function isHeardOut({ accounting, nowMs }: MergeInput, sinceMs: number): boolean {
  return accounting === undefined || accounting.atMs - sinceMs >= lostAfterMs || nowMs - sinceMs >= 10 * lostAfterMs;
}

const notSubmitted: TaskView = { state: 'pending', attempt: 1, job: null, node: null, exitCode: null, elapsedS: null, peakRssMiB: null, startedAtS: null, spentS: 0, evidence: 'not submitted yet' };

export function mergeTaskStates(input: MergeInput): readonly TaskView[] {
  const views: TaskView[] = Array<TaskView>(input.totalTasks).fill(notSubmitted);
  const queueByJob = groupBy(input.queue?.rows ?? [], (row) => row.jobId);
  const accountingByJob = groupBy(input.accounting?.rows ?? [], (row) => row.jobId);
  const chains = new Map<number, TaskSource[]>();
  for (const array of input.arrays) {
    const { jobId } = array;
    const queue = byIndex(jobId === undefined ? [] : (queueByJob.get(jobId) ?? []), array.tasks.count);
    const accounting = byIndex(jobId === undefined ? [] : (accountingByJob.get(jobId) ?? []), array.tasks.count);
    let index = 0;
    for (const task of array.tasks) {
      index += 1;
      const source: TaskSource = { array, index, queued: queue[index], accounted: accounting[index] };
      // A later attempt's array comes later in the list and replaces what an earlier one said.
      if (array.link === undefined) views[task] = mergeOne(input, task, source, historyOf(input.histories[task], array.attempt));
      else {
        const links = array.link.index === 0 ? [] : (chains.get(task) ?? []);
        links.push(source);
        chains.set(task, links);
        if (array.link.index === array.link.count - 1) views[task] = mergeChain(input, task, links, array.link, input.histories[task] ?? {});
      }
    }
  }
  return views;
}

/** What the scheduler says of one task in one array. */
interface TaskSource {
  readonly array: ArrayFacts;
  readonly index: number;
  readonly queued: QueueRow | undefined;
  readonly accounted: AccountingRow | undefined;
}

/**
 * One task in the jobs of its chain. In order: a result decides; so does the failure of the task itself, after which the rest of the chain does
 * nothing; else the link that runs; else the first that waits after the last that began; else the last of all, after which nothing follows.
 */
function mergeChain(input: MergeInput, task: number, links: readonly TaskSource[], { first, count }: ChainLink, history: TaskHistory): TaskView {
  const { start, end, done, spentS } = historyOf(history, first);
  const linkOf = (event: TaskEvent | undefined): number => (event === undefined ? -1 : links.findLastIndex(({ array }) => array.attempt <= (event.a ?? 1)));
  const outcome = end === undefined ? undefined : outcomeOf(end);
  const final = outcome === 'done' ? end : outcome === 'skipped' ? (done ?? end) : outcome === 'failed' ? end : undefined;
  const decided = links[linkOf(final)];
  if (final !== undefined && decided !== undefined) return inChain(mergeOne(input, task, decided, { ...(spentS === undefined ? {} : { spentS }), ...(start && start.t <= final.t ? { start } : {}), end: final }), linkOf(final), count, '');
  const stopped = linkOf(end);
  const isAlive = ({ queued }: TaskSource): boolean => queued?.state === 'running' || queued?.state === 'completing';
  const waits = ({ array, queued }: TaskSource): boolean => array.jobId === undefined || queued?.state === 'pending' || queued?.state === 'held';
  // What ended may be listed for a moment more, or was put back by the scheduler: the queue was then asked after the end.
  const again = end !== undefined && links[stopped] !== undefined && triedAgain(input, end, outcome ?? '', links[stopped].queued) !== undefined ? stopped : -1;
  const runs = links.findLastIndex((link, index) => index > stopped && isAlive(link));
  const next = links.findIndex((link, index) => index > stopped && waits(link));
  const begun = input.queue === undefined ? linkOf(start) : -1;
  const chosen = again >= 0 ? again : runs >= 0 ? runs : next >= 0 ? next : begun >= 0 ? begun : links.length - 1;
  const link = links[chosen];
  if (link === undefined) return notSubmitted;
  const before = end !== undefined && stopped < chosen ? `; ${stopped + 1} ${outcome === 'paused' ? 'stopped at a checkpoint' : 'was asked to stop'}` : '';
  return inChain(mergeOne(input, task, link, historyOf(history, link.array.attempt)), chosen, count, before);
}

function inChain(view: TaskView, index: number, count: number, more: string): TaskView {
  return { ...view, evidence: `${view.evidence} (chain: ${index + 1} of at most ${count}${more})` };
}

const outcomeOf = (end: TaskEvent): string => end.o ?? (end.rc === 0 ? 'done' : 'failed');

/** What the task itself reported of this attempt; what an earlier one reported says nothing of it. */
function historyOf(history: TaskHistory | undefined, attempt: number): TaskHistory {
  if (history === undefined) return {};
  const { start, end, done, spentS } = history;
  const isOf = (event: TaskEvent | undefined): boolean => event !== undefined && (event.a ?? 1) >= attempt;
  return { ...(spentS === undefined ? {} : { spentS }), ...(start && isOf(start) ? { start } : {}), ...(end && isOf(end) ? { end } : {}), ...(done && isOf(done) ? { done } : {}) };
}

/**
 * A task whose last try did not end well, and that the queue lists after that: the scheduler put it back (its node died, it was
 * preempted or requeued). A task that failed by itself stays in the queue for a moment as running, which says nothing.
 */
function triedAgain(input: MergeInput, end: TaskEvent, outcome: string, queued: QueueRow | undefined): Pick<TaskView, 'state' | 'evidence' | 'heldFor' | 'stuckFor'> | undefined {
  if (!queued || input.queue === undefined) return undefined;
  // An end that is still to come is of a node whose clock is fast: which came first cannot be told, and a task that waits must not count as failed.
  if (input.queue.atMs < end.t * 1000 && end.t * 1000 <= input.nowMs) return undefined;
  const state = queued.state === 'pending' || queued.state === 'held' ? 'pending' : outcome === 'preempted' && (queued.state === 'running' || queued.state === 'completing') ? 'running' : undefined;
  return state && { state, evidence: `the queue says ${queued.rawState}; its last try ended on ${end.node}`, ...whyNot(queued) };
}

const reasonOf = ({ reason }: QueueRow): string => (reason !== '' && reason !== 'None' ? ` (${reason})` : '');

/** Why it will not begin by itself, if it will not. */
function whyNot(queued: QueueRow): Pick<TaskView, 'heldFor' | 'stuckFor'> {
  const words = `${queued.rawState}${reasonOf(queued)}`;
  return isHeldInError(queued) ? { heldFor: words } : isStuck(queued) ? { stuckFor: words } : {};
}

function mergeOne(input: MergeInput, task: number, { array, index, queued, accounted }: TaskSource, history: TaskHistory): TaskView {
  const { start, end } = history;
  const latest = end ?? start;
  const base = {
    attempt: Math.max(latest?.a ?? 1, array.attempt),
    job: array.jobId === undefined ? null : `${array.jobId}_${index}`,
    node: latest?.node ?? ((queued?.node ?? '') || (accounted?.node ?? '') || null),
    exitCode: end?.rc ?? accounted?.exitCode ?? null,
    elapsedS: end?.el ?? accounted?.elapsedS ?? null,
    peakRssMiB: end?.rss ?? accounted?.maxRssMiB ?? null,
    startedAtS: start?.t ?? (end && typeof end.el === 'number' ? end.t - end.el : null),
    spentS: history.spentS ?? accounted?.elapsedS ?? 0,
  };
  if (end) {
    const outcome = outcomeOf(end);
    if (outcome === 'done' || outcome === 'skipped') {
      return { ...base, state: 'complete', evidence: outcome === 'skipped' ? `the result was there already (task log of ${end.node})` : `ended well on ${end.node} (task log)` };
    }
    const again = triedAgain(input, end, outcome, queued);
    if (again) return { ...base, ...again };
    // The executor was ended from outside: the scheduler knows by whom. Without its word it is a failure.
    const state = input.isCancelRequested(task) ? 'cancelled' : accounted && isTerminalJobState(accounted.state) && accounted.state !== 'completed' ? (fromAccounting[accounted.state] ?? 'failed') : 'failed';
    const how = typeof end.s === 'number' && end.s > 0 ? `was ended by signal ${end.s}` : `ended with status ${end.rc ?? 'unknown'}`;
    const said = accounted && isTerminalJobState(accounted.state) && accounted.state !== 'failed' && accounted.state !== 'completed' ? `; accounting says ${accounted.rawState}` : '';
    if (outcome === 'paused') return { ...base, state, evidence: `stopped at a checkpoint on ${end.node}, and no job of its chain is left to go on` };
    return { ...base, state, evidence: outcome === 'preempted' ? `was asked to stop on ${end.node} (task log)${said}` : `${how} on ${end.node} (task log)${said}` };
  }
  if (array.jobId === undefined && input.isGivenUp === true) return { ...base, state: 'cancelled', evidence: 'was never submitted; the run was cancelled' };
  if (array.jobId === undefined) return { ...base, state: 'pending', evidence: 'not submitted yet' };
  if (queued) {
    const reason = reasonOf(queued);
    switch (queued.state) {
      case 'pending':
      case 'held':
        return { ...base, state: 'pending', evidence: `the queue says ${queued.rawState}${reason}`, ...whyNot(queued) };
      case 'running':
      case 'completing':
        return { ...base, state: 'running', evidence: `the queue says ${queued.rawState}${queued.node ? ` on ${queued.node}` : ''}` };
      case 'unknown':
        return { ...base, state: start ? 'running' : 'unknown', evidence: `the queue says ${queued.rawState}, which this version does not know` };
      default:
        return { ...base, state: fromAccounting[queued.state] ?? 'failed', evidence: `the queue says ${queued.rawState}${reason}` };
    }
  }
  if (accounted && isTerminalJobState(accounted.state)) {
    const state = input.isCancelRequested(task) && accounted.state !== 'completed' ? 'cancelled' : (fromAccounting[accounted.state] ?? 'failed');
    return { ...base, state, evidence: `accounting says ${accounted.rawState}${accounted.exitCode ? `, exit status ${accounted.exitCode}` : ''}` };
  }
  if (input.queue === undefined) return { ...base, state: start ? 'running' : 'unknown', evidence: start ? `started on ${start.node} (task log); the queue has not been asked yet` : 'submitted; the cluster has not been asked yet' };
  if (input.isCancelRequested(task)) return { ...base, state: 'cancelled', evidence: 'was asked to end, and is in the queue no more' };
  const absent = array.absent;
  if (absent && absent.times >= lostAfterTimes && input.nowMs - absent.sinceMs >= lostAfterMs && isHeardOut(input, absent.sinceMs)) {
    const contradiction = accounted ? `, although accounting still says ${accounted.rawState}` : input.accounting ? ', and accounting does not know it' : '';
    return { ...base, state: 'lost', evidence: `${start ? `started on ${start.node}, then ` : ''}the queue no longer lists job ${array.jobId}${contradiction}; asked ${absent.times} times` };
  }
  return { ...base, state: 'unknown', evidence: `${start ? `started on ${start.node}; ` : ''}not in the queue, and no end was reported yet` };
}
