import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import type { ScriptResources } from '../scheduler/port.ts';
import { resourcesOutput } from './runRequest.ts';
import { executorShape, type ResourcesInput } from './schemas.ts';

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
        ...(executor.resources ? { resources: askedFor(executor.resources) } : {}),
      })),
      problems: found.problems.map(({ path, message }) => ({ path, message })),
    };
  },
});

function askedFor({ scheduler: _scheduler, array: _array, jobName: _jobName, other: _other, ...resources }: ScriptResources): ResourcesInput {
  return resourcesOutput(resources);
}
