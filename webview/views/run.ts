/** One run: how far it is, every task as a cell, why some failed and what helps, its waves over time, a log, and where it came from. */
import { html, nothing, type TemplateResult } from 'lit';
import * as z from 'zod/mini';
import type { PageView, ViewContext, ViewDefinition } from '../app/view.ts';
import { counted } from '../app/words.ts';
import { l10n } from '../../l10n/words.ts';
import { TaskTable, type Measure } from '../model/tasks.ts';
import { waveTimes, type WaveTimes } from '../model/waves.ts';
import { clockWords, etaWords, hoursWords } from '../model/words.ts';
import { ageWords } from '../parts/age.ts';
import { failureCard } from '../parts/failureCards.ts';
import { icon, stateIcon } from '../parts/icons.ts';
import { LogPane, type Stream } from '../parts/logPane.ts';
import { countWords, progressBar } from '../parts/progressBar.ts';
import { TaskMap, type MapChoice } from '../parts/taskMap.ts';
import { waveLanes } from '../parts/waveLanes.ts';
import type { EventOf, StateOf } from '../protocol.ts';
import type { PageSubject } from '../protocol/subjects.ts';
import { provenance } from './run/provenance.ts';
import { taskStates, type FailureGroup, type RunShape } from '../protocol/run.ts';

const remembered = z.object({
  run: z.string(),
  choice: z.optional(z.object({ measure: z.string(), across: z.string(), down: z.string() })),
  task: z.optional(z.number()),
  stream: z.optional(z.enum(['stdout', 'stderr'])),
});
type Remembered = z.output<typeof remembered>;

/** What costs a pass over all tasks is made anew at most so often. */
const slowMs = 1000;

class RunPage implements PageView<'run'> {
  private readonly context: ViewContext<'run'>;
  private readonly table = new TaskTable();
  private readonly tasks: TaskMap;
  private readonly log: LogPane;
  private memory: Remembered | undefined;
  private run: RunShape | undefined;
  private choice: MapChoice | undefined;
  /** Chosen before the page was loaded again, by a metric that is not here yet. */
  private missing: MapChoice | undefined;
  private emphasised: string | undefined;
  private emphasisedTasks: readonly number[] | undefined;
  private times: WaveTimes | undefined;
  private slowTimer = 0;
  private slowVersion = -1;
  private evidence: { readonly task: number; readonly text: string } | undefined;
  private metricsProblem: string | undefined;
  private readonly clock: number;

  constructor(context: ViewContext<'run'>) {
    this.context = context;
    this.memory = context.recall(remembered);
    this.tasks = new TaskMap(this.table, {
      signal: context.signal,
      choose: (choice) => void this.choose(choice),
      pin: (task) => this.pin(task),
      announce: (sentence) => context.announce(sentence),
    });
    this.log = new LogPane({
      signal: context.signal,
      read: (task, stream, offset, signal) => context.request('log', { task, stream, offset }, signal),
      redraw: () => context.redraw(),
      choose: (task, stream) => this.showLog(task, stream),
      open: (task, stream) => this.run && context.act(stream === 'stdout' ? 'showStdout' : 'showStderr', { kind: 'task', runId: this.run.run_id, taskId: task, stream }),
    });
    // Ages and the ETA move while nothing else does.
    this.clock = window.setInterval(() => context.redraw(), 10_000);
  }

  dispose(): void {
    clearInterval(this.clock);
    clearTimeout(this.slowTimer);
  }

  received(event: EventOf<'run'>): void {
    this.table.receive(event);
    if (event.kind === 'changed') this.tasks.update();
    else {
      this.arrive();
      this.context.redraw();
    }
    if (this.slowTimer === 0) this.slowTimer = window.setTimeout(() => this.slow(), this.times === undefined ? 0 : slowMs);
  }

