/**
 * Submits failed tasks of a run again, exactly once per request.
 *
 * Order, as for the first submission: the attempt with its job names stands in the sidecar before anything leaves this disk; then the
 * scripts go to the cluster; then the arrays are submitted under the run's own token; then their ids are written here. Who asks again with
 * the same request id gets the same attempt, finished where it was interrupted, whatever was asked in between.
 */
import { HpcError } from '../../foundation/errors.ts';
import { submissionProblem, submitSteps } from '../../cluster/submitProtocol.ts';
import type { ClusterSession } from '../../cluster/session.ts';
import { effectiveLimits } from '../../cluster/limits.ts';
import type { CallOptions, RunDeps } from '../deps.ts';
import { requireOwnRun, requireRun } from '../listRuns.ts';
import type { RunRecord } from '../journal.ts';
import { planArrays } from '../planArrays.ts';
import { isWhollySubmitted, jobsOfAttempt, lastAttemptNumber, rangesOf, retriesIn, TaskList } from '../placement.ts';
import { provenanceOf } from '../provenance.ts';
import { pushRun } from '../pushRun.ts';
import { reconcileRun } from '../reconcileRun.ts';
import { ensureRecord, hopsFor, jobNameOf, logPatternsOf } from '../recordIntent.ts';
import { recordReceipts, submissionOf } from '../recordReceipts.ts';
import type { OpenRun } from '../runView.ts';
import { writeSidecar, type Attempt, type Sidecar, type Submission } from '../sidecar.ts';
import { siteLimits } from '../siteLimits.ts';
import { stepsOf } from '../submitSteps.ts';
import { openWorkspace } from '../workspace.ts';
import { planResubmit, type BlockedTasks, type ResubmitPlan, type ResubmitRequest } from './planResubmit.ts';

export interface ResubmitOutcome {
  readonly runId: string;
  readonly cluster: string;
  readonly requestId: string;
  /** Undefined where nothing was to be submitted. */
  readonly attempt: Attempt | undefined;
  /** This request was carried out before. */
  readonly deduped: boolean;
  readonly blocked: readonly BlockedTasks[];
  readonly notes: readonly string[];
}

/** How many request ids hpc-agent's record keeps. */
const rememberedRequests = 50;

export async function resubmitRun(request: ResubmitRequest, deps: RunDeps, call: CallOptions): Promise<ResubmitOutcome> {
  const run = await requireOwnRun(request.runId, deps, 'submitted again');
  const session = await deps.session(run.sidecar.cluster ?? '');
  await ensureRecord(run, deps);
  const before = request.requestId === undefined ? undefined : attemptOf(run.submission, request.requestId);
  if (before) return { ...(await finishAttempt(run, session, before, deps, call)), deduped: true };
  await settleEarlier(run, deps, call);
  const plan = await planResubmit(request, deps, call);
  const common = { runId: request.runId, cluster: session.profile.name, requestId: plan.requestId, blocked: plan.blocked, notes: plan.notes };
  if (plan.groups.length === 0) return { ...common, attempt: undefined, deduped: false };
  const recorded = await deps.journal.withRun(deps.experimentDir, request.runId, () => recordAttempt(plan, request, session, deps, call), call.signal);
  const outcome = await finishAttempt(await requireRun(request.runId, deps), session, recorded.attempt, deps, call);
  return { ...outcome, ...common, attempt: outcome.attempt, deduped: recorded.known };
}

function attemptOf(submission: Submission, requestId: string): Attempt | undefined {
  return submission.attempts?.find((attempt) => attempt.request_id === requestId);
}

/** An earlier attempt that was interrupted is finished or found out about first: its tasks may be on the cluster. */
async function settleEarlier(run: OpenRun, deps: RunDeps, call: CallOptions): Promise<void> {
  if (isWhollySubmitted(run.submission)) return;
  call.progress({ message: 'Looking for what was submitted already' });
  const { arrays } = await reconcileRun(run.sidecar.run_id, deps, call);
  const unknown = arrays.find(({ isUnknown }) => isUnknown);
  if (unknown) {
    throw new HpcError('cluster_timeout', `It is not known whether the scheduler took ${unknown.key} of run ${run.sidecar.run_id}: ${unknown.evidence}`, { remediation: 'Try again when the scheduler answers: nothing is submitted beside what may be there.', retrySafe: true });
  }
  const now = await requireRun(run.sidecar.run_id, deps);
  const open = now.submission.attempts?.find((attempt) => jobsOfAttempt(attempt).some(({ job_id }) => job_id === null));
  if (open === undefined) {
    if (isWhollySubmitted(now.submission)) return;
    throw new HpcError('spec_invalid', `The first submission of run ${run.sidecar.run_id} is not finished.`, { remediation: 'Finish it first: submit with resume and this run id.' });
  }
  if (jobsOfAttempt(open).every(({ job_id }) => job_id === null)) {
    // Nothing of it is on the cluster: whatever kept it from going, it is given up for the new request.
    await deps.journal.withRun(deps.experimentDir, run.sidecar.run_id, () => writeSidecar(deps.experimentDir, withAttempts(now.sidecar, (attempts) => attempts.filter(({ number }) => number !== open.number))), call.signal);
    return;
  }
  throw new HpcError('spec_invalid', `Attempt ${open.number} of run ${run.sidecar.run_id} was submitted only in part.`, { remediation: `Finish it first: submit with resume and this run id, or resubmit with request_id ${open.request_id}.`, details: { request_id: open.request_id } });
}

