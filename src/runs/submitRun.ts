/**
 * Submits a planned run, and finishes an interrupted submission.
 *
 * Order: sidecar, frozen parameters and journal record are on this disk; then the code and the run's files are on the
 * cluster; then the arrays are submitted by the protocol of `submitProtocol.ts`; then the job ids are written here. A crash
 * after any step leaves a run that `resumeSubmission` takes up where it stopped.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterSession } from '../cluster/session.ts';
import { CancelledError } from '../foundation/abort.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import { canaryError, canaryPlan, verifyCanary, type CanaryOptions, type CanaryReport } from './canary.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { forgetEvaluation } from './evaluateSweep.ts';
import { requireOwnRun, requireRun } from './listRuns.ts';
import { isWhollySubmitted, jobsOfAttempt } from './placement.ts';
import { assertSubmittable, planRun, type RunPlan, type RunRequest } from './planRun.ts';
import { findPrior, type PriorRun } from './priorRun.ts';
import { pushRun } from './pushRun.ts';
import { ensureRecord, essenceOf, recordIntent, sidecarOf } from './recordIntent.ts';
import { recordReceipts, submissionOf } from './recordReceipts.ts';
import { readSidecar, type Sidecar } from './sidecar.ts';
import { reconcileSteps, submissionProblem, submitSteps } from '../cluster/submitProtocol.ts';
import { stepsOf } from './submitSteps.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

export interface SubmitOutcome {
  readonly runId: string;
  readonly cluster: string;
  readonly jobIds: readonly string[];
  readonly totalTasks: number;
  readonly waves: number;
  /** An earlier run of the same tasks was given back. */
  readonly deduped: boolean;
  readonly resumed: boolean;
  readonly remotePath: string;
  readonly headline: string;
  /** The run that tried one task first, where one was asked for. */
  readonly canary?: CanaryReport;
  /** Exchanges with the cluster that this call made, connecting not included. */
  readonly roundTrips: number;
}

export interface SubmitChoice {
  readonly ifPrior: 'reuse' | 'new';
  /** One task first; its failure stops the rest. */
  readonly canary?: CanaryOptions;
}

export async function submitRun(request: RunRequest, choice: SubmitChoice, deps: RunDeps, call: CallOptions): Promise<SubmitOutcome> {
  const session = await deps.session(request.cluster);
  const before = session.connection.statistics.roundTrips;
  const plan = await planRun(request, deps, call);
  assertSubmittable(plan);
  if (plan.prior && choice.ifPrior === 'reuse') {
    const { runId, isInterrupted } = plan.prior;
    // An interrupted submission of the same tasks is finished: a second one beside it is what must never happen.
    const outcome = !isInterrupted ? reusedRun(plan, plan.prior, session.connection.statistics.roundTrips - before) : (await isGivenUp(runId, plan, deps, call)) ? undefined : await resumeSubmission(runId, deps, call);
    if (outcome) {
      await forgetEvaluation(deps);
      return outcome;
    }
  }
  // A single task is its own canary.
  const canary = choice.canary === undefined || plan.sweep.taskCount === 1 ? undefined : await passCanary(plan, choice.canary, deps, call);
  // One at a time in a workspace: who comes second at the same moment finds the run that the first one made.
  const sidecar = await deps.journal.withIntent(
    deps.experimentDir,
    async () => (choice.ifPrior === 'reuse' && (await findPrior(plan.sweep.cmdSha, plan.profile.name, deps)) !== undefined ? undefined : recordIntent(plan, deps)),
    call.signal,
  );
  if (sidecar === undefined) return submitRun(request, { ifPrior: choice.ifPrior }, deps, call);
  await pushed(session, plan.workspace, sidecar, deps, call);
  const outcome = await finishSubmission(session, sidecar, deps, call, { resumed: false, before });
  // Only now: an interrupted submission is found again by the same parameters, which a tasks.py may draw anew at every call.
  await forgetEvaluation(deps);
  return canary === undefined ? outcome : { ...outcome, canary };
}

