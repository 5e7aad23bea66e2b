import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { scalar } from './schemas.ts';
import { buildTasks } from './buildTasks.ts';

export const buildTasksPy = defineOperation({
  name: 'build-tasks-py',
  kind: 'scaffold',
  summary: 'Write .hpc/tasks.py: the sweep, from executors and values for their parameters.',
  guidance:
    'Values are lists, or text such as `1,5,25`, `0:1:0.1`, `logspace(1e-4,1,5)`. Several executors become an axis of the sweep. An existing tasks.py is the user’s own: it is replaced only with overwrite: true, after asking them. Next: plan.',
  input: z.strictObject({
    executors: z.array(z.string()).check(z.minLength(1)),
    /** Parameter name to values; the last one varies fastest. */
    axes: z.optional(z.record(z.string(), z.union([z.string(), z.array(scalar)]))),
    /** Parameters of one executor only, by its path: they are swept for that executor alone. */
    executor_axes: z.optional(z.record(z.string(), z.record(z.string(), z.union([z.string(), z.array(scalar)])))),
    fixed: z.optional(z.record(z.string(), scalar)),
    /** One of hpc-agent's five generators instead of axes. */
    task_generator: z.optional(z.record(z.string(), z.unknown())),
    overwrite: z.optional(z.boolean()),
    dry_run: z.optional(z.boolean()),
  }),
  output: z.object({
    path: z.string(),
    written: z.boolean(),
    exists: z.boolean(),
    task_count: z.number(),
    preview: z.array(z.record(z.string(), z.unknown())),
    text: z.string(),
    backup: z.nullable(z.string()),
  }),
  idempotent: true,
  tool: true,
  confirm: async (input, { experimentDir }) =>
    input.dry_run ? undefined : Promise.resolve(`Write ${experimentDir}/.hpc/tasks.py${input.overwrite ? ', replacing the one that is there (kept as a backup)' : ''}.`),
  run: buildTasks,
});
