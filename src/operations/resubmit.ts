import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import { failureClasses, isFailureClass, policyOf, readFailureClass } from '../runs/diagnosis/failureClass.ts';
import { compactTaskIds } from '../runs/diagnosis/taskRanges.ts';
import type { ResubmitRequest } from '../runs/resubmit/planResubmit.ts';
import { defineOperation } from './operation.ts';
import { resourcesOf, resourcesOutput, runDepsOf } from './runRequest.ts';
import { resources, runId, taskId } from './schemas.ts';

const input = z.strictObject({
  run_id: runId,
  /** Only these tasks, whatever their class: who names them says that the cause is mended. */
  task_ids: z.optional(z.array(taskId)),
  /** Only failures of this class. hpc-agent's names are understood too. */
  category: z.optional(z.string()),
  /** What to ask for instead (mem_mb and walltime_sec are hpc-agent's names); what is not named is sized from the measured peak, else by the class's factor. */
  overrides: z.optional(z.strictObject({ ...resources.shape, mem_mb: z.optional(z.number().check(z.positive())), walltime_sec: z.optional(z.number().check(z.positive())) })),
  /** Names this request: asked again with the same id, nothing is submitted twice. */
  request_id: z.optional(z.string().check(z.regex(/^[A-Za-z0-9._-]{1,100}$/))),
  /** Also tasks that have used up the run's attempts (max_retries). */
  force: z.optional(z.boolean()),
  /** Also on the nodes on which they failed, which are left out otherwise: where no other node fits. */
  no_avoid: z.optional(z.boolean()),
  /** Only say what would be submitted. */
  dry_run: z.optional(z.boolean()),
});

const group = z.object({
  failure_class: z.nullable(z.string()),
  /** The class for people: `Out of memory`. */
  title: z.string(),
  count: z.number(),
  task_ranges: z.string(),
  resources,
  /** Of the try before; absent where it was submitted already. */
  resources_before: z.optional(resources),
  /** What is other than before, and why. */
  change: z.string(),
});

const resubmitOutput = z.object({
  run_id: z.string(),
  cluster: z.string(),
  request_id: z.string(),
  deduped: z.boolean(),
  dry_run: z.boolean(),
  /** 2 for the first resubmission; null where nothing was to be submitted. */
  attempt: z.nullable(z.number()),
  task_count: z.number(),
  groups: z.array(group),
  blocked: z.array(z.object({ failure_class: z.nullable(z.string()), title: z.string(), count: z.number(), task_ranges: z.string(), reason: z.string() })),
  new_job_ids: z.array(z.string()),
  notes: z.array(z.string()),
  headline: z.string(),
});
export type ResubmitOutput = z.output<typeof resubmitOutput>;

function overridesOf(given: z.output<typeof input>['overrides']): ResubmitRequest['overrides'] {
  if (given === undefined) return {};
  const { mem_mb, walltime_sec, ...rest } = given;
  return resourcesOf({ ...rest, ...(mem_mb === undefined ? {} : { memory: mem_mb }), ...(walltime_sec === undefined ? {} : { walltime: walltime_sec }) });
}

function requestFrom(given: z.output<typeof input>): ResubmitRequest {
  const failureClass = given.category === undefined ? undefined : readFailureClass(given.category);
  if (given.category !== undefined && failureClass === undefined) throw new HpcError('spec_invalid', `${JSON.stringify(given.category)} is no class of failures.`, { remediation: `Use one of: ${failureClasses.join(', ')}.` });
  return {
    runId: given.run_id,
    ...(given.task_ids ? { tasks: [...new Set(given.task_ids)].sort((a, b) => a - b) } : {}),
    ...(failureClass === undefined ? {} : { failureClass }),
    overrides: overridesOf(given.overrides),
    ...(given.request_id === undefined ? {} : { requestId: given.request_id }),
    force: given.force === true,
    noAvoid: given.no_avoid === true,
    automatic: false,
  };
}

