/**
 * All points as a table. Only the rows in sight are in the page, the scroll bar is that of all.
 *
 * Rule: the table stays a table for a screen reader: heads with their order, the number of all rows, the index of each; one stop of the Tab key
 * for the rows, arrows within.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { numberText, rangesText, valueText } from '../../model/results/numbers.ts';
import { nextOrder, type Order } from '../../model/results/order.ts';
import type { Point } from '../../model/results/points.ts';
import { rowWindow, scrollFor } from '../../model/results/rowWindow.ts';
import { guessBetter } from '../../model/results/bestPoints.ts';

export interface TableLook {
  readonly points: readonly Point[];
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  readonly metric: string;
  readonly order: Order | undefined;
  readonly selected: string | undefined;
  readonly sort: (order: Order | undefined) => void;
  readonly choose: (id: string) => void;
  readonly open: (id: string) => void;
}

const rowHeight = 24;

export class PointsTable {
  private readonly redraw: () => void;
  private scrollTop = 0;
  private viewHeight = 360;
  /** The row that the Tab key comes to. */
  private current = 0;
  private onTheWay: number | undefined;

  constructor(redraw: () => void) {
    this.redraw = redraw;
  }

  draw(look: TableLook): TemplateResult {
    const { points } = look;
    const shown = rowWindow(points.length, rowHeight, this.scrollTop, this.viewHeight);
    const selected = points.findIndex(({ id }) => id === look.selected);
    this.current = Math.min(Math.max(0, selected >= 0 ? selected : this.current), Math.max(0, points.length - 1));
    const columns = look.parameters.length + look.metrics.length + 1;
    const numeric = new Set(look.parameters.filter((name) => points.every((point) => typeof (point.parameters[name] ?? 0) === 'number')));
    const head = (kind: Order['kind'], name: string, label: string, isNumber: boolean): TemplateResult => {
      const sorted = look.order?.kind === kind && look.order.name === name ? look.order : undefined;
      const firstDescending = kind === 'metric' && guessBetter(name) === 'higher';
      return html`<th scope="col" class=${isNumber ? 'number' : ''} aria-sort=${sorted ? (sorted.descending ? 'descending' : 'ascending') : 'none'}>
        <button class="sort" @click=${() => look.sort(nextOrder(look.order, { kind, name }, firstDescending))}>${label}<span aria-hidden="true">${sorted ? (sorted.descending ? ' ↓' : ' ↑') : ''}</span></button>
      </th>`;
    };
    return html`<div class="scroller" @scroll=${(event: Event) => this.scrolled(event.currentTarget as HTMLElement)} @keydown=${(event: KeyboardEvent) => this.key(event, look)}>
      <table class="points" aria-rowcount=${points.length + 1} aria-label=${l10n.t('Grid points')}>
        <thead>
          <tr aria-rowindex="1">
            ${look.parameters.map((name) => head('parameter', name, name, numeric.has(name)))} ${look.metrics.map((name) => head('metric', name, name, true))} ${head('tasks', 'tasks', l10n.t('tasks'), false)}
          </tr>
        </thead>
        <tbody>
          ${spacer(shown.before, columns)}
          ${points.slice(shown.first, shown.end).map((point, offset) => this.row(point, shown.first + offset, look, numeric))}
          ${spacer(shown.after, columns)}
        </tbody>
      </table>
    </div>`;
  }

  /** The height is known only in the page. */
  drawn(root: HTMLElement): void {
    const scroller = root.querySelector<HTMLElement>('.scroller');
    if (!scroller || scroller.clientHeight === this.viewHeight || scroller.clientHeight === 0) return;
    this.viewHeight = scroller.clientHeight;
    this.redraw();
  }

  private row(point: Point, index: number, look: TableLook, numeric: ReadonlySet<string>): TemplateResult {
    const isSelected = point.id === look.selected;
    const words = point.whole ? '' : point.missing.length > 0 ? l10n.t('partial: tasks {0} are missing', rangesText(point.missing)) : l10n.t('partial');
    return html`<tr class=${`${isSelected ? 'selected' : ''}${point.whole ? '' : ' partial'}`} aria-rowindex=${index + 2} aria-selected=${isSelected ? 'true' : nothing} tabindex=${index === this.current ? 0 : -1} data-row=${index} @click=${() => this.choose(index, look)} @dblclick=${() => look.open(point.id)}>
      ${look.parameters.map((name) => html`<td class=${numeric.has(name) ? 'number' : ''}>${valueText(point.parameters[name])}</td>`)}
      ${look.metrics.map((name) => {
        const spread = point.spread[name];
        const repeated = spread !== undefined && spread.count > 1;
        return html`<td class=${name === look.metric ? 'number chosen' : 'number'} title=${repeated ? l10n.t('over {0}: from {1} to {2}', spread.count, numberText(spread.min), numberText(spread.max)) : nothing}>${numberText(point.metrics[name])}${repeated && spread.std > 0 ? html`<span class="quiet"> ± ${numberText(spread.std, 2)}</span>` : nothing}</td>`;
      })}
      <td class="tasks">${rangesText(point.tasks)}${point.whole ? nothing : html` <span class="badge" title=${words}>${l10n.t('partial')}</span>`}</td>
    </tr>`;
  }

  private choose(index: number, look: TableLook): void {
    this.current = index;
    const point = look.points[index];
    if (point) look.choose(point.id);
  }

  private scrolled(scroller: HTMLElement): void {
    this.scrollTop = scroller.scrollTop;
    this.redraw();
  }

  private key(event: KeyboardEvent, look: TableLook): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>('tr[data-row]');
    const scroller = event.currentTarget as HTMLElement;
    if (!row || event.target !== row) return;
    const page = Math.max(1, Math.floor(this.viewHeight / rowHeight) - 2);
    const last = look.points.length - 1;
    // The keyboard may be faster than the drawing: the next step goes from where the last one leads.
    const at = this.onTheWay ?? Number(row.dataset.row);
    const to: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last };
    const next = to[event.key];
    if (event.key === 'Enter') {
      const point = look.points[at];
      if (point) look.open(point.id);
    } else if (event.key === ' ') this.choose(at, look);
    else if (next !== undefined) {
      const index = Math.min(last, Math.max(0, next));
      this.choose(index, look);
      const scroll = scrollFor(index, rowHeight, scroller.scrollTop, scroller.clientHeight - rowHeight);
      if (scroll !== undefined) scroller.scrollTop = scroll;
      this.onTheWay = index;
      // The row may not be there before the next drawing.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          if (this.onTheWay !== index) return;
          this.onTheWay = undefined;
          scroller.querySelector<HTMLElement>(`tr[data-row="${index}"]`)?.focus({ preventScroll: true });
        }),
      );
    } else return;
    event.preventDefault();
  }
}

function spacer(height: number, columns: number): TemplateResult | typeof nothing {
  return height === 0 ? nothing : html`<tr aria-hidden="true"><td class="spacer" colspan=${columns} .style=${`height:${height}px`}></td></tr>`;
}