  draw(state: StateOf<'run'> | undefined): TemplateResult {
    if (!state) return html`<h1>${l10n.t('Run')}</h1><p class="quiet">${l10n.t('Reading…')}</p>`;
    if (!state.run) return this.nothingHere();
    // A group that is shown in the map grows with the run.
    const shown = this.emphasised === undefined ? undefined : state.failures?.groups.find(({ id }) => id === this.emphasised);
    if (shown && shown.taskIds !== this.emphasisedTasks) this.mark(shown);
    if (this.run?.run_id !== state.run.run_id && this.memory?.run !== state.run.run_id) this.memory = undefined;
    this.run = state.run;
    const { run } = state;
    if (this.missing && run.hasResults && this.table.parameters.length > 0) {
      void this.choose(this.missing);
      this.missing = undefined;
    }
    const pinned = this.log.selected;
    return html`<div class="run">
      ${this.heading(run)} ${this.progress(run)}
      <div class="columns"><div class="column">
        <section class="card tasks" aria-labelledby="tasks-title">
          <div class="card-head"><h2 id="tasks-title">${l10n.t('Tasks')}</h2>${this.tasks.controls()}</div>
          ${this.metricsProblem === undefined ? nothing : html`<p class="problem">${this.metricsProblem}</p>`}
          ${this.tasks.element} ${this.tasks.legend()}
        </section>
        <section class="card" aria-labelledby="waves-title"><h2 id="waves-title">${l10n.t('Waves')}</h2>${waveLanes(this.times, run.waves, l10n.language, { trusted: this.context.shell().trusted, cancel: (wave) => this.context.act('cancelRun', { kind: 'wave', runId: run.run_id, wave }) })}</section>
        <section class="card log" aria-labelledby="log-title">
          <h2 id="log-title">${l10n.t('Log')}</h2>
          ${this.log.draw(pinned === undefined ? '' : (this.tasks.describe(pinned.task)[0] ?? ''))}
          ${pinned !== undefined && this.evidence?.task === pinned.task ? html`<p class="quiet">${this.evidence.text}</p>` : nothing}
          ${pinned === undefined ? nothing : this.taskActions(run, pinned.task)}
        </section>
        </div><div class="column">${this.attention(state)}</div></div>
      ${state.record ? provenance(run.run_id, state.record, (command, subject) => this.context.act(command, subject)) : nothing}
    </div>`;
  }

  private nothingHere(): TemplateResult {
    const wanted = this.context.params.run;
    return html`<h1>${l10n.t('Run')}</h1>
      <p>${wanted === undefined ? l10n.t('There are no runs in this workspace yet.') : l10n.t('The run {0} is not in this workspace any more.', wanted)}</p>
      <p class="actions"><vscode-button @click=${() => this.context.act('newSweep')}>${l10n.t('New sweep…')}</vscode-button>
      <vscode-button appearance="secondary" @click=${() => this.context.go({ view: 'overview', params: {} })}>${l10n.t('Overview')}</vscode-button></p>`;
  }

  private heading(run: RunShape): TemplateResult {
    const subject = { kind: 'run', runId: run.run_id } as const;
    const arrays = run.waves.reduce((sum, wave) => sum + wave.arrays, 0);
    const { trusted } = this.context.shell();
    const failed = run.counts.failed + run.counts.unknown > 0 && run.attention.length > 0;
    return html`<div class="heading">
      <div>
        <h1>${stateIcon(run.lifecycle)} ${run.name}</h1>
        <p class="quiet">${run.word} · ${run.cluster} · ${counted(run.total, 'task')} · ${l10n.t('{0} in {1}', counted(arrays, 'array'), counted(run.waves.length, 'wave'))} · ${run.executor}</p>
      </div>
      <p class="actions">
        ${run.canResume ? html`<vscode-button ?disabled=${!trusted} @click=${() => this.context.act('resumeSubmission', subject)}>${l10n.t('Finish interrupted submission…')}</vscode-button>` : nothing}
        ${failed ? html`<vscode-button appearance="secondary" ?disabled=${!trusted} @click=${() => this.context.act('resubmit', subject)}>${l10n.t('Submit failed tasks again…')}</vscode-button>` : nothing}
        ${run.open ? html`<vscode-button appearance="secondary" ?disabled=${!trusted} @click=${() => this.context.act('cancelRun', subject)}>${l10n.t('Cancel run…')}</vscode-button>` : nothing}
        ${run.hasResults ? html`<vscode-button appearance=${run.open || failed ? 'secondary' : 'primary'} @click=${() => this.context.go({ view: 'results', params: { run: run.run_id } })}>${l10n.t('Results')}</vscode-button>` : nothing}
      </p>
    </div>`;
  }

