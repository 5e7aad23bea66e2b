/** The strokes of the map over its cells: gaps, signs, the cursor and the pin, the labels of the axes. */
import { css, type Theme } from '../theme.ts';
import type { Size, Viewport } from './viewport.ts';

export type Sign = 'cross' | 'clock' | 'play' | 'question' | 'slash';

export interface Picture {
  readonly viewport: Viewport;
  readonly theme: Theme;
  readonly cell: Size;
}

export function drawGaps(pen: CanvasRenderingContext2D, { viewport, theme, cell }: Picture): void {
  const seen = viewport.seen(devicePixelRatio);
  const { offset, layout } = viewport;
  const { width, height } = cell;
  pen.fillStyle = css(theme.background);
  const thin = width >= 8 ? 1 : 0.5;
  const { across, down } = layout;
  const lineAt = (place: number, span: number | undefined): number => (span !== undefined && span > 1 && place % span === 0 ? Math.max(width >= 8 ? 4 : 2, thin) : thin);
  // The last cells end between two pixels: what they leave of the next one goes, too.
  for (let column = seen.left; column <= seen.right; column += 1) {
    const line = lineAt(column, across?.span);
    pen.fillRect(offset.x + column * width - line, offset.y + seen.top * height, column === layout.columns ? line + 1 : line, (seen.bottom - seen.top) * height);
  }
  for (let row = seen.top; row <= seen.bottom; row += 1) {
    const line = lineAt(row, down?.span);
    pen.fillRect(offset.x + seen.left * width, offset.y + row * height - line, (seen.right - seen.left) * width, row === layout.rows ? line + 1 : line);
  }
}

export function drawSigns(pen: CanvasRenderingContext2D, { viewport, theme, cell }: Picture, signOf: (task: number) => Sign | undefined): void {
  const seen = viewport.seen(devicePixelRatio);
  const { offset, layout } = viewport;
  const { width, height } = cell;
  const { columns, taskOf } = layout;
  const size = Math.min(width, height) * 0.2;
  pen.strokeStyle = pen.fillStyle = css(theme.background);
  pen.lineWidth = Math.max(1.25, size * 0.4);
  for (let row = seen.top; row < seen.bottom; row += 1) {
    for (let column = seen.left; column < seen.right; column += 1) {
      const task = taskOf[row * columns + column] ?? -1;
      const sign = task < 0 ? undefined : signOf(task);
      if (sign === undefined) continue;
      const x = offset.x + (column + 0.5) * width - 0.5;
      const y = offset.y + (row + 0.5) * height - 0.5;
      pen.beginPath();
      if (sign === 'cross') {
        pen.moveTo(x - size, y - size);
        pen.lineTo(x + size, y + size);
        pen.moveTo(x + size, y - size);
        pen.lineTo(x - size, y + size);
        pen.stroke();
      } else if (sign === 'clock') {
        pen.arc(x, y, size * 1.15, 0, 2 * Math.PI);
        pen.moveTo(x, y - size * 0.75);
        pen.lineTo(x, y);
        pen.lineTo(x + size * 0.55, y);
        pen.stroke();
      } else if (sign === 'slash') {
        pen.moveTo(x - size, y + size);
        pen.lineTo(x + size, y - size);
        pen.stroke();
      } else if (sign === 'play') {
        pen.moveTo(x - size * 0.8, y - size);
        pen.lineTo(x + size, y);
        pen.lineTo(x - size * 0.8, y + size);
        pen.fill();
      } else {
        // not translated: a font
        pen.font = `600 ${Math.round(size * 3)}px ${theme.font.replace(/^\S+ /, '')}`;
        pen.textAlign = 'center';
        pen.textBaseline = 'middle';
        pen.fillText('?', x, y + 0.5);
      }
    }
  }
}

export function drawOutline(pen: CanvasRenderingContext2D, { viewport, theme, cell }: Picture, task: number, colour: string): void {
  const { offset, layout } = viewport;
  const { width, height } = cell;
  const place = layout.cellOf[task];
  if (place === undefined) return;
  const x = offset.x + (place % layout.columns) * width;
  const y = offset.y + Math.floor(place / layout.columns) * height;
  const grow = Math.max(1, (7 - Math.min(width, height)) / 2);
  pen.lineWidth = 4;
  pen.strokeStyle = css(theme.background);
  pen.strokeRect(x - grow, y - grow, width + 2 * grow - 1, height + 2 * grow - 1);
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.strokeRect(x - grow, y - grow, width + 2 * grow - 1, height + 2 * grow - 1);
}

export function drawLabels(pen: CanvasRenderingContext2D, { viewport, theme, cell }: Picture): void {
  const { offset, layout, room, plot } = viewport;
  const { width, height } = cell;
  const { across, down } = layout;
  pen.font = theme.font;
  pen.fillStyle = css(theme.quiet);
  const cut = (text: string, space: number): string => {
    if (pen.measureText(text).width <= space) return text;
    let short = text;
    while (short.length > 1 && pen.measureText(`${short}…`).width > space) short = short.slice(0, -1);
    return `${short}…`;
  };
  if (across) {
    const block = width * across.span;
    const widest = across.labels.reduce((a, label) => Math.max(a, Math.min(70, pen.measureText(label).width + 8)), 12);
    const every = Math.max(1, Math.ceil(widest / block));
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    const bottom = Math.min(plot.height, offset.y + layout.rows * height) + 3;
    across.labels.forEach((label, place) => {
      const x = room.left + offset.x + (place + 0.5) * block;
      if (place % every === 0 && x > room.left && x < viewport.width) pen.fillText(cut(label, block * every - 4), x, bottom);
    });
    pen.fillStyle = css(theme.foreground);
    const wide = Math.min(plot.width, layout.columns * width);
    const [right, downwards] = [`${across.name} →`, down ? `${down.name} ↓` : ''];
    pen.fillText(right, room.left + wide / 2, bottom + 14);
    if (pen.measureText(downwards).width + pen.measureText(right).width / 2 + 12 < room.left + wide / 2) {
      pen.textAlign = 'left';
      pen.fillText(downwards, 0, bottom + 14);
    }
  }
  if (down) {
    const block = height * down.span;
    const every = Math.max(1, Math.ceil(14 / block));
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.fillStyle = css(theme.quiet);
    down.labels.forEach((label, place) => {
      const y = offset.y + (place + 0.5) * block;
      if (place % every === 0 && y > 0 && y < plot.height) pen.fillText(cut(label, room.left - 10), room.left - 6, y);
    });
  }
}
