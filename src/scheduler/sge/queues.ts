/** Cluster queues from the queue instances (`all.q@node1`) of `qstat -f -xml -F`: one row for each host of each queue. */
import type { PartitionFacts } from '../port.ts';
import { parseSgeBytes, parseSgeDurationS } from './states.ts';
import { elements, field, unescapeXml } from './xml.ts';

/** Unknown host, error, disabled, alarm, suspended, orphaned, configuration ambiguous: no job starts there. */
const unusable = /[uEdDasSAoc]/;

function resource(body: string, name: string): string | undefined {
  const match = new RegExp(`<resource name="${name}"[^>]*>([^<]*)</resource>`).exec(body);
  return match ? unescapeXml(match[1] ?? '').trim() : undefined;
}

interface Sum {
  nodes: number;
  total: number;
  idle: number;
  up: boolean;
  /** The longest of its hosts; Infinity: no limit. */
  walltimeS: number;
  memoryMiB: number;
  gpus: number;
}

export function parseQueues(text: string): PartitionFacts[] {
  const sums = new Map<string, Sum>();
  for (const body of elements(text, 'Queue-List').whole) {
    const instance = field(body, 'name') ?? '';
    const name = instance.split('@')[0] ?? '';
    const total = Number(field(body, 'slots_total'));
    if (name === '' || !Number.isFinite(total)) continue;
    const sum = sums.get(name) ?? { nodes: 0, total: 0, idle: 0, up: false, walltimeS: 0, memoryMiB: 0, gpus: 0 };
    sums.set(name, sum);
    const works = !unusable.test(field(body, 'state') ?? '');
    sum.nodes += 1;
    sum.total += total;
    sum.up ||= works;
    if (works) sum.idle += Math.max(0, total - Number(field(body, 'slots_used') ?? 0) - Number(field(body, 'slots_resv') ?? 0));
    sum.walltimeS = Math.max(sum.walltimeS, parseSgeDurationS(resource(body, 'h_rt') ?? '') ?? Infinity);
    sum.memoryMiB = Math.max(sum.memoryMiB, Math.floor((parseSgeBytes(resource(body, 'mem_total') ?? '') ?? 0) / 1024 ** 2));
    // What is free of it at the moment: the total is told only to administrators.
    sum.gpus = Math.max(sum.gpus, Math.floor(Number(resource(body, 'gpu') ?? 0)) || 0);
  }
  const all = [...sums];
  const standard = all.reduce<[string, Sum] | undefined>((best, entry) => {
    if (!best || entry[1].walltimeS > best[1].walltimeS) return entry;
    return entry[1].walltimeS === best[1].walltimeS && entry[1].total > best[1].total ? entry : best;
  }, undefined)?.[0];
  return all.map(([name, sum]) => ({
    name,
    isDefault: name === standard,
    up: sum.up,
    ...(Number.isFinite(sum.walltimeS) ? { maxWalltimeS: sum.walltimeS } : {}),
    nodes: sum.nodes,
    cpusTotal: sum.total,
    cpusIdle: sum.idle,
    ...(sum.memoryMiB > 0 ? { memoryMiBPerNode: sum.memoryMiB } : {}),
    gres: sum.gpus > 0 ? `gpu:${sum.gpus}` : '',
  }));
}
