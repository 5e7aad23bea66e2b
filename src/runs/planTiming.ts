/**
 * What is known about the time that a plan takes, and from where. Pure.
 *
 * Rules: what nobody knows is null, and said so; the wait in the queue is that of the first task of each earlier run, since later
 * ones wait for their own run; times of earlier tasks count only where they asked for the same kind of machine.
 */
import { groupBy } from '../foundation/collections.ts';
import { quantile, type RuntimeRollup } from './runtimeQuantiles.ts';
import type { RuntimeSample } from './runtimes.ts';

export interface PlanTiming {
  /** Seconds that one task takes: half of them at most the first, nearly all at most the second. */
  readonly task: { readonly p50: number; readonly p95: number; readonly source: 'given' | 'history'; readonly samples: number } | null;
  /** Longest that a task may take. */
  readonly timeLimitS: number | null;
  /** From the start of an array to its first task, as the cluster's profile says. */
  readonly spinUpS: number;
  readonly queueWait: { readonly p50: number; readonly p95: number; readonly runs: number } | null;
  /** Tasks of one array that may run at once; null: as many as there is room for. */
  readonly concurrentTasks: number | null;
}

export interface TimingFacts {
  readonly givenS: number | undefined;
  readonly history: RuntimeRollup;
  readonly samples: readonly RuntimeSample[];
  readonly gpuType: string;
  readonly timeLimitS: number | undefined;
  readonly spinUpS: number;
  readonly concurrentTasks: number | undefined;
}

export function planTiming({ givenS, history, samples, gpuType, timeLimitS, spinUpS, concurrentTasks }: TimingFacts): PlanTiming {
  const earlier = history.seconds.get(gpuType);
  const waits = [...groupBy(samples.filter((sample) => sample.gpu_type === gpuType && (sample.attempt ?? 1) === 1), ({ run_id }) => run_id)]
    .flatMap(([, its]) => {
      const known = its.flatMap(({ queue_wait_sec: wait }) => (typeof wait === 'number' && wait >= 0 ? [wait] : []));
      return known.length === 0 ? [] : [known.reduce((least, wait) => Math.min(least, wait))];
    })
    .sort((a, b) => a - b);
  return {
    task: givenS !== undefined ? { p50: givenS, p95: givenS, source: 'given', samples: 0 } : earlier ? { p50: earlier.p50, p95: earlier.p95, source: 'history', samples: earlier.n_samples } : null,
    timeLimitS: timeLimitS ?? null,
    spinUpS,
    queueWait: waits.length === 0 ? null : { p50: quantile(waits, 0.5), p95: quantile(waits, 0.95), runs: waits.length },
    concurrentTasks: concurrentTasks ?? null,
  };
}
