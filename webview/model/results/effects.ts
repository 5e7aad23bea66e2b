/**
 * The effect of each parameter on a metric: the mean over everything else, at each of its values.
 *
 * Rules: a parameter of one value has no effect to show; the share that a parameter explains is the variance between its values'
 * means over the whole (eta squared), so it says nothing of how parameters act together; error bars are the spread of repetitions
 * alone (pooled standard deviation), the band is from the least to the greatest point; unequal groups, as they are in the middle of a run, are marked.
 */
import { axisOf, levelsOf, type Axis } from './axis.ts';
import type { Point } from './points.ts';
import { greatestOf, leastOf, meanOf, sizeOf } from './sums.ts';

export interface EffectLevel {
  readonly key: string;
  readonly label: string;
  readonly at: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Of repetitions at the same point, pooled; null where nothing was repeated. */
  readonly std: number | null;
  readonly count: number;
  readonly whole: boolean;
}

export interface Effect {
  readonly parameter: string;
  readonly axis: Axis;
  readonly levels: readonly EffectLevel[];
  /** Share of the metric's variance that lies between this parameter's values; null where it does not vary at all. */
  readonly share: number | null;
  /** Whether the values were seen equally often. */
  readonly balanced: boolean;
  readonly binned: boolean;
}

const mostLevels = 12;

export function effectsOf(points: readonly Point[], parameters: readonly string[], metric: string): readonly Effect[] {
  const valued = points.flatMap((point) => {
    const value = point.metrics[metric];
    return value === null || value === undefined ? [] : [{ point, value }];
  });
  if (valued.length === 0) return [];
  const all = valued.map(({ value }) => value);
  const overall = meanOf(all);
  // Differences as parts of the largest: their squares are numbers whatever the metric's size.
  const size = sizeOf(all.map((value) => value / 2 - overall / 2));
  const part = (value: number): number => (size === 0 ? 0 : (value / 2 - overall / 2) / size);
  const total = all.reduce((sum, value) => sum + part(value) ** 2, 0);
  const effects = parameters.flatMap((parameter): Effect[] => {
    const raw = valued.map(({ point }) => point.parameters[parameter]);
    const axis = axisOf(parameter, raw);
    if (axis.flat) return [];
    const groups = levelsOf(axis, raw, mostLevels);
    const members = new Map<string, typeof valued>();
    for (const item of valued) {
      const key = groups.of(item.point.parameters[parameter]);
      if (key === undefined) continue;
      const its = members.get(key);
      if (its) its.push(item);
      else members.set(key, [item]);
    }
    const levels = groups.levels.flatMap((level): EffectLevel[] => {
      const its = members.get(level.key);
      if (!its) return [];
      const values = its.map(({ value }) => value);
      return [{ key: level.key, label: level.label, at: level.at, mean: meanOf(values), min: leastOf(values), max: greatestOf(values), std: pooledStd(its.map(({ point }) => point), metric), count: its.length, whole: its.every(({ point }) => point.whole) }];
    });
    const between = levels.reduce((sum, level) => sum + level.count * part(level.mean) ** 2, 0);
    const counts = levels.map((level) => level.count);
    return [{ parameter, axis, levels, share: total > 0 ? Math.min(1, between / total) : null, balanced: groups.binned || Math.min(...counts) === Math.max(...counts), binned: groups.binned }];
  });
  return effects.sort((a, b) => (b.share ?? -1) - (a.share ?? -1));
}

export function pooledStd(points: readonly Point[], metric: string): number | null {
  let squares = 0;
  let freedom = 0;
  for (const point of points) {
    const spread = point.spread[metric];
    if (!spread || spread.count < 2) continue;
    squares += spread.std ** 2 * (spread.count - 1);
    freedom += spread.count - 1;
  }
  return freedom === 0 ? null : Math.sqrt(squares / freedom);
}
