/** The metric over two parameters. Rule: a cell says over how many points it speaks, and by which of them (their mean, or the best); a cell without a point is empty, never zero. */
import { axisOf, levelsOf, type Level } from './axis.ts';
import type { Better } from './bestPoints.ts';
import type { Point } from './points.ts';
import { greatestOf, leastOf, meanOf } from './sums.ts';

export interface HeatCell {
  readonly column: number;
  readonly row: number;
  readonly value: number;
  readonly count: number;
  readonly whole: boolean;
  readonly points: readonly string[];
}

export interface HeatMap {
  readonly x: string;
  readonly y: string;
  readonly columns: readonly Level[];
  /** From the bottom up, as on an axis. */
  readonly rows: readonly Level[];
  readonly cells: readonly HeatCell[];
  readonly low: number;
  readonly high: number;
  /** Parameters that the cells average over, or are the best over. */
  readonly others: readonly string[];
}

const mostLevels = 24;

export function heatMapOf(points: readonly Point[], parameters: readonly string[], axes: { readonly x: string; readonly y: string }, metric: string, cell: 'mean' | 'best', better: Better): HeatMap | undefined {
  const valued = points.flatMap((point) => {
    const value = point.metrics[metric];
    return value === null || value === undefined ? [] : [{ point, value }];
  });
  if (valued.length === 0 || axes.x === axes.y) return undefined;
  const side = (name: string): { levels: readonly Level[]; of: (point: Point) => number | undefined } => {
    const raw = valued.map(({ point }) => point.parameters[name]);
    const { levels, of } = levelsOf(axisOf(name, raw), raw, mostLevels);
    const index = new Map(levels.map((level, position) => [level.key, position]));
    return { levels, of: (point) => index.get(of(point.parameters[name]) ?? '') };
  };
  const x = side(axes.x);
  const y = side(axes.y);
  const groups = new Map<string, { readonly column: number; readonly row: number; readonly items: typeof valued }>();
  for (const item of valued) {
    const column = x.of(item.point);
    const row = y.of(item.point);
    if (column === undefined || row === undefined) continue;
    const key = `${column},${row}`;
    const group = groups.get(key);
    if (group) group.items.push(item);
    else groups.set(key, { column, row, items: [item] });
  }
  const cells = [...groups.values()].map(({ column, row, items }): HeatCell => {
    const sorted = items.toSorted((a, b) => (better === 'lower' ? a.value - b.value : b.value - a.value));
    const value = cell === 'best' ? (sorted[0]?.value ?? 0) : meanOf(items.map((item) => item.value));
    return { column, row, value, count: items.length, whole: items.every(({ point }) => point.whole), points: sorted.map(({ point }) => point.id) };
  });
  const values = cells.map(({ value }) => value);
  const others = parameters.filter((name) => name !== axes.x && name !== axes.y && new Set(valued.map(({ point }) => JSON.stringify(point.parameters[name]))).size > 1);
  return { x: axes.x, y: axes.y, columns: x.levels, rows: y.levels, cells, low: leastOf(values), high: greatestOf(values), others };
}

/** 0 (worst) to 1 (best). */
export function goodness(value: number, low: number, high: number, better: Better): number {
  if (high === low) return 0.5;
  const place = (value / 2 - low / 2) / (high / 2 - low / 2);
  return better === 'lower' ? 1 - place : place;
}
