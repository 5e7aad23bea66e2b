/** Which rows of a long table are drawn. Rule: at any scroll position the drawn rows cover what is visible, and the space of the others is kept. */

export interface RowWindow {
  readonly first: number;
  /** Not included. */
  readonly end: number;
  readonly before: number;
  readonly after: number;
}

const spare = 8;

export function rowWindow(rows: number, rowHeight: number, scrollTop: number, viewHeight: number): RowWindow {
  const first = Math.max(0, Math.min(rows, Math.floor(scrollTop / rowHeight)) - spare);
  const end = Math.min(rows, Math.ceil((scrollTop + viewHeight) / rowHeight) + spare);
  return { first, end: Math.max(first, end), before: first * rowHeight, after: Math.max(0, rows - Math.max(first, end)) * rowHeight };
}

/** Where to scroll so that a row is seen; undefined: it is. */
export function scrollFor(row: number, rowHeight: number, scrollTop: number, viewHeight: number): number | undefined {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + viewHeight ? top + rowHeight - viewHeight : undefined;
}
