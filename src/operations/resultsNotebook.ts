import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const resultsNotebook = defineOperation({
  name: 'results-notebook',
  kind: 'scaffold',
  summary: 'Write a notebook that reads the results of a run, beside their CSV.',
  guidance: 'Fetches the results first, as `results` does. A notebook that is there already is the user’s and is left as it is (written: false).',
  input: z.strictObject({ run_id: runId, metric: z.optional(z.string()), higher_is_better: z.optional(z.boolean()) }),
  output: z.object({ run_id: z.string(), path: z.string(), written: z.boolean() }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ readResults }, { writeNotebook }, { requireRun }] = await Promise.all([import('../runs/aggregateRun.ts'), import('../runs/resultsNotebook.ts'), import('../runs/listRuns.ts')]);
    const deps = await runDepsOf(context);
    const table = await readResults(input.run_id, { partial: true }, deps, context);
    const { submission } = await requireRun(input.run_id, deps);
    const { path, written } = await writeNotebook({ parameters: table.parameters, metrics: table.metrics, rows: table.rows, runName: submission.run_name, csv: table.files.csv, metric: input.metric, lowerIsBetter: input.higher_is_better !== true });
    return { run_id: input.run_id, path, written };
  },
});
