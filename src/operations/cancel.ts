import * as z from 'zod/mini';
import type { CancelSelection } from '../runs/cancelRun.ts';
import type { RunDeps } from '../runs/deps.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { runId, taskId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

const selection = {
  run_id: runId,
  /** Only these tasks. */
  task_ids: z.optional(z.array(taskId)),
  wave: z.optional(z.number().check(z.int(), z.minimum(0))),
  /** Only tasks that failed so and are tried again, or are held with it: a class or a fingerprint as failures gives it. */
  failure: z.optional(z.string().check(z.minLength(1))),
};

const input = z.strictObject(selection);

/** What is named, as the core takes it. Of a failure group only what has not ended is meant, so its tasks are named one by one. */
async function selectionOf({ run_id, task_ids, wave, failure }: z.output<typeof input>, deps: RunDeps, context: OperationContext): Promise<CancelSelection> {
  const base = { runId: run_id, ...(wave === undefined ? {} : { wave }) };
  if (failure === undefined) return { ...base, ...(task_ids ? { taskIds: task_ids } : {}) };
  const { tasksOfFailure } = await import('../runs/failureSelection.ts');
  const tasks = await tasksOfFailure(run_id, failure, deps, context);
  return { ...base, taskIds: task_ids === undefined ? tasks : tasks.filter((task) => task_ids.includes(task)) };
}

export const cancel = defineOperation({
  name: 'cancel',
  kind: 'mutate',
  summary: 'Cancel a run, one of its waves, some of its tasks, or those that are tried again after one kind of failure.',
  guidance: 'Only jobs that this product submitted are touched. What has ended already is left alone. The answer counts what was asked to end; status tells when it has.',
  input,
  output: z.object({ run_id: z.string(), cluster: z.string(), cancelled_tasks: z.number(), jobs: z.array(z.string()), already_ended: z.number() }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  confirm: async (input, context) => {
    const { describeCancel } = await import('../runs/cancelRun.ts');
    const deps = await runDepsOf(context);
    return describeCancel(await selectionOf(input, deps, context), deps, context);
  },
  run: async (input, context) => {
    const { cancelRun } = await import('../runs/cancelRun.ts');
    const deps = await runDepsOf(context);
    const outcome = await cancelRun(await selectionOf(input, deps, context), deps, context);
    return { run_id: input.run_id, cluster: outcome.cluster, cancelled_tasks: outcome.cancelledTasks, jobs: [...outcome.jobs], already_ended: outcome.alreadyEnded };
  },
});