  private progress(run: RunShape): TemplateResult {
    const now = new Date();
    const language = l10n.language;
    const hours = hoursWords(run.cost.core_hours);
    const cost = [run.open ? l10n.t('{0} core-h so far', hours) : l10n.t('{0} core-h', hours), ...(run.cost.gpu_hours === null ? [] : [l10n.t('{0} GPU-h', hoursWords(run.cost.gpu_hours))])];
    return html`<section class="progress" aria-label=${l10n.t('Progress')}>
      ${progressBar(run.counts, run.total)}
      <p>${countWords(run.counts, run.observed_at !== null)}<span class="facts">
        ${[
          l10n.t('submitted {0}', clockWords(new Date(run.submitted_at), now, language)),
          ...(run.open ? [run.eta_s === null ? l10n.t('end not known yet') : etaWords({ ...run, eta_s: run.eta_s }, now)] : []),
          ...cost,
          ageWords(run, now),
        ].join(' · ')}</span></p>
      ${run.stale_reason === null ? nothing : html`<p class="problem">${icon('warning', 'wary')} ${l10n.t('{0} could not be asked: {1}', run.cluster, run.stale_reason)}</p>`}
    </section>`;
  }

  private attention(state: StateOf<'run'>): TemplateResult {
    const { run, failures } = state;
    const groups = failures?.groups ?? [];
    const note = failures?.note ?? null;
    const others = run?.attention.filter(({ kind }) => !['failed', 'timeout', 'lost'].includes(kind) || groups.length === 0) ?? [];
    const actions = {
      emphasised: this.emphasised,
      trusted: this.context.shell().trusted,
      emphasise: (group: FailureGroup) => this.emphasise(group),
      openLog: (group: FailureGroup) => {
        if (group.sampleTask !== null) this.pin(group.sampleTask, 'stderr');
      },
      // All ids of a very large group are not sent to the page: the command then asks which groups.
      resubmit: (group: FailureGroup) => run && this.context.act('resubmit', group.taskIds.length === group.count ? { kind: 'tasks', runId: run.run_id, taskIds: group.taskIds } : { kind: 'run', runId: run.run_id }),
    };
    return html`<section class="card attention" aria-labelledby="attention-title">
      <h2 id="attention-title">${l10n.t('Needs attention')}</h2>
      ${others.map(({ message }) => html`<p>${icon('warning', 'wary')} ${message}</p>`)}
      ${groups.map((group) => failureCard(group, actions))}
      ${failures?.asking === true ? html`<p class="quiet">${l10n.t('Reading the logs of failed tasks…')}</p>` : nothing}
      ${note === null ? nothing : html`<p class="quiet">${note}</p>`}
      ${groups.length === 0 && others.length === 0 && failures?.asking !== true ? html`<p class="quiet">${icon('pass', 'good')} ${l10n.t('Nothing.')}</p>` : nothing}
    </section>`;
  }

  /** The first tasks, or the parameters, came: what was chosen before is shown again. */
  private arrive(): void {
    const before = this.memory?.choice;
    const names = new Set(this.table.parameters.map(({ name }) => name));
    const known = (name: string): string => (names.has(name) ? name : '');
    this.choice ??= before && { measure: before.measure as Measure, across: before.across, down: before.down };
    const shown = this.choice ?? this.tasks.suggest();
    const missing = shown.measure.startsWith('metric:') && !this.table.metrics.has(shown.measure.slice('metric:'.length));
    this.table.takeChanges();
    this.tasks.show({ measure: missing ? 'state' : shown.measure, across: known(shown.across), down: known(shown.down) });
    this.missing = missing ? shown : undefined;
    const task = this.memory?.task;
    if (task !== undefined && task < this.table.total && this.log.selected === undefined) this.pin(task, this.memory?.stream);
  }

