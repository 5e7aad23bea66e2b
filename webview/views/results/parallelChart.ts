/**
 * Parallel coordinates. An axis is brushed by dragging along it, or by its two handles with the arrow keys; a click on an axis takes its brush away.
 *
 * Rule: lines are drawn as a few paths, one for each step of the colour, so that thousands of points cost as little as ten.
 */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Better } from '../../model/results/bestPoints.ts';
import { goodness } from '../../model/results/heatMap.ts';
import { valueText } from '../../model/results/numbers.ts';
import { brushAt, movedBrush, placesOf, type Brush, type Brushes, type Coordinate } from '../../model/results/parallel.ts';
import type { Point } from '../../model/results/points.ts';

export interface ParallelLook {
  readonly coordinates: readonly Coordinate[];
  /** All points, and those inside every brush. */
  readonly points: readonly Point[];
  readonly inside: ReadonlySet<string>;
  readonly metric: string;
  readonly better: Better;
  readonly brushes: Brushes;
  readonly selected: Point | undefined;
  readonly width: number;
  readonly brush: (key: string, brush: Brush | undefined) => void;
}

const height = 260;
const box = { left: 40, right: 64, top: 34, bottom: 14 };
const steps = 6;
/** More lines than this only make the picture black: every n-th is drawn. */
const mostLines = 4000;

export function parallelChart(look: ParallelLook): TemplateResult {
  const { coordinates, width } = look;
  const inner = height - box.top - box.bottom;
  const x = (index: number): number => box.left + (coordinates.length < 2 ? 0 : (index * (width - box.left - box.right)) / (coordinates.length - 1));
  const y = (at: number): number => box.top + (1 - at) * inner;
  const line = (point: Point): string => {
    let path = '';
    coordinates.forEach((coordinate, index) => {
      const at = coordinate.of(point);
      if (at !== undefined) path += `${path === '' ? 'M' : 'L'}${x(index).toFixed(1)} ${y(at).toFixed(1)}`;
    });
    return path;
  };
  const { faint, buckets } = paths(look, line);
  const spoken = l10n.t('{0} of {1} points are inside the brushes.', look.inside.size, look.points.length);
  return html`<svg class="chart parallel" data-chart="parallel" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="group" aria-label=${`${l10n.t('Parallel coordinates')}. ${spoken}`}>
    <g aria-hidden="true">
      ${faint === '' ? nothing : svg`<path class="trace outside" d=${faint}></path>`}
      ${buckets.map((path, step) => (path === '' ? nothing : svg`<path class="trace" d=${path} .style=${`--good:${((step + 0.5) / steps).toFixed(3)}`}></path>`))}
      ${look.selected ? svg`<path class="trace selected" d=${line(look.selected)}></path>` : nothing}
    </g>
    ${coordinates.map((coordinate, index) => axis(coordinate, x(index), y, look, index))}
  </svg>`;
}

function paths(look: ParallelLook, line: (point: Point) => string): { readonly faint: string; readonly buckets: readonly string[] } {
  const every = Math.max(1, Math.ceil(look.points.length / mostLines));
  const values = look.points.flatMap((point) => point.metrics[look.metric] ?? []);
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const faint: string[] = [];
  const buckets = Array.from({ length: steps }, (): string[] => []);
  look.points.forEach((point, index) => {
    if (index % every !== 0 && point !== look.selected) return;
    const value = point.metrics[look.metric];
    if (!look.inside.has(point.id)) faint.push(line(point));
    else if (value !== null && value !== undefined) buckets[Math.min(steps - 1, Math.floor(goodness(value, low, high, look.better) * steps))]?.push(line(point));
    else faint.push(line(point));
  });
  return { faint: faint.join(''), buckets: buckets.map((parts) => parts.join('')) };
}

function axis(coordinate: Coordinate, x: number, y: (at: number) => number, look: ParallelLook, index: number): TemplateResult {
  const { key, axis: scale, isMetric } = coordinate;
  const brush = look.brushes[key];
  const places = placesOf(brush, scale);
  const [low, high] = places ?? [0, 1];
  const last = index === look.coordinates.length - 1;
  const title = scale.name.length > 18 ? `${scale.name.slice(0, 17)}…` : scale.name;
  const ticks = scale.ticks.length <= 12 ? scale.ticks : scale.ticks.filter((_, position) => position % Math.ceil(scale.ticks.length / 12) === 0);
  const handle = (end: 'low' | 'high', at: number): TemplateResult => {
    const value = scale.valueAt(at);
    const words = end === 'low' ? l10n.t('{0}, from', scale.name) : l10n.t('{0}, to', scale.name);
    return svg`<path class="handle" tabindex="0" role="slider" aria-orientation="vertical" aria-label=${words} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(at * 100)} aria-valuetext=${valueText(value)}
      d=${end === 'low' ? `M${x - 6} ${y(at) + 1}h12l-6 7z` : `M${x - 6} ${y(at) - 1}h12l-6 -7z`}
      @keydown=${(event: KeyboardEvent) => {
        const moves: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5, Home: -1000, End: 1000 };
        const move = moves[event.key];
        if (event.key === 'Escape' || event.key === 'Delete') look.brush(key, undefined);
        else if (move !== undefined) look.brush(key, movedBrush(brush, scale, end, move));
        else return;
        event.preventDefault();
      }}></path>`;
  };
  return svg`<g class="coordinate">
    <text class="strong" x=${x} y="14" text-anchor=${index === 0 ? 'start' : last ? 'end' : 'middle'} dx=${index === 0 ? -box.left + 4 : last ? box.right - 4 : 0} font-weight=${isMetric ? 600 : 400}>${title}<title>${scale.name}</title></text>
    <line class="axis-line" x1=${x} x2=${x} y1=${y(0)} y2=${y(1)}></line>
    ${ticks.map((tick) => svg`<text class="tick" x=${last ? x + 10 : x - 8} y=${y(tick.at) + 4} text-anchor=${last ? 'start' : 'end'}>${tick.label.length > 10 ? `${tick.label.slice(0, 9)}…` : tick.label}</text>`)}
    ${places ? svg`<rect class="brush" x=${x - 7} width="14" y=${y(high) - 2} height=${Math.max(4, y(low) - y(high) + 4)} rx="2"></rect>` : nothing}
    <rect class="grip" x=${x - 14} width="28" y=${y(1) - 6} height=${y(0) - y(1) + 12} @pointerdown=${(event: PointerEvent) => drag(event, y, coordinate, look)}><title>${l10n.t('Drag to choose, click to clear')}</title></rect>
    ${handle('low', low)} ${handle('high', high)}
  </g>`;
}

function drag(event: PointerEvent, y: (at: number) => number, { key, axis: scale }: Coordinate, look: ParallelLook): void {
  const grip = event.currentTarget as SVGRectElement;
  const top = grip.ownerSVGElement?.getBoundingClientRect().top ?? 0;
  const place = (clientY: number): number => Math.min(1, Math.max(0, (y(0) - (clientY - top)) / (y(0) - y(1))));
  const start = place(event.clientY);
  let moved = false;
  grip.setPointerCapture(event.pointerId);
  const move = (now: PointerEvent): void => {
    moved ||= Math.abs(now.clientY - event.clientY) > 3;
    if (moved) look.brush(key, brushAt([start, place(now.clientY)], scale));
  };
  const end = (): void => {
    grip.removeEventListener('pointermove', move);
    if (!moved) look.brush(key, undefined);
  };
  grip.addEventListener('pointermove', move);
  grip.addEventListener('pointerup', end, { once: true });
  grip.addEventListener('pointercancel', end, { once: true });
}
