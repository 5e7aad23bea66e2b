/** Reservations as they go over the wire, and the parts that the operations about them share. */
import * as z from 'zod/mini';
import type { ReservationDeps } from '../../reservations/deps.ts';
import type { Lease } from '../../reservations/lease.ts';
import { ownFacts } from '../../reservations/lease.ts';
import { describeGap } from '../../reservations/liveness.ts';
import type { Observed } from '../../reservations/observe.ts';
import { gapBefore } from '../../reservations/remoteHold.ts';
import type { OperationContext } from '../operation.ts';

export function reservationDepsOf(context: OperationContext): ReservationDeps {
  return context.services.reservationDeps(context.experimentDir);
}

const hop = z.object({
  job_id: z.string(),
  hop: z.number(),
  node: z.string(),
  started_at: z.string(),
  ended_at: z.nullable(z.string()),
  /** How it ended, in the job's own words. */
  reason: z.nullable(z.string()),
  /** Between the end of the one before and this one's start; negative: both held. Null: the first, or not known. */
  gap_s: z.nullable(z.number()),
  queue_wait_s: z.nullable(z.number()),
});

export const reservationShape = z.object({
  id: z.string(),
  name: z.string(),
  cluster: z.nullable(z.string()),
  host: z.string(),
  origin: z.enum(['booked', 'adopted', 'foreign']),
  /** ALIVE, DEAD (with proof) or UNKNOWN (with the reason); `unseen`: never looked at from here. */
  liveness: z.enum(['alive', 'dead', 'unknown', 'unseen']),
  phase: z.nullable(z.enum(['queued', 'starting', 'held', 'ending'])),
  /** Proof of DEAD, reason of UNKNOWN; empty when alive. */
  because: z.string(),
  /** What each source said. */
  evidence: z.array(z.string()),
  observed_at: z.nullable(z.string()),
  job_id: z.string(),
  node: z.string(),
  persistent: z.boolean(),
  submitted_at: z.string(),
  ends_at: z.nullable(z.string()),
  left_s: z.nullable(z.number()),
  successor_job_id: z.nullable(z.string()),
  /** Why the next job could not be submitted; null where it was, or is not due. */
  renewal_problem: z.nullable(z.string()),
  nodes: z.number(),
  /** Since it held its first node, over all hops. */
  node_hours: z.nullable(z.number()),
  running_commands: z.nullable(z.number()),
  last_used_at: z.nullable(z.string()),
  /** Null: something runs in it, or it is not known. */
  idle_s: z.nullable(z.number()),
  release_after_idle_s: z.nullable(z.number()),
  /** What a person should look at: idle and costly, a renewal that failed, an interrupted booking. */
  attention: z.array(z.string()),
  tmux_server: z.nullable(z.string()),
  state_dir: z.nullable(z.string()),
  hops: z.array(hop),
});
export type ReservationShape = z.output<typeof reservationShape>;

/** Seconds. */
const idleWorthSaying = 1800;
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

type Hop = z.output<typeof hop>;

function hopsOf(observed: Observed | undefined): Hop[] {
  const chain = observed?.folder?.chain ?? [];
  return chain.filter(({ e }) => e === 'up').map((up): Hop => {
    const ended = chain.findLast(({ e, job_id }) => e === 'ended' && job_id === up.job_id);
    return { job_id: up.job_id, hop: up.hop, node: up.node ?? '', started_at: iso(up.t), ended_at: ended ? iso(ended.t) : null, reason: ended?.reason ?? null, gap_s: gapBefore(up, chain), queue_wait_s: up.queue_wait_s ?? null };
  });
}

/** Hours of all hops until now or their end. */
function nodeHoursOf(hops: readonly Hop[], nodes: number, isAlive: boolean, nowMs: number): number | null {
  if (hops.length === 0) return null;
  const last = hops.at(-1);
  const ms = hops.reduce((sum, { started_at, ended_at }, index) => {
    const until = ended_at !== null ? Date.parse(ended_at) : isAlive && hops[index] === last ? nowMs : Date.parse(hops[index + 1]?.started_at ?? started_at);
    return sum + Math.max(0, until - Date.parse(started_at));
  }, 0);
  return Math.round((ms / 3_600_000) * nodes * 1000) / 1000;
}