function withAttempts(sidecar: Sidecar, change: (attempts: readonly Attempt[]) => readonly Attempt[], logs: Submission['logs'] = {}): Sidecar {
  const submission = submissionOf(sidecar);
  return { ...sidecar, extra: { ...sidecar.extra, submission: { ...submission, logs: { ...submission.logs, ...logs }, attempts: [...change(submission.attempts ?? [])] } } };
}

/** The attempt on this disk, before anything leaves it. `known`: somebody else recorded the same request a moment ago. */
async function recordAttempt(plan: ResubmitPlan, request: ResubmitRequest, session: ClusterSession, deps: RunDeps, call: CallOptions): Promise<{ attempt: Attempt; known: boolean }> {
  const { sidecar, submission } = await requireOwnRun(request.runId, deps, 'submitted again');
  const same = attemptOf(submission, plan.requestId);
  if (same) return { attempt: same, known: true };
  const taken = new Set((submission.attempts ?? []).filter(({ number }) => number > Math.max(1, ...(plan.view.submission.attempts ?? []).map((attempt) => attempt.number))).flatMap(({ groups }) => groups.flatMap(({ tasks }) => [...new TaskList(tasks)])));
  const doubled = plan.groups.flatMap(({ tasks }) => tasks).find((task) => taken.has(task));
  if (doubled !== undefined) throw new HpcError('spec_invalid', `Task ${doubled} of run ${request.runId} was submitted again by somebody else a moment ago.`, { remediation: 'Refresh, and look at the run as it is now.' });
  const number = 1 + lastAttemptNumber(submission);
  const attempt = await attemptFor(plan, request, number, sidecar, session, deps, call);
  const logs = Object.fromEntries([...[...attempt.arrays, ...(attempt.hops ?? []).flatMap(({ arrays }) => arrays)].map(({ key }) => [key, logPatternsOf(session.dialect, submission.state_dir, key, true)] as const), [attempt.combiner.key, logPatternsOf(session.dialect, submission.state_dir, attempt.combiner.key, false)] as const]);
  await writeSidecar(deps.experimentDir, withAttempts(sidecar, (attempts) => [...attempts, attempt], logs));
  return { attempt, known: false };
}

async function attemptFor(plan: ResubmitPlan, request: ResubmitRequest, number: number, sidecar: Sidecar, session: ClusterSession, deps: RunDeps, call: CallOptions): Promise<Attempt> {
  const submission = submissionOf(sidecar);
  const limits = effectiveLimits(session.profile, await siteLimits(session, deps, { signal: call.signal }));
  const groups = plan.groups.map((group) => ({ failure_class: group.failureClass, tasks: rangesOf(group.tasks).map(([first, last]): [number, number] => [first, last]), resources: { ...group.resources }, ...(group.fingerprints.size === 0 ? {} : { fingerprints: Object.fromEntries([...group.fingerprints].map(([fingerprint, tasks]) => [fingerprint, rangesOf(tasks).map(([first, last]): [number, number] => [first, last])])) }), change: group.change }));
  // The arrays of all groups in one sequence, as many at once as may be queued.
  const cut = plan.groups.flatMap(({ tasks }, group) => planArrays(tasks.length, { maxElementsPerArray: limits.maxElementsPerArray, maxConcurrentArrays: Infinity }).map(({ firstTask, taskCount }) => ({ group, tasks: tasks.slice(firstTask, firstTask + taskCount) })));
  const width = Math.max(1, limits.maxConcurrentArrays);
  const arrays = cut.map(({ group, tasks }, index) => {
    const wave = Math.floor(index / width);
    const key = `r${number}w${wave}a${index % width}`;
    return { key, wave, group, tasks: rangesOf(tasks).map(([first, last]): [number, number] => [first, last]), job_name: jobNameOf(submission.run_name, key, submission.token), job_id: null };
  });
  const combinerKey = `r${number}c`;
  const maxHops = sidecar.extra?.chain?.max_hops;
  return {
    number,
    request_id: plan.requestId,
    at: deps.clock.now().toISOString(),
    automatic: request.automatic,
    groups,
    arrays,
    ...(maxHops === undefined ? {} : { hops: hopsFor(arrays, maxHops, number, submission.run_name, submission.token) }),
    combiner: { key: combinerKey, job_name: jobNameOf(submission.run_name, combinerKey, submission.token), job_id: null },
    provenance: { ...(await provenanceOf(deps.experimentDir)) },
  };
}

