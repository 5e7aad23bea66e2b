/**
 * A canvas on which every task is a cell. It knows places and colours, nothing of what they mean.
 *
 * Rules: one pixel a task in a picture that is changed in place, and one scaled copy of it a frame: the cost of a frame does not grow with
 * the number of changes. What cells say by colour alone they also say by a sign as soon as they are large enough, and in the tooltip.
 */
import type { GridLayout } from '../model/gridLayout.ts';
import { taskAfterKey } from './heatMap/keys.ts';
import { drawGaps, drawLabels, drawOutline, drawSigns, type Sign } from './heatMap/strokes.ts';
import { Viewport, type Point } from './heatMap/viewport.ts';
import { css, type Theme } from './theme.ts';

export interface HeatMapHost {
  /** The packed colour of a task. */
  colour(task: number): number;
  /** A sign for a cell that is large enough. */
  sign(task: number): Sign | undefined;
  /** The cursor was moved by a key or the pointer is over a cell; undefined: over none. */
  pointed(task: number | undefined, by: 'key' | 'pointer', at: Point): void;
  pinned(task: number): void;
  /** Next or previous task that needs a look. */
  next(task: number, step: 1 | -1): number | undefined;
}

const signFrom = 12;
const gapFrom = 4;

export class HeatMap {
  readonly canvas = document.createElement('canvas');
  private readonly picture = document.createElement('canvas');
  private readonly host: HeatMapHost;
  private readonly viewport = new Viewport();
  private theme: Theme;
  private pixels: Uint32Array = new Uint32Array(0);
  private data: ImageData | undefined;
  private frame = 0;
  private stale = false;
  private drag: { x: number; y: number; moved: boolean } | undefined;
  cursor: number | undefined;
  pin: number | undefined;

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
      const task = this.taskAt(event);
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
    this.viewport.setLayout(layout);
    this.picture.width = layout.columns;
    this.picture.height = layout.rows;
    this.data = new ImageData(layout.columns, layout.rows);
    this.pixels = new Uint32Array(this.data.data.buffer);
    this.repaint();
  }

  wishedHeight(width: number): number {
    return this.viewport.wishedHeight(width);
  }

  /** Colours all cells anew, or only these. */
  repaint(changed: 'all' | readonly Uint32Array[] = 'all'): void {
    const { cellOf } = this.viewport.layout;
    if (changed === 'all') {
      for (let task = 0; task < cellOf.length; task += 1) this.pixels[cellOf[task] ?? 0] = this.host.colour(task);
    } else {
      for (const tasks of changed) for (const task of tasks) if (task < cellOf.length) this.pixels[cellOf[task] ?? 0] = this.host.colour(task);
    }
    this.stale = true;
    this.dirty();
  }

  fit(): void {
    this.viewport.fit();
    this.dirty();
  }

  zoomBy(factor: number, around?: Point): void {
    const { viewport } = this;
    viewport.zoomBy(factor, around ?? (this.cursor === undefined ? { x: viewport.width / 2, y: viewport.height / 2 } : viewport.centreOf(this.cursor, devicePixelRatio)), devicePixelRatio);
    this.dirty();
  }

  setCursor(task: number | undefined): void {
    this.cursor = task;
    if (task !== undefined) this.viewport.reveal(task, devicePixelRatio);
    this.dirty();
  }

  private choose(task: number): void {
    this.cursor = task;
    this.pin = task;
    this.host.pinned(task);
    this.dirty();
  }

  private taskAt({ offsetX, offsetY }: PointerEvent): number | undefined {
    return this.viewport.taskAt({ x: offsetX, y: offsetY }, devicePixelRatio);
  }

  private moveBy(dx: number, dy: number): void {
    this.viewport.moveBy(dx, dy, devicePixelRatio);
    this.dirty();
  }

  private moved(event: PointerEvent): void {
    const { drag } = this;
    if (drag && event.buttons !== 0) {
      const dx = event.offsetX - drag.x;
      const dy = event.offsetY - drag.y;
      if (drag.moved || Math.hypot(dx, dy) > 4) {
        this.drag = { x: event.offsetX, y: event.offsetY, moved: true };
        return this.moveBy(dx, dy);
      }
    }
    this.host.pointed(this.taskAt(event), 'pointer', { x: event.offsetX, y: event.offsetY });
  }

  /** With Ctrl (or a pinch) it zooms; a map that is zoomed in is moved; else the page scrolls as everywhere. */
  private wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) this.zoomBy(Math.exp(-event.deltaY / 300), { x: event.offsetX, y: event.offsetY });
    else if (this.viewport.zoom > 1) this.moveBy(-event.deltaX, -event.deltaY);
    else return;
    event.preventDefault();
  }

  private key(event: KeyboardEvent): void {
    const { layout } = this.viewport;
    if (layout.cellOf.length === 0) return;
    if (event.key === 'Enter' || event.key === ' ') {
      if (this.cursor !== undefined) this.choose(this.cursor);
    } else if (event.key === '+' || event.key === '=') this.zoomBy(1.5);
    else if (event.key === '-') this.zoomBy(1 / 1.5);
    else if (event.key === '0') this.fit();
    else {
      const task = taskAfterKey(event, this.cursor, layout, (from, step) => this.host.next(from, step));
      if (task === null) return;
      if (task !== undefined) {
        this.setCursor(task);
        this.host.pointed(task, 'key', this.viewport.centreOf(task, devicePixelRatio));
      }
    }
    event.preventDefault();
  }

  private resized(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.viewport.width = clientWidth;
    this.viewport.height = clientHeight;
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.viewport.keepInside(devicePixelRatio);
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
    const { viewport, theme } = this;
    const pen = this.canvas.getContext('2d');
    if (!pen || viewport.width === 0) return;
    if (this.stale && this.data) {
      this.picture.getContext('2d')?.putImageData(this.data, 0, 0);
      this.stale = false;
    }
    const { layout, offset, plot } = viewport;
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, viewport.width, viewport.height);
    if (layout.cellOf.length === 0) return;
    const cell = viewport.cell(devicePixelRatio);
    const picture = { viewport, theme, cell };
    const smallest = Math.min(cell.width, cell.height);
    pen.save();
    pen.beginPath();
    // With the outline of a cell at the edge.
    pen.rect(viewport.room.left - 2, 0, plot.width + 2, plot.height);
    pen.clip();
    pen.translate(viewport.room.left, 0);
    pen.imageSmoothingEnabled = cell.width < 1;
    pen.drawImage(this.picture, offset.x, offset.y, layout.columns * cell.width, layout.rows * cell.height);
    if (smallest >= gapFrom) drawGaps(pen, picture);
    if (smallest >= signFrom) drawSigns(pen, picture, (task) => this.host.sign(task));
    if (this.pin !== undefined) drawOutline(pen, picture, this.pin, css(theme.foreground));
    if (this.cursor !== undefined && document.activeElement === this.canvas) drawOutline(pen, picture, this.cursor, css(theme.focus));
    pen.restore();
    drawLabels(pen, picture);
  }
}
