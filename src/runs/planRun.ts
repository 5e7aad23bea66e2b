/**
 * Plans a run: evaluates the sweep once, freezes its parameters, cuts it into arrays and waves under the site's limits,
 * judges it, and says what it may cost. Writes nothing and submits nothing.
 */
import type { ClusterProfile } from '../cluster/profile.ts';
import { withDefaultResources } from '../cluster/profile.ts';
import { describeLimitSource, effectiveLimits, type EffectiveLimits } from '../cluster/limits.ts';
import { formatDurationS } from '../cluster/units.ts';
import type { ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import type { ResourceRequest, SchedulerLimits } from '../scheduler/port.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { parseAutoRetry } from './diagnosis/failureClass.ts';
import { evaluateSweep, type EvaluatedSweep } from './evaluateSweep.ts';
import { historyFindings } from './historyFindings.ts';
import { estimateWall, planArrays, type PlannedArray } from './planArrays.ts';
import { readPlaybook } from './playbook.ts';
import { planTiming, type PlanTiming } from './planTiming.ts';
import { findPrior, type PriorRun } from './priorRun.ts';
import { rollUp } from './runtimeQuantiles.ts';
import { gpuTypeOf } from './runtimeSamples.ts';
import { readRuntimes } from './runtimes.ts';
import { fromScripts } from './scriptResources.ts';
import { siteLimits } from './siteLimits.ts';
import { taskCommandFor, type TaskCommand } from './taskCommand.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

export interface RunRequest {
  readonly cluster: string;
  readonly runName?: string;
  readonly executor?: string;
  /** A shell command instead of a script: hpc-agent's contract. */
  readonly command?: string;
  readonly resources: ResourceRequest;
  readonly maxConcurrentTasks?: number;
  readonly tasksPerArray?: number;
  readonly resultDirTemplate?: string;
  readonly estTaskDurationS?: number;
  /** Kinds of work, for the playbook's known bad combinations. */
  readonly workloadTags?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** hpc-agent's `auto_retry` of the sidecar; absent: off. */
  readonly autoRetry?: unknown;
  readonly maxRetries?: number;
  /** For tasks that take longer than one job may: so many jobs after the first, each going on where the one before stopped. Absent: none. */
  readonly maxHops?: number;
  /** The workspace's own reducer, run on the cluster when the results are aggregated. */
  readonly aggregateCmd?: string;
  readonly evaluateOn: 'auto' | 'local' | 'cluster';
}

export interface Finding {
  readonly severity: 'error' | 'warning' | 'info';
  readonly code: string;
  readonly message: string;
  readonly suggestedFix?: string;
}

export interface RunPlan {
  readonly request: RunRequest;
  readonly profile: ClusterProfile;
  readonly session: ClusterSession;
  readonly workspace: Workspace;
  readonly remotePath: string;
  readonly runName: string;
  readonly sweep: EvaluatedSweep;
  readonly command: TaskCommand;
  readonly resources: ResourceRequest;
  readonly arrays: readonly PlannedArray[];
  readonly waves: number;
  readonly limits: EffectiveLimits;
  readonly estWallS: number | null;
  readonly timing: PlanTiming;
  /** Most that the tasks may use: tasks × cores (or nodes) × time limit; null where the limit is not known. */
  readonly maxCoreHours: number | null;
  readonly findings: readonly Finding[];
  readonly prior: PriorRun | undefined;
  readonly resultDirTemplate: string;
}

export const defaultResultDirTemplate = 'results/{run_id}/task_{task_id}';

export async function planRun(request: RunRequest, deps: RunDeps, options: CallOptions): Promise<RunPlan> {
  const callOptions = { signal: options.signal };
  parseAutoRetry(request.autoRetry);
  const profile = await deps.profile(request.cluster);
  const session = await deps.session(request.cluster);
  const workspace = await openWorkspace(deps.experimentDir);
  options.progress({ message: `Asking ${profile.name} for its limits` });
  const remotePath = await session.remotePathFor(workspace, callOptions);
  let site = await siteLimits(session, deps, callOptions);
  options.progress({ message: 'Evaluating .hpc/tasks.py' });
  const sweep = await evaluateSweep(request, session, deps, remotePath, options);
  const command = await taskCommandFor(request, sweep, deps, options);
  const fromScript = fromScripts(command.scripts, profile.scheduler);
  const resources = withDefaultResources(profile, request.resources, fromScript.resources);
  // What was heard yesterday refuses nothing today: the queue may be new, or up again.
  if (site && ((resources.partition !== undefined && partitionOf(site, resources.partition)?.up !== true) || (resources.walltimeS ?? 0) > effectiveLimits(profile, site).maxWalltimeS(resources.partition))) {
    site = (await siteLimits(session, deps, { ...callOptions, fresh: true })) ?? site;
  }
  const limits = effectiveLimits(profile, site);
  const arrays = planArrays(sweep.taskCount, {
    maxElementsPerArray: Math.min(limits.maxElementsPerArray, request.tasksPerArray ?? Infinity),
    maxConcurrentArrays: limits.maxConcurrentArrays,
  });
  const walltimeS = resources.walltimeS ?? partitionOf(site, resources.partition)?.defaultWalltimeS;
  const runName = request.runName ?? safeRunName(workspace.name);
  const samples = await readRuntimes(deps.experimentDir, runName, profile.name);
  const history = rollUp(samples);
  // The slow ones of earlier tasks: a wave ends with its last task.
  const estimate = estimateWall(arrays, profile.constraints.estSpinUpS, request.estTaskDurationS ?? history.seconds.get(gpuTypeOf(resources))?.p95, request.maxConcurrentTasks);
  const fromHistory = historyFindings({ cluster: profile.name, profile: runName, resources, walltimeS, workloadTags: request.workloadTags ?? [] }, history, await readPlaybook(deps.experimentDir));
  return {
    request,
    profile,
    session,
    workspace,
    remotePath,
    runName,
    sweep,
    command,
    resources,
    arrays,
    waves: (arrays.at(-1)?.wave ?? 0) + 1,
    limits,
    estWallS: estimate.totalS,
    timing: planTiming({ givenS: request.estTaskDurationS, history, samples, gpuType: gpuTypeOf(resources), timeLimitS: walltimeS, spinUpS: profile.constraints.estSpinUpS, concurrentTasks: request.maxConcurrentTasks }),
    maxCoreHours: walltimeS === undefined ? null : (sweep.taskCount * (1 + (request.maxHops ?? 0)) * (resources.cpus ?? 1) * (resources.nodes ?? 1) * walltimeS) / 3600,
    findings: [...judge(request, resources, profile, site, limits, sweep), ...fromHistory, ...command.findings, ...fromScript.findings],
    prior: await findPrior(sweep.cmdSha, profile.name, deps),
    resultDirTemplate: request.resultDirTemplate ?? defaultResultDirTemplate,
  };
}

export function safeRunName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[-._]+|[-.]+$/g, '').slice(0, 40) || 'run';
}