export const resubmit = defineOperation({
  name: 'resubmit',
  kind: 'submit',
  summary: 'Submit failed tasks of a run again, with more of what they lacked.',
  guidance:
    'Call failures first and show what proves each class. Without task_ids or category only failures go again that another try can help (memory, time limit, node, preemption), up to their caps; the others need a change first: mend the cause, then name the category. Finished tasks are never run again. Use dry_run to show the change of resources. Where a node is suspected it is left out; refused for that (avoided_nodes in the details), ask the user before no_avoid.',
  input,
  output: resubmitOutput,
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  confirm: async (given, context) => {
    if (given.dry_run === true) return undefined;
    const { planResubmit } = await import('../runs/resubmit/planResubmit.ts');
    const { view, groups, blocked } = await planResubmit(requestFrom(given), await runDepsOf(context), context);
    const count = groups.reduce((sum, { tasks }) => sum + tasks.length, 0);
    // Nothing would happen: that is told, not asked.
    if (count === 0) return undefined;
    const left = blocked.reduce((sum, { tasks }) => sum + tasks.length, 0);
    return `Submit ${tasksOf(count)} of run ${given.run_id} (${view.submission.run_name}) again on ${view.sidecar.cluster ?? '?'}: ${groups.map(({ tasks, failureClass, change }) => `${tasks.length} × ${titleOf(failureClass)} (${change})`).join('; ')}${left > 0 ? `. ${tasksOf(left)} stay as they are` : ''}.`;
  },
  run: async (given, context) => {
    const deps = await runDepsOf(context);
    const request = requestFrom(given);
    const wire = (groups: readonly { failureClass: string | null; tasks: readonly number[]; before?: object; resources: object; change: string }[]): z.output<typeof group>[] =>
      groups.map(({ failureClass, tasks, before, resources, change }) => ({ failure_class: failureClass, title: titleOf(failureClass), count: tasks.length, task_ranges: compactTaskIds(tasks), resources: resourcesOutput(resources), ...(before === undefined ? {} : { resources_before: resourcesOutput(before) }), change }));
    const blockedOnWire = (blocked: readonly { failureClass: string | null; tasks: readonly number[]; reason: string }[]): { failure_class: string | null; title: string; count: number; task_ranges: string; reason: string }[] =>
      blocked.map(({ failureClass, tasks, reason }) => ({ failure_class: failureClass, title: titleOf(failureClass), count: tasks.length, task_ranges: compactTaskIds(tasks), reason }));
    if (given.dry_run === true) {
      const { planResubmit } = await import('../runs/resubmit/planResubmit.ts');
      const plan = await planResubmit(request, deps, context);
      const count = plan.groups.reduce((sum, { tasks }) => sum + tasks.length, 0);
      return { run_id: given.run_id, cluster: plan.view.sidecar.cluster ?? '', request_id: plan.requestId, deduped: false, dry_run: true, attempt: null, task_count: count, groups: wire(plan.groups), blocked: blockedOnWire(plan.blocked), new_job_ids: [], notes: [...plan.notes], headline: `Would submit ${tasksOf(count)} again.` };
    }
    const [{ resubmitRun }, { TaskList }] = await Promise.all([import('../runs/resubmit/resubmitRun.ts'), import('../runs/placement.ts')]);
    const outcome = await resubmitRun(request, deps, context);
    const { attempt } = outcome;
    const groups = (attempt?.groups ?? []).map(({ failure_class, tasks, resources, change }) => ({ failureClass: failure_class, tasks: [...new TaskList(tasks)], resources, change }));
    const count = groups.reduce((sum, { tasks }) => sum + tasks.length, 0);
    const jobs = (attempt?.arrays ?? []).flatMap(({ job_id }) => job_id ?? []);
    return {
      run_id: given.run_id,
      cluster: outcome.cluster,
      request_id: outcome.requestId,
      deduped: outcome.deduped,
      dry_run: false,
      attempt: attempt?.number ?? null,
      task_count: count,
      groups: wire(groups),
      blocked: blockedOnWire(outcome.blocked),
      new_job_ids: jobs,
      notes: [...outcome.notes],
      headline: attempt === undefined ? `Nothing of run ${given.run_id} was submitted again.` : `${outcome.deduped ? 'Was submitted before: ' : 'Submitted '}${tasksOf(count)} again on ${outcome.cluster} as ${jobs.length} array${jobs.length === 1 ? '' : 's'} (attempt ${attempt.number}).`,
    };
  },
});

function titleOf(failureClass: string | null): string {
  return failureClass === null ? 'Cancelled' : isFailureClass(failureClass) ? policyOf(failureClass).title : failureClass;
}

function tasksOf(count: number): string {
  return `${count} task${count === 1 ? '' : 's'}`;
}
