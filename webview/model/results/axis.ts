/**
 * What kind of axis a parameter or metric makes, and where its values lie on it (0 to 1).
 *
 * Rules: numbers that grow by a factor lie on a logarithmic axis, other numbers on a linear one; zero or negative numbers beside
 * several powers of ten are put at even distances, in their order; everything else is a category. An axis of one value is flat: a chart leaves it out.
 */
import { numberText, valueText } from './numbers.ts';
import { canonical } from './points.ts';
import { greatestOf, leastOf } from './sums.ts';

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Axis {
  readonly name: string;
  readonly kind: 'linear' | 'log' | 'category';
  /** Whether one value comes before another: a line between them means something. */
  readonly ordered: boolean;
  readonly flat: boolean;
  /** Different values, in their order. */
  readonly values: readonly unknown[];
  readonly at: (value: unknown) => number | undefined;
  /** The value at a place; of categories the nearest. */
  readonly valueAt: (place: number) => unknown;
  readonly ticks: readonly Tick[];
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function variation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (mean === 0) return 0;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) / Math.abs(mean);
}

const gaps = (values: readonly number[]): readonly number[] => values.slice(1).map((value, index) => value - (values[index] ?? 0));

/** `ascending`, two different ones at least. */
export function scaleOf(ascending: readonly number[]): 'linear' | 'log' | 'even' {
  const first = ascending[0] ?? 0;
  const last = ascending.at(-1) ?? 0;
  if (first <= 0) {
    const sizes = ascending.filter((value) => value !== 0).map(Math.abs);
    const tight = sizes.length >= 3 && greatestOf(sizes) / leastOf(sizes) >= 1000;
    return tight && ascending.length <= 24 ? 'even' : 'linear';
  }
  const ratio = last / first;
  if (ratio >= 1000) return 'log';
  if (ascending.length < 3 || ratio < 4) return 'linear';
  const logarithmic = variation(gaps(ascending.map(Math.log)));
  const linear = variation(gaps(ascending));
  // 1, 2, 3, 5: neither. 1, 5, 25 or 1, 2, 4, 8: by a factor.
  return ascending.length <= 24 && linear > 0.3 && logarithmic < linear * 0.7 ? 'log' : 'linear';
}

export function axisOf(name: string, raw: Iterable<unknown>): Axis {
  const different = new Map<string, unknown>();
  for (const value of raw) if (value !== null && value !== undefined && !different.has(canonical(value))) different.set(canonical(value), value);
  const values = [...different.values()];
  const numbers = values.filter(isNumber);
  if (values.length > 0 && numbers.length === values.length) {
    const ascending = numbers.sort((a, b) => a - b);
    if (ascending.length === 1) return categoryAxis(name, ascending, true);
    const scale = scaleOf(ascending);
    return scale === 'even' ? categoryAxis(name, ascending, true) : numberAxis(name, ascending, scale);
  }
  return categoryAxis(name, values.sort(compareValues), false);
}

/** Made once: a comparison that makes its own takes most of the time of an axis of thousands of words. */
const inWords = new Intl.Collator('en', { numeric: true });

/** Numbers by size, words as people sort them (`run2` before `run10`), numbers before words. */
export function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  if (typeof b === 'number') return 1;
  return inWords.compare(valueText(a), valueText(b));
}

function categoryAxis(name: string, values: readonly unknown[], ordered: boolean): Axis {
  const last = values.length - 1;
  const place = (index: number): number => (last <= 0 ? 0.5 : index / last);
  const places = new Map(values.map((value, index) => [canonical(value), place(index)]));
  return {
    name,
    kind: 'category',
    ordered,
    flat: values.length < 2,
    values,
    at: (value) => places.get(canonical(value)),
    valueAt: (at) => values[Math.min(last, Math.max(0, Math.round(at * last)))],
    ticks: values.map((value, index) => ({ at: place(index), label: valueText(value) })),
  };
}

