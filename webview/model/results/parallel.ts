/**
 * Parallel coordinates: one vertical axis for each parameter that varies and one for the metric, one line for each point, and
 * brushes that choose lines.
 *
 * Rule: a brush is kept as values, not as places, so that it still means the same when new points stretch an axis.
 */
import { axisOf, type Axis } from './axis.ts';
import type { Point } from './points.ts';

export interface Brush {
  readonly from: unknown;
  readonly to: unknown;
}
/** By axis; the metric's under `metric:` and its name. */
export type Brushes = Readonly<Record<string, Brush>>;

export interface Coordinate {
  readonly key: string;
  readonly axis: Axis;
  readonly isMetric: boolean;
  readonly of: (point: Point) => number | undefined;
}

export function coordinatesOf(points: readonly Point[], parameters: readonly string[], metric: string): readonly Coordinate[] {
  const all = parameters.map((name): Coordinate => {
    const axis = axisOf(name, points.map((point) => point.parameters[name]));
    return { key: name, axis, isMetric: false, of: (point) => axis.at(point.parameters[name]) };
  });
  const axis = axisOf(metric, points.map((point) => point.metrics[metric]));
  return [...all.filter((coordinate) => !coordinate.axis.flat), ...(axis.flat ? [] : [{ key: `metric:${metric}`, axis, isMetric: true, of: (point: Point) => axis.at(point.metrics[metric]) }])];
}

/** A brush as two places, the lower first; undefined where it holds everything. */
export function placesOf(brush: Brush | undefined, axis: Axis): readonly [number, number] | undefined {
  if (!brush) return undefined;
  const from = brush.from === null ? 0 : (axis.at(brush.from) ?? 0);
  const to = brush.to === null ? 1 : (axis.at(brush.to) ?? 1);
  const low = Math.max(0, Math.min(from, to));
  const high = Math.min(1, Math.max(from, to));
  return low <= 0 && high >= 1 ? undefined : [low, high];
}

/** The brush for two places; undefined where it holds everything. A brush that holds nothing at all would only puzzle: it takes the nearest category. */
export function brushAt(places: readonly [number, number], axis: Axis): Brush | undefined {
  const low = Math.max(0, Math.min(...places));
  const high = Math.min(1, Math.max(...places));
  if (low <= 0 && high >= 1) return undefined;
  if (axis.kind !== 'category') return { from: low <= 0 ? null : axis.valueAt(low), to: high >= 1 ? null : axis.valueAt(high) };
  const last = axis.values.length - 1;
  const first = Math.ceil(low * last - 1e-9);
  const final = Math.floor(high * last + 1e-9);
  if (first > final) {
    const only = axis.valueAt((low + high) / 2);
    return { from: only, to: only };
  }
  if (first <= 0 && final >= last) return undefined;
  return { from: first <= 0 ? null : axis.values[first], to: final >= last ? null : axis.values[final] };
}

export function brushed(points: readonly Point[], coordinates: readonly Coordinate[], brushes: Brushes): readonly Point[] {
  const tests = coordinates.flatMap(({ key, axis, of }) => {
    const places = placesOf(brushes[key], axis);
    return places ? [(point: Point): boolean => {
      const at = of(point);
      return at !== undefined && at >= places[0] - 1e-9 && at <= places[1] + 1e-9;
    }] : [];
  });
  return tests.length === 0 ? points : points.filter((point) => tests.every((test) => test(point)));
}

/** Moves one end of a brush by steps along the axis' own values; for the keyboard. */
export function movedBrush(brush: Brush | undefined, axis: Axis, end: 'low' | 'high', steps: number): Brush | undefined {
  const [low, high] = placesOf(brush, axis) ?? [0, 1];
  const stops = axis.kind === 'category' || axis.values.length <= 24 ? axis.values.map((value) => axis.at(value) ?? 0) : Array.from({ length: 21 }, (_, index) => index / 20);
  const current = end === 'low' ? low : high;
  const nearest = stops.reduce((best, stop, index) => (Math.abs(stop - current) < Math.abs((stops[best] ?? 0) - current) ? index : best), 0);
  const next = stops[Math.min(stops.length - 1, Math.max(0, nearest + steps))] ?? current;
  // The ends do not pass each other.
  return brushAt(end === 'low' ? [Math.min(next, high), high] : [low, Math.max(next, low)], axis);
}
