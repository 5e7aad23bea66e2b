import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { executorShape } from './schemas.ts';

export const discover = defineOperation({
  name: 'discover',
  kind: 'query',
  summary: 'Find the scripts in the workspace that can be run as tasks, with their flags.',
  guidance: 'Use first, to learn which executors exist and which parameters each takes. Every subcommand of a script is an executor of its own, named `script.py subcommand`. Reads source only, runs nothing. Next: build-tasks-py.',
  input: z.strictObject({ search_dirs: z.optional(z.array(z.string())) }),
  output: z.object({ executors: z.array(executorShape), problems: z.array(z.object({ path: z.string(), message: z.string() })) }),
  idempotent: true,
  tool: true,
  run: async ({ search_dirs }, { experimentDir, signal }) => {
    const { discoverExecutors } = await import('../executors/discover.ts');
    const found = await discoverExecutors(experimentDir, { signal, ...(search_dirs ? { searchDirs: search_dirs } : {}) });
    return {
      executors: found.executors.map((executor) => ({
        path: executor.path,
        file: executor.file,
        kind: executor.kind,
        summary: executor.summary,
        flags: executor.flags.map((flag) => ({ name: flag.name, type: flag.type, default: flag.default ?? null, required: flag.required, choices: flag.choices ?? null, help: flag.help })),
        has_main_guard: executor.hasMainGuard,
        has_compute_function: executor.hasComputeFunction,
      })),
      problems: found.problems.map(({ path, message }) => ({ path, message })),
    };
  },
});
