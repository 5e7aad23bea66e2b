/** GPUs by type, added up over nodes. */
import type { GpuCount, NodeResources } from './port.ts';

export function addGpus(lists: readonly (readonly GpuCount[])[]): GpuCount[] {
  const sums = new Map<string, { total: number; free: number }>();
  for (const { type, total, free } of lists.flat()) {
    const sum = sums.get(type) ?? { total: 0, free: 0 };
    sums.set(type, { total: sum.total + total, free: sum.free + free });
  }
  return [...sums].map(([type, sum]) => ({ type, ...sum }));
}

/** GPUs of the nodes that belong to a partition. */
export function gpusOf(partition: string, nodes: readonly NodeResources[]): GpuCount[] {
  return addGpus(nodes.filter(({ partitions }) => partitions.includes(partition)).map(({ gpus }) => gpus));
}