export function shapeOf(lease: Lease, observed: Observed | undefined): ReservationShape {
  const facts = ownFacts(lease);
  const verdict = observed?.verdict;
  const alive = verdict?.kind === 'alive' ? verdict : undefined;
  const holding = alive?.holding;
  // Of the cluster's own clock, as far as it was read.
  const now = observed?.clusterNow ?? (observed ? observed.observedAt.getTime() / 1000 : undefined);
  const hops = hopsOf(observed);
  const nodes = facts?.nodes ?? 1;
  const nodeHours = nodeHoursOf(hops, nodes, alive !== undefined, (now ?? 0) * 1000);
  const idleS = holding?.idle_since !== undefined && holding.idle_since !== null && !holding.busy && now !== undefined ? Math.max(0, Math.round(now - Math.max(holding.idle_since, holding.last_used))) : null;
  const attention: string[] = [];
  if (idleS !== null && idleS >= idleWorthSaying) attention.push(`idle for ${Math.round(idleS / 60)} min, ${(nodes * idleS / 3600).toFixed(1)} node-hours of nothing${(facts?.release_after_idle_s ?? null) === null ? '; it is not released by itself' : ''}`);
  const renewal = observed?.folder?.renewal;
  const renewalProblem = alive && renewal && renewal.state !== 'submitted' ? `${renewal.state}${renewal.error === undefined ? '' : `: ${renewal.error}`}` : null;
  if (renewalProblem !== null) attention.push(`its successor could not be submitted (${renewalProblem}): refresh tries it from the login node`);
  if (facts?.stage === 'booking') attention.push(`its booking was interrupted${facts.problem === null ? '' : `: ${facts.problem}`}`);
  if (facts?.stage === 'releasing') attention.push('its release was not finished: release it again');
  const last = hops.at(-1);
  if (hops.length > 1 && (last?.gap_s ?? 0) > 60) attention.push(`the last hop left ${describeGap(last?.gap_s ?? null)}: renew earlier`);
  return {
    id: lease.id,
    name: lease.name,
    cluster: facts?.cluster ?? null,
    host: lease.host,
    origin: facts?.origin ?? 'foreign',
    liveness: verdict?.kind ?? 'unseen',
    phase: alive?.phase ?? null,
    because: verdict?.kind === 'dead' ? (verdict.proof.at(-1) ?? '') : verdict?.kind === 'unknown' ? verdict.reason : '',
    evidence: verdict === undefined ? [] : [...(verdict.kind === 'dead' ? verdict.proof : verdict.evidence)],
    observed_at: observed?.observedAt.toISOString() ?? null,
    job_id: lease.job_id,
    node: lease.node,
    persistent: lease.persistent,
    submitted_at: lease.submitted_at,
    ends_at: typeof holding?.ends === 'number' ? iso(holding.ends) : null,
    left_s: typeof holding?.ends === 'number' && now !== undefined ? Math.max(0, Math.round(holding.ends - now)) : null,
    successor_job_id: alive?.successor?.jobId ?? null,
    renewal_problem: renewalProblem,
    nodes,
    node_hours: nodeHours,
    running_commands: holding?.running ?? null,
    last_used_at: holding === undefined || holding.last_used === 0 ? null : iso(holding.last_used),
    idle_s: idleS,
    release_after_idle_s: facts?.release_after_idle_s ?? null,
    attention,
    tmux_server: holding?.tmux?.server ?? (typeof lease.extras.tmux_server === 'string' ? lease.extras.tmux_server : null),
    state_dir: facts?.state_dir === undefined || facts.state_dir === '' ? null : facts.state_dir,
    hops,
  };
}
