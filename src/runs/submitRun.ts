/**
 * Submits a planned run, finishes an interrupted submission, and finds out what became of one.
 *
 * Order: sidecar, frozen parameters and journal record are on this disk; then the code and the run's files are on the
 * cluster; then the arrays are submitted by the protocol of `submitProtocol.ts`; then the job ids are written here. A crash
 * after any step leaves a run that `resumeSubmission` takes up where it stopped.
 */
import * as path from 'node:path';
import * as os from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { ExtraFile } from '../connection/transfer/transferOptions.ts';
import type { ClusterSession } from '../cluster/session.ts';
import { writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { newToken, timestampId } from '../foundation/ids.ts';
import * as fs from 'node:fs/promises';
import type { CallOptions, RunDeps } from './deps.ts';
import { forgetEvaluation } from './evaluateSweep.ts';
import type { RunRecord } from './journal.ts';
import { jobScriptsOf } from './jobScripts.ts';
import { openRun, requireRun, runState, viewOfRun } from './listRuns.ts';
import { assertSubmittable, planRun, type RunPlan, type RunRequest } from './planRun.ts';
import { findPrior, type PriorRun } from './priorRun.ts';
import { provenanceOf } from './provenance.ts';
import { pushWorkspace } from './pushWorkspace.ts';
import { readSidecar, writeSidecar, type Sidecar, type Submission } from './sidecar.ts';
import { stepsOf } from './submitSteps.ts';
import { computeStarter } from './taskCommand.ts';
import { reconcileSteps, submissionProblem, submitSteps, type SubmitReply } from './submitProtocol.ts';
import type { OpenRun, RunView } from './runView.ts';
import { openWorkspace, paramsFile, runsDirectory, type Workspace } from './workspace.ts';

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
  /** Exchanges with the cluster that this call made, connecting not included. */
  readonly roundTrips: number;
}

