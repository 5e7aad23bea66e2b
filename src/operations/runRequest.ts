/** From wire shapes to the core's and back. */
import { describeLimitSource } from '../cluster/limits.ts';
import { durationExpectation, memoryExpectation, parseDurationS, parseMemoryMiB } from '../cluster/units.ts';
import { HpcError } from '../foundation/errors.ts';
import type { RunDeps } from '../runs/deps.ts';
import { parseKwargs } from '../runs/kwargs.ts';
import type { RunPlan, RunRequest } from '../runs/planRun.ts';
import { placedArrays } from '../runs/placement.ts';
import { readParams, type RunView } from '../runs/runView.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { OperationContext } from './operation.ts';
import type { PlanOutput, ResourcesInput, RunSpec, RunSummary, TaskRow } from './schemas.ts';
import { mustTrust } from './trust.ts';

/** The room of the runs, lent the workspace. Of one that is not trusted it reads the records and asks no cluster. */
export function runDepsOf(context: OperationContext): Promise<RunDeps> {
  return Promise.resolve(context.services.runDeps(context.experimentDir));
}

function measured(name: string, text: string | number, value: number | undefined, expectation: string): number {
  if (value !== undefined && value > 0) return value;
  throw new HpcError('spec_invalid', `resources.${name} is ${JSON.stringify(text)}.`, { remediation: `Write ${expectation}.` });
}

export function resourcesOf(input: ResourcesInput | undefined): ResourceRequest {
  if (!input) return {};
  const { memory, walltime, gpu_type, ...rest } = input;
  return {
    ...rest,
    ...(memory === undefined ? {} : { memoryMiB: measured('memory', memory, parseMemoryMiB(memory), memoryExpectation) }),
    ...(walltime === undefined ? {} : { walltimeS: measured('walltime', walltime, parseDurationS(walltime), durationExpectation) }),
    ...(gpu_type === undefined ? {} : { gpuType: gpu_type }),
  };
}

export function resourcesOutput(resources: ResourceRequest): ResourcesInput {
  const { memoryMiB, walltimeS, gpuType, extraArguments: _extra, excludeNodes: _exclude, ...rest } = resources;
  return { ...rest, ...(memoryMiB === undefined ? {} : { memory: memoryMiB }), ...(walltimeS === undefined ? {} : { walltime: walltimeS }), ...(gpuType === undefined ? {} : { gpu_type: gpuType }) };
}

/** What `submit` takes besides `plan`'s input is ignored here. */
export type RunSpecInput = Omit<RunSpec, 'cluster'> & { readonly cluster?: string | undefined };

export async function requestOf(spec: RunSpecInput, context: OperationContext): Promise<{ deps: RunDeps; request: RunRequest }> {
  if (spec.cluster === undefined) throw new HpcError('spec_invalid', 'It is not said which cluster to submit to.', { remediation: 'Give `cluster`; `this-computer` is always there.' });
  mustTrust(context.services.host.trusted(), 'A run is not made in a workspace that is not trusted: its tasks.py would be run');
  return {
    deps: await runDepsOf(context),
    request: {
      cluster: spec.cluster,
      resources: resourcesOf(spec.resources),
      env: spec.env ?? {},
      evaluateOn: spec.evaluate_on ?? 'auto',
      ...(spec.auto_retry === undefined ? {} : { autoRetry: spec.auto_retry }),
      ...(spec.max_retries === undefined ? {} : { maxRetries: spec.max_retries }),
      ...(spec.chain === undefined ? {} : { maxHops: spec.chain.max_hops }),
      ...(spec.aggregate_cmd === undefined ? {} : { aggregateCmd: spec.aggregate_cmd }),
      ...(spec.run_name === undefined ? {} : { runName: spec.run_name }),
      ...(spec.executor === undefined ? {} : { executor: spec.executor }),
      ...(spec.command === undefined ? {} : { command: spec.command }),
      ...(spec.max_concurrent_tasks === undefined ? {} : { maxConcurrentTasks: spec.max_concurrent_tasks }),
      ...(spec.tasks_per_array === undefined ? {} : { tasksPerArray: spec.tasks_per_array }),
      ...(spec.result_dir_template === undefined ? {} : { resultDirTemplate: spec.result_dir_template }),
      ...(spec.workload_tags === undefined ? {} : { workloadTags: spec.workload_tags }),
      ...(spec.est_task_duration_s === undefined ? {} : { estTaskDurationS: spec.est_task_duration_s }),
    },
  };
}

const limitNames = ['maxElementsPerArray', 'maxArrayIndex', 'maxConcurrentArrays', 'maxSubmitJobs', 'maxTasks'] as const;

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
const hours = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));

