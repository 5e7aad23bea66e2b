/** Each wave as a lane over time: how many of its tasks ran when, and where some failed. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import { clockWords, durationWords } from '../model/words.ts';
import type { WaveLane, WaveTimes } from '../model/waves.ts';
import type { RunShape } from '../protocol/run.ts';
import { icon } from './icons.ts';
import { countsInWords } from './progressBar.ts';

const most = 14;
const high = 20;

function areaOf({ running, peak }: WaveLane): string {
  const step = 1000 / running.length;
  const y = (value: number): string => (high - (peak === 0 ? 0 : (value / peak) * (high - 2))).toFixed(1);
  const parts = [`M0 ${high}`];
  running.forEach((value, bucket) => parts.push(`H${(bucket * step).toFixed(1)}V${y(value)}`));
  return `${parts.join('')}H1000V${high}Z`;
}

export interface WaveActions {
  readonly trusted: boolean;
  readonly cancel: (wave: number) => void;
}

function cancelButton(wave: number, label: string, { trusted, cancel }: WaveActions): TemplateResult {
  return html`<vscode-button appearance="icon" aria-label=${l10n.t('Cancel {0}…', label)} title=${l10n.t('Cancel {0}…', label)} ?disabled=${!trusted} @click=${() => cancel(wave)}>${icon('slash')}</vscode-button>`;
}

function lane(lane: WaveLane, wave: RunShape['waves'][number] | undefined, actions: WaveActions | undefined): TemplateResult {
  const step = 1000 / lane.running.length;
  const words = wave ? countsInWords(wave.counts).map((part) => part.words).join(', ') : '';
  const label = l10n.t('Wave {0}', lane.wave + 1);
  return html`<tr>
    <th scope="row">${label}</th>
    <td class="lane">
      <svg viewBox="0 0 1000 ${high}" preserveAspectRatio="none" role="img" aria-label=${l10n.t('at most {0} at once', Math.round(lane.peak))}>
        ${lane.started === 0 ? nothing : svg`<path class="ran" d=${areaOf(lane)}></path>`}
        ${[...lane.failed].map((count, bucket) => (count === 0 ? nothing : svg`<rect class="failed" x=${(bucket * step).toFixed(1)} y="0" width=${Math.max(3, step).toFixed(1)} height="4"></rect>`))}
      </svg>
    </td>
    <td class="words">${words} ${actions && wave && wave.counts.running + wave.counts.pending > 0 ? cancelButton(lane.wave, label, actions) : nothing}</td>
  </tr>`;
}

/** `actions`: where there are several waves; one alone is the run. */
export function waveLanes(times: WaveTimes | undefined, waves: RunShape['waves'], language: string, actions?: WaveActions): TemplateResult {
  if (!times) return html`<p class="quiet">${l10n.t('No task has started yet, as far as is known.')}</p>`;
  const now = new Date();
  const at = (seconds: number): string => clockWords(new Date(seconds * 1000), now, language);
  const shown = times.lanes.slice(0, most);
  return html`<table class="lanes">
    <tbody>${shown.map((its) => lane(its, waves.find(({ wave }) => wave === its.wave), waves.length > 1 ? actions : undefined))}</tbody>
    <tfoot aria-hidden="true"><tr><td></td><td class="axis"><span>${at(times.from)}</span><span>${durationWords(times.to - times.from)}</span><span>${at(times.to)}</span></td><td></td></tr></tfoot>
  </table>
  ${times.lanes.length > most ? html`<p class="quiet">${l10n.t('and {0} more waves', times.lanes.length - most)}</p>` : nothing}`;
}
