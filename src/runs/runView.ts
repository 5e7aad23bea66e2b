/** A run as it stands: its sidecar, its record, and what was observed of it, merged on reading. */
import * as path from 'node:path';
import * as fs from 'node:fs/promises';
import { sleep } from '../foundation/abort.ts';
import { groupBy } from '../foundation/collections.ts';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import type { AccountingRow, QueueRow, SchedulerDialect } from '../scheduler/port.ts';
import type { SourceSnapshot } from './clusterSnapshot.ts';
import type { RunDeps } from './deps.ts';
import { parseKwargs } from './kwargs.ts';
import type { RunFacts, RunRecord } from './journal.ts';
import { mergeTaskStates, type TaskState, type TaskView } from './mergeTaskStates.ts';
import { indexOf, inOurCount, placedArrays, type PlacedArray, type TaskRanges } from './placement.ts';
import type { Sidecar, Submission } from './sidecar.ts';
import { foldEvents, readEvents } from './taskEvents.ts';
import { paramsFile } from './workspace.ts';

/** A run that this product submitted, or is submitting. */
export interface OpenRun {
  readonly experimentDir: string;
  readonly sidecar: Sidecar;
  readonly submission: Submission;
  readonly record: RunRecord | undefined;
}

export type Lifecycle = 'submitting' | 'in_flight' | 'complete' | 'failed' | 'cancelled' | 'abandoned' | 'unknown';

export interface RunView extends OpenRun {
  readonly lifecycle: Lifecycle;
  readonly tasks: readonly TaskView[];
  readonly facts: RunFacts;
  readonly counts: Readonly<Record<TaskState, number>>;
  /** Lines of the event logs that could not be understood. */
  readonly skippedEvents: number;
}

const states: readonly TaskState[] = ['pending', 'running', 'complete', 'failed', 'cancelled', 'timeout', 'lost', 'unknown'];

export function countStates(tasks: readonly TaskView[]): Record<TaskState, number> {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<TaskState, number>;
  for (const task of tasks) counts[task.state] += 1;
  return counts;
}

/** Accounting rows of one run's jobs, kept as they were parsed: later answers speak of other jobs. */
export async function readAccounting(deps: RunDeps, run: OpenRun): Promise<{ rows: readonly AccountingRow[]; atMs: number } | undefined> {
  const text = await readTextIfThere(path.join(deps.journal.observationDirectory(run.experimentDir, run.sidecar.run_id), 'accounting.json'));
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as { at: string; rows: readonly AccountingRow[] };
    return { rows: value.rows, atMs: Date.parse(value.at) };
  } catch {
    return undefined;
  }
}

export async function storeAccounting(deps: RunDeps, run: OpenRun, rows: readonly AccountingRow[], at: string): Promise<void> {
  const arrays = new Map(placedArrays(run.submission).map((array) => [array.jobId, array]));
  const fresh = rows.filter((row) => {
    const array = arrays.get(row.jobId);
    return array !== undefined && isOurs(row, array);
  });
  const before = await readAccounting(deps, run);
  if (fresh.length === 0 && before === undefined) return;
  const answered = new Set(fresh.map((row) => row.jobId));
  const kept = (before?.rows ?? []).filter((row) => !answered.has(row.jobId));
  await writeJsonAtomic(path.join(deps.journal.observationDirectory(run.experimentDir, run.sidecar.run_id), 'accounting.json'), { at, rows: [...kept, ...fresh] });
}

interface QueueAnswer {
  readonly dialect: string;
  readonly rowsByJob: ReadonlyMap<string, readonly QueueRow[]>;
}

/**
 * One answer of the queue speaks of all runs of its cluster: it is parsed once, not once for each of them. Kept as long as the
 * snapshot itself is.
 */
const parsedQueues = new WeakMap<SourceSnapshot, QueueAnswer | undefined>();

function parseQueueOf(dialect: SchedulerDialect, snapshot: SourceSnapshot): QueueAnswer | undefined {
  try {
    // The tools only shape the command, not the reading of its output.
    const query = dialect.queue({ tools: Object.fromEntries(dialect.requiredTools.map((tool) => [tool, `/${tool}`])), python: '/python3', user: 'user', runtimeDirectory: '/' });
    return { dialect: dialect.name, rowsByJob: groupBy(query.parse(snapshot.output, false).rows, (row) => row.jobId) };
  } catch {
    return undefined;
  }
}

/** A controller that forgot jobs in a crash gives their ids out again: the id alone does not make a row ours. */
function isOurs(row: { readonly name: string }, array: PlacedArray): boolean {
  return row.name === '' || row.name === array.jobName;
}

/** The queue's rows of these jobs, if the snapshot can be read by this dialect. */
function queueRows(dialect: SchedulerDialect, snapshot: SourceSnapshot | undefined, arrays: readonly PlacedArray[]): { rows: readonly QueueRow[]; atMs: number } | undefined {
  if (!snapshot) return undefined;
  let answer = parsedQueues.get(snapshot);
  if (!parsedQueues.has(snapshot) || (answer !== undefined && answer.dialect !== dialect.name)) {
    answer = parseQueueOf(dialect, snapshot);
    parsedQueues.set(snapshot, answer);
  }
  if (!answer) return undefined;
  const { rowsByJob } = answer;
  return { rows: arrays.flatMap((array) => (array.jobId === null ? [] : (rowsByJob.get(array.jobId) ?? []).filter((row) => isOurs(row, array)).map((row) => inOurCount(row, array)))), atMs: Date.parse(snapshot.at) };
}

export interface ViewSources {
  readonly queue: SourceSnapshot | undefined;
}

