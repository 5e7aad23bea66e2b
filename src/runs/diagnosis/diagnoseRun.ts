/**
 * Why the tasks of a run failed.
 *
 * Rules:
 * - One round trip: the scheduler's word on the failed jobs, and the ends of their logs, come in one answer. The logs stay where they are.
 * - Only what failed is diagnosed: a task that was cancelled, by us or by its user with the scheduler's own tools, is not a failure.
 * - What could not be asked is said; the rest is diagnosed without it.
 */
import * as path from 'node:path';
import { commandOnWire, outputOnWire, type ClusterSession } from '../../cluster/session.ts';
import { HpcError, toHpcError } from '../../foundation/errors.ts';
import type { AccountingRow, Query, QueueRow, Rows } from '../../scheduler/port.ts';
import type { CallOptions, RunDeps } from '../deps.ts';
import { runState } from '../listRuns.ts';
import type { TaskView } from '../mergeTaskStates.ts';
import { isHeldInError } from '../unableToStart.ts';
import { placedArrays, resourcesOfTask } from '../placement.ts';
import { readAccounting, storeAccounting, type RunView } from '../runView.ts';
import { foldEvents, readEvents } from '../taskEvents.ts';
import type { FailedTask } from './failedTask.ts';
import { groupFailures, type FailureGroup } from './groupFailures.ts';
import { filePatterns, parseScan, scanRequest, type LogFinding, type LoggedTask } from './scan.ts';

export interface DiagnoseRequest {
  readonly runId: string;
  /** Ask the cluster about the run first. */
  readonly refresh: boolean;
  /** Lines of each sample. */
  readonly lines: number;
  /** Only these tasks; absent: all that failed. */
  readonly tasks?: readonly number[];
}

export interface Diagnosis {
  readonly view: RunView;
  readonly failed: readonly FailedTask[];
  readonly groups: readonly FailureGroup[];
  /** Tasks that failed or were cancelled, by our or the user's own wish: not diagnosed. */
  readonly cancelled: number;
  /** What could not be asked, in sentences. */
  readonly notes: readonly string[];
}

const scanSeconds = 45;
const maxGroups = 200;

const isFailed = ({ state }: TaskView): boolean => state === 'failed' || state === 'timeout' || state === 'lost';

interface Element {
  readonly task: number;
  readonly jobId: string;
  readonly index: number;
}

/** The element of the scheduler that the task last was: `123_4`. */
function elementOf(view: RunView, task: number): Element | undefined {
  const job = view.tasks[task]?.job;
  if (job === null || job === undefined) return undefined;
  const at = job.lastIndexOf('_');
  const index = Number(job.slice(at + 1));
  return at > 0 && Number.isInteger(index) ? { task, jobId: job.slice(0, at), index } : undefined;
}

/** Where each element writes: of the first submission and of every later attempt. */
function loggedTasks({ submission }: RunView, elements: readonly Element[]): readonly LoggedTask[] {
  const keys = new Map(placedArrays(submission).map(({ jobId, key }) => [jobId, key]));
  return elements.flatMap((element) => {
    const patterns = submission.logs[keys.get(element.jobId) ?? ''];
    return patterns ? [{ ...element, patterns }] : [];
  });
}

const rowOf = <Row extends { readonly jobId: string; readonly indices?: AccountingRow['indices'] }>(rows: readonly Row[]): ((element: Element | undefined) => Row | undefined) => {
  const byJob = new Map<string, Row[]>();
  for (const row of rows) {
    const list = byJob.get(row.jobId);
    if (list) list.push(row);
    else byJob.set(row.jobId, [row]);
  }
  // Ten thousand elements have ten thousand rows of one element each: found by a table, not by a search for each.
  const single = new Map<string, Row>();
  const ranged = new Map<string, Row[]>();
  for (const [job, list] of byJob) {
    for (const row of list) {
      const only = row.indices?.length === 1 && row.indices[0]?.first === row.indices[0]?.last ? row.indices[0]?.first : undefined;
      if (only !== undefined) single.set(`${job}_${only}`, row);
      else if (row.indices) ranged.set(job, [...(ranged.get(job) ?? []), row]);
    }
  }
  return (element) => (element === undefined ? undefined : (single.get(`${element.jobId}_${element.index}`) ?? ranged.get(element.jobId)?.find(({ indices }) => indices?.some(({ first, last }) => first <= element.index && element.index <= last))));
};

/** hpc-agent's sidecars may hold anything here. */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}

interface ClusterAnswer {
  readonly logs: ReadonlyMap<number, LogFinding>;
  readonly held: readonly QueueRow[];
  readonly notes: readonly string[];
}

