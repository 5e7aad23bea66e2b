import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, runSummary, taskRow, taskState } from './schemas.ts';
import { runDepsOf, runSummaryOf, taskRowsOf } from './runRequest.ts';

export const status = defineOperation({
  name: 'status',
  kind: 'query',
  summary: 'Tell the state of a run, with the evidence and its age.',
  guidance: 'Counts by state; with `tasks` also single tasks (by state, or by id), at most 200. Unknown means unknown: do not report it as done or lost.',
  input: z.strictObject({
    run_id: runId,
    /** Ask the cluster now (default); false shows the last observation. */
    refresh: z.optional(z.boolean()),
    task_states: z.optional(z.array(taskState)),
    task_ids: z.optional(z.array(z.number())),
  }),
  output: z.object({ run: runSummary, tasks: z.array(taskRow) }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  run: async (input, context) => {
    const { runState } = await import('../runs/listRuns.ts');
    const view = await runState(input.run_id, { refresh: input.refresh ?? true }, await runDepsOf(context), context);
    const wanted = input.task_ids ?? (input.task_states ? view.tasks.flatMap((task, index) => (input.task_states?.includes(task.state) ? [index] : [])) : []);
    return { run: runSummaryOf(view), tasks: await taskRowsOf(view, wanted.slice(0, 200)) };
  },
});
