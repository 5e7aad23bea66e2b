/**
 * Nodes as `scontrol --details --oneliner show node` prints them: `Key=value` words, where some values hold blanks.
 *
 * Rule: what is free of a node that takes no jobs is nothing, whatever its counters say.
 */
import type { GpuCount, NodeResources, NodeState } from '../port.ts';

const closed = /DRAIN|MAINT|RESERVED|FUTURE|BLOCKED|COMPLETING|REBOOT/;
const down = /DOWN|FAIL|NOT_RESPONDING|NO_RESPOND|POWERING_DOWN|UNKNOWN|INVAL/;

/** `gpu:a100:4(S:0-1),gpu:h100:2(IDX:0,1),tmp:5`: by type. */
export function gresGpus(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const match of text.matchAll(/(?:^|,)gpu(?::([A-Za-z][\w.-]*))?:(\d+)/g)) counts.set(match[1] ?? 'gpu', (counts.get(match[1] ?? 'gpu') ?? 0) + Number(match[2]));
  return counts;
}

/** A value up to the next key; keys that may hold blanks (OS, Reason) end where the next one begins. */
function value(line: string, key: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${key}=(.*?)(?=\\s+[A-Za-z_]+=|$)`).exec(line);
  return match?.[1]?.trim();
}

const whole = (text: string | undefined): number | null => (text !== undefined && /^\d+$/.test(text) ? Number(text) : null);

function stateOf(raw: string, used: number, total: number): NodeState {
  // `IDLE+DRAIN`, `DOWN*`: a star means that it does not answer.
  if (down.test(raw) || raw.includes('*')) return 'down';
  if (closed.test(raw)) return 'closed';
  if (!/IDLE|MIXED|ALLOC/.test(raw)) return 'unknown';
  return used === 0 ? 'free' : used >= total ? 'busy' : 'mixed';
}

function gpusOfNode(line: string, usable: boolean): GpuCount[] {
  const total = gresGpus(value(line, 'Gres') ?? '');
  const used = gresGpus(value(line, 'GresUsed') ?? '');
  return [...total].map(([type, count]) => ({ type, total: count, free: usable ? Math.max(0, count - (used.get(type) ?? (total.size === 1 ? (used.get('gpu') ?? 0) : 0))) : 0 }));
}

function nodeOf(line: string): NodeResources | undefined {
  const name = value(line, 'NodeName');
  const total = whole(value(line, 'CPUEfctv')) ?? whole(value(line, 'CPUTot'));
  const used = whole(value(line, 'CPUAlloc'));
  const rawState = value(line, 'State');
  if (name === undefined || name === '' || total === null || used === null || rawState === undefined) return undefined;
  const state = stateOf(rawState, used, total);
  const usable = state === 'free' || state === 'mixed' || state === 'busy';
  const memory = whole(value(line, 'RealMemory'));
  const partitions = value(line, 'Partitions') ?? '';
  const reason = (value(line, 'Reason') ?? '').replace(/\s*\[[^\]]*\]$/, '');
  return {
    name,
    state,
    rawState,
    reason,
    partitions: partitions === '' || partitions === '(null)' ? [] : partitions.split(','),
    cpusTotal: total,
    cpusFree: usable ? Math.max(0, total - used) : 0,
    memoryMiB: memory,
    memoryFreeMiB: memory === null ? null : usable ? Math.max(0, memory - (whole(value(line, 'AllocMem')) ?? 0)) : 0,
    gpus: gpusOfNode(line, usable),
  };
}

export function parseSlurmNodes(text: string): { readonly nodes: readonly NodeResources[]; readonly malformed: readonly string[] } {
  const nodes: NodeResources[] = [];
  const malformed: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('NodeName=')) continue;
    const node = nodeOf(line);
    if (node) nodes.push(node);
    else malformed.push(line.slice(0, 300));
  }
  return { nodes, malformed };
}
