/** Of which run the results are, how whole they are, and what can be done with all of them. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import type { Analysis } from '../../model/results/choices.ts';
import { valueText } from '../../model/results/numbers.ts';
import { clockWords } from '../../model/words.ts';
import type { StateOf } from '../../protocol.ts';

type State = StateOf<'results'>;

export interface HeadActions {
  readonly readAgain: () => void;
  readonly openNotebook: () => void;
  readonly openCsv: () => void;
  readonly showRun: () => void;
}

export function resultsHead(state: State, run: NonNullable<State['run']>, analysis: Analysis | undefined, actions: HeadActions): TemplateResult {
  const { table } = state;
  const { readAgain, openNotebook, openCsv, showRun } = actions;
  const done = run.complete === run.total_tasks ? l10n.t('{0, plural, one {the task is done} other {all # tasks done}}', run.total_tasks) : l10n.t('{0} of {1} tasks done', run.complete, run.total_tasks);
  const whole = analysis?.points.filter((point) => point.whole).length ?? 0;
  const missing = run.total_tasks - run.complete;
  return html`<div class="title">
      <div>
        <h1>${l10n.t('Results')} <span class="quiet">${run.run_name} · ${run.cluster}</span></h1>
        <p class="quiet status">
          ${done}${analysis ? html` · ${analysis.points.length === 1 ? l10n.t('1 grid point') : l10n.t('{0} grid points', analysis.points.length)}` : nothing}
          ${table ? html` · ${l10n.t('read at {0}', clockWords(new Date(table.read_at), new Date(), l10n.language))}` : nothing}${state.reading && table ? html` · ${l10n.t('reading again…')}` : nothing}
          ${analysis && analysis.constants.length > 0 ? html` · ${l10n.t('the same everywhere: {0}', analysis.constants.map(([name, value]) => `${name} ${valueText(value)}`).join(', '))}` : nothing}
        </p>
      </div>
      ${table
        ? html`<div class="buttons">
            <vscode-button appearance="secondary" @click=${readAgain} ?disabled=${state.reading}>${l10n.t('Read again')}</vscode-button>
            <vscode-button appearance="secondary" @click=${openNotebook}>${l10n.t('Open in notebook')}</vscode-button>
            <vscode-button appearance="secondary" @click=${openCsv}>${l10n.t('Open as CSV')}</vscode-button>
          </div>`
        : nothing}
    </div>
    ${table?.partial && analysis
      ? html`<p class="partial-note" role="status">
          <span class="badge">${l10n.t('partial')}</span>
          ${run.open ? l10n.t('{0} of {1} grid points are whole; {2} of {3, plural, one {# task} other {# tasks}} have no result yet.', whole, analysis.points.length, missing, run.total_tasks) : l10n.t('{0} of {1} grid points are whole; {2} of {3, plural, one {# task} other {# tasks}} have no result.', whole, analysis.points.length, missing, run.total_tasks)}
          ${run.open ? l10n.t('The numbers grow as tasks end.') : html`<a href="#run" @click=${(event: Event) => {
            event.preventDefault();
            showRun();
          }}>${l10n.t('See why')}</a>`}
        </p>`
      : nothing}
    ${table?.notes.map((note) => html`<p class="partial-note"><span class="badge">${l10n.t('note')}</span> ${note}</p>`) ?? nothing}`;
}
