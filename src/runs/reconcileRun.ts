/**
 * Finds out what became of a run after a lost reply, a crash or a long absence; submits nothing.
 *
 * Rule: absence proves nothing. A task is alive where the queue just now lists it, dead where it or the scheduler reported its end,
 * and otherwise unknown, with what could have told and did not.
 */
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { openRun, requireRun, runState, viewOfRun } from './listRuns.ts';
import type { TaskState, TaskView } from './mergeTaskStates.ts';
import { indexOf, placedArrays, rangesOf, type PlacedArray } from './placement.ts';
import { readSnapshot } from './clusterSnapshot.ts';
import { ensureRecord } from './recordIntent.ts';
import { recordReceipts } from './recordReceipts.ts';
import type { ClusterSession } from '../cluster/session.ts';
import { readAccounting, type RunView } from './runView.ts';
import { reconcileSteps, submissionProblem } from '../cluster/submitProtocol.ts';
import { stepsOf } from './submitSteps.ts';

export interface ReconcileOutcome {
  readonly view: RunView;
  readonly arrays: readonly { readonly key: string; readonly jobId: string | undefined; readonly evidence: string; /** Nobody can say now whether the scheduler took it. */ readonly isUnknown: boolean }[];
  readonly tasks: readonly TaskVerdict[];
}

export type Verdict = 'alive' | 'dead' | 'unknown';

export interface TaskVerdict {
  readonly verdict: Verdict;
  readonly state: TaskState;
  readonly taskRanges: string;
  readonly count: number;
  readonly because: string;
}

export async function reconcileRun(runId: string, deps: RunDeps, call: CallOptions): Promise<ReconcileOutcome> {
  const run = await requireRun(runId, deps);
  const session = await deps.session(run.sidecar.cluster ?? '');
  await ensureRecord(run, deps);
  if (run.sidecar.extra?.adopted !== undefined) {
    const adopted = await runState(runId, { refresh: true }, deps, call);
    return { view: adopted, arrays: placedArrays(run.submission).map(({ key, jobId }) => ({ key, jobId: jobId ?? undefined, evidence: 'adopted by its id and name', isUnknown: false })), tasks: await verdictsOf(adopted, session, deps) };
  }
  if (placedArrays(run.submission).some(({ jobId }) => jobId !== null)) {
    const seen = await runState(runId, { refresh: true }, deps, call);
    // To look for the receipts would make the folder anew, and hide that it is gone.
    if (seen.facts.gone) {
      const arrays = placedArrays(run.submission).map(({ key, jobId }) => ({ key, jobId: jobId ?? undefined, evidence: jobId === null ? 'not known: the receipts are gone with the run’s folder' : 'recorded here; the receipts are gone with the run’s folder', isUnknown: jobId === null }));
      return { view: seen, arrays, tasks: await verdictsOf(seen, session, deps) };
    }
  }
  const steps = stepsOf(run.sidecar, run.submission, session, await session.tools({ signal: call.signal }));
  const reply = await deps.journal.withRun(
    deps.experimentDir,
    runId,
    async () => {
      const found = await reconcileSteps(session, run.submission, steps, { signal: call.signal, log: deps.log });
      await recordReceipts(run.sidecar, found, submissionProblem(found, steps), deps);
      return found;
    },
    call.signal,
  );
  const arrays = steps.map(({ key }) => {
    const receipt = reply.receipts[key];
    const evidence = receipt === undefined ? 'no receipt: it was never tried' : receipt.state === 'submitted' ? (receipt.found ?? 'receipt with its job id') : `${receipt.state}: ${receipt.err?.trim() ?? 'not known'}`;
    return { key, jobId: receipt?.job_id, evidence, isUnknown: receipt?.state === 'submitting' };
  });
  const submitted = await openRun(deps.experimentDir, runId, deps);
  const view = submitted?.submission.arrays.some(({ job_id }) => job_id !== null) ? await runState(runId, { refresh: true }, deps, call) : await viewOfRun(deps.experimentDir, runId, deps);
  if (!view) throw new HpcError('internal', `The run ${runId} vanished while it was reconciled.`);
  return { view, arrays, tasks: await verdictsOf(view, session, deps) };
}