function numberAxis(name: string, ascending: readonly number[], kind: 'linear' | 'log'): Axis {
  const low = ascending[0] ?? 0;
  const high = ascending.at(-1) ?? 1;
  const forth = kind === 'log' ? Math.log : (value: number): number => value;
  const back = kind === 'log' ? Math.exp : (value: number): number => value;
  const at = (value: unknown): number | undefined => (isNumber(value) && (kind === 'linear' || value > 0) ? (forth(value) / 2 - forth(low) / 2) / (forth(high) / 2 - forth(low) / 2) : undefined);
  const marks = ascending.length <= 8 ? ascending : kind === 'log' ? powersIn(low, high) : niceTicks(low, high, 5);
  return {
    name,
    kind,
    ordered: true,
    flat: false,
    values: ascending,
    at,
    valueAt: (place) => back(forth(low) * (1 - place) + place * forth(high)),
    ticks: marks.flatMap((value) => {
      const place = at(value);
      return place === undefined || place < -1e-9 || place > 1 + 1e-9 ? [] : [{ at: place, label: numberText(value, 6) }];
    }),
  };
}

/** Round numbers between the two, about as many as are asked for. */
export function niceTicks(low: number, high: number, count: number): readonly number[] {
  const range = high - low;
  if (!(range > 0) || !Number.isFinite(range)) return [low];
  const rough = range / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => range / size <= count + 1) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function powersIn(low: number, high: number): readonly number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) return [low, high];
  const step = Math.ceil((last - first + 1) / 6);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => 10 ** (first + index * step));
}

export interface Level {
  readonly key: string;
  readonly label: string;
  /** Where its values lie, on average. */
  readonly at: number;
  /** The one value, where it is one. */
  readonly value?: unknown;
}

export interface Levels {
  readonly levels: readonly Level[];
  readonly of: (value: unknown) => string | undefined;
  /** Whether several values share a level. */
  readonly binned: boolean;
}

/** At most so many groups of an axis' values: each value its own, or ranges of numbers with about as many points each, or the most frequent words. */
export function levelsOf(axis: Axis, raw: readonly unknown[], most: number): Levels {
  if (axis.values.length <= most) {
    const levels = axis.values.map((value): Level => ({ key: canonical(value), label: valueText(value), at: axis.at(value) ?? 0, value }));
    const keys = new Set(levels.map(({ key }) => key));
    return { levels, binned: false, of: (value) => (keys.has(canonical(value)) ? canonical(value) : undefined) };
  }
  if (axis.kind !== 'category') {
    const sorted = raw.filter(isNumber).sort((a, b) => a - b);
    const edges = Array.from({ length: most + 1 }, (_, index) => sorted[Math.min(sorted.length - 1, Math.round((index * sorted.length) / most))] ?? 0);
    const distinct = edges.filter((edge, index) => index === 0 || edge > (edges[index - 1] ?? -Infinity));
    const count = Math.max(1, distinct.length - 1);
    const indexOf = (value: number): number => {
      let found = 0;
      while (found < count - 1 && value >= (distinct[found + 1] ?? Infinity)) found += 1;
      return found;
    };
    const inside = Array.from({ length: count }, () => ({ first: undefined as number | undefined, last: undefined as number | undefined, places: 0, count: 0 }));
    for (const value of sorted) {
      const its = inside[indexOf(value)];
      if (!its) continue;
      its.first ??= value;
      its.last = value;
      its.places += axis.at(value) ?? 0;
      its.count += 1;
    }
    const levels = inside.map(({ first, last, places, count: members }, index): Level => ({ key: String(index), label: `${numberText(first, 3)}–${numberText(last, 3)}`, at: places / Math.max(1, members) }));
    return { levels, binned: true, of: (value) => (isNumber(value) ? String(indexOf(value)) : undefined) };
  }
  const frequency = new Map<string, number>();
  for (const value of raw) frequency.set(canonical(value), (frequency.get(canonical(value)) ?? 0) + 1);
  const kept = new Set([...frequency].sort((a, b) => b[1] - a[1]).slice(0, most - 1).map(([key]) => key));
  const own = axis.values.filter((value) => kept.has(canonical(value)));
  const last = own.length;
  const levels: Level[] = [...own.map((value, index) => ({ key: canonical(value), label: valueText(value), at: index / last, value })), { key: 'others', label: `+${axis.values.length - last}`, at: 1 }];
  return { levels, binned: true, of: (value) => (value === undefined || value === null ? undefined : kept.has(canonical(value)) ? canonical(value) : 'others') };
}