export async function submitRun(request: RunRequest, choice: { readonly ifPrior: 'reuse' | 'new' }, deps: RunDeps, call: CallOptions): Promise<SubmitOutcome> {
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
  // One at a time in a workspace: who comes second at the same moment finds the run that the first one made.
  const sidecar = await deps.journal.withIntent(
    deps.experimentDir,
    async () => (choice.ifPrior === 'reuse' && (await findPrior(plan.sweep.cmdSha, plan.profile.name, deps)) !== undefined ? undefined : recordIntent(plan, deps)),
    call.signal,
  );
  if (sidecar === undefined) return submitRun(request, choice, deps, call);
  await deps.journal.withRun(deps.experimentDir, sidecar.run_id, () => pushRun(session, plan.workspace, sidecar, deps, call), call.signal);
  const outcome = await finishSubmission(session, sidecar, deps, call, { resumed: false, before });
  // Only now: an interrupted submission is found again by the same parameters, which a tasks.py may draw anew at every call.
  await forgetEvaluation(deps);
  return outcome;
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

/** What the jobs of a run are made of, apart from its names. */
function essenceOf({ resources, executor, result_dir_template, env, extra }: Sidecar): unknown {
  const { command, commands, submission } = (extra ?? {}) as { command?: unknown; commands?: unknown; submission?: Submission };
  const arrays = submission?.arrays.map(({ key, first_task, task_count }) => ({ key, first_task, task_count }));
  return JSON.parse(JSON.stringify({ resources, executor, result_dir_template, env, command, commands, arrays, run_name: submission?.run_name, max_concurrent: submission?.max_concurrent, variables: submission?.env })) as unknown;
}

/** Makes the run: from here on its token and job names are fixed. */
async function recordIntent(plan: RunPlan, deps: RunDeps): Promise<Sidecar> {
  const frozen = deps.executors.freeze(plan.sweep.lines);
  if (frozen.cmdSha !== plan.sweep.cmdSha) throw new HpcError('internal', 'The frozen parameters do not hash to the cmd_sha of the plan.');
  const provenance = await provenanceOf(deps.experimentDir);
  const submittedAt = deps.clock.now();
  for (let attempt = 0; ; attempt += 1) {
    const runId = `${timestampId(submittedAt)}-${plan.sweep.cmdSha.slice(0, 8)}${attempt === 0 ? '' : `-${attempt + 1}`}`;
    const sidecar = sidecarOf(plan, runId, submittedAt.toISOString(), provenance, deps);
    try {
      await writeFileAtomic(paramsFile(deps.experimentDir, runId), frozen.params, { exclusive: true });
    } catch (error) {
      if (systemCodeOf(error) === 'EEXIST') continue;
      throw error;
    }
    await writeFileAtomic(path.join(runsDirectory(deps.experimentDir), `${runId}.params.idx`), frozen.index);
    await deps.journal.write(recordOf(sidecar, plan, deps));
    await writeSidecar(deps.experimentDir, sidecar, { exclusive: true });
    return sidecar;
  }
}

function sidecarOf(plan: RunPlan, runId: string, submittedAt: string, provenance: Readonly<Record<string, unknown>>, deps: RunDeps): Sidecar {
  const token = newToken(16);
  const stateDir = path.posix.join(plan.remotePath, '.hpc', 'state', runId);
  const jobName = (key: string): string => `${/^[A-Za-z]/.test(plan.runName) ? '' : 'r'}${plan.runName}-${key}-${token.slice(0, 10)}`;
  const logs = (key: string, array: boolean): { out: string; err: string } => ({
    out: plan.session.dialect.logPath(path.posix.join(stateDir, 'logs'), key, 'out', array),
    err: plan.session.dialect.logPath(path.posix.join(stateDir, 'logs'), key, 'err', array),
  });
  const waves = [...new Set(plan.arrays.map((array) => array.wave))];
  const submission: Submission = {
    token,
    run_name: plan.runName,
    workspace_id: plan.workspace.id,
    scheduler: plan.session.dialect.name,
    state_dir: stateDir,
    arrays: plan.arrays.map((array) => ({ key: array.key, wave: array.wave, first_task: array.firstTask, task_count: array.taskCount, job_name: jobName(array.key), job_id: null })),
    combiners: waves.map((wave) => ({ key: `w${wave}c`, wave, job_name: jobName(`w${wave}c`), job_id: null })),
    max_concurrent: plan.request.maxConcurrentTasks ?? null,
    env: { ...plan.profile.env, ...plan.request.env },
    logs: Object.fromEntries([...plan.arrays.map(({ key }) => [key, logs(key, true)] as const), ...waves.map((wave) => [`w${wave}c`, logs(`w${wave}c`, false)] as const)]),
  };
  return {
    sidecar_schema_version: 2,
    run_id: runId,
    cmd_sha: plan.sweep.cmdSha,
    hpc_agent_version: deps.version,
    submitted_at: submittedAt,
    executor: plan.command.executor,
    result_dir_template: plan.resultDirTemplate,
    task_count: plan.sweep.taskCount,
    tasks_py_sha: plan.sweep.tasksPySha,
    wave_map: Object.fromEntries(waves.map((wave) => [String(wave), plan.arrays.filter((array) => array.wave === wave).flatMap((array) => Array.from({ length: array.taskCount }, (_, offset) => array.firstTask + offset))])),
    cluster: plan.profile.name,
    profile: plan.runName,
    remote_path: plan.remotePath,
    resources: { ...plan.resources },
    env: { modules: plan.profile.modules, ...(plan.profile.condaEnvs[0] === undefined ? {} : { conda_env: plan.profile.condaEnvs[0] }) },
    job_ids: [],
    extra: { ...plan.command.extra, metrics_from_stdout: true, key_order: plan.sweep.keyOrder, provenance, submission },
  };
}

function recordOf(sidecar: Sidecar, plan: RunPlan, deps: RunDeps): RunRecord {
  const target = plan.profile.connection;
  return {
    schema_version: 1,
    run_id: sidecar.run_id,
    profile: plan.runName,
    cluster: plan.profile.name,
    ssh_target: target.kind === 'ssh' ? `${target.user === undefined ? '' : `${target.user}@`}${target.host}` : os.hostname(),
    remote_path: plan.remotePath,
    job_name: plan.runName,
    job_ids: [],
    total_tasks: sidecar.task_count,
    submitted_at: sidecar.submitted_at,
    experiment_dir: deps.experimentDir,
    last_status: {},
    combined_waves: [],
    failed_waves: [],
    retries: {},
    stage: 'submit',
    status: 'in_flight',
    campaign_id: '',
    submit_problem: null,
    cancel_requested: null,
  };
}

/** Brings the code and the run's own files to the cluster, in at most two round trips. */
async function pushRun(session: ClusterSession, workspace: Workspace, sidecar: Sidecar, deps: RunDeps, call: CallOptions): Promise<void> {
  const facts = await session.facts({ signal: call.signal });
  const remoteRoot = sidecar.remote_path ?? '';
  const runtime = path.posix.join('.hpc', 'runtime', facts.runtime.hash);
  const runs = path.posix.join('.hpc', 'runs', sidecar.run_id);
  const extraFiles: ExtraFile[] = [
    ...Object.entries(facts.runtime.files).filter(([name]) => name.startsWith('_hpc_')).map(([name, data]) => ({ path: path.posix.join(runtime, name), data, mode: 0o644 })),
    ...(await jobScriptsOf(sidecar, session, facts, deps)).map(({ key, text }) => ({ path: path.posix.join('.hpc', 'state', sidecar.run_id, 'jobs', `${key}.sh`), data: text, mode: 0o755 })),
  ];
  const isHere = session.connection.kind === 'local' && path.resolve(remoteRoot) === path.resolve(workspace.directory);
  if (!isHere) {
    extraFiles.push(
      { path: `${runs}.json`, data: JSON.stringify(sidecar, undefined, 2), mode: 0o644 },
      { path: `${runs}.params.jsonl`, data: await fs.readFile(paramsFile(workspace.directory, sidecar.run_id)), mode: 0o644 },
      { path: `${runs}.params.idx`, data: await fs.readFile(path.join(runsDirectory(workspace.directory), `${sidecar.run_id}.params.idx`)), mode: 0o644 },
    );
  }
  if (usesComputeStarter(sidecar) && !(await exists(path.join(workspace.directory, computeStarter)))) {
    extraFiles.push({ path: computeStarter, data: await fs.readFile(path.join(deps.assetsDirectory, 'templates', 'scaffolds', 'cli.py')), mode: 0o644 });
  }
  await pushWorkspace(session, workspace, remoteRoot, extraFiles, deps, call);
}

function usesComputeStarter({ extra }: Sidecar): boolean {
  const { command, commands } = (extra ?? {}) as { command?: { argv: readonly string[] }; commands?: Readonly<Record<string, { argv: readonly string[] }>> };
  return [command, ...Object.values(commands ?? {})].some((one) => one?.argv.includes(computeStarter));
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(() => true, () => false);
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
      const reply = await submitSteps(session, submission, steps, { signal: call.signal, log: deps.log });
      const problem = submissionProblem(reply, steps);
      const updated = await recordReceipts(sidecar, reply, problem, deps);
      if (problem) throw withRunId(problem, sidecar.run_id);
      const jobIds = updated.job_ids ?? [];
      return {
        runId: sidecar.run_id,
        cluster: session.profile.name,
        jobIds,
        totalTasks: sidecar.task_count,
        waves: submission.combiners.length,
        deduped: false,
        resumed: how.resumed,
        remotePath: sidecar.remote_path ?? '',
        headline: `Submitted ${sidecar.task_count} tasks to ${session.profile.name} as ${jobIds.length} array${jobIds.length === 1 ? '' : 's'} in ${submission.combiners.length} wave${submission.combiners.length === 1 ? '' : 's'}.`,
        roundTrips: session.connection.statistics.roundTrips - how.before,
      };
    },
    call.signal,
  );
}

