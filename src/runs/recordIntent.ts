/**
 * Makes a run on this disk, before anything leaves it: frozen parameters, journal record, sidecar, in this order. From here on its
 * token and job names are fixed; a crash in between leaves no sidecar, so no run.
 */
import * as os from 'node:os';
import * as path from 'node:path';
import type { ClusterProfile } from '../cluster/profile.ts';
import { writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { newToken, timestampId } from '../foundation/ids.ts';
import type { SchedulerDialect } from '../scheduler/port.ts';
import type { RunDeps } from './deps.ts';
import type { RunRecord } from './journal.ts';
import type { RunPlan } from './planRun.ts';
import { isWhollySubmitted } from './placement.ts';
import { provenanceOf } from './provenance.ts';
import type { OpenRun } from './runView.ts';
import { writeSidecar, type Hop, type Sidecar, type Submission } from './sidecar.ts';
import { paramsFile, runsDirectory } from './workspace.ts';
import { resourcesForSidecar, resourcesOfRun } from './sidecarResources.ts';

export async function recordIntent(plan: RunPlan, deps: RunDeps): Promise<Sidecar> {
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

/** Found again by its exact name: the run's name for people, the key and the token's first digits. */
export function jobNameOf(runName: string, key: string, token: string): string {
  return `${/^[A-Za-z]/.test(runName) ? '' : 'r'}${runName}-${key}-${token.slice(0, 10)}`;
}

/** The arrays that go on where these stop, `maxHops` for each, with their names; the numbers follow `number`. */
export function hopsFor(arrays: readonly { readonly key: string }[], maxHops: number, number: number, runName: string, token: string): Hop[] {
  return Array.from({ length: maxHops }, (_, index) => ({
    number: number + 1 + index,
    arrays: arrays.map(({ key }) => {
      const own = `${key}h${index + 1}`;
      return { key: own, of: key, job_name: jobNameOf(runName, own, token), job_id: null };
    }),
  }));
}

type LogPatterns = Submission['logs'][string];

export function logPatternsOf(dialect: SchedulerDialect, stateDir: string, key: string, array: boolean): LogPatterns {
  const folder = path.posix.join(stateDir, 'logs');
  return { out: dialect.logPath(folder, key, 'out', array), err: dialect.logPath(folder, key, 'err', array) };
}

export function sidecarOf(plan: RunPlan, runId: string, submittedAt: string, provenance: Readonly<Record<string, unknown>>, deps: RunDeps): Sidecar {
  const token = newToken(16);
  const stateDir = path.posix.join(plan.remotePath, '.hpc', 'state', runId);
  const jobName = (key: string): string => jobNameOf(plan.runName, key, token);
  const logs = (key: string, array: boolean): LogPatterns => logPatternsOf(plan.session.dialect, stateDir, key, array);
  const waves = [...new Set(plan.arrays.map((array) => array.wave))];
  const { maxHops } = plan.request;
  const hops = maxHops === undefined ? undefined : hopsFor(plan.arrays, maxHops, 1, plan.runName, token);
  const submission: Submission = {
    token,
    run_name: plan.runName,
    workspace_id: plan.workspace.id,
    scheduler: plan.session.dialect.name,
    state_dir: stateDir,
    arrays: plan.arrays.map((array) => ({ key: array.key, wave: array.wave, first_task: array.firstTask, task_count: array.taskCount, job_name: jobName(array.key), job_id: null })),
    ...(hops === undefined ? {} : { hops }),
    combiners: waves.map((wave) => ({ key: `w${wave}c`, wave, job_name: jobName(`w${wave}c`), job_id: null })),
    max_concurrent: plan.request.maxConcurrentTasks ?? null,
    env: { ...plan.profile.env, ...plan.request.env },
    logs: Object.fromEntries([...[...plan.arrays, ...(hops ?? []).flatMap((hop) => hop.arrays)].map(({ key }) => [key, logs(key, true)] as const), ...waves.map((wave) => [`w${wave}c`, logs(`w${wave}c`, false)] as const)]),
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
    resources: resourcesForSidecar(plan.resources),
    env: { modules: plan.profile.modules, ...(plan.profile.condaEnvs[0] === undefined ? {} : { conda_env: plan.profile.condaEnvs[0] }) },
    ...(plan.request.autoRetry === undefined ? {} : { auto_retry: plan.request.autoRetry }),
    ...(plan.request.maxRetries === undefined ? {} : { max_retries: plan.request.maxRetries }),
    ...(plan.request.aggregateCmd === undefined ? {} : { aggregate_defaults: { aggregate_cmd: plan.request.aggregateCmd } }),
    job_ids: [],
    extra: { ...plan.command.extra, metrics_from_stdout: true, key_order: plan.sweep.keyOrder, provenance, ...(maxHops === undefined ? {} : { chain: { max_hops: maxHops } }), submission },
  };
}

/** The place as hpc-agent's record names it. */
export function sshTargetOf({ connection: target }: Pick<ClusterProfile, 'connection'>): string {
  return target.kind === 'ssh' ? `${target.user === undefined ? '' : `${target.user}@`}${target.host}` : os.hostname();
}

function recordOf(sidecar: Sidecar, plan: RunPlan, deps: RunDeps): RunRecord {
  return {
    schema_version: 1,
    run_id: sidecar.run_id,
    profile: plan.runName,
    cluster: plan.profile.name,
    ssh_target: sshTargetOf(plan.profile),
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

/** What the jobs of a run are made of, apart from its names. */
export function essenceOf({ resources: given, executor, result_dir_template, env, extra }: Sidecar): unknown {
  const { command, commands, submission } = (extra ?? {}) as { command?: unknown; commands?: unknown; submission?: Submission };
  const arrays = submission?.arrays.map(({ key, first_task, task_count }) => ({ key, first_task, task_count }));
  return JSON.parse(JSON.stringify({ resources: resourcesOfRun({ ...(given ? { resources: given } : {}) }), executor, result_dir_template, env, command, commands, arrays, run_name: submission?.run_name, max_concurrent: submission?.max_concurrent, hops: submission?.hops?.length, variables: submission?.env })) as unknown;
}

/** The journal may be another machine's: the workspace came with its sidecars, the record is made here. */
export async function ensureRecord(run: OpenRun, deps: RunDeps): Promise<void> {
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
    stage: isWhollySubmitted(submission) ? 'monitor' : 'submit',
    status: 'in_flight',
  });
}
