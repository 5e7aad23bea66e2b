/** The job scripts of a run: one per array and one per wave's combiner. Rendered again they are the same, so a submission can be resumed. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ClusterProfile } from '../cluster/profile.ts';
import { expandRemotePath } from '../cluster/profile.ts';
import type { ClusterFacts, ClusterSession } from '../cluster/session.ts';
import { softwareOf } from '../cluster/software.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { renderJobScript, type JobScriptInput, type TemplateOverride } from '../scheduler/jobScript.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { RunDeps } from './deps.ts';
import type { RunPlan } from './planRun.ts';
import { placedArrays, TaskList, type ChainLink } from './placement.ts';
import type { Attempt, Sidecar } from './sidecar.ts';
import { resourcesOfRun } from './sidecarResources.ts';

/** The workspace's own template, if the profile names one and the workspace is trusted. */
async function templateOverride(profile: ClusterProfile, gpu: boolean, deps: Pick<RunDeps, 'trusted'>): Promise<TemplateOverride | undefined> {
  const name = gpu ? profile.templates.gpu : profile.templates.cpu;
  if (name === undefined) return undefined;
  if (!deps.trusted) throw new HpcError('spec_invalid', `The job script template ${name} of ${profile.name} is used only in a trusted workspace.`, { remediation: 'Trust the workspace, or remove the template from clusters.yaml.' });
  try {
    return { name, text: await fs.readFile(name, 'utf8') };
  } catch (cause) {
    throw new HpcError('config_invalid', `The job script template ${name} of ${profile.name} cannot be read: ${messageOf(cause)}.`, { cause, remediation: 'Correct the path in clusters.yaml.' });
  }
}

interface ScriptFacts {
  readonly runId: string;
  readonly cmdSha: string;
  readonly taskCount: number;
  readonly remotePath: string;
  readonly executor: string;
  readonly resources: ResourceRequest;
  readonly env: Readonly<Record<string, string>>;
  readonly runName: string;
  readonly attempt: number;
  /** Which link of a chain. */
  readonly link?: ChainLink;
}

/** What the dispatcher must know of a chain: whose work it goes on with, and that it may. */
function chainVariables(link: ChainLink | undefined): Readonly<Record<string, string>> {
  return link === undefined ? {} : { HPC_HOP: String(link.index), HPC_MAX_HOPS: String(link.count - 1), HPC_CHAIN_FIRST: String(link.first) };
}

function commonInput(session: ClusterSession, facts: ClusterFacts, run: ScriptFacts): Omit<JobScriptInput, 'program' | 'markerPath'> {
  const { profile } = session;
  return {
    scheduler: session.dialect.name,
    gpu: (run.resources.gpus ?? 0) > 0,
    runId: run.runId,
    cmdSha: run.cmdSha,
    taskCount: run.taskCount,
    repoDir: run.remotePath,
    executor: run.executor,
    python: facts.python,
    hpcVariables: { HPC_DIR: path.posix.join(run.remotePath, '.hpc'), HPC_STATE_DIR: path.posix.join(run.remotePath, '.hpc', 'state', run.runId), HPC_ATTEMPT: String(run.attempt), ...chainVariables(run.link) },
    env: run.env,
    cpus: run.resources.cpus ?? 1,
    title: `${run.runName}: run ${run.runId}, ${run.taskCount} tasks on ${profile.name}`,
    ...(profile.nfsDataDir === undefined ? {} : { nfsDataDir: expandRemotePath(profile.nfsDataDir, facts.environment, `nfs_data_dir of ${profile.name}`) }),
    ...softwareOf(profile, facts.environment),
  };
}

interface JobScript {
  readonly key: string;
  readonly text: string;
}

