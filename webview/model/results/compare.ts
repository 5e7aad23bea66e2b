/**
 * Two runs, point by point.
 *
 * Rules: points belong together when they agree in every parameter that both runs have; where a run has several of them they are
 * averaged; a difference counts as clear only where it is more than twice what the repetitions explain, and as open where nothing was repeated.
 */
import { isClearlyApart, type Better } from './bestPoints.ts';
import { averagedOver, type Point, type Results, type Spread } from './points.ts';

export interface Pair {
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly now: number;
  readonly before: number;
  readonly delta: number;
  /** Of what it was before; null where that was 0. */
  readonly relative: number | null;
  readonly verdict: 'better' | 'worse' | 'same';
  /** Whether the repetitions of both say that it is no chance; undefined: nothing was repeated. */
  readonly clear: boolean | undefined;
  readonly whole: boolean;
}

export interface Comparison {
  /** Parameters by which points were matched. */
  readonly parameters: readonly string[];
  readonly pairs: readonly Pair[];
  readonly onlyNow: number;
  readonly onlyBefore: number;
  readonly counts: Readonly<Record<Pair['verdict'], number>>;
  readonly medianRelative: number | null;
}

type Side = Pick<Results, 'parameters' | 'points' | 'metrics'>;

export function compareResults(now: Side, before: Side, metric: string, better: Better): Comparison {
  const parameters = now.parameters.filter((name) => before.parameters.includes(name));
  const reduce = (side: Side): readonly Point[] => averagedOver(side.points, side.parameters.filter((name) => !parameters.includes(name)), side.metrics);
  const earlier = new Map(reduce(before).map((point) => [point.id, point]));
  const current = reduce(now);
  const pairs = current.flatMap((point): Pair[] => {
    const other = earlier.get(point.id);
    const value = point.metrics[metric];
    const past = other?.metrics[metric];
    if (!other || value === null || value === undefined || past === null || past === undefined) return [];
    const delta = value - past;
    const verdict = delta === 0 ? 'same' : delta < 0 === (better === 'lower') ? 'better' : 'worse';
    return [{ id: point.id, parameters: point.parameters, now: value, before: past, delta, relative: past === 0 ? null : delta / Math.abs(past), verdict, clear: isClearlyApart(sideOf(value, point.spread[metric]), sideOf(past, other.spread[metric])), whole: point.whole && other.whole }];
  });
  const matched = new Set(current.flatMap(({ id }) => (earlier.has(id) ? [id] : [])));
  const counts = { better: 0, worse: 0, same: 0 };
  for (const pair of pairs) counts[pair.verdict] += 1;
  const relatives = pairs.flatMap(({ relative }) => (relative === null ? [] : [relative])).sort((a, b) => a - b);
  const middle = Math.floor(relatives.length / 2);
  const medianRelative = relatives.length === 0 ? null : relatives.length % 2 === 1 ? (relatives[middle] ?? null) : ((relatives[middle - 1] ?? 0) + (relatives[middle] ?? 0)) / 2;
  return { parameters, pairs: pairs.sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta)), onlyNow: current.length - matched.size, onlyBefore: earlier.size - matched.size, counts, medianRelative };
}

function sideOf(mean: number, spread: Spread | undefined): { readonly mean: number; readonly std: number; readonly count: number } {
  return { mean, std: spread?.std ?? 0, count: spread?.count ?? 1 };
}
