/** Why tasks failed, each way once: what proves it, what would help as a difference to review, and the button that does it. */
import { html, nothing, type TemplateResult } from 'lit';
import { counted } from '../app/words.ts';
import { l10n } from '../../l10n/words.ts';
import type { FailureGroup } from '../protocol/run.ts';
import { icon } from './icons.ts';

export interface FailureActions {
  readonly emphasised: string | undefined;
  readonly trusted: boolean;
  emphasise(group: FailureGroup): void;
  openLog(group: FailureGroup): void;
  resubmit(group: FailureGroup): void;
}

const certaintyWords = (certainty: FailureGroup['certainty']): string => (certainty === 'proved' ? '' : certainty === 'likely' ? l10n.t('likely') : l10n.t('a guess'));

function difference({ proposal }: FailureGroup): TemplateResult | typeof nothing {
  if (!proposal || proposal.changes.length === 0) return nothing;
  return html`<table class="difference" aria-label=${l10n.t('What changes for the next try')}>
    <tbody>${proposal.changes.map(({ name, before, after }) => html`
      <tr class="removed"><td class="mark" aria-label=${l10n.t('before')}>−</td><th scope="row">${name}</th><td>${before ?? l10n.t('the site’s default')}</td></tr>
      <tr class="added"><td class="mark" aria-label=${l10n.t('after')}>+</td><th scope="row">${name}</th><td>${after ?? l10n.t('the site’s default')}</td></tr>`)}
    </tbody>
  </table>`;
}

export function failureCard(group: FailureGroup, actions: FailureActions): TemplateResult {
  const { proposal, evidence } = group;
  const [first, ...others] = evidence;
  const guess = certaintyWords(group.certainty);
  const marked = actions.emphasised === group.id;
  return html`<article class="failure ${marked ? 'marked' : ''}">
    <h3>${icon('error', 'bad')} <span>${group.title}</span> <span class="count">${counted(group.count, 'task')}</span>${guess === '' ? nothing : html` <span class="tag">${guess}</span>`}</h3>
    <code class="message">${group.message}</code>
    ${group.culprit === null ? nothing : html`<p class="quiet place">${group.culprit}</p>`}
    ${first === undefined ? nothing : html`<details><summary>${l10n.t('Evidence: {0}', first.source)}</summary>
      ${[first, ...others].map(({ source, text, place }) => html`<p><span class="quiet">${source}${place === null ? '' : ` · ${place}`}</span><br><code>${text}</code></p>`)}
      <p class="quiet">${l10n.t('Tasks {0}', group.taskRanges.slice(0, 300))}</p></details>`}
    ${difference(group)}
    ${proposal === null ? html`<p>${group.blocked ?? group.advice}</p>` : html`<p class="quiet">${proposal.changes.length === 0 ? group.advice : l10n.t('because {0}', proposal.because)}</p>`}
    <p class="actions">
      ${proposal === null ? nothing : html`<vscode-button ?disabled=${!actions.trusted} @click=${() => actions.resubmit(group)}>${proposal.changes.length === 1 && proposal.changes[0]?.after !== null ? l10n.t('Submit {0} again with {1}', proposal.count, proposal.changes[0]?.after ?? '') : l10n.t('Submit {0} again', proposal.count)}</vscode-button>`}
      ${group.sampleTask === null ? nothing : html`<vscode-button appearance="secondary" @click=${() => actions.openLog(group)}>${l10n.t('Log of task {0}', String(group.sampleTask))}</vscode-button>`}
      <vscode-button appearance="secondary" aria-pressed=${marked ? 'true' : 'false'} @click=${() => actions.emphasise(group)}>${marked ? l10n.t('Show all') : l10n.t('Show in map')}</vscode-button>
    </p>
  </article>`;
}
