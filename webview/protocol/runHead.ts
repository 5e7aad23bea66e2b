/** What is said of a run wherever it is shown: how far it is, how old that is, when it may end, what needs a person. */
import * as z from 'zod/mini';

const counts = z.object({ complete: z.number(), running: z.number(), pending: z.number(), failed: z.number(), cancelled: z.number(), unknown: z.number() });
export type Counts = z.output<typeof counts>;

export const runHead = z.object({
  run_id: z.string(),
  name: z.string(),
  cluster: z.string(),
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
  eta_spread_s: z.nullable(z.number()),
  /** When the ETA was computed. */
  eta_from: z.string(),
  attention: z.array(z.object({ kind: z.string(), message: z.string() })),
  canResume: z.boolean(),
  hasResults: z.boolean(),
});
export type RunHead = z.output<typeof runHead>;

export const waveShape = z.object({ wave: z.number(), first_task: z.number(), task_count: z.number(), arrays: z.number(), counts });
export const costShape = z.object({ core_hours: z.number(), gpu_hours: z.nullable(z.number()) });
