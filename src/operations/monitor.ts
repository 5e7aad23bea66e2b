import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, runSummary } from './schemas.ts';
import { runDepsOf, runSummaryOf } from './runRequest.ts';

export const monitor = defineOperation({
  name: 'monitor',
  kind: 'workflow',
  summary: 'Watch a run until it ends or the time budget is spent.',
  guidance: 'Blocks. Agents that cannot wait should call status at the interval of next_tick_s instead.',
  input: z.strictObject({
    run_id: runId,
    /** Default: by the cadence table (60 s to 30 min by what is left to do); at least 1 on this machine, 5 elsewhere. */
    poll_interval_seconds: z.optional(z.number().check(z.positive())),
    wall_clock_budget_seconds: z.optional(z.number().check(z.positive())),
  }),
  output: z.object({ run: runSummary, ticks: z.number(), elapsed_seconds: z.number(), ended: z.boolean(), next_tick_s: z.nullable(z.number()), /** Attempts that auto_retry made on the way. */ retries: z.array(z.object({ attempt: z.number(), failure_class: z.nullable(z.string()), task_count: z.number(), change: z.string() })) }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const { monitorRun } = await import('../runs/monitorRun.ts');
    const outcome = await monitorRun(
      input.run_id,
      { ...(input.poll_interval_seconds === undefined ? {} : { pollIntervalMs: input.poll_interval_seconds * 1000 }), budgetMs: (input.wall_clock_budget_seconds ?? 86_400) * 1000 },
      await runDepsOf(context),
      context,
    );
    return { run: runSummaryOf(outcome.view), ticks: outcome.ticks, elapsed_seconds: outcome.elapsedMs / 1000, ended: outcome.ended, next_tick_s: outcome.nextTickS ?? null, retries: outcome.retried.flatMap(({ number, groups }) => groups.map(({ failure_class, tasks, change }) => ({ attempt: number, failure_class, task_count: tasks.reduce((sum, [first, last]) => sum + last - first + 1, 0), change }))) };
  },
});