async function askCluster(session: ClusterSession, view: RunView, elements: readonly Element[], request: DiagnoseRequest, deps: RunDeps, call: CallOptions): Promise<ClusterAnswer> {
  const facts = await session.facts({ signal: call.signal });
  const notes: string[] = [];
  const since = new Date(Date.parse(view.sidecar.submitted_at) - 3_600_000);
  const jobs = [...new Set(elements.map(({ jobId }) => jobId))];
  const accounting: Query<Rows<AccountingRow>> | undefined = jobs.length > 0 ? session.dialect.accounting(jobs, since, facts.tools) : undefined;
  const queue = view.counts.pending > 0 ? session.dialect.queue(facts.tools) : undefined;
  const files = filePatterns(session.dialect, loggedTasks(view, elements));
  const commands = { ...(accounting ? { accounting: commandOnWire(accounting.command) } : {}), ...(queue ? { queue: commandOnWire(queue.command) } : {}) };
  const reply = await facts.runtime.call(
    'diagnose',
    { env: facts.commandEnvironment, commands, scan: scanRequest(files, view.sidecar.remote_path ?? '', { lines: request.lines, seconds: scanSeconds, maxGroups }) },
    { signal: call.signal, priority: 'interactive', timeoutMs: (scanSeconds + 75 + (accounting?.command.timeoutS ?? 0) + (queue?.command.timeoutS ?? 0)) * 1000 },
  );
  const outputs = (typeof reply.outputs === 'object' && reply.outputs !== null ? reply.outputs : {}) as Readonly<Record<string, unknown>>;
  const parsed = <T>(name: string, words: string, query: Query<T> | undefined): T | undefined => {
    if (!query) return undefined;
    try {
      return query.parse(outputOnWire(outputs[name], session.connection.label), false);
    } catch (error) {
      notes.push(`${words} could not be asked: ${toHpcError(error).message}`);
      return undefined;
    }
  };
  const rows = parsed('accounting', 'Accounting', accounting)?.rows;
  if (rows) await storeAccounting(deps, view, rows, deps.clock.now().toISOString());
  else if (!accounting && jobs.length > 0) notes.push('This cluster has no accounting: the scheduler’s own word on these tasks is not known.');
  return { logs: parseScan(reply.scan), held: parsed('queue', 'The queue', queue)?.rows.filter(isHeldInError) ?? [], notes };
}

export async function diagnoseRun(request: DiagnoseRequest, deps: RunDeps, call: CallOptions): Promise<Diagnosis> {
  const before = await runState(request.runId, { refresh: request.refresh }, deps, call);
  const unknown = request.tasks?.find((task) => before.tasks[task] === undefined);
  if (unknown !== undefined) throw new HpcError('spec_invalid', `Run ${request.runId} has no task ${unknown}: it has ${before.sidecar.task_count}, counted from 0.`);
  const wanted = (view: RunView): number[] => {
    const all = request.tasks ? [...new Set(request.tasks)].sort((a, b) => a - b) : view.tasks.map((_, task) => task);
    return all.filter((task) => view.tasks[task] !== undefined && isFailed(view.tasks[task]));
  };
  const asked = wanted(before);
  const elements = asked.flatMap((task) => elementOf(before, task) ?? []);
  const notes: string[] = [];
  let answer: ClusterAnswer = { logs: new Map(), held: [], notes: [] };
  if (asked.length > 0 || before.counts.pending > 0) {
    call.progress({ message: `Reading the logs of ${asked.length} failed task${asked.length === 1 ? '' : 's'} on ${before.sidecar.cluster ?? 'the cluster'}` });
    answer = await askCluster(await deps.session(before.sidecar.cluster ?? ''), before, elements, request, deps, call);
    notes.push(...answer.notes);
  }
  // Seen again with what accounting said: some of them were cancelled.
  const view = asked.length === 0 ? before : await runState(request.runId, { refresh: false }, deps, call);
  const [{ events }, accounting] = await Promise.all([readEvents(path.join(deps.journal.observationDirectory(view.experimentDir, request.runId), 'events')), readAccounting(deps, view)]);
  const { histories } = foldEvents(events, view.sidecar.task_count);
  const accountedOf = rowOf(accounting?.rows ?? []);
  const heldOf = rowOf(answer.held);
  const describe = (task: number, held: QueueRow | undefined): FailedTask[] => {
    const seen = view.tasks[task];
    if (!seen) return [];
    const element = elementOf(view, task);
    const resources = resourcesOfTask(view.sidecar, task);
    return [
      {
        task,
        state: seen.state,
        stateEvidence: seen.evidence,
        attempt: seen.attempt,
        job: seen.job,
        node: seen.node,
        start: histories[task]?.start,
        end: histories[task]?.end,
        accounted: accountedOf(element),
        held,
        memoryMiB: numberOf(resources.memoryMiB),
        walltimeS: numberOf(resources.walltimeS),
        log: answer.logs.get(task),
      },
    ];
  };
  const failed = wanted(view).flatMap((task) => describe(task, undefined));
  const stuck = answer.held.length === 0 ? [] : view.tasks.flatMap((seen, task) => (seen.state === 'pending' && request.tasks?.includes(task) !== false ? describe(task, heldOf(elementOf(view, task))) : [])).filter(({ held }) => held !== undefined);
  const unread = failed.filter(({ log }) => log === 'unread').length;
  if (unread > 0) notes.push(`The logs of ${unread} tasks were not read: it took longer than ${scanSeconds} s.`);
  const all = [...failed, ...stuck].sort((a, b) => a.task - b.task);
  return { view, failed: all, groups: groupFailures(all), cancelled: asked.length - failed.length, notes };
}
