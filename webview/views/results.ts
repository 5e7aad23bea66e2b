/** The Results view: what the sweep says, by every parameter, while it still runs and after. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import type { PageView, ViewContext, ViewDefinition } from '../app/view.ts';
import { analyse, choices, forRun, noChoices, type Analysis, type Choices } from '../model/results/choices.ts';
import { compareResults } from '../model/results/compare.ts';
import { csvText, jsonText } from '../model/results/exportText.ts';
import { numberText, rangesText, valueText } from '../model/results/numbers.ts';
import { averagedOver } from '../model/results/points.ts';
import type { QueryProblem } from '../model/results/query.ts';
import { pointsOf, type TablePoints } from '../model/results/wireResults.ts';
import type { StateOf } from '../protocol.ts';
import { comparePanel } from './results/comparePanel.ts';
import { effectsChart } from './results/effectsChart.ts';
import { heatMapChart } from './results/heatMapChart.ts';
import { parallelChart } from './results/parallelChart.ts';
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
    return html`${this.head(state, run, analysis)} ${this.controls(table.metrics, metric, analysis)}
      ${this.note === '' ? nothing : html`<p class="note" role="status">${this.note}</p>`}
      <div class="panels">
        ${this.bestSection(metric, analysis)}
        ${analysis.heatMap ? this.heatSection(metric, analysis) : nothing}
        ${analysis.effects.length > 0 ? this.chartSection('effects', l10n.t('Effect of each parameter on {0}', metric), effectsChart(analysis.effects, metric), this.effectsLegend(analysis)) : nothing}
        ${many && analysis.coordinates.length > 1 ? this.parallelSection(metric, analysis) : nothing}
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
    const { table } = state;
    const done = run.complete === run.total_tasks ? l10n.t('all {0} tasks done', run.total_tasks) : l10n.t('{0} of {1} tasks done', run.complete, run.total_tasks);
    const whole = analysis?.points.filter((point) => point.whole).length ?? 0;
    return html`<div class="title">
        <div>
          <h1>${l10n.t('Results')} <span class="quiet">${run.run_name} · ${run.cluster}</span></h1>
          <p class="quiet status">
            ${done}${analysis ? html` · ${analysis.points.length === 1 ? l10n.t('1 grid point') : l10n.t('{0} grid points', analysis.points.length)}` : nothing}
            ${table ? html` · ${l10n.t('read at {0}', new Date(table.read_at).toLocaleTimeString())}` : nothing}${state.reading && table ? html` · ${l10n.t('reading again…')}` : nothing}
            ${analysis && analysis.constants.length > 0 ? html` · ${l10n.t('the same everywhere: {0}', analysis.constants.map(([name, value]) => `${name} ${valueText(value)}`).join(', '))}` : nothing}
          </p>
        </div>
        ${table
          ? html`<div class="buttons">
              <vscode-button appearance="secondary" @click=${() => this.again()} ?disabled=${state.reading}>${l10n.t('Read again')}</vscode-button>
              <vscode-button appearance="secondary" @click=${() => void this.context.request('openNotebook', {}).catch((error: unknown) => this.failed(error, (words) => (this.note = words)))}>${l10n.t('Open in notebook')}</vscode-button>
              <vscode-button appearance="secondary" @click=${() => this.context.act('openResultsCsv', { kind: 'run', runId: run.run_id })}>${l10n.t('Open as CSV')}</vscode-button>
            </div>`
          : nothing}
      </div>
      ${table?.partial && analysis
        ? html`<p class="partial-note" role="status">
            <span class="badge">${l10n.t('partial')}</span>
            ${l10n.t('{0} of {1} grid points are whole; {2} of {3} tasks have no result{4}.', whole, analysis.points.length, run.total_tasks - run.complete, run.total_tasks, run.open ? l10n.t(' yet') : '')}
            ${run.open ? l10n.t('The numbers grow as tasks end.') : html`<a href="#run" @click=${(event: Event) => {
              event.preventDefault();
              this.context.go({ view: 'run', params: { run: run.run_id } });
            }}>${l10n.t('See why')}</a>`}
          </p>`
        : nothing}
      ${table?.notes.map((note) => html`<p class="partial-note"><span class="badge">${l10n.t('note')}</span> ${note}</p>`) ?? nothing}`;
  }

  private controls(metrics: readonly string[], metric: string, analysis: Analysis): TemplateResult {
    const { chosen } = this;
    const value = (event: Event): string => (event.target as HTMLInputElement).value;
    const hasBrush = Object.keys(chosen.brushes).length > 0;
    return html`<div class="result-controls" role="group" aria-label=${l10n.t('What is shown')}>
      ${dropdown(l10n.t('Metric'), metrics.map((name) => [name, name]), metric, (name) => this.choose({ metric: name }))}
      ${dropdown(l10n.t('Better is'), [['lower', l10n.t('lower')], ['higher', l10n.t('higher')]], analysis.better, (better) => this.choose({ better: { ...chosen.better, [metric]: better === 'higher' ? 'higher' : 'lower' } }))}
      ${analysis.repetitions.map(([name, isAveraged]) => html`<vscode-checkbox class="average" ?checked=${isAveraged} .checked=${isAveraged} @change=${(event: Event) => this.choose({ averaged: { ...chosen.averaged, [name]: (event.target as HTMLInputElement).checked }, brushes: {} })}>${l10n.t('Average over {0}', name)}</vscode-checkbox>`)}
      <vscode-text-field class="query" placeholder=${l10n.t('Filter: alpha<=1 horizon=6,12')} aria-label=${l10n.t('Filter')} .value=${chosen.query} @input=${(event: Event) => this.choose({ query: value(event) })}></vscode-text-field>
      <span class="quiet found-count" aria-live="polite">${analysis.inside.length === analysis.points.length ? nothing : l10n.t('{0} of {1} points', analysis.inside.length, analysis.points.length)}</span>
      ${chosen.query !== '' || hasBrush ? html`<vscode-button appearance="secondary" @click=${() => this.choose({ query: '', brushes: {} })}>${l10n.t('Show all')}</vscode-button>` : nothing}
      ${analysis.queryProblem ? html`<p class="problem" role="alert">${queryWords(analysis.queryProblem)}</p>` : nothing}
    </div>`;
  }

  private bestSection(metric: string, analysis: Analysis): TemplateResult {
    return html`<section class="best" data-part="best" aria-labelledby="best-title">
      <div class="section-head"><h2 id="best-title">${analysis.best.length === 1 ? l10n.t('The best point') : l10n.t('The best {0} points', analysis.best.length)}</h2></div>
      ${analysis.best.length === 0
        ? html`<p class="quiet">${l10n.t('No point has a value of {0}.', metric)}</p>`
        : html`<table class="plain">
            <thead><tr><th scope="col" class="number"><span class="unseen">${l10n.t('rank')}</span></th><th scope="col" class="number">${metric}</th>${analysis.parameters.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">${l10n.t('tasks')}</th></tr></thead>
            <tbody>${analysis.best.map((point, index) => {
              const spread = point.spread[metric];
              return html`<tr class=${point.id === analysis.selected?.id ? 'selected' : ''}>
                <td class="number"><button class="rank" aria-label=${l10n.t('Choose point {0}', index + 1)} aria-pressed=${point.id === analysis.selected?.id} @click=${() => this.select(point.id)}>${index + 1}</button></td>
                <td class="number strong">${numberText(point.metrics[metric])}${spread && spread.std > 0 ? html`<span class="quiet"> ± ${numberText(spread.std, 2)}</span>` : nothing}</td>
                ${analysis.parameters.map((name) => html`<td>${valueText(point.parameters[name])}</td>`)}
                <td class="quiet">${rangesText(point.tasks, 3)}${point.whole ? nothing : html` <span class="badge">${l10n.t('partial')}</span>`}</td>
              </tr>`;
            })}</tbody>
          </table>`}
      ${analysis.selected ? this.detailSection(analysis) : html`<p class="quiet hint">${l10n.t('Choose a point here, in a chart or in the table to see its tasks, logs and files.')}</p>`}
    </section>`;
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

  private chartSection(part: string, title: string, picture: TemplateResult, below: TemplateResult | typeof nothing = nothing, more: TemplateResult | typeof nothing = nothing): TemplateResult {
    return html`<section class=${part} data-part=${part} aria-label=${title}>
      <div class="section-head">
        <h2>${title}</h2>
        ${more}
        <span class="save" role="group" aria-label=${l10n.t('Save {0}', title)}>
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save as SVG')} @click=${() => this.saveChart(part, title, 'svg')}>SVG</vscode-button>
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save as PNG')} @click=${() => this.saveChart(part, title, 'png')}>PNG</vscode-button>
        </span>
      </div>
      <div class="picture">${picture}</div>
      ${below}
    </section>`;
  }

  private effectsLegend(analysis: Analysis): TemplateResult {
    const repeated = analysis.effects.some(({ levels }) => levels.some(({ std }) => std !== null));
    const away = analysis.repetitions.flatMap(([name, isAveraged]) => (isAveraged ? [name] : []));
    return html`<p class="quiet chart-legend">
      ${l10n.t('Line: mean over everything else. Band: from the lowest to the highest point.')}
      ${repeated ? (away.length > 0 ? l10n.t('Bars: spread over {0}.', away.join(', ')) : l10n.t('Bars: spread of repetitions.')) : nothing}
      ${analysis.points.some((point) => !point.whole) ? l10n.t('Hollow: partial.') : nothing}
    </p>`;
  }

  private heatSection(metric: string, analysis: Analysis): TemplateResult {
    const { heatMap: map, better } = analysis;
    if (!map) return html``;
    const names = analysis.effects.map(({ parameter }) => parameter);
    const many = map.cells.some(({ count }) => count > 1);
    const title = l10n.t('{0} over {1} and {2}', metric, map.x, map.y);
    const others = map.others.length > 0 ? (this.chosen.cell === 'best' ? l10n.t('Each cell: the best over {0}.', map.others.join(', ')) : l10n.t('Each cell: the mean over {0}.', map.others.join(', '))) : '';
    const axes = html`<span class="axes">
      ${dropdown(l10n.t('Across'), names.map((name) => [name, name]), map.x, (x) => this.choose({ x, y: x === map.y ? map.x : map.y }))}
      ${dropdown(l10n.t('Up'), names.map((name) => [name, name]), map.y, (y) => this.choose({ y, x: y === map.x ? map.y : map.x }))}
      ${many ? dropdown(l10n.t('Cell'), [['mean', l10n.t('mean')], ['best', l10n.t('best')]], this.chosen.cell, (cell) => this.choose({ cell: cell === 'best' ? 'best' : 'mean' })) : nothing}
    </span>`;
    const picture = html`${axes}<div class="picture">${heatMapChart(map, { metric, better, cell: this.chosen.cell, selected: analysis.selected?.id, choose: ([first]) => this.select(first) })}</div>`;
    const legend = html`<p class="quiet chart-legend">
      <span class="ramp-legend" aria-hidden="true">${[0, 0.25, 0.5, 0.75, 1].map((good) => html`<span class="good-ramp" .style=${`--good:${good}`}></span>`)}</span>
      ${better === 'lower' ? l10n.t('from {0} to {1}, the better the bluer.', numberText(map.high), numberText(map.low)) : l10n.t('from {0} to {1}, the better the bluer.', numberText(map.low), numberText(map.high))} ${others}
    </p>`;
    return html`<section class="heat-section" data-part="heat-map" aria-label=${title}>
      <div class="section-head">
        <h2>${title}</h2>
        <span class="save" role="group" aria-label=${l10n.t('Save {0}', title)}>
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save as SVG')} @click=${() => this.saveChart('heat-map', title, 'svg')}>SVG</vscode-button>
          <vscode-button appearance="secondary" aria-label=${l10n.t('Save as PNG')} @click=${() => this.saveChart('heat-map', title, 'png')}>PNG</vscode-button>
        </span>
      </div>
      ${picture} ${legend}
    </section>`;
  }

  private parallelSection(metric: string, analysis: Analysis): TemplateResult {
    const chart = html`<div class="parallel-frame">${parallelChart({
      coordinates: analysis.coordinates,
      points: analysis.filtered,
      inside: new Set(analysis.inside.map(({ id }) => id)),
      metric,
      better: analysis.better,
      brushes: this.chosen.brushes,
      selected: analysis.selected,
      width: this.width,
      brush: (key, brush) => {
        const { [key]: _before, ...rest } = this.chosen.brushes;
        this.choose({ brushes: brush ? { ...rest, [key]: brush } : rest });
      },
    })}</div>`;
    return this.chartSection('parallel', l10n.t('All points at once'), chart, html`<p class="quiet chart-legend">${l10n.t('Drag along an axis to choose points: the table and the best points follow. A click on an axis takes its choice back.')}</p>`);
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

function dropdown(label: string, options: readonly (readonly [string, string])[], value: string, choose: (value: string) => void, width = ''): TemplateResult {
  // A dropdown knows its value only once its options are there.
  return html`<span class=${`choice ${width}`}><span class="quiet" aria-hidden="true">${label}</span>
    <vscode-dropdown aria-label=${label} .value=${value} @change=${(event: Event) => {
      const { value: next } = event.target as HTMLInputElement;
      if (next !== value) choose(next);
    }}>${options.map(([name, words]) => html`<vscode-option value=${name} ?selected=${name === value}>${words}</vscode-option>`)}</vscode-dropdown></span>`;
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
