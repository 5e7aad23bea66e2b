/** The effect of each parameter on the metric, as small multiples on one vertical scale: mean, spread of repetitions, range of the rest. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Effect, EffectLevel } from '../../model/results/effects.ts';
import { numberText, percentText } from '../../model/results/numbers.ts';
import { scaleFor, type Scale } from './scale.ts';

const width = 272;
const height = 172;
const box = { left: 46, right: 14, top: 12, bottom: 24 };
const inner = { width: width - box.left - box.right, height: height - box.top - box.bottom };

export function effectsChart(effects: readonly Effect[], metric: string): TemplateResult {
  const scale = scaleFor(effects.flatMap(({ levels }) => levels.flatMap(({ min, max, mean, std }) => [min, max, mean - (std ?? 0), mean + (std ?? 0)])));
  return html`<div class="multiples">${effects.map((effect, index) => figure(effect, metric, scale, index))}</div>`;
}

/** What the picture says, in a sentence. */
export function effectSentence(effect: Effect, metric: string): string {
  const sorted = effect.levels.toSorted((a, b) => a.mean - b.mean);
  const low = sorted[0];
  const high = sorted.at(-1);
  if (!low || !high) return '';
  return l10n.t('{0} is lowest at {1} ({2}) and highest at {3} ({4}).', metric, low.label, numberText(low.mean), high.label, numberText(high.mean));
}

function figure(effect: Effect, metric: string, scale: Scale, index: number): TemplateResult {
  const title = `effect-${index}`;
  return html`<figure class="effect" data-chart=${`effect-${effect.parameter}`}>
    <figcaption id=${title}>
      <strong>${effect.parameter}</strong>
      <span class="quiet">${effect.share === null ? l10n.t('no difference') : l10n.t('explains {0}', percentText(effect.share))}${effect.balanced ? nothing : html` · <span title=${l10n.t('The values were seen unequally often, so other parameters may have a part in this.')}>${l10n.t('unequal groups')}</span>`}</span>
    </figcaption>
    ${picture(effect, scale, `${effect.parameter}: ${effectSentence(effect, metric)}`)}
    ${asTable(effect, metric)}
  </figure>`;
}

function picture(effect: Effect, scale: Scale, label: string): TemplateResult {
  const x = (at: number): number => box.left + 8 + at * (inner.width - 16);
  const y = (value: number): number => box.top + (1 - scale.at(value)) * inner.height;
  const { levels, axis } = effect;
  const joined = axis.ordered && levels.length > 1;
  const line = levels.map((level, position) => `${position === 0 ? 'M' : 'L'}${x(level.at).toFixed(1)} ${y(level.mean).toFixed(1)}`).join('');
  const band = joined ? `${levels.map((level, position) => `${position === 0 ? 'M' : 'L'}${x(level.at).toFixed(1)} ${y(level.max).toFixed(1)}`).join('')}${levels.toReversed().map((level) => `L${x(level.at).toFixed(1)} ${y(level.min).toFixed(1)}`).join('')}Z` : '';
  return html`<svg class="chart" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${label}>
    ${scale.ticks.map((tick) => {
      const at = box.top + (1 - tick.at) * inner.height;
      return svg`<line class="grid" x1=${box.left} x2=${width - box.right} y1=${at} y2=${at}></line><text x=${box.left - 6} y=${at + 4} text-anchor="end">${tick.label}</text>`;
    })}
    ${joined ? svg`<path class="band" d=${band}></path>` : levels.map((level) => (level.max > level.min ? svg`<line class="range" x1=${x(level.at)} x2=${x(level.at)} y1=${y(level.min)} y2=${y(level.max)}></line>` : nothing))}
    ${joined ? svg`<path class="mean" d=${line}></path>` : nothing}
    ${levels.map((level) => svg`${whisker(level, x, y)}<circle class=${level.whole ? 'dot' : 'dot open'} cx=${x(level.at)} cy=${y(level.mean)} r="4"><title>${levelSentence(level)}</title></circle>`)}
    ${shownTicks(effect).map(({ at, label: text }) => svg`<text x=${x(at)} y=${height - 6} text-anchor="middle">${text}</text>`)}
  </svg>`;
}

function whisker(level: EffectLevel, x: (at: number) => number, y: (value: number) => number): TemplateResult | typeof nothing {
  if (level.std === null) return nothing;
  const [low, high] = [y(level.mean - level.std), y(level.mean + level.std)];
  const at = x(level.at);
  return svg`<path class="whisker" d="M${at} ${low}V${high}M${at - 4} ${low}h8M${at - 4} ${high}h8" fill="none"></path>`;
}

export function levelSentence(level: EffectLevel): string {
  const mean = `${level.label}: ${numberText(level.mean)}`;
  const spread = level.std === null ? '' : ` ± ${numberText(level.std, 2)}`;
  return `${mean}${spread} · ${level.count === 1 ? l10n.t('1 point') : l10n.t('{0} points', level.count)} · ${numberText(level.min)}–${numberText(level.max)}${level.whole ? '' : ` · ${l10n.t('partial')}`}`;
}

/** Labels that do not overlap: of many, the ends and some between. */
function shownTicks(effect: Effect): readonly { readonly at: number; readonly label: string }[] {
  const all = effect.binned ? effect.axis.ticks : effect.levels.map(({ at, label }) => ({ at, label }));
  const short = all.map(({ at, label }) => ({ at, label: label.length > 12 ? `${label.slice(0, 11)}…` : label }));
  const shown: { at: number; label: string; from: number; to: number }[] = [];
  // The ends first: they say how far the axis goes.
  for (const tick of [short[0], short.at(-1), ...short.slice(1, -1)]) {
    if (!tick) continue;
    const middle = tick.at * (inner.width - 16);
    const half = tick.label.length * 3.2 + 4;
    if (shown.some(({ from, to }) => middle - half < to && middle + half > from)) continue;
    shown.push({ ...tick, from: middle - half, to: middle + half });
  }
  return shown;
}

function asTable(effect: Effect, metric: string): TemplateResult {
  return html`<table class="unseen">
    <caption>${l10n.t('{0} by {1}', metric, effect.parameter)}</caption>
    <thead><tr><th scope="col">${effect.parameter}</th><th scope="col">${l10n.t('mean')}</th><th scope="col">${l10n.t('spread')}</th><th scope="col">${l10n.t('lowest')}</th><th scope="col">${l10n.t('highest')}</th><th scope="col">${l10n.t('points')}</th></tr></thead>
    <tbody>${effect.levels.map((level) => html`<tr><th scope="row">${level.label}</th><td>${numberText(level.mean)}</td><td>${level.std === null ? '–' : numberText(level.std)}</td><td>${numberText(level.min)}</td><td>${numberText(level.max)}</td><td>${level.count}</td></tr>`)}</tbody>
  </table>`;
}
