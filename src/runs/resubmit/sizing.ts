/**
 * What a failed task needs in its next attempt.
 *
 * Rules: at least the class's factor over what was asked for, since a process that was killed at its limit, or refused memory, shows what it
 * had and not its need; a measured peak with a margin where that is more. So memory never shrinks. Where nobody knows what was asked for, the
 * peak of a task that was refused memory is no start either: it may have ended far below what it had. Nothing is asked for that a node or the partition cannot give: where the limit is
 * reached already, the task is not tried again. What a person orders wins over all of it.
 */
import { formatDurationS } from '../../cluster/units.ts';
import type { ResourceRequest } from '../../scheduler/port.ts';

export const memoryMargin = 1.1;
/** Memory is asked for in such steps, MiB. */
const memoryStep = 64;

export interface SizingLimits {
  /** Of one node; undefined where the site does not say. */
  readonly memoryMiB: number | undefined;
  readonly walltimeS: number | undefined;
}

export interface Sizing {
  readonly multiplies: 'memory' | 'walltime' | 'none';
  readonly factor: number;
  /** Largest measured of the tasks, MiB. */
  readonly peakMiB: number | null;
  /** It ended because memory that it wanted was refused (`MemoryError`), not by a kill at a limit. */
  readonly refused?: boolean;
  readonly limits: SizingLimits;
}

export type Sized =
  | { readonly kind: 'sized'; readonly resources: ResourceRequest; /** `memory 4.0G → 6.3G: the measured peak was 5.7G`; empty where nothing changes. */ readonly change: string }
  /** It cannot be made larger, or nothing is known to start from. */
  | { readonly kind: 'impossible'; readonly reason: string };

interface Quantity {
  readonly name: string;
  readonly current: number | undefined;
  readonly wanted: number | undefined;
  readonly because: string;
  readonly limit: number | undefined;
  readonly format: (value: number) => string;
}

function grow({ name, current, wanted, because, limit, format }: Quantity): { value: number; change: string } | { reason: string } {
  if (wanted === undefined) return { reason: `its ${name} was the site’s default, which is not known, and no measured peak tells what it needs: name the ${name} to ask for` };
  const value = Math.min(wanted, limit ?? Infinity);
  if (current !== undefined && value <= current) return { reason: `it had ${format(current)} of ${name} already, the most that is to be had there` };
  const capped = value < wanted ? `, the most that is to be had there` : '';
  return { value, change: `${name} ${current === undefined ? 'the site’s default' : format(current)} → ${format(value)}: ${because}${capped}` };
}

export function sizeFor(current: ResourceRequest, { multiplies, factor, peakMiB, refused = false, limits }: Sizing): Sized {
  if (multiplies === 'none') return { kind: 'sized', resources: current, change: '' };
  if (multiplies === 'memory') {
    const { memoryMiB } = current;
    const byFactor = memoryMiB === undefined ? undefined : memoryMiB * factor;
    const byPeak = peakMiB === null || (memoryMiB === undefined && refused) ? 0 : peakMiB * memoryMargin;
    const measured = peakMiB !== null && byPeak > (byFactor ?? 0);
    const need = measured ? byPeak : byFactor;
    const grown = grow({
      name: 'memory',
      current: memoryMiB,
      wanted: need === undefined ? undefined : Math.ceil(need / memoryStep) * memoryStep,
      because: measured ? `the measured peak was ${readableMemory(peakMiB)}` : `it was not enough (× ${factor})`,
      limit: limits.memoryMiB,
      format: readableMemory,
    });
    return 'reason' in grown ? { kind: 'impossible', reason: grown.reason } : { kind: 'sized', resources: { ...current, memoryMiB: grown.value }, change: grown.change };
  }
  const { walltimeS } = current;
  const grown = grow({
    name: 'time limit',
    current: walltimeS,
    wanted: walltimeS === undefined ? undefined : Math.ceil((walltimeS * factor) / 60) * 60,
    because: `it was not enough (× ${factor})`,
    limit: limits.walltimeS,
    format: formatDurationS,
  });
  return 'reason' in grown ? { kind: 'impossible', reason: grown.reason } : { kind: 'sized', resources: { ...current, walltimeS: grown.value }, change: grown.change };
}

function readableMemory(mib: number): string {
  return mib < 1024 ? `${Math.ceil(mib)}M` : `${(mib / 1024).toFixed(1).replace(/\.0$/, '')}G`;
}

/** What a person orders, said as a change. */
export function changeOf(before: ResourceRequest, after: ResourceRequest): string {
  const parts: string[] = [];
  const part = (name: string, from: string | undefined, to: string | undefined): void => {
    if (to !== undefined && from !== to) parts.push(`${name} ${from ?? 'the site’s default'} → ${to}`);
  };
  const memory = (value: number | undefined): string | undefined => (value === undefined ? undefined : readableMemory(value));
  const time = (value: number | undefined): string | undefined => (value === undefined ? undefined : formatDurationS(value));
  part('memory', memory(before.memoryMiB), memory(after.memoryMiB));
  part('time limit', time(before.walltimeS), time(after.walltimeS));
  part('cores', before.cpus?.toString(), after.cpus?.toString());
  part('GPUs', before.gpus?.toString(), after.gpus?.toString());
  part('GPU type', before.gpuType, after.gpuType);
  part('partition', before.partition, after.partition);
  return parts.join(', ');
}
