/** The charts of the Results view, each in its frame with what it can be saved as. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { mostCoordinates, type Analysis, type Choices } from '../../model/results/choices.ts';
import { numberText } from '../../model/results/numbers.ts';
import { dropdown } from './dropdown.ts';
import { effectsChart } from './effectsChart.ts';
import { heatMapChart } from './heatMapChart.ts';
import { parallelChart } from './parallelChart.ts';

export interface Charts {
  readonly metric: string;
  readonly analysis: Analysis;
  readonly chosen: Choices;
  /** Of the widest chart. */
  readonly width: number;
  readonly choose: (some: Partial<Choices>) => void;
  readonly select: (id: string | undefined) => void;
  readonly save: (part: string, title: string, kind: 'svg' | 'png') => void;
}

interface Frame {
  /** Its name in files and for the one who saves it. */
  readonly part: string;
  readonly of: string;
  readonly title: string;
  /** With what is chosen in it, if anything. */
  readonly content: TemplateResult;
  readonly below: TemplateResult | typeof nothing;
}

function chartSection({ part, of, title, content, below }: Frame, save: Charts['save']): TemplateResult {
  return html`<section class=${of} data-part=${part} aria-label=${title}>
    <div class="section-head">
      <h2>${title}</h2>
      <span class="save" role="group" aria-label=${l10n.t('Save {0}', title)}>
        <vscode-button appearance="secondary" aria-label=${l10n.t('Save as SVG')} @click=${() => save(part, title, 'svg')}>SVG</vscode-button>
        <vscode-button appearance="secondary" aria-label=${l10n.t('Save as PNG')} @click=${() => save(part, title, 'png')}>PNG</vscode-button>
      </span>
    </div>
    ${content} ${below}
  </section>`;
}

/** Of a sweep over dozens of parameters, those that explain most; the rest are named. */
const mostEffects = 16;

export function effectsSection({ metric, analysis, save }: Charts): TemplateResult {
  return chartSection({ part: 'effects', of: 'effects', title: l10n.t('Effect of each parameter on {0}', metric), content: html`<div class="picture">${effectsChart(analysis.effects.slice(0, mostEffects), metric)}</div>`, below: effectsLegend(analysis) }, save);
}

function effectsLegend(analysis: Analysis): TemplateResult {
  const repeated = analysis.effects.some(({ levels }) => levels.some(({ std }) => std !== null));
  const away = analysis.repetitions.flatMap(([name, isAveraged]) => (isAveraged ? [name] : []));
  return html`<p class="quiet chart-legend">
    ${l10n.t('Line: mean over everything else. Band: from the lowest to the highest point.')}
    ${repeated ? (away.length > 0 ? l10n.t('Bars: spread over {0}.', away.join(', ')) : l10n.t('Bars: spread of repetitions.')) : nothing}
    ${analysis.points.some((point) => !point.whole) ? l10n.t('Hollow: partial.') : nothing}
    ${analysis.effects.length > mostEffects ? l10n.t('Less: {0}.', analysis.effects.slice(mostEffects).map(({ parameter }) => parameter).join(', ')) : nothing}
  </p>`;
}

export function heatSection({ metric, analysis, chosen, choose, select, save }: Charts): TemplateResult {
  const { heatMap: map, better } = analysis;
  if (!map) return html``;
  const names = analysis.effects.map(({ parameter }) => parameter);
  const many = map.cells.some(({ count }) => count > 1);
  const title = l10n.t('{0} over {1} and {2}', metric, map.x, map.y);
  const others = map.others.length > 0 ? (chosen.cell === 'best' ? l10n.t('Each cell: the best over {0}.', map.others.join(', ')) : l10n.t('Each cell: the mean over {0}.', map.others.join(', '))) : '';
  const axes = html`<span class="axes">
    ${dropdown(l10n.t('Across'), names.map((name) => [name, name]), map.x, (x) => choose({ x, y: x === map.y ? map.x : map.y }))}
    ${dropdown(l10n.t('Up'), names.map((name) => [name, name]), map.y, (y) => choose({ y, x: y === map.x ? map.y : map.x }))}
    ${many ? dropdown(l10n.t('Cell'), [['mean', l10n.t('mean')], ['best', l10n.t('best')]], chosen.cell, (cell) => choose({ cell: cell === 'best' ? 'best' : 'mean' })) : nothing}
  </span>`;
  const picture = html`${axes}<div class="picture">${heatMapChart(map, { metric, better, cell: chosen.cell, selected: analysis.selected?.id, choose: ([first]) => select(first) })}</div>`;
  const legend = html`<p class="quiet chart-legend">
    <span class="ramp-legend" aria-hidden="true">${[0, 0.25, 0.5, 0.75, 1].map((good) => html`<span class="good-ramp" .style=${`--good:${good}`}></span>`)}</span>
    ${better === 'lower' ? l10n.t('from {0} to {1}, the better the bluer.', numberText(map.high), numberText(map.low)) : l10n.t('from {0} to {1}, the better the bluer.', numberText(map.low), numberText(map.high))} ${others}
  </p>`;
  return chartSection({ part: 'heat-map', of: 'heat-section', title, content: picture, below: legend }, save);
}

export function parallelSection({ metric, analysis, chosen, choose, width, save }: Charts): TemplateResult {
  const content = html`<div class="picture"><div class="parallel-frame">${parallelChart({
    coordinates: analysis.coordinates,
    points: analysis.filtered,
    inside: new Set(analysis.inside.map(({ id }) => id)),
    metric,
    better: analysis.better,
    brushes: chosen.brushes,
    selected: analysis.selected,
    width,
    brush: (key, brush) => {
      const { [key]: _before, ...rest } = chosen.brushes;
      choose({ brushes: brush ? { ...rest, [key]: brush } : rest });
    },
  })}</div></div>`;
  const below = html`<p class="quiet chart-legend">${l10n.t('Drag along an axis to choose points: the table and the best points follow. A click on an axis takes its choice back.')}${analysis.parameters.length > mostCoordinates ? html` ${l10n.t('Of {0} parameters the {1} that explain most are drawn.', analysis.parameters.length, mostCoordinates)}` : nothing}</p>`;
  return chartSection({ part: 'parallel', of: 'parallel', title: l10n.t('All points at once'), content, below }, save);
}
