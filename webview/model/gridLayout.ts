/**
 * Where the cell of each task is: by index in rows, or by two parameters. Pure.
 *
 * Rules: every task has a cell of its own. Where several tasks share a place of the two axes (seeds, folds), they make a block
 * there, in the order of their index. Values of an axis are in the order of their size, words in that of the alphabet.
 */
import type { ParameterColumn } from '../protocol/run.ts';

export interface Axis {
  readonly name: string;
  readonly labels: readonly string[];
  /** Cells of one value, in this direction. */
  readonly span: number;
}

export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** The cell of each task: row × columns + column. */
  readonly cellOf: Uint32Array;
  /** The task of each cell; -1: none. */
  readonly taskOf: Int32Array;
  readonly across: Axis | undefined;
  readonly down: Axis | undefined;
}

/** By index, in rows so wide that the whole has about this width to height. */
export function byIndex(total: number, aspect: number): GridLayout {
  const columns = Math.max(1, Math.min(total, niceColumns(Math.ceil(Math.sqrt(total * Math.max(0.1, aspect))), total)));
  const rows = Math.max(1, Math.ceil(total / columns));
  const cellOf = new Uint32Array(total);
  const taskOf = new Int32Array(columns * rows).fill(-1);
  for (let task = 0; task < total; task += 1) {
    cellOf[task] = task;
    taskOf[task] = task;
  }
  return { columns, rows, cellOf, taskOf, across: undefined, down: undefined };
}

/** A number of columns that people can count with: 10, 20, 25, 50, 100, … near to what fits. */
function niceColumns(wanted: number, total: number): number {
  if (total <= 12) return total;
  const size = 10 ** Math.floor(Math.log10(wanted));
  const choices = [1, 1.2, 1.5, 2, 2.4, 3, 4, 5, 6, 8, 10].map((step) => Math.round(size * step));
  return choices.reduce((best, choice) => (Math.abs(Math.log(choice / wanted)) < Math.abs(Math.log(best / wanted)) ? choice : best));
}

export function labelOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** For each value of the column, its place on the axis. */
function ranks(column: ParameterColumn): { readonly labels: readonly string[]; readonly rankOf: readonly number[] } {
  const order = column.values
    .map((value, place) => ({ value, place }))
    .sort((a, b) => (typeof a.value === 'number' && typeof b.value === 'number' ? a.value - b.value : labelOf(a.value).localeCompare(labelOf(b.value), 'en', { numeric: true })));
  const rankOf = Array<number>(column.values.length).fill(0);
  order.forEach(({ place }, rank) => {
    rankOf[place] = rank;
  });
  return { labels: order.map(({ value }) => labelOf(value)), rankOf };
}

export function byAxes(total: number, across: ParameterColumn | undefined, down: ParameterColumn | undefined): GridLayout {
  const x = across && ranks(across);
  const y = down && ranks(down);
  const width = x?.labels.length ?? 1;
  const height = y?.labels.length ?? 1;
  const place = new Uint32Array(total);
  const order = new Uint32Array(total);
  const filled = new Uint32Array(width * height);
  for (let task = 0; task < total; task += 1) {
    const column = x && across ? (x.rankOf[across.index[task] ?? 0] ?? 0) : 0;
    const row = y && down ? (y.rankOf[down.index[task] ?? 0] ?? 0) : 0;
    const at = row * width + column;
    place[task] = at;
    order[task] = filled[at] ?? 0;
    filled[at] = (filled[at] ?? 0) + 1;
  }
  const most = filled.reduce((a, b) => Math.max(a, b), 1);
  // One axis only: the blocks lie along the other direction.
  const spanX = x === undefined ? most : y === undefined ? 1 : Math.ceil(Math.sqrt(most));
  const spanY = Math.ceil(most / spanX);
  const columns = width * spanX;
  const rows = height * spanY;
  const cellOf = new Uint32Array(total);
  const taskOf = new Int32Array(columns * rows).fill(-1);
  for (let task = 0; task < total; task += 1) {
    const at = place[task] ?? 0;
    const nth = order[task] ?? 0;
    const cell = (Math.floor(at / width) * spanY + Math.floor(nth / spanX)) * columns + (at % width) * spanX + (nth % spanX);
    cellOf[task] = cell;
    taskOf[cell] = task;
  }
  return {
    columns,
    rows,
    cellOf,
    taskOf,
    across: x && across ? { name: across.name, labels: x.labels, span: spanX } : undefined,
    down: y && down ? { name: down.name, labels: y.labels, span: spanY } : undefined,
  };
}

/** The two parameters that tell most at first sight: those with several values, the fewest of them, that do not name every task. */
export function suggestedAxes(parameters: readonly ParameterColumn[], total: number): { readonly across: string; readonly down: string } | undefined {
  const useful = parameters.filter(({ values }) => values.length > 1 && values.length <= 200 && (values.length < total || total <= 12)).sort((a, b) => b.values.length - a.values.length);
  const [across, down] = useful;
  return across && down ? { across: across.name, down: down.name } : undefined;
}
