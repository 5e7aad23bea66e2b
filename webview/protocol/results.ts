/** What the Results view shows and asks. Numbers are the reduced ones of the run's files; text is of the far side and never becomes HTML. */
import * as z from 'zod/mini';
import type { ViewProtocol } from './viewProtocol.ts';

const runId = z.string().check(z.regex(/^[A-Za-z0-9._-]{1,128}$/));
const taskId = z.number().check(z.int(), z.minimum(0));

export const wirePoint = z.object({
  parameters: z.record(z.string(), z.unknown()),
  metrics: z.record(z.string(), z.nullable(z.number())),
  statistics: z.optional(z.record(z.string(), z.object({ count: z.number(), std: z.number(), min: z.number(), max: z.number() }))),
  tasks: z.array(taskId),
  missing: z.array(taskId),
  whole: z.boolean(),
});
export type WirePoint = z.output<typeof wirePoint>;

export const wireTable = z.object({
  parameters: z.array(z.string()),
  metrics: z.array(z.string()),
  /** By a name that lasts, so that a difference tells only of the points that changed. */
  points: z.record(z.string(), wirePoint),
  partial: z.boolean(),
  /** What a reader of the numbers has to know. */
  notes: z.array(z.string()),
  /** When the results were combined. */
  read_at: z.string(),
  csv: z.string(),
});
export type WireTable = z.output<typeof wireTable>;

const runHead = z.object({ run_id: z.string(), run_name: z.string(), cluster: z.string(), words: z.string() });

export const resultsProtocol = {
  params: z.object({ run: z.optional(runId) }),
  state: z.object({
    /** null: there is no run to show. */
    run: z.nullable(z.extend(runHead, { total_tasks: z.number(), complete: z.number(), running: z.number(), pending: z.number(), failed: z.number(), open: z.boolean() })),
    table: z.nullable(wireTable),
    /** Being read now. */
    reading: z.boolean(),
    /** Runs that this one may be compared with: those that have results, newest first. */
    others: z.array(runHead),
  }),
  event: z.never(),
  requests: {
    readAgain: { input: z.object({}), output: z.object({}) },
    tableOf: { input: z.object({ run_id: runId }), output: wireTable },
    tasks: {
      input: z.object({ task_ids: z.array(taskId).check(z.maxLength(200)) }),
      output: z.array(z.object({ task_id: z.number(), state: z.string(), attempt: z.number(), node: z.nullable(z.string()), elapsed_s: z.nullable(z.number()), peak_rss_mib: z.nullable(z.number()) })),
    },
    files: {
      input: z.object({ task_id: taskId }),
      output: z.object({ directory: z.string(), found: z.boolean(), files: z.array(z.object({ path: z.string(), size_bytes: z.number() })), more: z.number() }),
    },
    openFile: { input: z.object({ task_id: taskId, path: z.string() }), output: z.object({}) },
    /** Asks for a place and writes there; false: the user left. */
    save: { input: z.object({ name: z.string().check(z.regex(/^[\w.-]{1,80}$/)), content: z.string(), encoding: z.enum(['utf8', 'base64']) }), output: z.object({ saved: z.boolean() }) },
    openNotebook: { input: z.object({}), output: z.object({}) },
  },
} as const satisfies ViewProtocol;
