/** The metric over two parameters, as a table whose cells are coloured by how good they are: read by eye, by keyboard and by screen reader alike. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { goodness, type HeatCell, type HeatMap } from '../../model/results/heatMap.ts';
import { numberText } from '../../model/results/numbers.ts';
import type { Better } from '../../model/results/bestPoints.ts';

export interface HeatMapLook {
  readonly metric: string;
  readonly better: Better;
  readonly cell: 'mean' | 'best';
  readonly selected: string | undefined;
  readonly choose: (pointIds: readonly string[]) => void;
}

export function heatMapChart(map: HeatMap, look: HeatMapLook): TemplateResult {
  const cells = new Map(map.cells.map((cell) => [`${cell.column},${cell.row}`, cell]));
  const best = map.cells.reduce<HeatCell | undefined>((found, cell) => (!found || goodness(cell.value, map.low, map.high, look.better) > goodness(found.value, map.low, map.high, look.better) ? cell : found), undefined);
  const rows = map.rows.map((level, row) => ({ level, row })).toReversed();
  // Numbers only where they have room.
  const dense = map.columns.length > 9;
  return html`<table class=${dense ? 'heat dense' : 'heat'} data-chart="heat-map" @keydown=${moveFocus}>
    <caption class="unseen">${l10n.t('{0} by {1} (columns) and {2} (rows)', look.metric, map.x, map.y)}</caption>
    <tbody>
      ${rows.map(({ level, row }) => html`<tr>
          <th scope="row">${level.label}</th>
          ${map.columns.map((_, column) => {
            const cell = cells.get(`${column},${row}`);
            return cell ? html`<td>${button(cell, cell === best, map, look, dense)}</td>` : html`<td class="empty"><span class="unseen">${l10n.t('no result')}</span></td>`;
          })}
        </tr>`)}
      <tr>
        <th scope="row" class="corner"><span>${map.y} ↑</span></th>
        ${map.columns.map((level) => html`<th scope="col">${level.label}</th>`)}
      </tr>
    </tbody>
    <tfoot><tr><td></td><td class="axis-name" colspan=${map.columns.length}>${map.x} →</td></tr></tfoot>
  </table>`;
}

function button(cell: HeatCell, isBest: boolean, map: HeatMap, look: HeatMapLook, dense: boolean): TemplateResult {
  const good = goodness(cell.value, map.low, map.high, look.better);
  const value = numberText(cell.value, 3);
  const place = `${map.x} ${map.columns[cell.column]?.label ?? ''}, ${map.y} ${map.rows[cell.row]?.label ?? ''}`;
  const words = [value, place, cell.count === 1 ? '' : look.cell === 'best' ? l10n.t('best of {0} points', cell.count) : l10n.t('mean of {0} points', cell.count), cell.whole ? '' : l10n.t('partial'), isBest ? l10n.t('the best') : ''].filter((part) => part !== '').join(' · ');
  const chosen = look.selected !== undefined && cell.points.includes(look.selected);
  return html`<button class=${`good-ramp${isBest ? ' best' : ''}${cell.whole ? '' : ' partial'}`} .style=${`--good:${good.toFixed(3)}`} title=${words} aria-label=${words} aria-pressed=${chosen} tabindex=${isBest ? 0 : -1} data-cell @click=${() => look.choose(cell.points)}>${dense ? nothing : value}</button>`;
}

/** One stop of the Tab key, at the best cell; arrows go from cell to cell. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const here = (event.target as HTMLElement).closest('td');
  const row = here?.parentElement;
  if (!step || !here || !row) return;
  event.preventDefault();
  let [column, line] = [[...row.children].indexOf(here), [...(row.parentElement?.children ?? [])].indexOf(row)];
  const lines = row.parentElement?.children;
  for (;;) {
    column += step[0] ?? 0;
    line += step[1] ?? 0;
    const next = lines?.[line]?.children[column];
    if (!next) return;
    const target = next.querySelector<HTMLElement>('[data-cell]');
    if (target) return target.focus();
  }
}
