/** What of the map is seen: how large a cell is, where it lies, which one is under a point. No DOM, sizes in CSS pixels. */
import { byIndex, type GridLayout } from '../../model/gridLayout.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const largest = { byIndex: { width: 26, height: 26 }, byAxes: { width: 64, height: 34 } };
/** The side of the largest cell that zoom makes. */
const closest = 48;

export class Viewport {
  layout: GridLayout = byIndex(0, 1);
  /** Of the canvas. */
  width = 0;
  height = 0;
  /** For the labels of the axes. */
  room = { left: 0, bottom: 0 };
  /** Zoom over the size at which all fits, and where the map's corner is. */
  zoom = 1;
  offset: Point = { x: 0, y: 0 };

  setLayout(layout: GridLayout): void {
    this.layout = layout;
    this.room = { left: layout.down ? labelRoom(layout.down.labels) : 0, bottom: layout.across ? 30 : 0 };
    this.fit();
  }

  get plot(): Size {
    return { width: this.width - this.room.left, height: this.height - this.room.bottom };
  }

  /** How high the canvas would like to be at this width. */
  wishedHeight(width: number): number {
    const { columns, rows } = this.layout;
    const most = this.most();
    const cell = Math.min(most.width, (width - this.room.left) / columns);
    return Math.ceil(rows * Math.min(most.height, Math.max(cell, 3)) + this.room.bottom + 2);
  }

  fit(): void {
    this.zoom = 1;
    this.offset = { x: 0, y: 0 };
  }

  zoomBy(factor: number, centre: Point, pixelRatio: number): void {
    const before = this.cell(pixelRatio);
    const zoom = Math.max(1, Math.min(this.zoom * factor, Math.max(1, (this.zoom * closest) / before.width)));
    const at = { column: (centre.x - this.room.left - this.offset.x) / before.width, row: (centre.y - this.offset.y) / before.height };
    this.zoom = zoom;
    const after = this.cell(pixelRatio);
    this.offset = { x: centre.x - this.room.left - at.column * after.width, y: centre.y - at.row * after.height };
    this.keepInside(pixelRatio);
  }

  moveBy(dx: number, dy: number, pixelRatio: number): void {
    this.offset = { x: this.offset.x + dx, y: this.offset.y + dy };
    this.keepInside(pixelRatio);
  }

  /** Size of a cell now, in whole device pixels where that is to be had. */
  cell(pixelRatio: number): Size {
    const { columns, rows } = this.layout;
    const most = this.most();
    const square = !this.layout.across && !this.layout.down;
    let width = Math.min(most.width, Math.max(0.01, this.plot.width / columns));
    let height = Math.min(most.height, Math.max(0.01, this.plot.height / rows));
    if (square) width = height = Math.min(width, height);
    const snap = (size: number): number => {
      const scaled = size * this.zoom;
      return scaled >= 3 ? Math.floor(scaled * pixelRatio) / pixelRatio : scaled;
    };
    return { width: snap(width), height: snap(height) };
  }

  centreOf(task: number, pixelRatio: number): Point {
    const cell = this.layout.cellOf[task] ?? 0;
    const { width, height } = this.cell(pixelRatio);
    return { x: this.room.left + this.offset.x + ((cell % this.layout.columns) + 0.5) * width, y: this.offset.y + (Math.floor(cell / this.layout.columns) + 0.5) * height };
  }

  taskAt({ x, y }: Point, pixelRatio: number): number | undefined {
    const { columns, rows, taskOf } = this.layout;
    const { width, height } = this.cell(pixelRatio);
    const column = Math.floor((x - this.room.left - this.offset.x) / width);
    const row = Math.floor((y - this.offset.y) / height);
    if (x < this.room.left || column < 0 || row < 0 || column >= columns || row >= rows) return undefined;
    const task = taskOf[row * columns + column] ?? -1;
    return task < 0 ? undefined : task;
  }

  keepInside(pixelRatio: number): void {
    const { width, height } = this.cell(pixelRatio);
    const within = (value: number, size: number, room: number): number => (size <= room ? 0 : Math.min(0, Math.max(room - size, value)));
    this.offset = { x: within(this.offset.x, width * this.layout.columns, this.plot.width), y: within(this.offset.y, height * this.layout.rows, this.plot.height) };
  }

  /** Moves no further than needed to see the task with its neighbours. */
  reveal(task: number, pixelRatio: number): void {
    const { x, y } = this.centreOf(task, pixelRatio);
    const { width, height } = this.cell(pixelRatio);
    const bottom = this.height - this.room.bottom;
    const shift = (low: number, high: number, from: number, to: number): number => (low < from ? from - low : high > to ? to - high : 0);
    this.moveBy(shift(x - width, x + width, this.room.left, this.width), shift(y - height, y + height, 0, bottom), pixelRatio);
  }

  /** Columns and rows of which something is seen. */
  seen(pixelRatio: number): { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number } {
    const { width, height } = this.cell(pixelRatio);
    return {
      left: Math.max(0, Math.floor(-this.offset.x / width)),
      right: Math.min(this.layout.columns, Math.ceil((this.plot.width - this.offset.x) / width)),
      top: Math.max(0, Math.floor(-this.offset.y / height)),
      bottom: Math.min(this.layout.rows, Math.ceil((this.plot.height - this.offset.y) / height)),
    };
  }

  private most(): Size {
    return this.layout.across || this.layout.down ? largest.byAxes : largest.byIndex;
  }
}

function labelRoom(labels: readonly string[]): number {
  const longest = labels.reduce((a, b) => Math.max(a, Math.min(18, b.length)), 1);
  return Math.min(130, 14 + longest * 6.5);
}
