/**
 * What the Run view shows and asks. The state is small; the tasks go by events as packed columns, whole once and then only those that
 * changed.
 */
import * as z from 'zod/mini';
import type { ViewProtocol } from './viewProtocol.ts';

/** In this order everywhere: the number of a state is its place here. */
export const taskStates = ['pending', 'running', 'complete', 'failed', 'cancelled', 'timeout', 'lost', 'unknown'] as const;
export type TaskStateName = (typeof taskStates)[number];

const counts = z.object({ complete: z.number(), running: z.number(), pending: z.number(), failed: z.number(), cancelled: z.number(), unknown: z.number() });
export type Counts = z.output<typeof counts>;

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

const runShape = z.object({
  run_id: z.string(),
  name: z.string(),
  cluster: z.string(),
  scheduler: z.string(),
  executor: z.string(),
  lifecycle: z.string(),
  /** The state in a word. */
  word: z.string(),
  open: z.boolean(),
  total: z.number(),
  counts,
  submitted_at: z.string(),
  observed_at: z.nullable(z.string()),
  stale_reason: z.nullable(z.string()),
  eta_s: z.nullable(z.number()),
  /** When the ETA was computed. */
  eta_from: z.string(),
  cost: z.object({ core_hours: z.number(), gpu_hours: z.nullable(z.number()) }),
  waves: z.array(z.object({ wave: z.number(), first_task: z.number(), task_count: z.number(), arrays: z.number(), counts })),
  attention: z.array(z.object({ kind: z.string(), message: z.string() })),
  hasResults: z.boolean(),
  canResume: z.boolean(),
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
    /** Metrics of the reduced results, for each task that of its grid point. */
    metrics: {
      input: z.object({}),
      output: z.object({ metrics: z.array(z.object({ name: z.string(), values: f32 })) }),
    },
  },
} as const satisfies ViewProtocol;
