import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import { defineOperation } from './operation.ts';
import { resultsTable, runId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const results = defineOperation({
  name: 'results',
  kind: 'query',
  summary: 'Give the reduced results of a run as a table, with the files they lie in.',
  guidance: 'Aggregates first where that was not done. While the run goes on (partial: true, the default) what is done by now is combined anew, and `whole` marks the grid points of which every task is in the numbers, missing_task_ranges tells the tasks that are in none; partial: false refuses (outputs_missing) a run that is not whole. Every number comes from the fetched files; quote none that is not in them.',
  input: z.strictObject({ run_id: runId, sort_by: z.optional(z.string()), limit: z.optional(z.number().check(z.int(), z.positive())), partial: z.optional(z.boolean()) }),
  output: resultsTable,
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  run: async (input, context) => {
    const { readResults } = await import('../runs/aggregateRun.ts');
    const table = await readResults(input.run_id, { partial: input.partial ?? true }, await runDepsOf(context), context);
    const key = input.sort_by;
    if (key !== undefined && !table.metrics.includes(key)) throw new HpcError('spec_invalid', `sort_by is ${JSON.stringify(key)}, which is no metric of run ${table.run_id}.`, { remediation: `Its metrics are: ${table.metrics.join(', ') || 'none'}.` });
    const rows = key === undefined ? table.rows : table.rows.toSorted((a, b) => (a.metrics[key] ?? Infinity) - (b.metrics[key] ?? Infinity));
    return { ...table, rows: rows.slice(0, input.limit ?? 1000) };
  },
});