/** Submits one task and waits for it. Throws where it fails; nothing of the run itself is recorded before. */
async function passCanary(plan: RunPlan, options: CanaryOptions, deps: RunDeps, call: CallOptions): Promise<CanaryReport> {
  const { session } = plan;
  const single = canaryPlan(plan, options.task);
  call.progress({ message: `Trying task ${options.task} first` });
  // One that is still under way is waited for, not joined by a second.
  const prior = await findPrior(single.sweep.cmdSha, plan.profile.name, deps);
  let runId = prior?.lifecycle === 'in_flight' ? prior.runId : undefined;
  if (runId === undefined) {
    const sidecar = await recordIntent(single, deps);
    runId = sidecar.run_id;
    await pushed(session, plan.workspace, sidecar, deps, call);
    await finishSubmission(session, sidecar, deps, call, { resumed: false, before: 0 });
  }
  const report = await verifyCanary(runId, options, deps, call);
  if (!report.ok) throw canaryError(report, plan.profile.name);
  return report;
}

function reusedRun(plan: RunPlan, prior: PriorRun, roundTrips: number): SubmitOutcome {
  return {
    runId: prior.runId,
    cluster: prior.cluster,
    jobIds: prior.jobIds,
    totalTasks: prior.totalTasks,
    waves: plan.waves,
    deduped: true,
    resumed: false,
    remotePath: plan.remotePath,
    headline: `The same ${prior.totalTasks} tasks are run ${prior.runId} (${prior.lifecycle}, ${prior.complete} done): nothing was submitted. To run them once more submit with if_prior: new.`,
    roundTrips,
  };
}

/**
 * Whether an interrupted run is given up for a new one: nothing of it is on the cluster, and something else is asked for now
 * (the account that was refused was corrected). It is then cancelled, so that nobody finishes it later.
 */
async function isGivenUp(runId: string, plan: RunPlan, deps: RunDeps, call: CallOptions): Promise<boolean> {
  const run = await requireRun(runId, deps);
  const asked = sidecarOf(plan, runId, run.sidecar.submitted_at, {}, deps);
  if (isDeepStrictEqual(essenceOf(run.sidecar), essenceOf(asked))) return false;
  const { session } = plan;
  const steps = stepsOf(run.sidecar, run.submission, session, await session.tools({ signal: call.signal }));
  await ensureRecord(run, deps);
  return deps.journal.withRun(
    deps.experimentDir,
    runId,
    async () => {
      const { receipts } = await reconcileSteps(session, run.submission, steps, { signal: call.signal, log: deps.log });
      if (Object.values(receipts).some(({ state }) => state === 'submitted' || state === 'submitting')) return false;
      await deps.journal.update(deps.experimentDir, runId, (record) => ({ ...record, cancel_requested: { at: deps.clock.now().toISOString(), tasks: 'all' } }));
      return true;
    },
    call.signal,
  );
}

async function finishSubmission(session: ClusterSession, sidecar: Sidecar, deps: RunDeps, call: CallOptions, how: { resumed: boolean; before: number }): Promise<SubmitOutcome> {
  const submission = submissionOf(sidecar);
  return deps.journal.withRun(
    deps.experimentDir,
    sidecar.run_id,
    async () => {
      if ((await deps.journal.read(deps.experimentDir, sidecar.run_id))?.cancel_requested?.tasks === 'all') {
        throw new HpcError('spec_invalid', `The run ${sidecar.run_id} was cancelled: its submission is not finished.`, { remediation: 'Submit the sweep again with if_prior: new.' });
      }
      call.progress({ message: `Submitting ${submission.arrays.length} array${submission.arrays.length === 1 ? '' : 's'}` });
      const steps = stepsOf(sidecar, submission, session, await session.tools({ signal: call.signal }));
      // What stops it on its way (a disk that is full when a receipt is due) may stop it after a job was taken: the run is named, and resuming finds it.
      const reply = await submitSteps(session, submission, steps, { signal: call.signal, log: deps.log }).catch((error: unknown) => {
        throw CancelledError.is(error) ? error : withRunId(toHpcError(error), sidecar.run_id, ' Then resume the submission: what the scheduler took already is found and not submitted again.');
      });
      const problem = submissionProblem(reply, steps);
      const updated = await recordReceipts(sidecar, reply, problem, deps);
      if (problem) throw withRunId(problem, sidecar.run_id);
      return outcomeOf(session, updated, how);
    },
    call.signal,
  );
}

