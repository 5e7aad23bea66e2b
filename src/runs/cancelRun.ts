/**
 * Cancels a run, a wave or some tasks.
 *
 * Rules: only jobs whose ids are in this run's receipts are named to the scheduler; the wish is recorded before the
 * scheduler is asked, so that a task which vanishes is known to have been cancelled; what has ended is left alone; a job of which
 * nobody can say whether the scheduler has it is not called cancelled.
 */
import type { ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CancelTarget, IndexRange } from '../scheduler/port.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { observeCluster } from './observeCluster.ts';
import { requireRun, viewOfRun } from './listRuns.ts';
import { currentArrays, indexOf, isWhollySubmitted, placedArrays, rangesOf, TaskList } from './placement.ts';
import { compactTaskIds } from './diagnosis/taskRanges.ts';
import type { RunView } from './runView.ts';
import { recycledJobs, reconcileRun } from './reconcileRun.ts';

export interface CancelSelection {
  readonly runId: string;
  readonly taskIds?: readonly number[];
  readonly wave?: number;
}

export interface CancelOutcome {
  readonly cluster: string;
  readonly cancelledTasks: number;
  readonly jobs: readonly string[];
  readonly alreadyEnded: number;
}

/** The selected tasks, checked. */
function selectedTasks(selection: CancelSelection, view: RunView): readonly number[] {
  const total = view.sidecar.task_count;
  const outside = selection.taskIds?.find((task) => task >= total);
  if (outside !== undefined) throw new HpcError('spec_invalid', `Run ${selection.runId} has no task ${outside}: it has ${total}, counted from 0.`);
  const waves = new Set(view.submission.arrays.map(({ wave }) => wave));
  if (selection.wave !== undefined && !waves.has(selection.wave)) throw new HpcError('spec_invalid', `Run ${selection.runId} has no wave ${selection.wave}: it has ${[...waves].join(', ')}.`);
  const inWave = (task: number): boolean =>
    selection.wave === undefined || view.submission.arrays.some((array) => array.wave === selection.wave && task >= array.first_task && task < array.first_task + array.task_count);
  const ids = selection.taskIds === undefined ? Array.from({ length: total }, (_, task) => task) : [...new Set(selection.taskIds)].sort((a, b) => a - b);
  return ids.filter(inWave);
}

const hasEnded = (view: RunView, task: number): boolean => ['complete', 'failed', 'cancelled', 'timeout', 'lost'].includes(view.tasks[task]?.state ?? 'unknown');

const isListed = (view: RunView, task: number): boolean => ['pending', 'running'].includes(view.tasks[task]?.state ?? 'unknown');

export async function describeCancel(selection: CancelSelection, deps: RunDeps, _call: CallOptions): Promise<string> {
  const view = await viewOfRun(deps.experimentDir, selection.runId, deps);
  if (!view) await requireRun(selection.runId, deps);
  if (!view) throw new HpcError('internal', `The run ${selection.runId} cannot be shown.`);
  const tasks = selectedTasks(selection, view).filter((task) => !hasEnded(view, task));
  if (tasks.length === 0) return `Nothing of run ${selection.runId} (${view.submission.run_name}) would be cancelled: none of the ${selection.taskIds === undefined && selection.wave === undefined ? '' : 'chosen '}tasks is unfinished.`;
  const jobs = [...new Set(tasks.flatMap((task) => view.tasks[task]?.job?.replace(/_\d+$/, '') ?? []))];
  const what = selection.taskIds === undefined && selection.wave === undefined ? 'all' : selection.wave === undefined ? 'the chosen' : `wave ${selection.wave}’s`;
  return `Cancel ${what} ${tasks.length} unfinished task${tasks.length === 1 ? '' : 's'} of run ${selection.runId} (${view.submission.run_name}) on ${view.sidecar.cluster ?? '?'}: ${jobs.length === 1 ? 'job' : 'jobs'} ${jobs.join(', ') || 'not known yet'}. What is done stays.`;
}

