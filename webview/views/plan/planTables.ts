/** The figures of a plan as tables: waves, limits, the first, middle and last task. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { spanText } from '../../model/plan/duration.ts';
import type { LimitUse, Timeline } from '../../model/plan/timeline.ts';
import { numberText, valueText } from '../../model/results/numbers.ts';
import type { WirePlan } from '../../protocol/plan.ts';

const mostWaves = 12;

export function waveTable(timeline: Timeline): TemplateResult {
  const spans = timeline.scale !== 'order';
  return html`<table>
    <caption class="unseen">${l10n.t('Waves')}</caption>
    <thead><tr><th scope="col">${l10n.t('wave')}</th><th scope="col" class="number">${l10n.t('arrays')}</th><th scope="col" class="number">${l10n.t('tasks')}</th>${spans ? html`<th scope="col" class="number">${l10n.t('starts after')}</th><th scope="col" class="number">${l10n.t('ends after')}</th>` : nothing}</tr></thead>
    <tbody>${timeline.waves.slice(0, mostWaves).map((wave) => html`<tr><th scope="row">${wave.wave + 1}</th><td class="number">${wave.bars.length}</td><td class="number">${l10n.number(wave.tasks)}</td>${spans ? html`<td class="number">${spanText(wave.startS)}</td><td class="number">${spanText(wave.endS)}</td>` : nothing}</tr>`)}</tbody>
  </table>
  ${timeline.waves.length > mostWaves ? html`<p class="quiet">${l10n.t('… and {0} more', timeline.waves.length - mostWaves)}</p>` : nothing}`;
}

export function limitsTable(uses: readonly LimitUse[]): TemplateResult {
  const words: Readonly<Record<string, string>> = {
    maxElementsPerArray: l10n.t('tasks of one array'),
    maxArrayIndex: l10n.t('highest index of an array'),
    maxConcurrentArrays: l10n.t('arrays queued at once'),
    maxSubmitJobs: l10n.t('tasks queued at once'),
    maxTasks: l10n.t('tasks of a run (advice)'),
  };
  return html`<h2>${l10n.t('Limits of the cluster')}</h2>
    ${uses.length === 0
      ? html`<p class="quiet">${l10n.t('No limit is known that this plan could meet.')}</p>`
      : html`<table>
          <thead><tr><th scope="col">${l10n.t('limit')}</th><th scope="col" class="number">${l10n.t('used')}</th><th scope="col"><span class="unseen">${l10n.t('share')}</span></th></tr></thead>
          <tbody>${uses.map(({ name, used, value, origin }) => {
            const part = Math.min(1, used / Math.max(1, value));
            return html`<tr title=${origin}><th scope="row">${words[name] ?? name}${origin === '' ? nothing : html` <span class="quiet">(${origin})</span>`}</th><td class="number">${l10n.t('{0} of {1}', used, value)}</td><td><div class=${part >= 1 ? 'meter full' : 'meter'} aria-hidden="true"><div .style=${`width:${(part * 100).toFixed(1)}%`}></div></div></td></tr>`;
          })}</tbody>
        </table>`}`;
}

export function samplesTable({ sample_tasks: tasks }: WirePlan): TemplateResult {
  const names = [...new Set(tasks.flatMap(({ kwargs }) => Object.keys(kwargs)))];
  return html`<h2>${l10n.t('First, middle and last task')}</h2>
    <table>
      <thead><tr><th scope="col" class="number">${l10n.t('task')}</th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${tasks.map(({ task_id: id, kwargs }) => html`<tr><th scope="row" class="number">${id}</th>${names.map((name) => html`<td>${valueText(kwargs[name])}</td>`)}</tr>`)}</tbody>
    </table>`;
}

export function resourceWord(name: string): string {
  const words: Readonly<Record<string, string>> = { cpus: l10n.t('cores'), memory: l10n.t('memory'), walltime: l10n.t('time limit'), gpus: l10n.t('GPUs'), gpu_type: l10n.t('type of GPU'), nodes: l10n.t('nodes'), partition: l10n.t('partition'), account: l10n.t('account'), qos: l10n.t('quality of service'), constraint: l10n.t('constraint') };
  return words[name] ?? name;
}

export function resourceText(name: string, value: string | number): string {
  if (typeof value === 'string') return value;
  if (name === 'walltime') return spanText(value);
  if (name === 'memory') return value >= 1024 ? `${numberText(value / 1024, 3)} GiB` : `${value} MiB`;
  return l10n.number(value);
}
