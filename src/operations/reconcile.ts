import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, runSummary, taskState } from './schemas.ts';
import { runDepsOf, runSummaryOf } from './runRequest.ts';

export const reconcile = defineOperation({
  name: 'reconcile',
  kind: 'mutate',
  summary: 'Find out what became of a run after a lost reply, a crash or a long absence. Submits nothing.',
  guidance: 'Reads receipts on the cluster, then the queue by name, then accounting. Afterwards submit with resume finishes what is missing. `tasks` says for all of them: alive, dead with proof, or unknown and why.',
  input: z.strictObject({ run_id: runId }),
  output: z.object({
    run: runSummary,
    found_jobs: z.array(z.object({ key: z.string(), job_id: z.nullable(z.string()), evidence: z.string() })),
    tasks: z.array(z.object({ verdict: z.enum(['alive', 'dead', 'unknown']), state: taskState, task_ranges: z.string(), count: z.number(), because: z.string() })),
  }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const { reconcileRun } = await import('../runs/reconcileRun.ts');
    const outcome = await reconcileRun(input.run_id, await runDepsOf(context), context);
    return { run: runSummaryOf(outcome.view), found_jobs: outcome.arrays.map((array) => ({ key: array.key, job_id: array.jobId ?? null, evidence: array.evidence })), tasks: outcome.tasks.map(({ verdict, state, taskRanges, count, because }) => ({ verdict, state, task_ranges: taskRanges, count, because })) };
  },
});
