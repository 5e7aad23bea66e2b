/** Quantiles of run times and of peak memory by GPU type, counted as hpc-agent counts them. Pure. */
import { groupBy } from '../foundation/collections.ts';
import type { RuntimeSample } from './runtimes.ts';

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly n_samples: number;
  readonly min: number;
  readonly max: number;
}

export interface RuntimeRollup {
  /** There is no history: try one task first. */
  readonly needs_canary: boolean;
  /** Seconds of the tasks that ended well. */
  readonly seconds: ReadonlyMap<string, Quantiles>;
  readonly memoryMiB: ReadonlyMap<string, Quantiles>;
  readonly total_samples: number;
  /** The seconds themselves, ascending, for other quantiles. */
  readonly sorted: ReadonlyMap<string, readonly number[]>;
}

/** Halves go to the even number, as in Python. */
function round(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** Linear between the neighbours; 0 of nothing. `sorted` ascending. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.max(0, Math.floor(at));
  const a = sorted[low];
  if (a === undefined) return 0;
  const b = sorted[Math.min(low + 1, sorted.length - 1)] ?? a;
  return round(a * (1 - (at - low)) + b * (at - low));
}

function quantilesOf(sorted: readonly number[]): Quantiles {
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99), n_samples: sorted.length, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

export function rollUp(samples: readonly RuntimeSample[]): RuntimeRollup {
  const good = samples.filter(({ exit_code, elapsed_sec, gpu_type }) => (exit_code ?? 0) === 0 && elapsed_sec > 0 && typeof gpu_type === 'string' && gpu_type !== '');
  const ascending = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
  const groups = groupBy(good, ({ gpu_type }) => gpu_type);
  const sorted = new Map([...groups].map(([type, its]) => [type, ascending(its.map(({ elapsed_sec }) => elapsed_sec))] as const));
  const memory = new Map([...groups].map(([type, its]) => [type, ascending(its.flatMap(({ peak_host_mem_mb: mib }) => (typeof mib === 'number' && mib > 0 ? [mib] : [])))] as const));
  return {
    needs_canary: sorted.size === 0,
    seconds: new Map([...sorted].map(([type, values]) => [type, quantilesOf(values)])),
    memoryMiB: new Map([...memory].flatMap(([type, values]) => (values.length === 0 ? [] : [[type, quantilesOf(values)] as const]))),
    total_samples: good.length,
    sorted,
  };
}