  private async choose(choice: MapChoice | (Omit<MapChoice, 'measure'> & { readonly measure: string })): Promise<void> {
    this.metricsProblem = undefined;
    const wanted = choice.measure.startsWith('metric:') ? choice.measure.slice('metric:'.length) : null;
    if (choice.measure === 'metrics' || (wanted !== null && !this.table.metrics.has(wanted))) {
      const measure = await this.loadMetric(wanted);
      return measure === undefined ? this.tasks.show({ ...choice, measure: 'state' }) : this.choose({ ...choice, measure });
    }
    this.choice = choice as MapChoice;
    this.tasks.show(this.choice);
    this.keep({ choice: this.choice });
    this.context.redraw();
  }

  /** Undefined: there is none, and why is told. */
  private async loadMetric(name: string | null): Promise<Measure | undefined> {
    try {
      const { names, chosen } = await this.context.request('metric', { name });
      this.table.metricNames = names;
      if (chosen) {
        this.table.metrics = new Map([...this.table.metrics, [chosen.name, chosen.values]]);
        return `metric:${chosen.name}`;
      }
      this.metricsProblem = l10n.t('The results have no metric yet.');
    } catch (error) {
      if (this.context.signal.aborted) return undefined;
      this.metricsProblem = error instanceof Error ? error.message : String(error);
    }
    this.context.redraw();
    return undefined;
  }

  private pin(task: number, stream?: Stream): void {
    this.tasks.select(task);
    this.showLog(task, stream ?? this.log.selected?.stream ?? 'stderr');
    this.context.request('evidence', { task }).then(
      ({ evidence }) => {
        this.evidence = { task, text: evidence };
        this.context.redraw();
      },
      () => undefined,
    );
  }

  private showLog(task: number, stream: Stream): void {
    this.log.show(task, stream);
    this.keep({ task, stream });
  }

  private taskActions(run: RunShape, task: number): TemplateResult | typeof nothing {
    const off = !this.context.shell().trusted;
    const state = taskStates[this.table.known?.state[task] ?? 0];
    const subject: PageSubject = { kind: 'tasks', runId: run.run_id, taskIds: [task] };
    if (state === 'pending' || state === 'running') return html`<p class="actions"><vscode-button appearance="secondary" ?disabled=${off} @click=${() => this.context.act('cancelTasks', subject)}>${l10n.t('Cancel task {0}…', String(task))}</vscode-button></p>`;
    if (state === 'complete' || state === 'unknown' || state === undefined) return nothing;
    return html`<p class="actions"><vscode-button appearance="secondary" ?disabled=${off} @click=${() => this.context.act('resubmit', subject)}>${l10n.t('Submit task {0} again…', String(task))}</vscode-button></p>`;
  }

  private emphasise(group: FailureGroup): void {
    this.mark(this.emphasised === group.id ? undefined : group);
    this.context.redraw();
  }

  private mark(group: FailureGroup | undefined): void {
    this.emphasised = group?.id;
    this.emphasisedTasks = group?.taskIds;
    this.tasks.setEmphasis(group && new Set(group.taskIds));
  }

  private keep(part: Partial<Remembered>): void {
    if (!this.run) return;
    this.memory = { ...(this.memory?.run === this.run.run_id ? this.memory : {}), ...part, run: this.run.run_id };
    this.context.remember(this.memory);
  }

  private slow(): void {
    this.slowTimer = 0;
    if (this.slowVersion === this.table.version || !this.table.known || !this.run) {
      // The tasks may come before the state that says which waves there are.
      if (this.table.known && !this.run) this.slowTimer = window.setTimeout(() => this.slow(), 50);
      return;
    }
    this.slowVersion = this.table.version;
    this.times = waveTimes(this.table.known, this.run.waves, Date.now() / 1000, 160);
    if (this.choice && this.choice.measure !== 'state') {
      this.tasks.measureAnew();
      this.tasks.map.repaint();
    }
    this.context.redraw();
  }
}

export const runView: ViewDefinition<'run'> = {
  name: 'run',
  open: (context) => new RunPage(context),
};
