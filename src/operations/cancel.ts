import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, taskId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

const selection = {
  run_id: runId,
  /** Only these tasks. */
  task_ids: z.optional(z.array(taskId)),
  wave: z.optional(z.number().check(z.int(), z.minimum(0))),
};

export const cancel = defineOperation({
  name: 'cancel',
  kind: 'mutate',
  summary: 'Cancel a run, one of its waves, or some of its tasks.',
  guidance: 'Only jobs that this product submitted are touched. What has ended already is left alone. The answer counts what was asked to end; status tells when it has.',
  input: z.strictObject(selection),
  output: z.object({ run_id: z.string(), cluster: z.string(), cancelled_tasks: z.number(), jobs: z.array(z.string()), already_ended: z.number() }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  confirm: async (input, context) => {
    const { describeCancel } = await import('../runs/cancelRun.ts');
    return describeCancel({ runId: input.run_id, ...(input.task_ids ? { taskIds: input.task_ids } : {}), ...(input.wave === undefined ? {} : { wave: input.wave }) }, await runDepsOf(context), context);
  },
  run: async (input, context) => {
    const { cancelRun } = await import('../runs/cancelRun.ts');
    const outcome = await cancelRun(
      { runId: input.run_id, ...(input.task_ids ? { taskIds: input.task_ids } : {}), ...(input.wave === undefined ? {} : { wave: input.wave }) },
      await runDepsOf(context),
      context,
    );
    return { run_id: input.run_id, cluster: outcome.cluster, cancelled_tasks: outcome.cancelledTasks, jobs: [...outcome.jobs], already_ended: outcome.alreadyEnded };
  },
});
