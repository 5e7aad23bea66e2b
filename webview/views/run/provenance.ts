/** Where a run comes from: code, resources, attempts with what changed between them. */
import { html, nothing, type TemplateResult } from 'lit';
import { counted } from '../../app/words.ts';
import { l10n } from '../../../l10n/words.ts';
import { clockWords } from '../../model/words.ts';
import type { StateOf } from '../../protocol.ts';
import type { PageCommand, PageSubject } from '../../protocol/subjects.ts';

export function provenance(runId: string, record: NonNullable<StateOf<'run'>['record']>, act: (command: PageCommand, subject: PageSubject) => void): TemplateResult {
  const now = new Date();
  // not translated: git and cmd_sha are names
  const git = record.git_sha === null ? l10n.t('no repository') : `git ${record.git_sha.slice(0, 8)}${record.git_changed_files.length === 0 ? '' : ` (+${counted(record.git_changed_files.length, 'changed file')})`}`;
  const again = record.attempts.length - 1;
  const copy = (command: 'copyRunId' | 'copyRemotePath', words: string): TemplateResult => html`<vscode-button appearance="secondary" @click=${() => act(command, { kind: 'run', runId: runId })}>${words}</vscode-button>`;
  // not translated: git and cmd_sha are names
  return html`<details class="provenance">
    <summary>${l10n.t('Provenance')}: ${git} · cmd_sha ${record.cmd_sha.slice(0, 8)} · ${record.executor}${again === 0 ? '' : ` · ${counted(again, 'resubmission')}`}</summary>
    <dl>
      <dt>${l10n.t('Run')}</dt><dd><code>${runId}</code></dd>
      <dt>${l10n.t('Folder on the cluster')}</dt><dd><code>${record.remote_path}</code></dd>
      <dt>${l10n.t('Command')}</dt><dd><code>${record.cmd_sha}</code></dd>
      ${record.git_sha === null ? nothing : html`<dt>${l10n.t('Commit')}</dt><dd><code>${record.git_sha}</code></dd>`}
      ${record.git_changed_files.length === 0 ? nothing : html`<dt>${l10n.t('Changed since')}</dt><dd>${record.git_changed_files.slice(0, 20).map((file) => html`<code>${file}</code> `)}</dd>`}
      <dt>${l10n.t('Resources')}</dt><dd>${record.resources.map(({ name, value }) => `${name} ${value}`).join(' · ') || l10n.t('the site’s defaults')}</dd>
      ${record.version === null ? nothing : html`<dt>HPC Agent</dt><dd>${record.version}</dd>`}
    </dl>
    <table class="attempts"><caption>${l10n.t('Attempts')}</caption>
      <thead><tr><th scope="col">#</th><th scope="col">${l10n.t('When')}</th><th scope="col">${l10n.t('Tasks')}</th><th scope="col">${l10n.t('Change')}</th><th scope="col">${l10n.t('Jobs')}</th></tr></thead>
      <tbody>${record.attempts.map((attempt) => html`<tr><td>${attempt.number}</td><td>${clockWords(new Date(attempt.submitted_at), now, l10n.language)}${attempt.automatic ? ` · ${l10n.t('automatic')}` : ''}</td><td>${l10n.number(attempt.task_count)}</td><td>${attempt.changes.map(({ title, count, change }) => `${count} × ${title}: ${change}`).join('; ') || '–'}</td><td><code>${attempt.jobs.slice(0, 6).join(' ')}${attempt.jobs.length > 6 ? ' …' : ''}</code></td></tr>`)}</tbody>
    </table>
    <p class="actions">${copy('copyRunId', l10n.t('Copy run id'))} ${copy('copyRemotePath', l10n.t('Copy folder on cluster'))}
      <vscode-button appearance="secondary" @click=${() => act('showRunDetails', { kind: 'run', runId: runId })}>${l10n.t('Show run details')}</vscode-button></p>
  </details>`;
}
