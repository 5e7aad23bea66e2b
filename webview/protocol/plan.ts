/** What the Plan view shows and asks: what submitting would do, before anything is submitted. */
import * as z from 'zod/mini';
import type { ViewProtocol } from './viewProtocol.ts';

const array = z.object({ key: z.string(), wave: z.number(), first_task: z.number(), task_count: z.number() });
const quantiles = z.object({ p50: z.number(), p95: z.number() });

/** The plan operation's own words, without the job script. */
export const wirePlan = z.object({
  cluster: z.string(),
  scheduler: z.string(),
  run_name: z.string(),
  executor: z.string(),
  total_tasks: z.number(),
  arrays: z.array(array),
  waves: z.number(),
  limits: z.array(z.object({ name: z.string(), value: z.number(), origin: z.string() })),
  resources: z.record(z.string(), z.union([z.string(), z.number()])),
  max_core_hours: z.nullable(z.number()),
  max_node_hours: z.nullable(z.number()),
  timing: z.object({
    task_s: z.nullable(z.extend(quantiles, { source: z.enum(['given', 'history']), samples: z.number() })),
    time_limit_s: z.nullable(z.number()),
    spin_up_s: z.number(),
    queue_wait_s: z.nullable(z.extend(quantiles, { runs: z.number() })),
    concurrent_tasks: z.nullable(z.number()),
  }),
  remote_path: z.string(),
  sample_tasks: z.array(z.object({ task_id: z.number(), kwargs: z.record(z.string(), z.unknown()) })),
  findings: z.array(z.object({ severity: z.enum(['error', 'warning', 'info']), message: z.string(), suggested_fix: z.optional(z.string()) })),
  verdict: z.enum(['pass', 'warn', 'fail']),
  prior_run: z.nullable(z.object({ run_id: z.string(), lifecycle_state: z.string(), submitted_at: z.string(), complete: z.number(), total_tasks: z.number() })),
});
export type WirePlan = z.output<typeof wirePlan>;

/** The queue as it is now, for what earlier runs cannot tell. */
const queueNow = z.object({
  partition: z.string(),
  observed_at: z.string(),
  cpus_free: z.number(),
  cpus_total: z.number(),
  /** Arrays and jobs of this user that wait there. */
  waiting: z.number(),
  /** When the scheduler expects the last of them to start; null: it does not say. */
  last_start: z.nullable(z.string()),
});
export type QueueNow = z.output<typeof queueNow>;

export const planProtocol = {
  params: z.object({
    /** The run's specification as JSON, as `plan` takes it. Absent: the page chooses a cluster. */
    spec: z.optional(z.string()),
    folder: z.optional(z.string()),
  }),
  state: z.object({
    /** There is a tasks.py to plan. */
    tasks: z.boolean(),
    clusters: z.array(z.object({ name: z.string(), scheduler: z.string() })),
    /** Whose plan it is, or which is being made. */
    cluster: z.nullable(z.string()),
    plan: z.nullable(wirePlan),
    /** Null: not asked, or the cluster does not say. */
    queue: z.nullable(queueNow),
    busy: z.nullable(z.enum(['planning', 'submitting', 'canary'])),
  }),
  event: z.never(),
  requests: {
    /** Plans on a cluster: with what was asked for, on another. */
    choose: { input: z.object({ cluster: z.string() }), output: z.object({}) },
    planAgain: { input: z.object({}), output: z.object({}) },
    /** Asks the user once more. null: they did not want to. */
    submit: { input: z.object({ canary: z.boolean(), again: z.boolean() }), output: z.object({ run_id: z.nullable(z.string()) }) },
    showScript: { input: z.object({}), output: z.object({}) },
    showText: { input: z.object({}), output: z.object({}) },
  },
} as const satisfies ViewProtocol;