function outcomeOf(session: ClusterSession, sidecar: Sidecar, how: { resumed: boolean; before: number }): SubmitOutcome {
  const submission = submissionOf(sidecar);
  return {
    runId: sidecar.run_id,
    cluster: session.profile.name,
    jobIds: sidecar.job_ids ?? [],
    totalTasks: sidecar.task_count,
    waves: submission.combiners.length,
    deduped: false,
    resumed: how.resumed,
    remotePath: sidecar.remote_path ?? '',
    headline: `Submitted ${sidecar.task_count} tasks to ${session.profile.name} as ${counted(submission.arrays.length, 'array')} in ${counted(submission.combiners.length, 'wave')}${submission.hops === undefined ? '' : `, each continued by up to ${counted(submission.hops.length, 'job')} that wait${submission.hops.length === 1 ? 's' : ''} in the queue already`}.`,
    roundTrips: session.connection.statistics.roundTrips - how.before,
  };
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** What keeps the files from getting there leaves a run that can be finished: its error names it. */
async function pushed(session: ClusterSession, workspace: Workspace, sidecar: Sidecar, deps: RunDeps, call: CallOptions): Promise<void> {
  try {
    await deps.journal.withRun(deps.experimentDir, sidecar.run_id, () => pushRun(session, workspace, sidecar, deps, call), call.signal);
  } catch (error) {
    throw HpcError.is(error) ? withRunId(error, sidecar.run_id) : error;
  }
}

function withRunId(problem: HpcError, runId: string, next = ''): HpcError {
  return new HpcError(problem.code, problem.message, { ...(problem.remediation === undefined && next === '' ? {} : { remediation: `${problem.remediation ?? ''}${next} (run ${runId})`.trim() }), details: { ...problem.details, run_id: runId }, retrySafe: problem.retrySafe, cause: problem });
}

/** Finishes an interrupted submission: what is on the cluster stays, what is missing is submitted. */
export async function resumeSubmission(runId: string, deps: RunDeps, call: CallOptions): Promise<SubmitOutcome> {
  const run = await requireOwnRun(runId, deps, 'submitted');
  const session = await deps.session(run.sidecar.cluster ?? '');
  const before = session.connection.statistics.roundTrips;
  await ensureRecord(run, deps);
  const steps = stepsOf(run.sidecar, run.submission, session, await session.tools({ signal: call.signal }));
  call.progress({ message: 'Looking for what was submitted already' });
  const reply = await deps.journal.withRun(deps.experimentDir, runId, () => reconcileSteps(session, run.submission, steps, { signal: call.signal, log: deps.log }), call.signal);
  if (!Object.values(reply.receipts).some((receipt) => receipt.state === 'submitted' || receipt.state === 'submitting')) {
    const workspace = await openWorkspace(deps.experimentDir);
    await pushed(session, workspace, run.sidecar, deps, call);
  }
  const sidecar = (await readSidecar(deps.experimentDir, runId)) ?? run.sidecar;
  const { attempts, ...first } = submissionOf(sidecar);
  const open = attempts?.find((attempt) => jobsOfAttempt(attempt).some(({ job_id }) => job_id === null));
  if (open && isWhollySubmitted(first)) {
    // Its scripts may never have come there: whoever submits failed tasks again brings them too.
    const { finishAttempt } = await import('./resubmit/resubmitRun.ts');
    await finishAttempt(run, session, open, deps, call);
    return outcomeOf(session, (await readSidecar(deps.experimentDir, runId)) ?? sidecar, { resumed: true, before });
  }
  return finishSubmission(session, sidecar, deps, call, { resumed: true, before });
}
