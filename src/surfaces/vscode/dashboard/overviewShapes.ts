/** What the stores know, in the shapes that the Overview shows. Pure. */
import type { ResourcesOutput } from '../../../operations/resources.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import type { ClusterShape, OverviewReservation, OverviewRun } from '../../../../webview/protocol/overview.ts';
import type { ClusterRow } from '../trees/clustersTree.ts';
import { schedulerWord } from '../trees/clustersTree.ts';
import { hasFailures } from '../trees/failureNodes.ts';
import { reservationWord } from '../trees/reservationsTree.ts';
import { runHeadOf } from './runHead.ts';

/** What status adds to a summary. */
export interface RunFigures {
  readonly eta_s: number | null;
  readonly eta_spread_s: number | null;
  readonly cost: { readonly core_hours: number; readonly gpu_hours: number | null };
}

export function overviewRunOf(run: RunSummary, figures: RunFigures | undefined): OverviewRun {
  return { ...runHeadOf(run, figures ?? { eta_s: null, eta_spread_s: null }), cost: figures ? { ...figures.cost } : null, hasFailures: hasFailures(run) };
}

type Free = NonNullable<ClusterShape['free']>;

/** Partitions share nodes: nodes count once where the site shows them, else its largest partition stands for the whole. */
export function freeOf(found: ResourcesOutput): Free {
  const { nodes, partitions, queue } = found;
  const gpus = new Map<string, { total: number; free: number }>();
  const add = (of: readonly { readonly type: string; readonly total: number; readonly free: number }[]): void => {
    for (const { type, total, free } of of) {
      const known = gpus.get(type) ?? { total: 0, free: 0 };
      gpus.set(type, { total: known.total + total, free: known.free + free });
    }
  };
  let cpus = { total: 0, free: 0, nodes: nodes.length };
  if (nodes.length > 0) {
    for (const node of nodes) {
      // A node that is down or closed has nothing free, whatever it says.
      const usable = node.state !== 'down' && node.state !== 'closed';
      cpus = { ...cpus, total: cpus.total + node.cpus_total, free: cpus.free + (usable ? node.cpus_free : 0) };
      add(node.gpus.map((gpu) => (usable ? gpu : { ...gpu, free: 0 })));
    }
  } else {
    const largest = partitions.toSorted((a, b) => b.cpus_total - a.cpus_total)[0];
    cpus = { total: largest?.cpus_total ?? 0, free: largest?.cpus_free ?? 0, nodes: largest?.nodes ?? 0 };
    const most = new Map<string, { readonly type: string; readonly total: number; readonly free: number }>();
    for (const gpu of partitions.flatMap((partition) => partition.gpus)) if ((most.get(gpu.type)?.total ?? 0) < gpu.total) most.set(gpu.type, gpu);
    add([...most.values()]);
  }
  return {
    observed_at: found.observed_at,
    stale_reason: found.stale_reason,
    cpus_total: cpus.total,
    cpus_free: cpus.free,
    nodes: cpus.nodes,
    gpus: [...gpus].map(([type, counts]) => ({ type, ...counts })),
    mine_running: queue.running,
    mine_pending: queue.pending + queue.held,
  };
}

export function clusterShapeOf(row: ClusterRow, free: Free | undefined, asking: boolean, problem: string | undefined, heard?: string): ClusterShape {
  return { name: row.name, scheduler: schedulerWord(row.scheduler), target: row.target, state: row.connection === 'local' ? 'here' : row.state, reason: row.state_reason, free: free ?? null, asking, problem: problem ?? null, heard_at: heard ?? null };
}

export function overviewReservationOf(reservation: ReservationShape): OverviewReservation {
  return {
    id: reservation.id,
    name: reservation.name,
    cluster: reservation.cluster ?? reservation.host,
    node: reservation.node,
    liveness: reservation.liveness,
    word: reservationWord(reservation),
    held: reservation.liveness === 'alive' && reservation.phase === 'held',
    persistent: reservation.persistent,
    ends_at: reservation.ends_at,
    submitted_at: reservation.submitted_at,
    idle_s: reservation.idle_s,
    observed_at: reservation.observed_at,
    node_hours: reservation.node_hours,
    attention: reservation.attention,
  };
}
