/**
 * A canvas on which every task is a cell. It knows places and colours, nothing of what they mean.
 *
 * Rules: one pixel a task in a picture that is changed in place, and one scaled copy of it a frame: the cost of a frame does not grow with
 * the number of changes. What cells say by colour alone they also say by a sign as soon as they are large enough, and in the tooltip.
 */
import type { GridLayout } from '../model/gridLayout.ts';
import { byIndex } from '../model/gridLayout.ts';
import { css, type Theme } from './theme.ts';

export interface HeatMapHost {
  /** The packed colour of a task. */
  colour(task: number): number;
  /** A sign for a cell that is large enough. */
  sign(task: number): 'cross' | 'play' | 'question' | 'slash' | undefined;
  /** The cursor was moved by a key or the pointer is over a cell; undefined: over none. */
  pointed(task: number | undefined, by: 'key' | 'pointer', at: { readonly x: number; readonly y: number }): void;
  pinned(task: number): void;
  /** Next or previous task that needs a look. */
  next(task: number, step: 1 | -1): number | undefined;
}

const gutter = { left: 0, bottom: 0 };
const largest = { byIndex: { width: 26, height: 26 }, byAxes: { width: 64, height: 34 } };
const signFrom = 12;
const gapFrom = 4;

export class HeatMap {
  readonly canvas = document.createElement('canvas');
  private readonly picture = document.createElement('canvas');
  private readonly host: HeatMapHost;
  private theme: Theme;
  private layout: GridLayout = byIndex(0, 1);
  private pixels: Uint32Array = new Uint32Array(0);
  private data: ImageData | undefined;
  private frame = 0;
  private stale = false;
  private width = 0;
  private height = 0;
  private room = { ...gutter };
  /** Zoom over the size at which all fits, and where the map's corner is, in CSS pixels. */
  private zoom = 1;
  private offset = { x: 0, y: 0 };
  private drag: { x: number; y: number; moved: boolean } | undefined;
  cursor: number | undefined;
  pin: number | undefined;
  /** Frames drawn, for the benchmark. */
  frames = 0;