/** The scripts of the first submission, or of one later attempt: what is queued already keeps the script that it was submitted with. */
export async function jobScriptsOf(sidecar: Sidecar, attempt: Attempt | undefined, session: ClusterSession, facts: ClusterFacts, deps: RunDeps): Promise<readonly JobScript[]> {
  const submission = sidecar.extra?.submission;
  if (!submission) throw new HpcError('internal', `The run ${sidecar.run_id} has no submission to render scripts for.`);
  const templatesDirectory = path.join(deps.assetsDirectory, 'templates');
  const runtime = path.posix.join(sidecar.remote_path ?? '', '.hpc', 'runtime', facts.runtime.hash);
  const dispatcher = path.posix.join(runtime, '_hpc_dispatch.py');
  const markerPath = (key: string): string => path.posix.join(submission.state_dir, 'claims', key);
  const input = (resources: ResourceRequest, number: number, link?: ChainLink): Omit<JobScriptInput, 'program' | 'markerPath'> =>
    commonInput(session, facts, {
      runId: sidecar.run_id,
      cmdSha: sidecar.cmd_sha,
      taskCount: sidecar.task_count,
      remotePath: sidecar.remote_path ?? '',
      executor: sidecar.executor,
      resources,
      env: submission.env,
      runName: submission.run_name,
      attempt: number,
      ...(link === undefined ? {} : { link }),
    });
  const placed = placedArrays(submission);
  /** The array and those that continue it. */
  const chain = (first: string, resources: ResourceRequest, tasks: { taskOffset: number; tasks?: readonly number[] }): readonly Promise<JobScript>[] => {
    const hops = (attempt ?? submission).hops ?? [];
    return [first, ...hops.flatMap(({ arrays }) => arrays.flatMap(({ key, of }) => (of === first ? key : [])))].map(async (key) => {
      const array = placed.find((candidate) => candidate.key === key);
      const common = input(resources, array?.attempt ?? 1, array?.link);
      const override = await templateOverride(session.profile, common.gpu, deps);
      return { key, text: await renderJobScript({ ...common, program: { kind: 'array', dispatcher, ...tasks }, markerPath: markerPath(key) }, { templatesDirectory, ...(override ? { override } : {}) }) };
    });
  };
  // Forced: a combiner that the scheduler starts a second time replaces what its first start left.
  const combiner = async (key: string, wave: number | 'all'): Promise<JobScript> => ({
    key,
    text: await renderJobScript(
      { ...input(resourcesOfRun(sidecar), attempt?.number ?? 1), gpu: false, program: { kind: 'combiner', combiner: path.posix.join(runtime, '_hpc_combiner.py'), wave, extraArguments: ['--force'] }, markerPath: markerPath(key) },
      { templatesDirectory },
    ),
  });
  if (attempt === undefined) {
    const resources = resourcesOfRun(sidecar);
    return Promise.all([...submission.arrays.flatMap(({ key, first_task }) => chain(key, resources, { taskOffset: first_task })), ...submission.combiners.map(({ key, wave }) => combiner(key, wave))]);
  }
  return Promise.all([
    ...attempt.arrays.flatMap(({ key, group, tasks }) => chain(key, (attempt.groups[group]?.resources ?? {}) as ResourceRequest, { taskOffset: 0, tasks: [...new TaskList(tasks)] })),
    combiner(attempt.combiner.key, 'all'),
  ]);
}

/** A shell command in the run's folder with the software of its tasks, to be run outside a job. */
export function commandScriptOf(sidecar: Sidecar, command: string, session: ClusterSession, facts: ClusterFacts, deps: RunDeps): Promise<string> {
  const common = commonInput(session, facts, {
    runId: sidecar.run_id,
    cmdSha: sidecar.cmd_sha,
    taskCount: sidecar.task_count,
    remotePath: sidecar.remote_path ?? '',
    executor: sidecar.executor,
    resources: { cpus: 1 },
    env: sidecar.extra?.submission?.env ?? {},
    runName: sidecar.extra?.submission?.run_name ?? sidecar.run_id,
    attempt: 1,
  });
  return renderJobScript({ ...common, program: { kind: 'command', command } }, { templatesDirectory: path.join(deps.assetsDirectory, 'templates') });
}

/** The script of the first array, as it would be submitted. */
export async function jobScriptPreview(plan: RunPlan, deps: RunDeps): Promise<string> {
  const facts = await plan.session.facts();
  const runId = 'RUN_ID';
  const common = commonInput(plan.session, facts, {
    runId,
    cmdSha: plan.sweep.cmdSha,
    taskCount: plan.sweep.taskCount,
    remotePath: plan.remotePath,
    executor: plan.command.executor,
    resources: plan.resources,
    env: { ...plan.profile.env, ...plan.request.env },
    runName: plan.runName,
    attempt: 1,
  });
  const override = await templateOverride(plan.profile, common.gpu, deps);
  const runtime = path.posix.join(plan.remotePath, '.hpc', 'runtime', facts.runtime.hash);
  return renderJobScript(
    { ...common, program: { kind: 'array', dispatcher: path.posix.join(runtime, '_hpc_dispatch.py'), taskOffset: plan.arrays[0]?.firstTask ?? 0 }, markerPath: path.posix.join(plan.remotePath, '.hpc', 'state', runId, 'claims', 'w0a0') },
    { templatesDirectory: path.join(deps.assetsDirectory, 'templates'), ...(override ? { override } : {}) },
  );
}
