/**
 * What the Run view shows and asks. The state is small; the tasks go by events as packed columns, whole once and then only those that
 * changed.
 */
import * as z from 'zod/mini';
import { costShape, runHead, waveShape } from './runHead.ts';
import type { ViewProtocol } from './viewProtocol.ts';

/** In this order everywhere: the number of a state is its place here. */
export const taskStates = ['pending', 'running', 'complete', 'failed', 'cancelled', 'timeout', 'lost', 'unknown'] as const;
export type TaskStateName = (typeof taskStates)[number];

/** A resource that changes for the next try. */
const change = z.object({ name: z.string(), before: z.nullable(z.string()), after: z.nullable(z.string()) });

const failureGroup = z.object({
  id: z.string(),
  title: z.string(),
  certainty: z.enum(['proved', 'likely', 'guessed']),
  message: z.string(),
  count: z.number(),
  taskRanges: z.string(),
  taskIds: z.array(z.number()),
  culprit: z.nullable(z.string()),
  evidence: z.array(z.object({ source: z.string(), text: z.string(), place: z.nullable(z.string()) })),
  sampleTask: z.nullable(z.number()),
  /** The line of the log to go to. */
  find: z.nullable(z.string()),
  advice: z.string(),
  /** What would go again, with what; null: not looked at, or nothing that another try can help. */
  proposal: z.nullable(z.object({ count: z.number(), changes: z.array(change), because: z.string() })),
  /** Why another try does not help as it is. */
  blocked: z.nullable(z.string()),
});
export type FailureGroup = z.output<typeof failureGroup>;

const runShape = z.extend(runHead, {
  scheduler: z.string(),
  executor: z.string(),
  cost: costShape,
  waves: z.array(waveShape),
});
export type RunShape = z.output<typeof runShape>;

const record = z.object({
  executor: z.string(),
  cmd_sha: z.string(),
  version: z.nullable(z.string()),
  git_sha: z.nullable(z.string()),
  git_changed_files: z.array(z.string()),
  remote_path: z.string(),
  resources: z.array(z.object({ name: z.string(), value: z.string() })),
  attempts: z.array(z.object({ number: z.number(), submitted_at: z.string(), automatic: z.boolean(), task_count: z.number(), jobs: z.array(z.string()), changes: z.array(z.object({ title: z.string(), count: z.number(), change: z.string() })) })),
});

const failures = z.object({
  /** `asking`: under way, with the last answer still shown. */
  asking: z.boolean(),
  groups: z.array(failureGroup),
  note: z.nullable(z.string()),
});

const u8 = z.instanceof(Uint8Array);
const u16 = z.instanceof(Uint16Array);
const u32 = z.instanceof(Uint32Array);
const f32 = z.instanceof(Float32Array);
const f64 = z.instanceof(Float64Array);
const i16 = z.instanceof(Int16Array);

/** One entry for each task; not a number: not known. */
const columns = {
  state: u8,
  attempt: u8,
  /** Seconds since the epoch. */
  started: f64,
  elapsed: f32,
  /** MiB. */
  memory: f32,
  /** -32768: not known. */
  exit: i16,
  /** Place in `nodes`; 65535: not known. */
  node: u16,
};

const event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tasks'), nodes: z.array(z.string()), ...columns }),
  /** Only these tasks, in this order. `nodes` is whole where it is given. */
  z.object({ kind: z.literal('changed'), tasks: u32, nodes: z.optional(z.array(z.string())), ...columns }),
  z.object({ kind: z.literal('parameters'), parameters: z.array(z.object({ name: z.string(), values: z.array(z.unknown()), index: u32 })) }),
]);
export type RunEvent = z.output<typeof event>;
export type TasksEvent = Extract<RunEvent, { kind: 'tasks' }>;
export type ChangedEvent = Extract<RunEvent, { kind: 'changed' }>;
export type ParameterColumn = Extract<RunEvent, { kind: 'parameters' }>['parameters'][number];

const stream = z.enum(['stdout', 'stderr']);

export const runProtocol = {
  params: z.object({ run: z.optional(z.string()) }),
  state: z.object({
    /** Null: there is no such run, or none at all. */
    run: z.nullable(runShape),
    failures: z.nullable(failures),
    record: z.nullable(record),
  }),
  event,
  requests: {
    /** The end of a log, or what came after `offset`. */
    log: {
      input: z.object({ task: z.number().check(z.int(), z.minimum(0)), stream, offset: z.nullable(z.number()) }),
      output: z.object({ path: z.string(), found: z.boolean(), text: z.string(), offset: z.number(), size: z.number(), nextOffset: z.number(), ended: z.boolean() }),
    },
    /** Why we say what we say of a task. */
    evidence: {
      input: z.object({ task: z.number().check(z.int(), z.minimum(0)) }),
      output: z.object({ evidence: z.string(), job: z.nullable(z.string()) }),
    },
    /** Which metrics the reduced results have, and one of them: for each task that of its grid point. Without a name: the first. */
    metric: {
      input: z.object({ name: z.nullable(z.string()) }),
      output: z.object({ names: z.array(z.string()), chosen: z.nullable(z.object({ name: z.string(), values: f64 })) }),
    },
  },
} as const satisfies ViewProtocol;
