/**
 * The reduced results as the page holds them: one point for each combination of parameters.
 *
 * Rules: a point is known by its parameters, so that it stays the same over updates and in another run; a number that is not
 * there is null, never 0; what is averaged over repetitions says over how many, and how far they lay apart.
 */

import { greatestOf, leastOf } from './sums.ts';

export interface Spread {
  readonly count: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

export interface Point {
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly spread: Readonly<Record<string, Spread>>;
  readonly tasks: readonly number[];
  /** Tasks of this point that have no result yet. */
  readonly missing: readonly number[];
  readonly whole: boolean;
}

export interface Results {
  readonly runId: string;
  readonly runName: string;
  readonly cluster: string;
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  readonly points: readonly Point[];
  /** Some tasks are not in the numbers. */
  readonly partial: boolean;
  readonly doneTasks: number;
  readonly totalTasks: number;
  /** Whether more is to come by itself. */
  readonly live: boolean;
  /** When the numbers were combined, in milliseconds since 1970. */
  readonly readAt: number;
}

/** The same for equal values whatever the order of their keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

const repetition = /^(?:(?:random|rng|np|numpy|torch)[_-]?)?seeds?$|^(?:random[_-]?state|rep|reps|replicate|replica|repeat|repetition|trial|fold|cv[_-]?fold|run[_-]?(?:idx|index|number))$/i;

/** Parameters that only repeat an experiment, by their names. */
export function repetitionsIn(parameters: readonly string[]): readonly string[] {
  return parameters.filter((name) => repetition.test(name));
}

interface Sample {
  readonly mean: number;
  readonly spread: Spread | undefined;
  readonly count: number;
}

/** One mean and one spread of several, each of which may be a mean of several itself. */
function combine(samples: readonly Sample[]): { readonly mean: number; readonly spread: Spread } {
  const count = samples.reduce((sum, sample) => sum + sample.count, 0);
  const mean = samples.reduce((sum, sample) => sum + sample.mean * (sample.count / count), 0);
  const squares = samples.reduce((sum, sample) => sum + (sample.spread ? sample.spread.std ** 2 * (sample.count - 1) : 0) + sample.count * (sample.mean - mean) ** 2, 0);
  return {
    mean,
    spread: {
      count,
      std: count > 1 ? Math.sqrt(squares / (count - 1)) : 0,
      min: leastOf(samples.map((sample) => sample.spread?.min ?? sample.mean)),
      max: greatestOf(samples.map((sample) => sample.spread?.max ?? sample.mean)),
    },
  };
}

/** Puts points together that differ only in these parameters. A metric that one of them lacks has no mean: it would look better than the truth. */
export function averagedOver(points: readonly Point[], names: readonly string[], metrics: readonly string[]): readonly Point[] {
  if (names.length === 0 || points.length === 0) return points;
  const groups = new Map<string, { readonly parameters: Readonly<Record<string, unknown>>; readonly members: Point[] }>();
  for (const point of points) {
    const parameters = Object.fromEntries(Object.entries(point.parameters).filter(([name]) => !names.includes(name)));
    const id = canonical(parameters);
    const group = groups.get(id);
    if (group) group.members.push(point);
    else groups.set(id, { parameters, members: [point] });
  }
  const largest = greatestOf([...groups.values()].map(({ members }) => members.length));
  return [...groups].map(([id, { parameters, members }]): Point => {
    const means: Record<string, number | null> = {};
    const spread: Record<string, Spread> = {};
    for (const metric of metrics) {
      const samples = members.flatMap((point): Sample[] => {
        const mean = point.metrics[metric];
        if (mean === null || mean === undefined) return [];
        const own = point.spread[metric];
        return [{ mean, spread: own, count: own?.count ?? 1 }];
      });
      if (samples.length === 0) continue;
      const combined = combine(samples);
      means[metric] = samples.length < members.length ? null : combined.mean;
      spread[metric] = combined.spread;
    }
    return {
      id,
      parameters,
      metrics: means,
      spread,
      tasks: members.flatMap((point) => point.tasks).sort((a, b) => a - b),
      missing: members.flatMap((point) => point.missing).sort((a, b) => a - b),
      // Repetitions that other points have and this one has not are still to come.
      whole: members.length === largest && members.every((point) => point.whole),
    };
  });
}