export async function planOutputOf(plan: RunPlan, deps: RunDeps): Promise<PlanOutput> {
  const { jobScriptPreview } = await import('../runs/jobScripts.ts');
  const total = plan.sweep.taskCount;
  const cost = plan.maxCoreHours === null ? 'no time limit known, so the cost is not bounded' : `at most ${hours(plan.maxCoreHours)} core-hours`;
  const headline = `${plural(total, 'task')} on ${plan.profile.name} (${plan.session.dialect.name}): ${plural(plan.arrays.length, 'array')} in ${plural(plan.waves, 'wave')}, ${cost}.`;
  const verdict = plan.findings.some(({ severity }) => severity === 'error') ? 'fail' : plan.findings.some(({ severity }) => severity === 'warning') ? 'warn' : 'pass';
  const sampleIds = [...new Set([0, Math.floor((total - 1) / 2), total - 1])];
  return {
    cluster: plan.profile.name,
    scheduler: plan.session.dialect.name,
    run_name: plan.runName,
    executor: plan.command.executor,
    total_tasks: total,
    cmd_sha: plan.sweep.cmdSha,
    arrays: plan.arrays.map((array) => ({ key: array.key, wave: array.wave, first_task: array.firstTask, task_count: array.taskCount })),
    waves: plan.waves,
    limits: limitRows(plan),
    resources: resourcesOutput(plan.resources),
    max_core_hours: plan.maxCoreHours,
    max_node_hours: plan.maxCoreHours === null ? null : plan.maxCoreHours / Math.max(1, plan.resources.cpus ?? 1),
    est_wall_s: plan.estWallS,
    timing: { task_s: plan.timing.task, time_limit_s: plan.timing.timeLimitS, spin_up_s: plan.timing.spinUpS, queue_wait_s: plan.timing.queueWait, concurrent_tasks: plan.timing.concurrentTasks },
    remote_path: plan.remotePath,
    job_script: await jobScriptPreview(plan, deps),
    sample_tasks: sampleIds.map((task_id) => ({ task_id, kwargs: { ...parseKwargs(plan.sweep.lines[task_id] ?? '{}') } })),
    findings: plan.findings.map(({ severity, code, message, suggestedFix }) => ({ severity, code, message, ...(suggestedFix === undefined ? {} : { suggested_fix: suggestedFix }) })),
    verdict,
    prior_run: plan.prior ? { run_id: plan.prior.runId, lifecycle_state: plan.prior.lifecycle, submitted_at: plan.prior.submittedAt, complete: plan.prior.complete, total_tasks: plan.prior.totalTasks } : null,
    headline,
    body: [
      `Runs: ${plan.command.executor}`,
      `In: ${plan.remotePath}`,
      ...(plan.request.aggregateCmd === undefined ? [] : [`Reduced by: ${plan.request.aggregateCmd}`]),
      ...plan.arrays.slice(0, 12).map((array) => `Wave ${array.wave}: ${array.key}, tasks ${array.firstTask}–${array.firstTask + array.taskCount - 1}`),
      ...(plan.arrays.length > 12 ? [`… and ${plan.arrays.length - 12} more arrays`] : []),
      ...(plan.estWallS === null ? [] : [`Expected: about ${Math.ceil(plan.estWallS / 60)} min without the wait in the queue`]),
      ...plan.findings.map(({ severity, message }) => `${severity}: ${message}`),
    ].join('\n'),
    confirm_prompt: `Submit ${plural(total, 'task')} of ${plan.command.executor} to ${plan.profile.name} as ${plural(plan.arrays.length, 'array')} in ${plural(plan.waves, 'wave')} (${cost})${plan.prior ? `; the same tasks ran before as ${plan.prior.runId} (${plan.prior.lifecycle})` : ''}?`,
  };
}

function limitRows(plan: RunPlan): { name: string; value: number; origin: string }[] {
  return limitNames.flatMap((name) => {
    const value = plan.limits[name];
    const source = plan.limits.origins[name];
    return value === undefined || !Number.isFinite(value) ? [] : [{ name, value, origin: source ? describeLimitSource(source) : '' }];
  });
}