export async function viewRun(run: OpenRun, deps: RunDeps, dialect: SchedulerDialect, sources: ViewSources, facts?: RunFacts): Promise<RunView> {
  const known = facts ?? (await deps.journal.readFacts(run.experimentDir, run.sidecar.run_id));
  const directory = deps.journal.observationDirectory(run.experimentDir, run.sidecar.run_id);
  const total = run.sidecar.task_count;
  const folder = path.join(directory, 'events');
  const [{ histories, skipped }, accounting] = await Promise.all([
    deps.journal.memory.recall(`histories of ${total}`, { folder, ending: '.jsonl' }, async () => {
      const { events, skipped: unread } = await readEvents(folder);
      return { histories: foldEvents(events, total).histories, skipped: unread };
    }),
    deps.journal.memory.recall('accounting', { file: path.join(directory, 'accounting.json') }, () => readAccounting(deps, run)),
  ]);
  const wish = run.record?.cancel_requested;
  const isWhole = wish?.tasks === 'all';
  const holds = (ranges: TaskRanges, task: number): boolean => ranges.some(([first, last]) => task >= first && task <= last);
  const isCancelRequested = (task: number): boolean => wish !== undefined && wish !== null && (wish.tasks === 'all' ? !holds(wish.ended ?? [], task) : holds(wish.tasks, task));
  const arrays = placedArrays(run.submission);
  const merged = mergeTaskStates({
    totalTasks: total,
    arrays: arrays.map((array) => {
      const absent = array.jobId === null ? undefined : known.absent[array.jobId];
      return { jobId: array.jobId ?? undefined, attempt: array.attempt, tasks: array.tasks, ...(array.link ? { link: array.link } : {}), ...(absent ? { absent: { sinceMs: Date.parse(absent.since), times: absent.times } } : {}) };
    }),
    histories,
    // An answer from before the run was first observed says nothing of its jobs.
    queue: known.observed_at === null ? undefined : queueRows(dialect, sources.queue, arrays),
    accounting: accounting && { ...accounting, rows: inOurCounting(accounting.rows, arrays) },
    isCancelRequested,
    isGivenUp: isWhole,
    nowMs: deps.clock.now().getTime(),
  });
  const tasks = run.sidecar.extra?.adopted === undefined ? merged : merged.map((task, index) => ({ ...task, job: schedulersName(arrays, index) }));
  const counts = countStates(tasks);
  const lifecycle = lifecycleOf(run, counts, isWhole);
  return { ...run, tasks, counts, facts: known, skippedEvents: skipped, lifecycle: lifecycle === 'submitting' && (await isLeft(run, deps)) ? 'unknown' : lifecycle };
}

function inOurCounting(rows: readonly AccountingRow[], arrays: readonly PlacedArray[]): readonly AccountingRow[] {
  if (arrays.every(({ foreign }) => foreign === undefined)) return rows;
  return rows.map((row) => {
    const array = arrays.find(({ jobId }) => jobId === row.jobId);
    return array ? inOurCount(row, array) : row;
  });
}

/** `123_7`, or `123` for a job that is no array. */
function schedulersName(arrays: readonly PlacedArray[], task: number): string | null {
  const array = arrays.findLast(({ tasks }) => tasks.positionOf(task) >= 0);
  if (typeof array?.jobId !== 'string') return null;
  const index = indexOf(array, task);
  return index === undefined ? array.jobId : `${array.jobId}_${index}`;
}

function lifecycleOf(run: OpenRun, counts: Readonly<Record<TaskState, number>>, wholeCancelled: boolean): Lifecycle {
  const total = run.sidecar.task_count;
  if (counts.complete === total) return 'complete';
  const unsubmitted = placedArrays(run.submission).some((array) => array.jobId === null);
  if (unsubmitted && !wholeCancelled) return run.record?.submit_problem ? 'unknown' : 'submitting';
  if (counts.pending + counts.running > 0 && !(unsubmitted && wholeCancelled && counts.running === 0)) return 'in_flight';
  if (counts.unknown > 0) return 'in_flight';
  if (counts.lost > 0) return 'abandoned';
  if (counts.failed + counts.timeout > 0 && !(wholeCancelled && counts.cancelled > 0)) return 'failed';
  return 'cancelled';
}

/** Whether its submission stopped on its way and nobody is at it: the window was closed, say. From the record on this machine; elsewhere nobody can tell. */
async function isLeft(run: OpenRun, deps: RunDeps): Promise<boolean> {
  if (!run.record) return false;
  if (deps.clock.now().getTime() - Date.parse(run.submission.attempts?.at(-1)?.at ?? run.sidecar.submitted_at) < 5000) return false;
  const { experimentDir, sidecar } = run;
  const isFree = async (): Promise<boolean> => !(await deps.journal.isAtWork(experimentDir, sidecar.run_id));
  if (!(await isFree())) return false;
  // Between two of its steps a submission lets go for a moment.
  await sleep(50);
  return isFree();
}

export function isOpen(view: RunView): boolean {
  return view.lifecycle === 'in_flight' || view.lifecycle === 'submitting' || view.lifecycle === 'unknown' || view.lifecycle === 'abandoned';
}

/** The kwargs of tasks, from the frozen parameters; all of them where no ids are given. */
export async function readParams(experimentDir: string, runId: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const file = paramsFile(experimentDir, runId);
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (cause) {
    throw new HpcError('journal_corrupt', `The frozen parameters of ${runId} are missing: ${file}.`, { cause, remediation: 'Fetch the file of the same name from the run’s folder on the cluster (.hpc/runs).' });
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseKwargs);
}

/** Tasks by wave. */
export function arraysByWave(submission: Submission): ReadonlyMap<number, Submission['arrays']> {
  return groupBy(submission.arrays, (array) => array.wave);
}