function withRunId(problem: HpcError, runId: string): HpcError {
  return new HpcError(problem.code, problem.message, { ...(problem.remediation === undefined ? {} : { remediation: `${problem.remediation} (run ${runId})` }), details: { ...problem.details, run_id: runId }, retrySafe: problem.retrySafe, cause: problem });
}

function submissionOf(sidecar: Sidecar): Submission {
  const submission = sidecar.extra?.submission;
  if (!submission) throw new HpcError('schema_incompat', `The run ${sidecar.run_id} was not submitted by this product.`, { remediation: 'Use the product that submitted it.' });
  return submission;
}

/** Writes what the receipts say into the sidecar and the record. */
async function recordReceipts(sidecar: Sidecar, reply: SubmitReply, problem: HpcError | undefined, deps: RunDeps): Promise<Sidecar> {
  const submission = submissionOf(sidecar);
  const idOf = (key: string, known: string | null): string | null => (reply.receipts[key]?.state === 'submitted' ? (reply.receipts[key].job_id ?? known) : known);
  const arrays = submission.arrays.map((array) => ({ ...array, job_id: idOf(array.key, array.job_id) }));
  const combiners = submission.combiners.map((combiner) => ({ ...combiner, job_id: idOf(combiner.key, combiner.job_id) }));
  const jobIds = arrays.flatMap(({ job_id }) => (job_id === null ? [] : [job_id]));
  const updated: Sidecar = { ...sidecar, job_ids: jobIds, extra: { ...sidecar.extra, submission: { ...submission, arrays, combiners } } };
  await writeSidecar(deps.experimentDir, updated);
  // The combiners too: a submission that stopped before the last of them is taken up again.
  const complete = problem === undefined && jobIds.length === arrays.length && combiners.every(({ job_id }) => job_id !== null);
  await deps.journal.update(deps.experimentDir, sidecar.run_id, (record) => ({ ...record, job_ids: jobIds, stage: complete ? 'monitor' : 'submit', submit_problem: problem ? problem.message : null }));
  return updated;
}

