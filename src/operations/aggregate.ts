import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { resultsTable, runId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const aggregationReport = z.object({
  ok: z.boolean(),
  all_waves_combined: z.boolean(),
  missing_waves: z.array(z.number()),
  all_tasks_present: z.boolean(),
  missing_tasks: z.array(z.number()),
  unexpected_tasks: z.array(z.number()),
  duplicate_tasks: z.array(z.number()),
  provenance_present: z.boolean(),
  errors: z.array(z.string()),
});

export const aggregate = defineOperation({
  name: 'aggregate',
  kind: 'workflow',
  summary: 'Reduce the results on the cluster, check that every task is in them exactly once, and fetch them.',
  guidance: 'Refuses (outputs_missing, naming the tasks) while tasks are missing, unless allow_partial. Writes results/<run_id>/summary.json and summary.csv in the workspace.',
  input: z.strictObject({ run_id: runId, allow_partial: z.optional(z.boolean()), force: z.optional(z.boolean()) }),
  output: z.object({ report: aggregationReport, table: resultsTable }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const { aggregateRun } = await import('../runs/aggregateRun.ts');
    return aggregateRun(input.run_id, { allowPartial: input.allow_partial ?? false, force: input.force ?? false }, await runDepsOf(context), context);
  },
});

export const verifyAggregationComplete = defineOperation({
  name: 'verify-aggregation-complete',
  kind: 'validate',
  summary: 'Check the fetched results of a run: every wave combined, every task there once, none foreign.',
  guidance: 'Reads only what aggregate fetched. A report with ok: false names what is missing.',
  input: z.strictObject({ run_id: runId }),
  output: aggregationReport,
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const { verifyAggregation } = await import('../runs/aggregateRun.ts');
    return verifyAggregation(input.run_id, await runDepsOf(context));
  },
});
