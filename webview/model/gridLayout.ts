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

interface Ranks {
  readonly labels: readonly string[];
  /** For each value of the column, its place on the axis. */
  readonly rankOf: Uint32Array;
}

function ranks(column: ParameterColumn): Ranks {
  const order = column.values
    .map((value, place) => ({ value, place, label: labelOf(value) }))
    .sort((a, b) => (typeof a.value === 'number' && typeof b.value === 'number' ? a.value - b.value : inWords.compare(a.label, b.label)));
  const rankOf = new Uint32Array(column.values.length);
  order.forEach(({ place }, rank) => {
    rankOf[place] = rank;
  });
  const labels = order.map(({ label }) => label.slice(0, 400).replaceAll(/\s+/g, ' '));
  return { labels: column.values.every((value) => typeof value === 'string') ? withoutPrefix(labels) : labels, rankOf };
}

/** Paths begin alike, and there is room for some letters: what they have in common, up to a separator, is left out. */
function withoutPrefix(labels: readonly string[]): readonly string[] {
  const [first = '', ...others] = labels;
  let same = first.length;
  for (const other of others) {
    let at = 0;
    while (at < same && other[at] === first[at]) at += 1;
    same = at;
  }
  const cut = Math.max(...['/', '\\', '_', '-', ' ', '.', '='].map((sign) => first.lastIndexOf(sign, same - 1))) + 1;
  return others.length > 0 && cut >= 6 && same > 0 ? labels.map((label) => `…${label.slice(cut)}`) : labels;
}

const inWords = new Intl.Collator('en', { numeric: true });

/** With neighbouring values together, so that there are at most so many places. */
function coarser({ labels, rankOf }: Ranks, most: number): Ranks {
  const each = Math.ceil(labels.length / most);
  if (each <= 1) return { labels, rankOf };
  const places = Math.ceil(labels.length / each);
  return {
    labels: Array.from({ length: places }, (_, place) => {
      const first = labels[place * each] ?? '';
      const last = labels[Math.min(labels.length, (place + 1) * each) - 1] ?? '';
      return first === last ? first : `${first} … ${last}`;
    }),
    rankOf: rankOf.map((rank) => Math.floor(rank / each)),
  };
}

/** Beyond this no canvas holds them. */
const most = { cells: 4_000_000, side: 8192 };

/** A sweep that took values by chance fills hardly any place of its axes: single cells far apart are not seen. */
const mostCells = (total: number): number => Math.min(most.cells, Math.max(40_000, 100 * total));

/** Where axes have so many values, or tasks are so unevenly spread over them, that the grid would be too large, neighbouring values share a place. */
export function byAxes(total: number, across: ParameterColumn | undefined, down: ParameterColumn | undefined): GridLayout {
  const x = across && ranks(across);
  const y = down && ranks(down);
  let wide = Math.min(x?.labels.length ?? 1, most.side);
  let high = Math.min(y?.labels.length ?? 1, most.side);
  for (;;) {
    const layout = wide * high > mostCells(total) ? undefined : blocks(total, across, x && coarser(x, wide), down, y && coarser(y, high));
    if (layout) return layout;
    if (wide >= high) wide = Math.ceil(wide / 2);
    else high = Math.ceil(high / 2);
    // Nothing is left to put together.
    if (wide * high === 1) return byIndex(total, 1);
  }
}

/** Three of a row leave no hole, as two and one would; so it is with five. */
const nearlySquare = (count: number): number => (count === 3 || count === 5 ? count : Math.ceil(Math.sqrt(count)));

/** Undefined where it would be too large. */
function blocks(total: number, across: ParameterColumn | undefined, x: Ranks | undefined, down: ParameterColumn | undefined, y: Ranks | undefined): GridLayout | undefined {
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
  const deepest = filled.reduce((a, b) => Math.max(a, b), 1);
  // One axis only: the blocks lie along the other direction, as far as a canvas goes.
  const spanX = x === undefined ? Math.min(deepest, most.side) : y === undefined ? Math.ceil(deepest / most.side) : nearlySquare(deepest);
  const spanY = Math.ceil(deepest / spanX);
  const columns = width * spanX;
  const rows = height * spanY;
  if (columns > most.side || rows > most.side || columns * rows > Math.max(mostCells(total), 2 * total)) return undefined;
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
