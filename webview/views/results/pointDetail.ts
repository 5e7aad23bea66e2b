/** One point: its parameters, its numbers, and its tasks with their logs and files. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { numberText, rangesText, valueText } from '../../model/results/numbers.ts';
import type { Point } from '../../model/results/points.ts';
import type { RequestOutput } from '../../protocol.ts';

export type PointTask = RequestOutput<'results', 'tasks'>[number];
export type TaskFiles = RequestOutput<'results', 'files'>;

export interface DetailLook {
  readonly point: Point;
  readonly metrics: readonly string[];
  /** Undefined while they are asked for; a sentence where they could not be. */
  readonly tasks: readonly PointTask[] | string | undefined;
  /** Of one task, once asked for. */
  readonly files: { readonly task: number; readonly found: TaskFiles | string | undefined } | undefined;
  readonly log: (task: number, stream: 'stdout' | 'stderr') => void;
  readonly showFiles: (task: number) => void;
  readonly openFile: (task: number, path: string) => void;
  readonly close: () => void;
}

export const mostTasks = 24;

export function pointDetail(look: DetailLook): TemplateResult {
  const { point } = look;
  return html`<section class="detail" aria-labelledby="detail-title" data-part="detail">
    <div class="section-head">
      <h2 id="detail-title">${l10n.t('Chosen point')}</h2>
      <vscode-button appearance="secondary" @click=${look.close}>${l10n.t('Close')}</vscode-button>
    </div>
    <dl class="point-facts">
      ${Object.entries(point.parameters).map(([name, value]) => html`<div><dt>${name}</dt><dd>${valueText(value)}</dd></div>`)}
    </dl>
    <dl class="point-facts numbers">
      ${look.metrics.map((name) => {
        const spread = point.spread[name];
        return html`<div><dt>${name}</dt><dd>${numberText(point.metrics[name], 6)}${spread && spread.std > 0 ? html` <span class="quiet">± ${numberText(spread.std, 2)} · ${numberText(spread.min)}–${numberText(spread.max)}</span>` : nothing}</dd></div>`;
      })}
    </dl>
    ${point.missing.length > 0 ? html`<p class="note">${l10n.t('Tasks {0} of this point have no result yet.', rangesText(point.missing))}</p>` : nothing}
    <h3>${l10n.t('Tasks')}</h3>
    ${tasksOf(look)}
    ${look.files ? filesOf(look.files.task, look.files.found, look) : nothing}
  </section>`;
}

function tasksOf(look: DetailLook): TemplateResult {
  const ids = [...look.point.tasks, ...look.point.missing].sort((a, b) => a - b);
  const known = new Map(Array.isArray(look.tasks) ? (look.tasks as readonly PointTask[]).map((task) => [task.task_id, task]) : []);
  return html`${typeof look.tasks === 'string' ? html`<p class="note">${look.tasks}</p>` : nothing}
    <table class="plain">
      <thead><tr><th scope="col">${l10n.t('task')}</th><th scope="col">${l10n.t('state')}</th><th scope="col">${l10n.t('node')}</th><th scope="col" class="number">${l10n.t('time')}</th><th scope="col" class="number">${l10n.t('peak memory')}</th><th scope="col">${l10n.t('open')}</th></tr></thead>
      <tbody>
        ${ids.slice(0, mostTasks).map((id) => {
          const task = known.get(id);
          return html`<tr>
            <th scope="row" class="number">${id}</th>
            <td>${task?.state ?? ''}${task && task.attempt > 1 ? html` <span class="quiet">${l10n.t('attempt {0}', task.attempt)}</span>` : nothing}</td>
            <td>${task?.node ?? ''}</td>
            <td class="number">${task?.elapsed_s === null || task === undefined ? '' : `${numberText(task.elapsed_s, 3)} s`}</td>
            <td class="number">${task?.peak_rss_mib === null || task === undefined ? '' : `${numberText(task.peak_rss_mib, 3)} MiB`}</td>
            <td class="task-actions">
              <vscode-button appearance="secondary" aria-label=${l10n.t('Log of task {0}', String(id))} @click=${() => look.log(id, 'stdout')}>${l10n.t('Log')}</vscode-button>
              <vscode-button appearance="secondary" aria-label=${l10n.t('Errors of task {0}', String(id))} @click=${() => look.log(id, 'stderr')}>${l10n.t('Errors')}</vscode-button>
              <vscode-button appearance="secondary" aria-label=${l10n.t('Files of task {0}', String(id))} @click=${() => look.showFiles(id)}>${l10n.t('Files')}</vscode-button>
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${ids.length > mostTasks ? html`<p class="quiet">${l10n.t('… and {0} more', ids.length - mostTasks)}</p>` : nothing}`;
}

function filesOf(task: number, found: TaskFiles | string | undefined, look: DetailLook): TemplateResult {
  if (found === undefined) return html`<p class="quiet">${l10n.t('Looking for the files of task {0}…', String(task))}</p>`;
  if (typeof found === 'string') return html`<p class="note" role="alert">${found}</p>`;
  return html`<h3>${l10n.t('Files of task {0}', String(task))}</h3>
    <p class="quiet path">${found.directory}</p>
    ${!found.found ? html`<p>${l10n.t('The folder is not there: the task has written nothing, or it was cleaned up.')}</p>` : nothing}
    <ul class="files">
      ${found.files.map((file) => html`<li><vscode-button appearance="secondary" @click=${() => look.openFile(task, file.path)}>${file.path}</vscode-button> <span class="quiet">${sizeText(file.size_bytes)}</span></li>`)}
    </ul>
    ${found.more > 0 ? html`<p class="quiet">${l10n.t('… and {0} more', found.more)}</p>` : nothing}`;
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${numberText(bytes / 1024, 3)} KiB` : bytes < 1024 ** 3 ? `${numberText(bytes / 1024 ** 2, 3)} MiB` : `${numberText(bytes / 1024 ** 3, 3)} GiB`;
}