/** Finishes an interrupted submission: what is on the cluster stays, what is missing is submitted. */
export async function resumeSubmission(runId: string, deps: RunDeps, call: CallOptions): Promise<SubmitOutcome> {
  const run = await requireRun(runId, deps);
  const session = await deps.session(run.sidecar.cluster ?? '');
  const before = session.connection.statistics.roundTrips;
  await ensureRecord(run, deps);
  const steps = stepsOf(run.sidecar, run.submission, session, await session.tools({ signal: call.signal }));
  call.progress({ message: 'Looking for what was submitted already' });
  const reply = await deps.journal.withRun(deps.experimentDir, runId, () => reconcileSteps(session, run.submission, steps, { signal: call.signal, log: deps.log }), call.signal);
  if (!Object.values(reply.receipts).some((receipt) => receipt.state === 'submitted' || receipt.state === 'submitting')) {
    const workspace = await openWorkspace(deps.experimentDir);
    await deps.journal.withRun(deps.experimentDir, runId, () => pushRun(session, workspace, run.sidecar, deps, call), call.signal);
  }
  const sidecar = (await readSidecar(deps.experimentDir, runId)) ?? run.sidecar;
  return finishSubmission(session, sidecar, deps, call, { resumed: true, before });
}

/** The journal may be another machine's: the workspace came with its sidecars, the record is made here. */
async function ensureRecord(run: OpenRun, deps: RunDeps): Promise<void> {
  if (run.record) return;
  const { sidecar, submission } = run;
  await deps.journal.write({
    schema_version: 1,
    run_id: sidecar.run_id,
    profile: submission.run_name,
    cluster: sidecar.cluster ?? '',
    ssh_target: '',
    remote_path: sidecar.remote_path ?? '',
    job_name: submission.run_name,
    job_ids: sidecar.job_ids ?? [],
    total_tasks: sidecar.task_count,
    submitted_at: sidecar.submitted_at,
    experiment_dir: deps.experimentDir,
    stage: (sidecar.job_ids ?? []).length === submission.arrays.length ? 'monitor' : 'submit',
    status: 'in_flight',
  });
}

export interface ReconcileOutcome {
  readonly view: RunView;
  readonly arrays: readonly { readonly key: string; readonly jobId: string | undefined; readonly evidence: string }[];
}

/** Finds out what became of a submission; submits nothing. */
export async function reconcileRun(runId: string, deps: RunDeps, call: CallOptions): Promise<ReconcileOutcome> {
  const run = await requireRun(runId, deps);
  const session = await deps.session(run.sidecar.cluster ?? '');
  await ensureRecord(run, deps);
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
    return { key, jobId: receipt?.job_id, evidence };
  });
  const submitted = await openRun(deps.experimentDir, runId, deps);
  const view = submitted?.submission.arrays.some(({ job_id }) => job_id !== null) ? await runState(runId, { refresh: true }, deps, call) : await viewOfRun(deps.experimentDir, runId, deps);
  if (!view) throw new HpcError('internal', `The run ${runId} vanished while it was reconciled.`);
  return { view, arrays };
}