function partitionOf(site: SchedulerLimits | undefined, name: string | undefined): SchedulerLimits['partitions'][number] | undefined {
  return site?.partitions.find((partition) => (name === undefined ? partition.isDefault : partition.name === name));
}

/** What is wrong or doubtful, before it costs anything. */
function judge(request: RunRequest, resources: ResourceRequest, profile: ClusterProfile, site: SchedulerLimits | undefined, limits: EffectiveLimits, sweep: EvaluatedSweep): readonly Finding[] {
  const findings: Finding[] = sweep.findings.slice();
  const partition = partitionOf(site, resources.partition);
  if (site && resources.partition !== undefined && !partition) {
    findings.push({ severity: 'error', code: 'partition_unknown', message: `${profile.name} has no partition ${resources.partition}.`, suggestedFix: `Use one of: ${site.partitions.map(({ name }) => name).join(', ')}.` });
  }
  if (partition && !partition.up) findings.push({ severity: 'warning', code: 'partition_down', message: `The partition ${partition.name} is not up: the run will wait.` });
  const mostS = limits.maxWalltimeS(resources.partition);
  if (resources.walltimeS !== undefined && resources.walltimeS > mostS) {
    const source = describeLimitSource(limits.walltimeLimit(resources.partition).source);
    findings.push({ severity: 'error', code: 'walltime_above_limit', message: `The time limit of ${formatDurationS(resources.walltimeS)} is above the ${formatDurationS(mostS)} that ${profile.name} allows (${source}).`, suggestedFix: `Ask for at most ${formatDurationS(mostS)}, or for another partition.` });
  }
  if (resources.memoryMiB !== undefined && profile.maxNodeMemMiB !== undefined && resources.memoryMiB > profile.maxNodeMemMiB) {
    findings.push({ severity: 'error', code: 'memory_above_node', message: `${resources.memoryMiB} MiB per task is more than a node has (${profile.maxNodeMemMiB} MiB).`, suggestedFix: 'Ask for less memory.' });
  }
  if (limits.maxTasks !== undefined && sweep.taskCount > limits.maxTasks) {
    findings.push({ severity: 'warning', code: 'tasks_above_advice', message: `${sweep.taskCount} tasks are more than the ${limits.maxTasks} that max_tasks of ${profile.name} advises.` });
  }
  if (limits.maxSubmitJobs !== undefined && sweep.taskCount > limits.maxSubmitJobs) {
    findings.push({ severity: 'warning', code: 'tasks_above_submit_limit', message: `The site lets you queue ${limits.maxSubmitJobs} tasks at once and the sweep has ${sweep.taskCount}: submit the rest when the first have ended (submit with resume).`, suggestedFix: 'Submit in parts, or ask the site for a higher limit.' });
  }
  if (request.maxHops !== undefined) findings.push(...chainFindings(request.maxHops, resources.walltimeS, profile, limits, sweep));
  if (sweep.taskCount > 1000) findings.push({ severity: 'info', code: 'many_tasks', message: `${sweep.taskCount} tasks: check the values once more.` });
  const links = 1 + (request.maxHops ?? 0);
  if (request.estTaskDurationS !== undefined && resources.walltimeS !== undefined && request.estTaskDurationS > resources.walltimeS * links) {
    const allowed = links === 1 ? `its time limit of ${resources.walltimeS} s` : `the ${resources.walltimeS} s of each of its ${links} jobs together`;
    findings.push({ severity: 'error', code: 'walltime_below_estimate', message: `A task is expected to take ${request.estTaskDurationS} s, above ${allowed}.`, suggestedFix: links === 1 ? 'Raise walltime; where the site allows no more, and the executor writes checkpoints, chain jobs with chain.' : 'Raise walltime or chain.max_hops.' });
  }
  for (const name of profile.placeholders) findings.push({ severity: 'error', code: 'placeholder', message: `${name} of ${profile.name} in clusters.yaml is still a placeholder.`, suggestedFix: 'Fill it in.' });
  return findings;
}

