/** The Results view: what the sweep says, by every parameter, while it still runs and after. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import type { PageView, ViewContext, ViewDefinition } from '../app/view.ts';
import { analyse, choices, forRun, noChoices, type Analysis, type Choices } from '../model/results/choices.ts';
import { compareResults } from '../model/results/compare.ts';
import { csvText, jsonText } from '../model/results/exportText.ts';
import { averagedOver } from '../model/results/points.ts';
import { pointsOf, type TablePoints } from '../model/results/wireResults.ts';
import type { StateOf } from '../protocol.ts';
import { comparePanel } from './results/comparePanel.ts';
import { bestSection } from './results/bestSection.ts';
import { effectsSection, heatSection, parallelSection, type Charts } from './results/chartSections.ts';
import { dropdown } from './results/dropdown.ts';
import { resultControls } from './results/resultControls.ts';
import { resultsHead } from './results/resultsHead.ts';
import { mostTasks, pointDetail, type PointTask, type TaskFiles } from './results/pointDetail.ts';
import { PointsTable } from './results/pointsTable.ts';
import { chartFile, pngOf } from './results/saveChart.ts';
import './results/charts.css';
import './results/results.css';

type State = StateOf<'results'>;

export const resultsView: ViewDefinition<'results'> = {
  name: 'results',
  open: (context) => new ResultsView(context),
};

class ResultsView implements PageView<'results'> {
  private readonly context: ViewContext<'results'>;
  private readonly table: PointsTable;
  private chosen: Choices;
  private state: State | undefined;
  private read: { readonly key: string; readonly points: TablePoints } | undefined;
  private analysed: { readonly key: string; readonly analysis: Analysis } | undefined;
  private width = 900;
  private main: HTMLElement | undefined;
  private readonly sizes = new ResizeObserver(() => this.context.redraw());
  private detail: { readonly id: string; tasks: readonly PointTask[] | string | undefined } | undefined;
  private files: { readonly task: number; found: TaskFiles | string | undefined } | undefined;
  private other: { readonly runId: string; found: TablePoints | string | undefined } | undefined;
  private note = '';

  constructor(context: ViewContext<'results'>) {
    this.context = context;
    this.chosen = context.recall(choices) ?? noChoices;
    this.table = new PointsTable(() => context.redraw());
  }

  draw(state: State | undefined): TemplateResult {
    this.state = state;
    if (state?.run) this.chosen = forRun(this.chosen, state.run.run_id);
    return html`<div class="results">${this.content(state)}</div>`;
  }

  drawn(root: HTMLElement): void {
    if (this.main !== root) {
      this.main = root;
      this.sizes.observe(root);
    }
    const wide = root.querySelector<HTMLElement>('.parallel-frame')?.clientWidth;
    if (wide !== undefined && wide > 0 && Math.abs(wide - this.width) > 1) {
      this.width = wide;
      this.context.redraw();
    }
    this.table.drawn(root);
  }

  dispose(): void {
    this.sizes.disconnect();
  }

  // ---------------------------------------------------------------- what there is

  private content(state: State | undefined): TemplateResult {
    if (state === undefined) return html`<h1>${l10n.t('Results')}</h1><p class="quiet">${l10n.t('Reading…')}</p>`;
    const { run, table } = state;
    if (!run) {
      return html`<h1>${l10n.t('Results')}</h1>
        <p>${l10n.t('There is no run yet whose results could be shown.')}</p>
        <div class="buttons">
          <vscode-button @click=${() => this.context.act('newSweep')}>${l10n.t('New sweep')}</vscode-button>
          <vscode-button appearance="secondary" @click=${() => this.context.act('trySample')}>${l10n.t('Try the sample')}</vscode-button>
        </div>`;
    }
    if (!table || Object.keys(table.points).length === 0) return this.nothingYet(state, run);
    const points = this.pointsOf(run.run_id, table);
    const analysis = this.analysis(run.run_id, table.read_at, points);
    const { metric } = analysis;
    if (metric === undefined) return html`${this.head(state, run, undefined)}<p>${l10n.t('The tasks wrote no number into metrics.json, so there is nothing to compare. Let the script write a JSON object with numbers there.')}</p>`;
    const many = analysis.points.length > 1;
    const charts: Charts = { metric, analysis, chosen: this.chosen, width: this.width, choose: (some) => this.choose(some), select: (id) => this.select(id), save: (part, title, kind) => this.saveChart(part, title, kind) };
    return html`${this.head(state, run, analysis)} ${resultControls({ metrics: table.metrics, metric, analysis, chosen: this.chosen, choose: (some) => this.choose(some) })}
      ${this.note === '' ? nothing : html`<p class="note" role="status">${this.note}</p>`}
      <div class="panels">
        ${bestSection(metric, analysis, (id) => this.select(id), this.detailSection(analysis))}
        ${analysis.heatMap ? heatSection(charts) : nothing}
        ${analysis.effects.length > 0 ? effectsSection(charts) : nothing}
        ${many && analysis.coordinates.length > 1 ? parallelSection(charts) : nothing}
      </div>
      ${this.compareSection(metric, analysis, points)} ${this.tableSection(metric, analysis, points)}`;
  }

  private nothingYet(state: State, run: NonNullable<State['run']>): TemplateResult {
    const subject = { kind: 'run' as const, runId: run.run_id };
    const waiting = run.complete === 0;
    return html`${this.head(state, run, undefined)}
      <p>${state.reading ? l10n.t('The results are being combined on {0}…', run.cluster) : waiting ? (run.open ? l10n.t('No task has ended well yet: {0} running, {1} waiting. The results appear here by themselves.', run.running, run.pending) : l10n.t('No task of this run ended well, so there are no results.')) : l10n.t('The results were not read yet.')}</p>
      <div class="buttons">
        ${waiting ? nothing : html`<vscode-button ?disabled=${state.reading} @click=${() => this.again()}>${l10n.t('Read results')}</vscode-button>`}
        ${run.failed > 0 ? html`<vscode-button appearance=${waiting ? 'primary' : 'secondary'} @click=${() => this.context.go({ view: 'run', params: { run: run.run_id } })}>${l10n.t('See what failed')}</vscode-button>` : nothing}
        ${run.open ? html`<vscode-button appearance="secondary" @click=${() => this.context.go({ view: 'run', params: { run: run.run_id } })}>${l10n.t('Watch the run')}</vscode-button>` : html`<vscode-button appearance="secondary" @click=${() => this.context.act('showLog', subject)}>${l10n.t('Open a log')}</vscode-button>`}
      </div>`;
  }

  private pointsOf(runId: string, table: NonNullable<State['table']>): TablePoints {
    const key = `${runId} ${table.read_at}`;
    if (this.read?.key !== key) this.read = { key, points: pointsOf(table) };
    return this.read.points;
  }

  private analysis(runId: string, readAt: string, points: TablePoints): Analysis {
    const { selected: _selected, compareWith: _compareWith, ...decisive } = this.chosen;
    const key = JSON.stringify([runId, readAt, decisive]);
    if (this.analysed?.key !== key) this.analysed = { key, analysis: analyse(points, this.chosen) };
    const { analysis } = this.analysed;
    return { ...analysis, selected: analysis.points.find(({ id }) => id === this.chosen.selected) };
  }

  // ---------------------------------------------------------------- choosing

  private choose(some: Partial<Choices>): void {
    this.chosen = { ...this.chosen, ...some };
    this.context.remember(this.chosen);
    this.context.redraw();
  }

  private select(id: string | undefined): void {
    if (id === undefined) {
      const { selected: _selected, ...rest } = this.chosen;
      this.chosen = rest;
    }
    this.choose(id === undefined ? {} : { selected: id });
    this.files = undefined;
  }

  /** Asks for the tasks of the chosen point, once. */
  private loadDetail(analysis: Analysis): void {
    const point = analysis.selected;
    if (!point || this.detail?.id === point.id) return;
    const detail: NonNullable<ResultsView['detail']> = { id: point.id, tasks: undefined };
    this.detail = detail;
    const ids = [...point.tasks, ...point.missing].sort((a, b) => a - b).slice(0, mostTasks);
    void this.context.request('tasks', { task_ids: ids }).then(
      (tasks) => {
        detail.tasks = tasks;
        this.context.redraw();
      },
      (error: unknown) => this.failed(error, (words) => (detail.tasks = words)),
    );
  }

  private failed(error: unknown, keep: (words: string) => void): void {
    if (this.context.signal.aborted) return;
    keep(error instanceof Error ? error.message : String(error));
    this.context.redraw();
  }

  private showFiles(task: number): void {
    const files: NonNullable<ResultsView['files']> = { task, found: undefined };
    this.files = files;
    this.context.redraw();
    void this.context.request('files', { task_id: task }).then(
      (found) => {
        files.found = found;
        this.context.redraw();
      },
      (error: unknown) => this.failed(error, (words) => (files.found = words)),
    );
  }

  private compareWith(runId: string): void {
    if (runId === '') {
      const { compareWith: _compareWith, ...rest } = this.chosen;
      this.chosen = rest;
      this.choose({});
    } else this.choose({ compareWith: runId });
  }

  private loadOther(): void {
    const runId = this.chosen.compareWith;
    if (runId === undefined || this.other?.runId === runId) return;
    const other: NonNullable<ResultsView['other']> = { runId, found: undefined };
    this.other = other;
    void this.context.request('tableOf', { run_id: runId }).then(
      (table) => {
        other.found = pointsOf(table);
        this.context.redraw();
      },
      (error: unknown) => this.failed(error, (words) => (other.found = words)),
    );
  }

  private again(): void {
    void this.context.request('readAgain', {}).catch((error: unknown) => this.failed(error, (words) => (this.note = words)));
  }

  private async save(name: string, content: string | Promise<string>, encoding: 'utf8' | 'base64' = 'utf8'): Promise<void> {
    try {
      const { saved } = await this.context.request('save', { name: name.replaceAll(/[^\w.-]+/g, '-'), content: await content, encoding });
      if (saved) this.context.announce(l10n.t('{0} was saved.', name));
    } catch (error) {
      this.failed(error, (words) => (this.note = words));
    }
  }

  private saveChart(part: string, title: string, kind: 'svg' | 'png'): void {
    const root = this.main?.querySelector<HTMLElement>(`[data-part="${part}"] .picture`);
    if (!root) return;
    const chart = chartFile(`${this.chosen.run}-${part}`, root, title);
    void this.save(`${chart.name}.${kind}`, kind === 'svg' ? chart.svg : pngOf(chart), kind === 'svg' ? 'utf8' : 'base64');
  }

  // ---------------------------------------------------------------- the parts

  private head(state: State, run: NonNullable<State['run']>, analysis: Analysis | undefined): TemplateResult {
    return resultsHead(state, run, analysis, {
      readAgain: () => this.again(),
      openNotebook: () => void this.context.request('openNotebook', {}).catch((error: unknown) => this.failed(error, (words) => (this.note = words))),
      openCsv: () => this.context.act('openResultsCsv', { kind: 'run', runId: run.run_id }),
      showRun: () => this.context.go({ view: 'run', params: { run: run.run_id } }),
    });
  }

  private detailSection(analysis: Analysis): TemplateResult | typeof nothing {
    const { selected } = analysis;
    if (!selected || !this.state?.run) return nothing;
    const { run_id: runId } = this.state.run;
    const { table } = this.state;
    this.loadDetail(analysis);
    return pointDetail({
      point: selected,
      metrics: table?.metrics ?? [],
      tasks: this.detail?.tasks,
      files: this.files,
      log: (taskId, stream) => this.context.act(stream === 'stdout' ? 'showStdout' : 'showStderr', { kind: 'task', runId, taskId, stream }),
      showFiles: (task) => this.showFiles(task),
      openFile: (task, path) => void this.context.request('openFile', { task_id: task, path }).catch((error: unknown) => this.failed(error, (words) => (this.note = words))),
      close: () => this.select(undefined),
    });
  }

  private compareSection(metric: string, analysis: Analysis, points: TablePoints): TemplateResult | typeof nothing {
    const others = this.state?.others ?? [];
    const run = this.state?.run;
    if (others.length === 0 || !run) return nothing;
    this.loadOther();
    const chosen = others.find(({ run_id }) => run_id === this.chosen.compareWith);
    const away = analysis.repetitions.flatMap(([name, isAveraged]) => (isAveraged ? [name] : []));
    const found = chosen ? this.other?.found : undefined;
    const body = (): TemplateResult => {
      if (!chosen) return html`<p class="quiet">${l10n.t('Choose an earlier run to see point by point what became better.')}</p>`;
      if (found === undefined) return html`<p class="quiet">${l10n.t('Reading the results of {0}…', chosen.run_name)}</p>`;
      if (typeof found === 'string') return html`<p class="note" role="alert">${found}</p>`;
      const side = (table: TablePoints): TablePoints => ({ ...table, parameters: table.parameters.filter((name) => !away.includes(name)), points: averagedOver(table.points, away, table.metrics) });
      const comparison = compareResults(side(points), side(found), metric, analysis.better);
      return comparePanel({ comparison, metric, now: run.run_name, before: chosen.run_name, selected: analysis.selected?.id, choose: (id) => this.select(id) });
    };
    return html`<section class="comparison" data-part="comparison" aria-labelledby="comparison-title">
      <div class="section-head">
        <h2 id="comparison-title">${l10n.t('Compare')}</h2>
        ${dropdown(l10n.t('with'), [['', l10n.t('no other run')], ...others.map(({ run_id, run_name, words }): [string, string] => [run_id, `${run_name} · ${words}`])], chosen?.run_id ?? '', (runId) => this.compareWith(runId), 'wide')}
      </div>
      <div class="picture">${body()}</div>
    </section>`;
  }

  private tableSection(metric: string, analysis: Analysis, points: TablePoints): TemplateResult {
    const head = { run_id: this.chosen.run, metric, better: analysis.better, filter: this.chosen.query };
    const columns = { parameters: points.parameters.filter((name) => !analysis.repetitions.some(([other, isAveraged]) => isAveraged && other === name)), metrics: points.metrics };
    return html`<section class="all" data-part="all" aria-labelledby="all-title">
      <div class="section-head">
        <h2 id="all-title">${l10n.t('All points')}</h2>
        <span class="save">
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save the table as CSV')} @click=${() => void this.save(`${this.chosen.run}.csv`, csvText(analysis.listed, columns))}>CSV</vscode-button>
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save the table as JSON')} @click=${() => void this.save(`${this.chosen.run}.json`, jsonText(analysis.listed, head))}>JSON</vscode-button>
        </span>
      </div>
      ${this.table.draw({
        points: analysis.listed,
        parameters: analysis.parameters,
        metrics: points.metrics,
        metric,
        order: this.chosen.order,
        selected: analysis.selected?.id,
        sort: (order) => {
          const { order: _order, ...rest } = this.chosen;
          this.chosen = rest;
          this.choose(order ? { order } : {});
        },
        choose: (id) => this.select(id),
        open: (id) => {
          this.select(id);
          requestAnimationFrame(() => requestAnimationFrame(() => this.main?.querySelector('[data-part="detail"]')?.scrollIntoView({ block: 'nearest' })));
        },
      })}
    </section>`;
  }
}