/** Its tasks are wanted again: a wish to cancel them from before it no longer holds. Says the same however often it is said. */
function wantedAgain(record: RunRecord, attempt: Attempt, total: number): RunRecord {
  const { cancel_requested: wish } = record;
  const open: RunRecord = { ...record, status: 'in_flight', stage: 'submit' };
  if (!wish || wish.at > attempt.at) return open;
  const spared = new Set([...tasksOf(attempt), ...new TaskList(wish.ended ?? [])]);
  const left = (wish.tasks === 'all' ? [...TaskList.from(0, total)] : [...new TaskList(wish.tasks)]).filter((task) => !spared.has(task));
  return { ...open, cancel_requested: left.length === 0 ? null : { at: wish.at, tasks: rangesOf(left).map(([first, last]): [number, number] => [first, last]) } };
}

const tasksOf = (attempt: Attempt): readonly number[] => attempt.groups.flatMap(({ tasks }) => [...new TaskList(tasks)]);

/** hpc-agent's record of retries, counted from the attempts that are on the cluster: one that was given up counts for nothing. */
function withRetries(record: RunRecord, submission: Submission, attempt: Attempt): RunRecord {
  const before = record as RunRecord & { readonly retries?: Readonly<Record<string, unknown>>; readonly recent_resubmit_request_ids?: readonly string[] };
  const retries: Record<string, unknown> = { ...before.retries };
  for (const { failure_class, tasks } of attempt.groups) for (const task of new TaskList(tasks)) retries[String(task)] = { attempts: retriesIn(submission, task), category: failure_class ?? 'unknown', last_at: attempt.at };
  const recent = [...(before.recent_resubmit_request_ids ?? []).filter((id) => id !== attempt.request_id), attempt.request_id].slice(-rememberedRequests);
  return { ...record, retries, last_resubmit_request_id: attempt.request_id, recent_resubmit_request_ids: recent };
}

/** Nodes that a refused array was to leave out may be the only ones that fit what it asks for: only the scheduler knows, and it does not say so. */
function aboutAvoided(problem: HpcError | undefined, attempt: Attempt): HpcError | undefined {
  const array = attempt.arrays.find(({ key }) => key === problem?.details?.key);
  const excluded: unknown = array === undefined ? undefined : attempt.groups[array.group]?.resources.excludeNodes;
  const avoided = Array.isArray(excluded) ? excluded.map(String) : [];
  if (problem?.code !== 'spec_invalid' || avoided.length === 0) return problem;
  return new HpcError(problem.code, `${problem.message} The tasks were to leave out ${avoided.join(', ')}, where they failed: it may be that no other node fits what they ask for.`, {
    remediation: 'To let them go there all the same, resubmit with no_avoid; else ask for less, or for another partition, with overrides.',
    details: { ...problem.details, avoided_nodes: avoided },
    cause: problem,
  });
}

/** Brings the attempt to the cluster and submits what is missing of it. */
export async function finishAttempt(run: OpenRun, session: ClusterSession, attempt: Attempt, deps: RunDeps, call: CallOptions): Promise<ResubmitOutcome> {
  const runId = run.sidecar.run_id;
  const common = { runId, cluster: session.profile.name, requestId: attempt.request_id, blocked: [], notes: [], deduped: false };
  if (jobsOfAttempt(attempt).every(({ job_id }) => job_id !== null)) return { ...common, attempt };
  return deps.journal.withRun(
    deps.experimentDir,
    runId,
    async () => {
      const { sidecar, submission } = await requireRun(runId, deps);
      const current = attemptOf(submission, attempt.request_id);
      if (!current) throw new HpcError('spec_invalid', `The request ${attempt.request_id} was given up: nothing of it is on the cluster.`, { remediation: 'Ask again with another request id.' });
      const record = await deps.journal.update(deps.experimentDir, runId, (known) => wantedAgain(known, current, sidecar.task_count));
      if (record?.cancel_requested?.tasks === 'all') throw new HpcError('spec_invalid', `The run ${runId} was cancelled after this request: its submission is not finished.`, { remediation: 'Ask again with another request id, if its tasks are wanted after all.' });
      call.progress({ message: 'Copying the code to the cluster' });
      await pushRun(session, await openWorkspace(deps.experimentDir), sidecar, deps, call, current);
      call.progress({ message: `Submitting ${current.arrays.length} array${current.arrays.length === 1 ? '' : 's'} again` });
      const steps = stepsOf(sidecar, submission, session, await session.tools({ signal: call.signal }));
      const reply = await submitSteps(session, submission, steps, { signal: call.signal, log: deps.log });
      const problem = aboutAvoided(submissionProblem(reply, steps), current);
      const updated = await recordReceipts(sidecar, reply, problem, deps);
      if (problem) throw new HpcError(problem.code, problem.message, { ...(problem.remediation === undefined ? {} : { remediation: problem.remediation }), details: { ...problem.details, run_id: runId, request_id: attempt.request_id }, retrySafe: problem.retrySafe, cause: problem });
      await deps.journal.update(deps.experimentDir, runId, (known) => withRetries(known, submissionOf(updated), current));
      return { ...common, attempt: attemptOf(submissionOf(updated), attempt.request_id) };
    },
    call.signal,
  );
}

