/** Where a key leads in the grid. Pure. */
import type { GridLayout } from '../../model/gridLayout.ts';

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
}

/** Next or previous task that needs a look. */
export type NextMatter = (from: number, step: 1 | -1) => number | undefined;

/** Null: this key does not move. Undefined: it does, but there is nothing there. */
export function taskAfterKey({ key, ctrlKey }: KeyPress, cursor: number | undefined, { columns, rows, taskOf, cellOf }: GridLayout, next: NextMatter): number | undefined | null {
  const total = cellOf.length;
  const here = cellOf[cursor ?? 0] ?? 0;
  const row = Math.floor(here / columns);
  const column = here % columns;
  /** The first cell with a task on the way. */
  const seek = (from: number, step: number): number | undefined => {
    for (let cell = from; cell >= 0 && cell < columns * rows; cell += step) if ((taskOf[cell] ?? -1) >= 0) return taskOf[cell];
    return undefined;
  };
  if (cursor === undefined && key.startsWith('Arrow')) return seek(0, 1);
  switch (key) {
    case 'ArrowRight':
      return seek(here + 1, 1);
    case 'ArrowLeft':
      return seek(here - 1, -1);
    case 'ArrowDown':
      return seek(here + columns, columns);
    case 'ArrowUp':
      return seek(here - columns, -columns);
    case 'PageDown':
      return seek(Math.min(row + 10, rows - 1) * columns + column, -columns);
    case 'PageUp':
      return seek(Math.max(row - 10, 0) * columns + column, columns);
    case 'Home':
      return ctrlKey ? seek(0, 1) : seek(row * columns, 1);
    case 'End':
      return ctrlKey ? seek(columns * rows - 1, -1) : seek((row + 1) * columns - 1, -1);
    case 'n':
      return next(cursor ?? -1, 1);
    case 'N':
      return next(cursor ?? total, -1);
    default:
      return null;
  }
}
