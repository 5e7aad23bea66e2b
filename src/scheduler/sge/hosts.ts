/**
 * Execution hosts with their queue instances, from `qhost -q -xml -F`.
 *
 * Rule: slots are what Grid Engine gives out, whatever cores a host has; a host offers the larger of the two. Queues overlap on
 * a host, so what one of them has free is free only as far as the host itself is not full.
 */
import type { NodeResources, NodeState } from '../port.ts';
import { parseSgeBytes } from './states.ts';
import { unescapeXml } from './xml.ts';

const down = /[uE]/;
const closed = /[dDasSAoc]/;

interface Instance {
  readonly queue: string;
  readonly used: number;
  readonly slots: number;
  readonly state: string;
}

function attributeValue(body: string, element: string, name: string): string | undefined {
  const match = new RegExp(`<${element}(?=[^>]*\\sname=['"]${name}['"])[^>]*>([^<]*)</${element}>`).exec(body);
  return match ? unescapeXml(match[1] ?? '').trim() : undefined;
}

const mib = (text: string | undefined): number | null => {
  const bytes = parseSgeBytes(text ?? '');
  return bytes === undefined ? null : Math.floor(bytes / 1024 ** 2);
};

function instancesOf(body: string): Instance[] {
  return [...body.matchAll(/<queue name=['"]([^'"]*)['"]>([\s\S]*?)<\/queue>/g)].flatMap(([, name = '', inner = '']) => {
    const number = (key: string): number => Number(attributeValue(inner, 'queuevalue', key));
    const [slots, used, reserved] = [number('slots'), number('slots_used'), number('slots_resv')];
    return Number.isFinite(slots) && Number.isFinite(used) ? [{ queue: unescapeXml(name), slots, used: used + (reserved || 0), state: attributeValue(inner, 'queuevalue', 'state_string') ?? '' }] : [];
  });
}

function stateOf(instances: readonly Instance[], isSilent: boolean, used: number, free: number): NodeState {
  if (isSilent || (instances.length > 0 && instances.every(({ state }) => down.test(state)))) return 'down';
  if (instances.length === 0 || instances.every(({ state }) => down.test(state) || closed.test(state))) return 'closed';
  return free === 0 ? 'busy' : used === 0 ? 'free' : 'mixed';
}

/** `gpuTotals`: what the host's configuration says; the query itself tells only what is left. */
function hostOf(name: string, body: string, gpuTotals: ReadonlyMap<string, number>): NodeResources {
  const instances = instancesOf(body);
  const works = instances.filter(({ state }) => !down.test(state) && !closed.test(state));
  const cores = Number(attributeValue(body, 'hostvalue', 'num_proc'));
  const used = instances.reduce((sum, instance) => sum + instance.used, 0);
  const total = Math.max(Number.isFinite(cores) ? cores : 0, ...instances.map(({ slots }) => slots));
  const offered = works.reduce((sum, { slots, used: taken }) => sum + Math.max(0, slots - taken), 0);
  const isSilent = attributeValue(body, 'hostvalue', 'load_avg') === '-';
  const free = isSilent ? 0 : Math.min(offered, Math.max(0, total - used));
  const state = stateOf(instances, isSilent, used, free);
  const memoryMiB = mib(attributeValue(body, 'resourcevalue', 'mem_total') ?? attributeValue(body, 'hostvalue', 'mem_total'));
  const left = Math.floor(Number(attributeValue(body, 'resourcevalue', 'gpu') ?? 0)) || 0;
  const gpus = Math.max(gpuTotals.get(name) ?? 0, left);
  const usable = state !== 'down' && state !== 'closed';
  return {
    name,
    state,
    rawState: [...new Set(instances.map((instance) => instance.state))].filter((word) => word !== '').join(','),
    reason: isSilent ? 'does not answer' : '',
    partitions: instances.map(({ queue }) => queue),
    cpusTotal: total,
    cpusFree: usable ? free : 0,
    memoryMiB,
    memoryFreeMiB: usable ? mib(attributeValue(body, 'resourcevalue', 'mem_free')) : memoryMiB === null ? null : 0,
    gpus: gpus === 0 ? [] : [{ type: 'gpu', total: gpus, free: usable ? left : 0 }],
  };
}

/** `hostname exec1` and `complex_values gpu=2,...` of `qconf -se`, one after the other. */
export function gpuTotalsOf(text: string): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  let host = '';
  for (const line of text.split('\n')) {
    host = /^hostname\s+(\S+)/.exec(line)?.[1] ?? host;
    const gpus = /^complex_values\s.*\bgpu=(\d+)/.exec(line)?.[1];
    if (gpus !== undefined && host !== '') totals.set(host, Number(gpus));
  }
  return totals;
}

export function parseSgeHosts(text: string, gpuTotals: ReadonlyMap<string, number>): readonly NodeResources[] {
  return [...text.matchAll(/<host name=['"]([^'"]*)['"]>([\s\S]*?)<\/host>/g)].flatMap(([, name = '', body = '']) => (name === 'global' ? [] : [hostOf(unescapeXml(name), body, gpuTotals)]));
}
