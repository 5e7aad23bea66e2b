/** The best points as a table, and below it the one that was chosen. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Analysis } from '../../model/results/choices.ts';
import { numberText, rangesText, valueText } from '../../model/results/numbers.ts';

export function bestSection(metric: string, analysis: Analysis, select: (id: string) => void, detail: TemplateResult | typeof nothing): TemplateResult {
  return html`<section class="best" data-part="best" aria-labelledby="best-title">
    <div class="section-head"><h2 id="best-title">${analysis.best.length === 1 ? l10n.t('The best point') : l10n.t('The best {0} points', analysis.best.length)}</h2></div>
    ${analysis.best.length === 0
      ? html`<p class="quiet">${l10n.t('No point has a value of {0}.', metric)}</p>`
      : html`<table class="plain">
          <thead><tr><th scope="col" class="number rank"><span class="unseen">${l10n.t('rank')}</span></th><th scope="col" class="number">${metric}</th>${analysis.parameters.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">${l10n.t('tasks')}</th></tr></thead>
          <tbody>${analysis.best.map((point, index) => {
            const spread = point.spread[metric];
            return html`<tr class=${point.id === analysis.selected?.id ? 'selected' : ''}>
              <td class="number rank"><button class="rank" aria-label=${l10n.t('Choose point {0}', index + 1)} aria-pressed=${point.id === analysis.selected?.id} @click=${() => select(point.id)}>${index + 1}</button></td>
              <td class="number strong">${numberText(point.metrics[metric])}${spread && spread.std > 0 ? html`<span class="quiet"> ± ${numberText(spread.std, 2)}</span>` : nothing}</td>
              ${analysis.parameters.map((name) => html`<td>${valueText(point.parameters[name])}</td>`)}
              <td class="quiet">${rangesText(point.tasks, 3)}${point.whole ? nothing : html` <span class="badge">${l10n.t('partial')}</span>`}</td>
            </tr>`;
          })}</tbody>
        </table>`}
    ${analysis.selected ? detail : html`<p class="quiet hint">${l10n.t('Choose a point here, in a chart or in the table to see its tasks, logs and files.')}</p>`}
  </section>`;
}
