/** What the queue of a plan's partition looks like now: what is free, and when the scheduler itself expects to start what waits there of ours. Pure. */
import type { QueueNow } from '../../../../webview/protocol/plan.ts';
import type { ResourcesOutput } from '../../../operations/resources.ts';

/** `partition`: what the plan asks for; undefined: the cluster's own choice. Null where the cluster does not show it. */
export function queueNowOf({ partitions, waiting, observed_at, stale_reason }: Pick<ResourcesOutput, 'partitions' | 'waiting' | 'observed_at' | 'stale_reason'>, partition: string | undefined): QueueNow | null {
  const its = partitions.find(({ name, is_default }) => (partition === undefined ? is_default : name === partition)) ?? (partition === undefined && partitions.length === 1 ? partitions[0] : undefined);
  if (!its || stale_reason !== null) return null;
  const ours = waiting.filter((job) => job.partition === its.name && job.state === 'pending');
  const starts = ours.flatMap(({ estimated_start: start }) => (start === null ? [] : [start])).sort((a, b) => Date.parse(a) - Date.parse(b));
  return { partition: its.name, observed_at, cpus_free: its.cpus_free, cpus_total: its.cpus_total, waiting: ours.length, last_start: starts.at(-1) ?? null };
}
