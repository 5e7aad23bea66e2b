/** What the Overview shows and asks: clusters, runs in flight, reservations. What needs a person follows from them, on the page. */
import * as z from 'zod/mini';
import { costShape, runHead } from './runHead.ts';
import type { ViewProtocol } from './viewProtocol.ts';

const clusterShape = z.object({
  name: z.string(),
  scheduler: z.string(),
  target: z.string(),
  /** `idle`, `connecting`, `connected`, `broken`, `refused`; `here` for this computer. */
  state: z.string(),
  reason: z.nullable(z.string()),
  /** What is free, with its age; null: not asked in this window. Looking connects to nothing. */
  free: z.nullable(
    z.object({
      observed_at: z.string(),
      stale_reason: z.nullable(z.string()),
      cpus_total: z.number(),
      cpus_free: z.number(),
      nodes: z.number(),
      gpus: z.array(z.object({ type: z.string(), total: z.number(), free: z.number() })),
      mine_running: z.number(),
      mine_pending: z.number(),
    }),
  ),
  asking: z.boolean(),
  problem: z.nullable(z.string()),
  /** When one of its open runs was last heard of, by whomever. */
  heard_at: z.nullable(z.string()),
});
export type ClusterShape = z.output<typeof clusterShape>;

const overviewRun = z.extend(runHead, {
  /** Null: not added up yet. */
  cost: z.nullable(costShape),
  hasFailures: z.boolean(),
});
export type OverviewRun = z.output<typeof overviewRun>;

const reservationShape = z.object({
  id: z.string(),
  name: z.string(),
  cluster: z.string(),
  node: z.string(),
  liveness: z.string(),
  word: z.string(),
  held: z.boolean(),
  persistent: z.boolean(),
  ends_at: z.nullable(z.string()),
  submitted_at: z.string(),
  idle_s: z.nullable(z.number()),
  observed_at: z.nullable(z.string()),
  node_hours: z.nullable(z.number()),
  attention: z.array(z.string()),
});
export type OverviewReservation = z.output<typeof reservationShape>;

export const overviewProtocol = {
  params: z.object({}),
  state: z.object({
    loaded: z.boolean(),
    /** Why the runs could not be read. */
    failure: z.nullable(z.string()),
    clusters: z.array(clusterShape),
    clusterProblems: z.array(z.string()),
    /** Those in flight, then the last few that ended; newest first. */
    runs: z.array(overviewRun),
    ended: z.number(),
    reservations: z.array(reservationShape),
  }),
  event: z.never(),
  requests: {
    /** Asks a cluster what is free: connects where there is no connection. */
    ask: { input: z.object({ cluster: z.string() }), output: z.object({}) },
    /** Asks the clusters of open runs now. */
    refresh: { input: z.object({}), output: z.object({}) },
  },
} as const satisfies ViewProtocol;
