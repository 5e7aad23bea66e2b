import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, taskId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const logs = defineOperation({
  name: 'logs',
  kind: 'query',
  summary: 'Show the end of a task’s standard output or standard error.',
  guidance: 'To follow a log, call again with offset set to the next_offset of the last answer; for what comes before, with before set to its offset.',
  input: z.strictObject({
    run_id: runId,
    task_id: taskId,
    stream: z.optional(z.enum(['stdout', 'stderr'])),
    /** Of which attempt; default: the latest. */
    attempt: z.optional(z.number().check(z.int(), z.positive())),
    lines: z.optional(z.number().check(z.int(), z.positive())),
    /** Byte position to read on from, instead of the last lines. */
    offset: z.optional(z.number().check(z.int(), z.minimum(0))),
    /** Byte position to end at, instead of the end of the file: for what comes before. */
    before: z.optional(z.number().check(z.int(), z.minimum(0))),
    max_bytes: z.optional(z.number().check(z.int(), z.positive())),
  }),
  output: z.object({
    path: z.string(),
    stream: z.string(),
    /** Absent: the task has written no such file yet. */
    found: z.boolean(),
    text: z.string(),
    /** Byte position of the text's first byte; size of the file; where a next call goes on. */
    offset: z.number(),
    size: z.number(),
    next_offset: z.number(),
    /** Whether the task has ended, so that nothing more will come. */
    ended: z.boolean(),
  }),
  idempotent: true,
  tool: true,
  positional: ['run_id', 'task_id'],
  run: async (input, context) => {
    const { readTaskLog } = await import('../runs/taskLog.ts');
    const log = await readTaskLog(
      {
        runId: input.run_id,
        taskId: input.task_id,
        stream: input.stream ?? 'stdout',
        lines: input.lines ?? 200,
        maxBytes: input.max_bytes ?? 262_144,
        ...(input.attempt === undefined ? {} : { attempt: input.attempt }),
        ...(input.offset === undefined ? {} : { offset: input.offset }),
        ...(input.before === undefined ? {} : { before: input.before }),
      },
      await runDepsOf(context),
      context,
    );
    return { path: log.path, stream: log.stream, found: log.found, text: log.text, offset: log.offset, size: log.size, next_offset: log.nextOffset, ended: log.ended };
  },
});