/** A chain is queued as a whole, so it counts as a whole. */
function chainFindings(maxHops: number, walltimeS: number | undefined, profile: ClusterProfile, limits: EffectiveLimits, sweep: EvaluatedSweep): readonly Finding[] {
  const queued = sweep.taskCount * (1 + maxHops);
  return [
    { severity: 'info', code: 'chain', message: `Each task has up to ${1 + maxHops} jobs one after the other${walltimeS === undefined ? '' : ` of ${formatDurationS(walltimeS)}`}; all are queued now, and those that are not needed end at once.` },
    ...(limits.maxSubmitJobs !== undefined && sweep.taskCount <= limits.maxSubmitJobs && queued > limits.maxSubmitJobs
      ? [{ severity: 'warning' as const, code: 'chain_above_submit_limit', message: `${profile.name} lets you queue ${limits.maxSubmitJobs} tasks at once, and the chain has ${queued}: the rest is submitted when some have ended (submit with resume).`, suggestedFix: 'Lower chain.max_hops.' }]
      : []),
  ];
}

/** Throws `spec_invalid` with the first error of the plan. */
export function assertSubmittable(plan: RunPlan): void {
  const error = plan.findings.find((finding) => finding.severity === 'error');
  if (!error) return;
  throw new HpcError('spec_invalid', error.message, { ...(error.suggestedFix === undefined ? {} : { remediation: error.suggestedFix }), details: { code: error.code, findings: plan.findings.filter(({ severity }) => severity === 'error') } });
}