export function runSummaryOf(view: RunView): RunSummary {
  const { counts, sidecar, submission, facts } = view;
  const wire = (states: Readonly<Record<string, number>>): RunSummary['counts'] => ({
    complete: states.complete ?? 0,
    running: states.running ?? 0,
    pending: states.pending ?? 0,
    failed: (states.failed ?? 0) + (states.timeout ?? 0),
    cancelled: states.cancelled ?? 0,
    unknown: (states.unknown ?? 0) + (states.lost ?? 0),
  });
  const countIn = (first: number, count: number): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const task of view.tasks.slice(first, first + count)) found[task.state] = (found[task.state] ?? 0) + 1;
    return found;
  };
  const ofState = (...states: string[]): number[] => view.tasks.flatMap((task, index) => (states.includes(task.state) ? [index] : []));
  const attention: RunSummary['attention'] = [];
  const group = (kind: string, ids: number[], message: string): void => {
    if (ids.length > 0) attention.push({ kind, message, task_ids: ids.slice(0, 1000) });
  };
  const failed = ofState('failed');
  const example = failed[0] === undefined ? '' : `; for example task ${failed[0]} ${view.tasks[failed[0]]?.evidence ?? ''}`;
  group('failed', failed, `${plural(failed.length, 'task')} failed${example}`);
  const held = view.tasks.flatMap(({ heldFor }, index) => (heldFor === undefined ? [] : [index]));
  group('held', held, `${plural(held.length, 'task')} held in error: ${held.length === 1 ? 'it does' : 'they do'} not start until somebody clears the error or cancels; for example task ${held[0] ?? 0} ${view.tasks[held[0] ?? 0]?.heldFor ?? ''}`);
  const stuck = view.tasks.flatMap(({ stuckFor }) => stuckFor ?? []);
  // Without ids: what is told of once, of tasks that need a look, must not be used up by it.
  if (stuck.length > 0) attention.push({ kind: 'waiting', message: `${plural(stuck.length, 'task')} may not start without a change: ${stuck[0] ?? ''}`, task_ids: [] });
  const late = ofState('timeout');
  group('timeout', late, `${plural(late.length, 'task')} ran into the time limit`);
  const lost = ofState('lost');
  group('lost', lost, `${plural(lost.length, 'task')} of jobs that the scheduler no longer knows`);
  if (view.record?.submit_problem && view.lifecycle !== 'complete' && view.lifecycle !== 'cancelled') attention.push({ kind: 'submission', message: view.record.submit_problem, task_ids: [] });
  else if (view.lifecycle === 'unknown') attention.push({ kind: 'submission', message: 'The submission was interrupted: finish it (what is on the cluster is not submitted again), or cancel the run.', task_ids: [] });
  if (facts.gone) attention.push({ kind: 'folder_gone', message: `The run’s folder on the cluster is gone: ${submission.state_dir}`, task_ids: [] });
  return {
    run_id: sidecar.run_id,
    run_name: submission.run_name,
    experiment_dir: view.experimentDir,
    cluster: sidecar.cluster ?? '',
    scheduler: submission.scheduler,
    executor: sidecar.executor,
    lifecycle_state: view.lifecycle,
    total_tasks: sidecar.task_count,
    counts: wire(counts),
    submitted_at: sidecar.submitted_at,
    observed_at: facts.observed_at,
    stale_reason: facts.stale_reason,
    evidence: evidenceOf(view),
    waves: submission.combiners.map(({ wave }) => {
      const arrays = submission.arrays.filter((array) => array.wave === wave);
      const first = arrays[0]?.first_task ?? 0;
      const count = arrays.reduce((sum, array) => sum + array.task_count, 0);
      return {
        wave,
        first_task: first,
        task_count: count,
        arrays: arrays.map(({ key, job_id, first_task, task_count }) => ({ key, job_id, first_task, task_count })),
        counts: wire(countIn(first, count)),
        combined: facts.combined.includes(wave),
      };
    }),
    job_ids: sidecar.job_ids ?? [],
    ...chainOf(view),
    remote_path: sidecar.remote_path ?? '',
    cmd_sha: sidecar.cmd_sha,
    attention,
  };
}

function chainOf({ sidecar, submission, tasks }: RunView): Pick<RunSummary, 'chain'> {
  const maxHops = sidecar.extra?.chain?.max_hops;
  if (maxHops === undefined) return {};
  const links = new Map(placedArrays(submission).map(({ attempt, link }) => [attempt, link?.index ?? 0]));
  const tasksByLink = Array<number>(maxHops + 1).fill(0);
  for (const { attempt } of tasks) {
    const link = links.get(attempt) ?? 0;
    tasksByLink[link] = (tasksByLink[link] ?? 0) + 1;
  }
  return { chain: { max_hops: maxHops, tasks_by_link: tasksByLink } };
}

/** The sources of the states, each with how many tasks it speaks for. */
function evidenceOf(view: RunView): string[] {
  const bySentence = new Map<string, number>();
  for (const task of view.tasks) {
    // Node names and numbers differ from task to task; the kind of evidence does not.
    const sentence = task.evidence.replaceAll(/ on [^\s,;]+/g, '').replaceAll(/job (?!are )[^\s,;]+/g, 'its job');
    bySentence.set(sentence, (bySentence.get(sentence) ?? 0) + 1);
  }
  const sentences = [...bySentence].sort((a, b) => b[1] - a[1]).map(([sentence, count]) => `${plural(count, 'task')}: ${sentence}`);
  if (view.skippedEvents > 0) sentences.push(`${plural(view.skippedEvents, 'line')} of the task logs could not be read`);
  return sentences.slice(0, 12);
}

export async function taskRowsOf(view: RunView, indices: readonly number[]): Promise<TaskRow[]> {
  const params = indices.length > 0 ? await readParams(view.experimentDir, view.sidecar.run_id) : [];
  return indices.flatMap((index) => {
    const task = view.tasks[index];
    if (!task) return [];
    return {
      task_id: index,
      state: task.state,
      kwargs: { ...params[index] },
      attempt: task.attempt,
      job: task.job,
      node: task.node,
      exit_code: task.exitCode,
      elapsed_s: task.elapsedS,
      peak_rss_mib: task.peakRssMiB,
      evidence: task.evidence,
    };
  });
}
