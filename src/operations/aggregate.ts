import * as z from 'zod/mini';
import { reducedOutput } from './clusterReduce.ts';
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
  refused_files: z.array(z.string()),
  provenance_present: z.boolean(),
  errors: z.array(z.string()),
});

export const aggregate = defineOperation({
  name: 'aggregate',
  kind: 'workflow',
  summary: 'Reduce the results on the cluster, check that every task is in them exactly once, and fetch them.',
  guidance: 'Refuses (outputs_missing, naming the tasks) while tasks are missing, unless allow_partial. Writes results/<run_id>/summary.json and summary.csv in the workspace. Where the run names an aggregate_cmd it is run on the cluster too: see cluster-reduce.',
  input: z.strictObject({ run_id: runId, allow_partial: z.optional(z.boolean()), force: z.optional(z.boolean()) }),
  output: z.object({ report: aggregationReport, table: resultsTable, reduced: z.optional(reducedOutput) }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const { aggregateRun } = await import('../runs/aggregateRun.ts');
    const deps = await runDepsOf(context);
    const partial = input.allow_partial ?? false;
    const aggregated = await aggregateRun(input.run_id, { allowPartial: partial, force: input.force ?? false }, deps, context);
    const { aggregateDefaultsOf, reduceRun } = await import('../runs/reduceRun.ts');
    const { requireRun } = await import('../runs/listRuns.ts');
    const { aggregate_cmd } = aggregateDefaultsOf((await requireRun(input.run_id, deps)).sidecar);
    return aggregate_cmd ? { ...aggregated, reduced: await reduceRun({ runId: input.run_id, partial, timeoutS: 1800 }, deps, context) } : aggregated;
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