  constructor(host: HeatMapHost, theme: Theme, signal: AbortSignal) {
    this.host = host;
    this.theme = theme;
    const { canvas } = this;
    canvas.className = 'heat-map';
    canvas.tabIndex = 0;
    const on = <Name extends keyof HTMLElementEventMap>(name: Name, listener: (event: HTMLElementEventMap[Name]) => void, options: AddEventListenerOptions = {}): void => canvas.addEventListener(name, listener, { signal, ...options });
    on('pointerdown', (event) => {
      this.drag = { x: event.offsetX, y: event.offsetY, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    on('pointermove', (event) => this.moved(event));
    on('pointerup', (event) => {
      const { drag } = this;
      this.drag = undefined;
      const task = this.taskAt(event.offsetX, event.offsetY);
      if (drag && !drag.moved && task !== undefined) this.choose(task);
    });
    on('pointerleave', () => this.host.pointed(undefined, 'pointer', { x: 0, y: 0 }));
    on('wheel', (event) => this.wheel(event), { passive: false });
    on('keydown', (event) => this.key(event));
    on('focus', () => this.dirty());
    on('blur', () => {
      this.host.pointed(undefined, 'key', { x: 0, y: 0 });
      this.dirty();
    });
    const sizes = new ResizeObserver(() => this.resized());
    sizes.observe(canvas);
    signal.addEventListener('abort', () => {
      sizes.disconnect();
      cancelAnimationFrame(this.frame);
    });
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.repaint();
  }

  setLayout(layout: GridLayout): void {
    this.layout = layout;
    this.picture.width = layout.columns;
    this.picture.height = layout.rows;
    this.data = new ImageData(layout.columns, layout.rows);
    this.pixels = new Uint32Array(this.data.data.buffer);
    this.room = { left: layout.down ? this.labelRoom(layout.down.labels) : 0, bottom: layout.across ? 30 : 0 };
    this.fit();
    this.repaint();
  }

  /** How high the canvas would like to be at this width. */
  wishedHeight(width: number): number {
    const { columns, rows } = this.layout;
    const most = this.most();
    const cell = Math.min(most.width, (width - this.room.left) / columns);
    return Math.ceil(rows * Math.min(most.height, Math.max(cell, 3)) + this.room.bottom + 2);
  }

  /** Colours all cells anew, or only these. */
  repaint(changed: 'all' | readonly Uint32Array[] = 'all'): void {
    const { cellOf } = this.layout;
    if (changed === 'all') {
      for (let task = 0; task < cellOf.length; task += 1) this.pixels[cellOf[task] ?? 0] = this.host.colour(task);
    } else {
      for (const tasks of changed) for (const task of tasks) if (task < cellOf.length) this.pixels[cellOf[task] ?? 0] = this.host.colour(task);
    }
    this.stale = true;
    this.dirty();
  }

  fit(): void {
    this.zoom = 1;
    this.offset = { x: 0, y: 0 };
    this.dirty();
  }

  zoomBy(factor: number, around?: { readonly x: number; readonly y: number }): void {
    const before = this.cell();
    const centre = around ?? (this.cursor === undefined ? { x: this.width / 2, y: this.height / 2 } : this.centreOf(this.cursor));
    const zoom = Math.max(1, Math.min(this.zoom * factor, Math.max(1, (this.zoom * 48) / before.width)));
    const at = { column: (centre.x - this.room.left - this.offset.x) / before.width, row: (centre.y - this.offset.y) / before.height };
    this.zoom = zoom;
    const after = this.cell();
    this.offset = { x: centre.x - this.room.left - at.column * after.width, y: centre.y - at.row * after.height };
    this.keepInside();
    this.dirty();
  }

  setCursor(task: number | undefined): void {
    this.cursor = task;
    if (task !== undefined) this.reveal(task);
    this.dirty();
  }

  private choose(task: number): void {
    this.cursor = task;
    this.pin = task;
    this.host.pinned(task);
    this.dirty();
  }

  private most(): { readonly width: number; readonly height: number } {
    return this.layout.across || this.layout.down ? largest.byAxes : largest.byIndex;
  }

  private labelRoom(labels: readonly string[]): number {
    const longest = labels.reduce((a, b) => Math.max(a, Math.min(18, b.length)), 1);
    return Math.min(130, 14 + longest * 6.5);
  }

  /** Size of a cell now, in whole device pixels where that is to be had. */
  private cell(): { readonly width: number; readonly height: number } {
    const { columns, rows } = this.layout;
    const most = this.most();
    const square = !this.layout.across && !this.layout.down;
    let width = Math.min(most.width, Math.max(0.01, (this.width - this.room.left) / columns));
    let height = Math.min(most.height, Math.max(0.01, (this.height - this.room.bottom) / rows));
    if (square) width = height = Math.min(width, height);
    const snap = (size: number): number => {
      const scaled = size * this.zoom;
      return scaled >= 3 ? Math.floor(scaled * devicePixelRatio) / devicePixelRatio : scaled;
    };
    return { width: snap(width), height: snap(height) };
  }

  private centreOf(task: number): { readonly x: number; readonly y: number } {
    const cell = this.layout.cellOf[task] ?? 0;
    const { width, height } = this.cell();
    return { x: this.room.left + this.offset.x + ((cell % this.layout.columns) + 0.5) * width, y: this.offset.y + (Math.floor(cell / this.layout.columns) + 0.5) * height };
  }

  private taskAt(x: number, y: number): number | undefined {
    const { width, height } = this.cell();
    const column = Math.floor((x - this.room.left - this.offset.x) / width);
    const row = Math.floor((y - this.offset.y) / height);
    if (x < this.room.left || column < 0 || row < 0 || column >= this.layout.columns || row >= this.layout.rows) return undefined;
    const task = this.layout.taskOf[row * this.layout.columns + column] ?? -1;
    return task < 0 ? undefined : task;
  }

  private keepInside(): void {
    const { width, height } = this.cell();
    const plot = { width: this.width - this.room.left, height: this.height - this.room.bottom };
    const within = (value: number, size: number, room: number): number => (size <= room ? 0 : Math.min(0, Math.max(room - size, value)));
    this.offset = { x: within(this.offset.x, width * this.layout.columns, plot.width), y: within(this.offset.y, height * this.layout.rows, plot.height) };
  }

  private reveal(task: number): void {
    const { x, y } = this.centreOf(task);
    const { width, height } = this.cell();
    const right = this.width;
    const bottom = this.height - this.room.bottom;
    if (x - width < this.room.left) this.offset.x += this.room.left - (x - width);
    if (x + width > right) this.offset.x -= x + width - right;
    if (y - height < 0) this.offset.y -= y - height;
    if (y + height > bottom) this.offset.y -= y + height - bottom;
    this.keepInside();
  }

  private moved(event: PointerEvent): void {
    const { drag } = this;
    if (drag && event.buttons !== 0) {
      const dx = event.offsetX - drag.x;
      const dy = event.offsetY - drag.y;
      if (drag.moved || Math.hypot(dx, dy) > 4) {
        this.drag = { x: event.offsetX, y: event.offsetY, moved: true };
        this.offset = { x: this.offset.x + dx, y: this.offset.y + dy };
        this.keepInside();
        this.dirty();
        return;
      }
    }
    const task = this.taskAt(event.offsetX, event.offsetY);
    this.host.pointed(task, 'pointer', { x: event.offsetX, y: event.offsetY });
  }

  /** With Ctrl (or a pinch) it zooms; a map that is zoomed in is moved; else the page scrolls as everywhere. */
  private wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 300), { x: event.offsetX, y: event.offsetY });
    } else if (this.zoom > 1) {
      event.preventDefault();
      this.offset = { x: this.offset.x - event.deltaX, y: this.offset.y - event.deltaY };
      this.keepInside();
      this.dirty();
    }
  }

  private key(event: KeyboardEvent): void {
    const { columns, rows, taskOf, cellOf } = this.layout;
    const total = cellOf.length;
    if (total === 0) return;
    const here = cellOf[this.cursor ?? 0] ?? 0;
    const seek = (from: number, step: number): number | undefined => {
      for (let cell = from; cell >= 0 && cell < columns * rows; cell += step) if ((taskOf[cell] ?? -1) >= 0) return taskOf[cell];
      return undefined;
    };
    const move = (): number | undefined => {
      if (this.cursor === undefined && event.key.startsWith('Arrow')) return seek(0, 1);
      const row = Math.floor(here / columns);
      switch (event.key) {
        case 'ArrowRight':
          return seek(here + 1, 1);
        case 'ArrowLeft':
          return seek(here - 1, -1);
        case 'ArrowDown':
          return seek(here + columns, columns);
        case 'ArrowUp':
          return seek(here - columns, -columns);
        case 'PageDown':
          return seek(Math.min(row + 10, rows - 1) * columns + (here % columns), -columns);
        case 'PageUp':
          return seek(Math.max(row - 10, 0) * columns + (here % columns), columns);
        case 'Home':
          return event.ctrlKey ? seek(0, 1) : seek(row * columns, 1);
        case 'End':
          return event.ctrlKey ? seek(columns * rows - 1, -1) : seek((row + 1) * columns - 1, -1);
        case 'n':
          return this.host.next(this.cursor ?? -1, 1);
        case 'N':
          return this.host.next(this.cursor ?? total, -1);
        default:
          return undefined;
      }
    };
    if (event.key === 'Enter' || event.key === ' ') {
      if (this.cursor !== undefined) this.choose(this.cursor);
    } else if (event.key === '+' || event.key === '=') this.zoomBy(1.5);
    else if (event.key === '-') this.zoomBy(1 / 1.5);
    else if (event.key === '0') this.fit();
    else if (/^(Arrow|Page|Home|End)/.test(event.key) || event.key === 'n' || event.key === 'N') {
      const task = move();
      if (task !== undefined) {
        this.setCursor(task);
        this.host.pointed(task, 'key', this.centreOf(task));
      }
    } else return;
    event.preventDefault();
  }

  private resized(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.width = clientWidth;
    this.height = clientHeight;
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.keepInside();
    // At once: a canvas that was resized is empty.
    this.draw();
  }

  private dirty(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const pen = this.canvas.getContext('2d');
    if (!pen || this.width === 0) return;
    this.frames += 1;
    if (this.stale && this.data) {
      this.picture.getContext('2d')?.putImageData(this.data, 0, 0);
      this.stale = false;
    }
    const { columns, rows } = this.layout;
    const { width, height } = this.cell();
    const plot = { width: this.width - this.room.left, height: this.height - this.room.bottom };
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    if (columns * rows === 0 || this.layout.cellOf.length === 0) return;
    pen.save();
    pen.beginPath();
    pen.rect(this.room.left, 0, plot.width, plot.height);
    pen.clip();
    pen.translate(this.room.left, 0);
    pen.imageSmoothingEnabled = width < 1;
    pen.drawImage(this.picture, this.offset.x, this.offset.y, columns * width, rows * height);
    const seen = {
      left: Math.max(0, Math.floor(-this.offset.x / width)),
      right: Math.min(columns, Math.ceil((plot.width - this.offset.x) / width)),
      top: Math.max(0, Math.floor(-this.offset.y / height)),
      bottom: Math.min(rows, Math.ceil((plot.height - this.offset.y) / height)),
    };
    if (Math.min(width, height) >= gapFrom) this.drawGaps(pen, seen, width, height);
    if (Math.min(width, height) >= signFrom) this.drawSigns(pen, seen, width, height);
    if (this.pin !== undefined) this.outline(pen, this.pin, width, height, css(this.theme.foreground));
    if (this.cursor !== undefined && document.activeElement === this.canvas) this.outline(pen, this.cursor, width, height, css(this.theme.focus));
    pen.restore();
    this.drawLabels(pen, width, height, plot);
  }

  private drawGaps(pen: CanvasRenderingContext2D, seen: { left: number; right: number; top: number; bottom: number }, width: number, height: number): void {
    pen.fillStyle = css(this.theme.background);
    const thin = width >= 8 ? 1 : 0.5;
    const { across, down } = this.layout;
    const lineAt = (place: number, span: number | undefined): number => (span !== undefined && span > 1 && place % span === 0 ? Math.max(2, thin) : thin);
    for (let column = seen.left; column <= seen.right; column += 1) {
      const line = lineAt(column, across?.span);
      pen.fillRect(this.offset.x + column * width - line, this.offset.y + seen.top * height, line, (seen.bottom - seen.top) * height);
    }
    for (let row = seen.top; row <= seen.bottom; row += 1) {
      const line = lineAt(row, down?.span);
      pen.fillRect(this.offset.x + seen.left * width, this.offset.y + row * height - line, (seen.right - seen.left) * width, line);
    }
  }

  private drawSigns(pen: CanvasRenderingContext2D, seen: { left: number; right: number; top: number; bottom: number }, width: number, height: number): void {
    const { columns, taskOf } = this.layout;
    const size = Math.min(width, height) * 0.2;
    pen.strokeStyle = pen.fillStyle = css(this.theme.background);
    pen.lineWidth = Math.max(1.25, size * 0.4);
    for (let row = seen.top; row < seen.bottom; row += 1) {
      for (let column = seen.left; column < seen.right; column += 1) {
        const task = taskOf[row * columns + column] ?? -1;
        const sign = task < 0 ? undefined : this.host.sign(task);
        if (sign === undefined) continue;
        const x = this.offset.x + (column + 0.5) * width - 0.5;
        const y = this.offset.y + (row + 0.5) * height - 0.5;
        pen.beginPath();
        if (sign === 'cross') {
          pen.moveTo(x - size, y - size);
          pen.lineTo(x + size, y + size);
          pen.moveTo(x + size, y - size);
          pen.lineTo(x - size, y + size);
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
          pen.font = `600 ${Math.round(size * 3)}px ${this.theme.font.replace(/^\S+ /, '')}`;
          pen.textAlign = 'center';
          pen.textBaseline = 'middle';
          pen.fillText('?', x, y + 0.5);
        }
      }
    }
  }

  private outline(pen: CanvasRenderingContext2D, task: number, width: number, height: number, colour: string): void {
    const cell = this.layout.cellOf[task];
    if (cell === undefined) return;
    const x = this.offset.x + (cell % this.layout.columns) * width;
    const y = this.offset.y + Math.floor(cell / this.layout.columns) * height;
    const grow = Math.max(1, (7 - Math.min(width, height)) / 2);
    pen.lineWidth = 4;
    pen.strokeStyle = css(this.theme.background);
    pen.strokeRect(x - grow, y - grow, width + 2 * grow - 1, height + 2 * grow - 1);
    pen.lineWidth = 2;
    pen.strokeStyle = colour;
    pen.strokeRect(x - grow, y - grow, width + 2 * grow - 1, height + 2 * grow - 1);
  }

  private drawLabels(pen: CanvasRenderingContext2D, width: number, height: number, plot: { width: number; height: number }): void {
    const { across, down } = this.layout;
    pen.font = this.theme.font;
    pen.fillStyle = css(this.theme.quiet);
    const cut = (text: string, room: number): string => {
      if (pen.measureText(text).width <= room) return text;
      let short = text;
      while (short.length > 1 && pen.measureText(`${short}…`).width > room) short = short.slice(0, -1);
      return `${short}…`;
    };
    if (across) {
      const block = width * across.span;
      const widest = across.labels.reduce((a, label) => Math.max(a, Math.min(70, pen.measureText(label).width + 8)), 12);
      const every = Math.max(1, Math.ceil(widest / block));
      pen.textAlign = 'center';
      pen.textBaseline = 'top';
      const bottom = Math.min(plot.height, this.offset.y + this.layout.rows * height) + 3;
      across.labels.forEach((label, place) => {
        const x = this.room.left + this.offset.x + (place + 0.5) * block;
        if (place % every === 0 && x > this.room.left && x < this.width) pen.fillText(cut(label, block * every - 4), x, bottom);
      });
      pen.fillStyle = css(this.theme.foreground);
      pen.fillText(`${across.name} →`, this.room.left + Math.min(plot.width, this.layout.columns * width) / 2, bottom + 14);
    }
    if (down) {
      const block = height * down.span;
      const every = Math.max(1, Math.ceil(14 / block));
      pen.textAlign = 'right';
      pen.textBaseline = 'middle';
      pen.fillStyle = css(this.theme.quiet);
      down.labels.forEach((label, place) => {
        const y = this.offset.y + (place + 0.5) * block;
        if (place % every === 0 && y > 0 && y < plot.height) pen.fillText(cut(label, this.room.left - 10), this.room.left - 6, y);
      });
    }
  }
}
