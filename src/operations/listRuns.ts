import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { clusterName, runSummary } from './schemas.ts';
import { runDepsOf, runSummaryOf } from './runRequest.ts';

export const listRuns = defineOperation({
  name: 'list-runs',
  kind: 'query',
  summary: 'List the runs of this workspace, or of all workspaces, on all clusters.',
  guidance: 'Use it to find the run id that status, logs, results and cancel need. With refresh each cluster that has open runs is asked once, whatever the number of runs. A cluster that cannot be asked keeps its last good data, with the reason in stale_reason.',
  input: z.strictObject({
    cluster: z.optional(clusterName),
    refresh: z.optional(z.boolean()),
    all_workspaces: z.optional(z.boolean()),
    limit: z.optional(z.number().check(z.int(), z.positive())),
  }),
  output: z.object({ runs: z.array(runSummary), problems: z.array(z.object({ cluster: z.string(), error_code: z.string(), message: z.string(), remediation: z.optional(z.string()) })) }),
  idempotent: true,
  tool: true,
  run: async (input, context) => {
    const { listRunStates } = await import('../runs/listRuns.ts');
    const found = await listRunStates(
      { refresh: input.refresh ?? false, allWorkspaces: input.all_workspaces ?? false, ...(input.cluster === undefined ? {} : { cluster: input.cluster }), limit: input.limit ?? 200 },
      await runDepsOf(context),
      context,
    );
    return {
      runs: found.runs.map(runSummaryOf),
      problems: found.problems.map(({ cluster, error }) => ({ cluster, error_code: error.code, message: error.message, ...(error.remediation === undefined ? {} : { remediation: error.remediation }) })),
    };
  },
});