/** Tasks of one verdict and one reason together. */
async function verdictsOf(view: RunView, session: ClusterSession, deps: RunDeps): Promise<readonly TaskVerdict[]> {
  const arrays = placedArrays(view.submission);
  const recycled = await recycledJobs(arrays, session, deps);
  const accounting = await readAccounting(deps, view);
  const isAccounted = (id: number, array: PlacedArray | undefined): boolean => {
    const index = array && indexOf(array, id);
    return (accounting?.rows ?? []).some((row) => row.jobId === array?.jobId && (index === undefined || row.indices?.some(({ first, last }) => first <= index && index <= last) === true));
  };
  const groups = new Map<string, { verdict: Verdict; state: TaskState; because: string; ids: number[] }>();
  view.tasks.forEach((task, id) => {
    const holding = arrays.filter(({ tasks }) => tasks.positionOf(id) >= 0);
    // Of a chain, the job that its state speaks of.
    const array = holding.find(({ link, attempt }) => link !== undefined && attempt === task.attempt) ?? holding.at(-1);
    const found = verdictOf(task, array, view, recycled, isAccounted(id, array));
    const key = JSON.stringify(found);
    const group = groups.get(key);
    if (group) group.ids.push(id);
    else groups.set(key, { ...found, ids: [id] });
  });
  return [...groups.values()].map(({ verdict, state, because, ids }) => ({ verdict, state, taskRanges: rangesOf(ids).map(([a, b]) => (a === b ? String(a) : `${a}-${b}`)).join(','), count: ids.length, because }));
}

function verdictOf(task: TaskView, array: PlacedArray | undefined, view: RunView, recycled: ReadonlyMap<string, string>, isAccounted: boolean): { verdict: Verdict; state: TaskState; because: string } {
  const { state, evidence } = task;
  const jobId = array?.jobId ?? null;
  if (jobId === null && state === 'cancelled') return { verdict: 'dead', state, because: evidence };
  if (jobId === null) return { verdict: 'unknown', state, because: 'no job of it is known' };
  if (view.facts.stale_reason !== null) return { verdict: 'unknown', state, because: `the cluster could not be asked: ${view.facts.stale_reason}; before, ${evidence}` };
  const isProof = /task log|accounting says|the queue says|result was there/.test(evidence);
  if ((state === 'pending' || state === 'running') && evidence.startsWith('the queue says')) return { verdict: 'alive', state, because: evidence };
  if (['complete', 'failed', 'cancelled', 'timeout'].includes(state) && isProof) return { verdict: 'dead', state, because: evidence };
  const holder = recycled.get(jobId);
  const reasons = [
    evidence,
    ...(holder === undefined ? [] : [`the id ${jobId} is that of another job now, ${holder}`]),
    ...(view.facts.gone ? ['the run’s folder on the cluster is gone, and its task logs with it'] : []),
    ...(isAccounted ? [] : ['accounting has nothing of it']),
  ];
  return { verdict: 'unknown', state, because: reasons.join('; ') };
}

/** Ids of ours under which the queue lists a job of another name. */
export async function recycledJobs(arrays: readonly Pick<PlacedArray, 'jobId' | 'jobName'>[], session: ClusterSession, deps: RunDeps): Promise<ReadonlyMap<string, string>> {
  const snapshot = await readSnapshot(deps.journal.clusterDirectory(session.profile.name), 'queue');
  if (!snapshot) return new Map();
  try {
    const { rows } = session.dialect.queue(await session.tools()).parse(snapshot.output, false);
    return new Map(arrays.flatMap(({ jobId, jobName }) => rows.flatMap((row) => (row.jobId === jobId && row.name !== '' && row.name !== jobName ? [[row.jobId, row.name] as const] : []))));
  } catch {
    return new Map();
  }
}
