/** This run against an earlier one: a sentence, a picture of all points (above or below the line of no change), and where they differ most. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Comparison, Pair } from '../../model/results/compare.ts';
import { numberText, percentText, valueText } from '../../model/results/numbers.ts';
import { varying } from '../../model/results/wireResults.ts';
import { scaleFor } from './scale.ts';

export interface CompareLook {
  readonly comparison: Comparison;
  readonly metric: string;
  readonly now: string;
  readonly before: string;
  readonly choose: (id: string) => void;
  readonly selected: string | undefined;
}

const size = 260;
const box = { left: 48, right: 12, top: 10, bottom: 36 };
const mostRows = 10;

export function comparePanel(look: CompareLook): TemplateResult {
  const { comparison, metric } = look;
  if (comparison.pairs.length === 0) return html`<p class="note">${l10n.t('The two runs have no point in common that has a value of {0}.', metric)}</p>`;
  const { names } = varying(comparison.pairs, comparison.parameters);
  return html`<p>${summary(look)}</p>
    <div class="compare">
      ${picture(look)}
      <div class="grow">
        <table class="plain">
          <caption>${l10n.t('Where they differ most')}</caption>
          <thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col" class="number">${l10n.t('before')}</th><th scope="col" class="number">${l10n.t('now')}</th><th scope="col" class="number">${l10n.t('change')}</th><th scope="col">${l10n.t('verdict')}</th></tr></thead>
          <tbody>${comparison.pairs.slice(0, mostRows).map((pair) => html`<tr>
              ${names.map((name) => html`<td>${valueText(pair.parameters[name])}</td>`)}
              <td class="number">${numberText(pair.before)}</td>
              <td class="number">${numberText(pair.now)}</td>
              <td class="number">${pair.relative === null ? numberText(pair.delta) : `${pair.delta > 0 ? '+' : ''}${percentText(pair.relative)}`}</td>
              <td>${verdict(pair)}</td>
            </tr>`)}</tbody>
        </table>
      </div>
    </div>`;
}

function summary({ comparison, now, before }: CompareLook): string {
  const { counts, medianRelative, onlyNow, onlyBefore } = comparison;
  const total = comparison.pairs.length;
  return [
    l10n.t('Of {0} points in both, {1} are better than in {2}, {3} worse, {4} the same.', total, counts.better, before, counts.worse, counts.same),
    ...(medianRelative === null ? [] : [l10n.t('Half of them changed by less than {0}.', percentText(medianOf(comparison)))]),
    ...(onlyNow > 0 ? [l10n.t('{0} are only in {1}.', onlyNow, now)] : []),
    ...(onlyBefore > 0 ? [l10n.t('{0} are only in {1}.', onlyBefore, before)] : []),
  ].join(' ');
}

function medianOf({ pairs }: Comparison): number {
  const sizes = pairs.flatMap(({ relative }) => (relative === null ? [] : [Math.abs(relative)])).sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length / 2)] ?? 0;
}

function verdict(pair: Pair): TemplateResult {
  const word = pair.verdict === 'better' ? l10n.t('better') : pair.verdict === 'worse' ? l10n.t('worse') : l10n.t('same');
  const chance = pair.verdict !== 'same' && pair.clear === false;
  return html`<span class=${`verdict ${chance ? 'open' : pair.verdict}`}>${word}</span>${chance ? html` <span class="quiet">${l10n.t('within the spread')}</span>` : nothing}`;
}

function picture(look: CompareLook): TemplateResult {
  const { comparison, metric } = look;
  const scale = scaleFor(comparison.pairs.flatMap(({ now, before }) => [now, before]));
  const inner = { width: size - box.left - box.right, height: size - box.top - box.bottom };
  const x = (at: number): number => box.left + at * inner.width;
  const y = (at: number): number => box.top + (1 - at) * inner.height;
  const words = l10n.t('{0} of each point before (across) and now (up). {1} better, {2} worse.', metric, comparison.counts.better, comparison.counts.worse);
  return html`<svg class="chart scatter" data-chart="comparison" width=${size} height=${size} viewBox="0 0 ${size} ${size}" role="img" aria-label=${words}>
    ${scale.ticks.map((tick) => svg`<line class="grid" x1=${x(0)} x2=${x(1)} y1=${y(tick.at)} y2=${y(tick.at)}></line><text x=${box.left - 6} y=${y(tick.at) + 4} text-anchor="end">${tick.label}</text><text x=${x(tick.at)} y=${size - box.bottom + 14} text-anchor="middle">${tick.label}</text>`)}
    <line class="axis-line" x1=${x(0)} y1=${y(0)} x2=${x(1)} y2=${y(1)}></line>
    ${comparison.pairs.map((pair) => svg`<circle class=${`pair ${pair.verdict}${pair.clear === false ? ' open' : ''}`} cx=${x(scale.at(pair.before))} cy=${y(scale.at(pair.now))} r=${pair.id === look.selected ? 6 : 4} @click=${() => look.choose(pair.id)}><title>${`${Object.entries(pair.parameters).map(([name, value]) => `${name} ${valueText(value)}`).join(', ')}: ${numberText(pair.before)} → ${numberText(pair.now)}`}</title></circle>`)}
    <text x=${x(0.5)} y=${size - 4} text-anchor="middle">${l10n.t('{0} before', metric)}</text>
    <text x="12" y=${y(0.5)} text-anchor="middle" transform=${`rotate(-90 12 ${y(0.5)})`}>${l10n.t('{0} now', metric)}</text>
  </svg>`;
}
