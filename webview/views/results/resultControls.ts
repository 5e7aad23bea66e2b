/** What the whole Results view goes by: the metric, its better end, what is averaged over, the filter. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Analysis, Choices } from '../../model/results/choices.ts';
import { valueText } from '../../model/results/numbers.ts';
import type { QueryProblem } from '../../model/results/query.ts';
import { dropdown } from './dropdown.ts';

export interface Controls {
  readonly metrics: readonly string[];
  readonly metric: string;
  readonly analysis: Analysis;
  readonly chosen: Choices;
  readonly choose: (some: Partial<Choices>) => void;
}

export function resultControls({ metrics, metric, analysis, chosen, choose }: Controls): TemplateResult {
  const value = (event: Event): string => (event.target as HTMLInputElement).value;
  const hasBrush = Object.keys(chosen.brushes).length > 0;
  return html`<div class="result-controls" role="group" aria-label=${l10n.t('What is shown')}>
    ${dropdown(l10n.t('Metric'), metrics.map((name) => [name, name]), metric, (name) => choose({ metric: name }))}
    ${dropdown(l10n.t('Better is'), [['lower', l10n.t('lower')], ['higher', l10n.t('higher')]], analysis.better, (better) => choose({ better: { ...chosen.better, [metric]: better === 'higher' ? 'higher' : 'lower' } }))}
    ${analysis.repetitions.map(([name, isAveraged]) => html`<vscode-checkbox class="average" ?checked=${isAveraged} .checked=${isAveraged} @change=${(event: Event) => choose({ averaged: { ...chosen.averaged, [name]: (event.target as HTMLInputElement).checked }, brushes: {} })}>${l10n.t('Average over {0}', name)}</vscode-checkbox>`)}
    <vscode-text-field class="query" placeholder=${l10n.t('Filter: {0}', exampleOf(analysis))} .value=${chosen.query} @input=${(event: Event) => choose({ query: value(event) })}><span slot="name">${l10n.t('Filter')}</span></vscode-text-field>
    <span class="quiet found-count" aria-live="polite">${analysis.inside.length === analysis.points.length ? nothing : l10n.t('{0} of {1} points', analysis.inside.length, analysis.points.length)}</span>
    ${chosen.query !== '' || hasBrush ? html`<vscode-button appearance="secondary" @click=${() => choose({ query: '', brushes: {} })}>${l10n.t('Show all')}</vscode-button>` : nothing}
    ${analysis.queryProblem ? html`<p class="problem" role="alert">${queryWords(analysis.queryProblem)}</p>` : nothing}
  </div>`;
}

/** In the words of this run. */
function exampleOf({ parameters, points }: Analysis): string {
  const terms = parameters.slice(0, 2).map((name) => {
    const values = [...new Set(points.map((point) => point.parameters[name]))];
    const middle = values[Math.floor((values.length - 1) / 2)];
    return typeof middle === 'number' ? `${name}<=${valueText(middle)}` : `${name}=${values.slice(0, 2).map(valueText).join(',')}`;
  });
  return terms.length === 0 ? 'alpha<=1 horizon=6,12' : terms.join(' ');
}

function queryWords({ kind, text, names }: QueryProblem): string {
  switch (kind) {
    case 'unknown':
      return l10n.t('There is no parameter or metric “{0}”.', text);
    case 'ambiguous':
      return l10n.t('“{0}” may be {1}.', text, names.join(', '));
    case 'incomplete':
      return l10n.t('A value is missing after {0}', text);
    case 'unreadable':
      return l10n.t('“{0}” cannot be understood. Write for example alpha<=1 or horizon=6,12.', text);
  }
}
