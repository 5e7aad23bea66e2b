import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, taskId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

const path = z.string().check(z.minLength(1));

export const taskFiles = defineOperation({
  name: 'task-files',
  kind: 'query',
  summary: 'List what a task left in its result folder on the cluster.',
  guidance: 'Names are relative to `directory`. Read one with task-file; found: false means that the folder is not there. Standard output and error lie elsewhere: see logs.',
  input: z.strictObject({ run_id: runId, task_id: taskId, limit: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(5000))) }),
  output: z.object({ run_id: z.string(), task_id: z.number(), directory: z.string(), found: z.boolean(), files: z.array(z.object({ path: z.string(), size_bytes: z.number() })), more: z.number() }),
  idempotent: true,
  tool: false,
  positional: ['run_id', 'task_id'],
  run: async ({ run_id, task_id, limit }, context) => {
    const { listTaskFiles } = await import('../runs/taskFiles.ts');
    const { directory, found, files, more } = await listTaskFiles(run_id, task_id, limit ?? 200, await runDepsOf(context), context);
    return { run_id, task_id, directory, found, files: files.map(({ path: name, size }) => ({ path: name, size_bytes: size })), more };
  },
});

export const taskFile = defineOperation({
  name: 'task-file',
  kind: 'query',
  summary: 'Show a file that a task left in its result folder, or its end where it is long.',
  guidance: 'The path is one that task-files gave. What is no text is told by `is_text: false` and not shown.',
  input: z.strictObject({ run_id: runId, task_id: taskId, path, max_bytes: z.optional(z.number().check(z.int(), z.positive(), z.maximum(4_194_304))) }),
  output: z.object({
    path: z.string(),
    found: z.boolean(),
    size: z.number(),
    /** Where in the file the text begins: above 0 it is only the end. */
    offset: z.number(),
    is_text: z.boolean(),
    text: z.string(),
  }),
  idempotent: true,
  tool: false,
  positional: ['run_id', 'task_id', 'path'],
  run: async (input, context) => {
    const { readTaskFile } = await import('../runs/taskFiles.ts');
    const { path: whole, found, size, offset, bytes } = await readTaskFile({ runId: input.run_id, task: input.task_id, path: input.path, maxBytes: input.max_bytes ?? 1_048_576 }, await runDepsOf(context), context);
    const isText = !bytes.subarray(0, 8192).includes(0);
    return { path: whole, found, size, offset, is_text: isText, text: isText ? new TextDecoder().decode(bytes) : '' };
  },
});
