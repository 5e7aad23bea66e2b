/** How far a run is, as one bar in the colours of its states, with the same in words. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import type { Counts } from '../protocol/runHead.ts';

const order = ['complete', 'running', 'failed', 'unknown', 'cancelled'] as const;

/** `seen`: whether the cluster was asked since the submission; until then nothing is wrong with what is not known. */
export function countsInWords(counts: Counts, seen = true): readonly { readonly state: string; readonly words: string }[] {
  const words: readonly (readonly [state: keyof Counts, count: number, words: string])[] = [
    ['complete', counts.complete, l10n.t('{0} done', counts.complete)],
    ['running', counts.running, l10n.t('{0} running', counts.running)],
    ['pending', counts.pending, l10n.t('{0} waiting', counts.pending)],
    ['failed', counts.failed, l10n.t('{0} failed', counts.failed)],
    ['cancelled', counts.cancelled, l10n.t('{0} cancelled', counts.cancelled)],
    ['unknown', counts.unknown, seen ? l10n.t('{0} unknown', counts.unknown) : l10n.t('{0} submitted, not seen yet', counts.unknown)],
  ];
  return words.flatMap(([state, count, text]) => (count > 0 ? [{ state, words: text }] : []));
}

export function countWords(counts: Counts, seen = true): TemplateResult {
  return html`<span class="counts">${countsInWords(counts, seen).map(({ state, words }) => html`<span><i class="swatch ${state}"></i>${words}</span>`)}</span>`;
}

/** Only to be looked at: `countWords` stand beside it. */
export function progressBar(counts: Counts, total: number, small = false): TemplateResult {
  return html`<div class="bar ${small ? 'small' : ''}" aria-hidden="true">
    ${order.map((state) => (counts[state] === 0 ? nothing : html`<span class=${state} .style=${`width: ${(100 * counts[state]) / Math.max(1, total)}%`}></span>`))}
  </div>`;
}