export async function cancelRun(selection: CancelSelection, deps: RunDeps, call: CallOptions): Promise<CancelOutcome> {
  const run = await requireRun(selection.runId, deps);
  const session = await deps.session(run.sidecar.cluster ?? '');
  const whole = selection.taskIds === undefined && selection.wave === undefined;
  let unsure: readonly string[] = [];
  if (!isWhollySubmitted(run.submission)) {
    // An array whose id was never heard may be in the queue: find it, or it would run on.
    unsure = (await reconcileRun(selection.runId, deps, call)).arrays.filter(({ isUnknown }) => isUnknown).map(({ key }) => key);
  } else {
    await observeCluster(session, [run], deps, { signal: call.signal });
  }
  const view = await viewOfRun(deps.experimentDir, selection.runId, deps);
  if (!view) throw new HpcError('internal', `The run ${selection.runId} cannot be read.`);
  const selected = selectedTasks(selection, view);
  const unended = selected.filter((task) => !hasEnded(view, task));
  const waiting = unended.filter((task) => view.tasks[task]?.job === null);
  const doubtful = whole ? unsure : unsure.filter((key) => placedArrays(view.submission).some((array) => array.key === key && waiting.some((task) => array.tasks.positionOf(task) >= 0)));
  // Who finishes the submission would start them in spite of the wish.
  if (!whole && waiting.length > 0 && doubtful.length === 0) {
    throw new HpcError('spec_invalid', `Nothing was cancelled: of the chosen tasks of run ${selection.runId}, ${compactTaskIds(waiting)} ${waiting.length === 1 ? 'is' : 'are'} not submitted yet, so no job of ${waiting.length === 1 ? 'it' : 'them'} can be cancelled.`, {
      remediation: 'Finish the submission first (submit with resume), cancel the whole run, or leave these tasks out.',
    });
  }
  const alive = doubtful.length === 0 ? unended : unended.filter((task) => view.tasks[task]?.job !== null);
  const isForAll = whole && doubtful.length === 0;
  // Of a combiner the view says nothing: its id, too, may be another job's by now.
  const combiners = [...view.submission.combiners, ...(view.submission.attempts ?? []).map(({ combiner }) => combiner)];
  const foreign = await recycledJobs(combiners.map(({ job_id, job_name }) => ({ jobId: job_id, jobName: job_name })), session, deps);
  const targets = targetsFor(view, alive, whole, foreign);
  if (doubtful.length === 0 || alive.length > 0) await deps.journal.update(deps.experimentDir, selection.runId, (record) => {
    const before = record.cancel_requested?.tasks;
    const tasks: 'all' | [number, number][] = isForAll || before === 'all' ? 'all' : [...(before ?? []), ...rangesOf(alive).map(([first, last]): [number, number] => [first, last])];
    // What failed before stays failed: the wish was not for it.
    const ended = isForAll ? selected.filter((task) => hasEnded(view, task) && view.tasks[task]?.state !== 'cancelled') : [...new TaskList(record.cancel_requested?.ended ?? [])];
    return { ...record, cancel_requested: { at: deps.clock.now().toISOString(), tasks, ...(tasks === 'all' ? { ended: rangesOf(ended).map(([first, last]): [number, number] => [first, last]) } : {}) } };
  });
  call.progress({ message: `Cancelling ${alive.length} tasks on ${session.profile.name}` });
  await cancelOn(session, targets, call);
  if (doubtful.length > 0) {
    throw new HpcError('cluster_timeout', `It is not known whether the scheduler of ${session.profile.name} took ${doubtful.join(', ')} of run ${selection.runId}, and it could not be asked: it may start yet. ${targets.length === 0 ? 'Nothing was cancelled.' : `Cancelled: what is known, ${alive.length} task${alive.length === 1 ? '' : 's'} (${targets.map(({ jobId }) => jobId).join(', ')}).`}`, {
      remediation: 'Cancel once more when the scheduler answers again: the job is then looked for by its name.',
      details: { run_id: selection.runId, arrays: doubtful, jobs: targets.map(({ jobId }) => jobId) },
      retrySafe: true,
    });
  }
  return { cluster: session.profile.name, cancelledTasks: alive.length, jobs: targets.map(({ jobId }) => jobId), alreadyEnded: selected.length - alive.length };
}

async function cancelOn(session: ClusterSession, targets: readonly CancelTarget[], call: CallOptions): Promise<void> {
  if (targets.length === 0) return;
  await session.ask(session.dialect.cancel(targets, await session.tools({ signal: call.signal })), { signal: call.signal, priority: 'interactive' });
}

/** The scheduler's targets: whole arrays where nothing of them is to go on, element ranges otherwise; with a whole run its combiners too. */
/** `foreign`: ids of combiners that are another job's now. */
function targetsFor(view: RunView, alive: readonly number[], whole: boolean, foreign: ReadonlyMap<string, string>): readonly CancelTarget[] {
  const targets: CancelTarget[] = [];
  const wanted = new Set(alive);
  // What would go on with a task is named before the job that it waits for.
  for (const { array, tasks } of currentArrays(view.submission).toSorted((a, b) => (b.array.link?.index ?? 0) - (a.array.link?.index ?? 0))) {
    if (array.jobId === null) continue;
    const indices: number[] = [];
    let alone = false;
    let goesOn = false;
    for (const task of tasks) {
      // What the queue does not list is not named to it: after a crash of the controller the id may be another job's by now.
      // Of a chain, what is over.
      const isOver = array.link !== undefined && array.attempt < (view.tasks[task]?.attempt ?? 1);
      if (wanted.has(task) && isListed(view, task) && !isOver) {
        const index = indexOf(array, task);
        if (index === undefined) alone = true;
        else indices.push(index);
      }
      else if (!wanted.has(task) && !hasEnded(view, task)) goesOn = true;
    }
    if (alone) targets.push({ jobId: array.jobId });
    if (indices.length === 0) continue;
    const ranges: IndexRange[] = rangesOf(indices).map(([first, last]) => ({ first, last }));
    targets.push(goesOn ? { jobId: array.jobId, indices: ranges } : { jobId: array.jobId });
  }
  if (whole) {
    for (const combiner of view.submission.combiners) if (combiner.job_id !== null && !foreign.has(combiner.job_id) && !view.facts.combined.includes(combiner.wave)) targets.push({ jobId: combiner.job_id });
    // What it would combine is combined again whenever somebody asks for the results.
    for (const { number, combiner } of view.submission.attempts ?? []) if (combiner.job_id !== null && !foreign.has(combiner.job_id) && targets.some(({ jobId }) => placedArrays(view.submission).some((array) => array.jobId === jobId && (array.link?.first ?? array.attempt) === number))) targets.push({ jobId: combiner.job_id });
  }
  return targets;
}
