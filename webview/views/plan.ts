/** The Plan view: what submitting would do, to scale, with what it may cost, and the two next steps. */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import type { PageView, ViewContext, ViewDefinition } from '../app/view.ts';
import { spanText } from '../model/plan/duration.ts';
import { limitUses, timelineOf, type Timeline } from '../model/plan/timeline.ts';
import { numberText } from '../model/results/numbers.ts';
import type { StateOf } from '../protocol.ts';
import { agoWords } from '../parts/age.ts';
import type { QueueNow, WirePlan } from '../protocol/plan.ts';
import { limitsTable, resourceText, resourceWord, samplesTable, waveTable } from './plan/planTables.ts';
import { sentence, timelineChart } from './plan/timelineChart.ts';
import './plan/plan.css';
import './results/charts.css';

type State = StateOf<'plan'>;

export const planView: ViewDefinition<'plan'> = {
  name: 'plan',
  open: (context) => new PlanView(context),
};

class PlanView implements PageView<'plan'> {
  private readonly context: ViewContext<'plan'>;
  private readonly sizes = new ResizeObserver(() => this.context.redraw());
  private main: HTMLElement | undefined;
  private width = 900;
  private failure = '';

  constructor(context: ViewContext<'plan'>) {
    this.context = context;
  }

  draw(state: State | undefined): TemplateResult {
    return html`<div class="plan">
      ${state === undefined ? html`<h1>${l10n.t('Plan')}</h1><p class="quiet">${l10n.t('Reading…')}</p>` : state.plan ? this.planned(state, state.plan) : this.empty(state)}
    </div>`;
  }

  drawn(root: HTMLElement): void {
    if (this.main !== root) {
      this.main = root;
      this.sizes.observe(root);
    }
    const wide = root.querySelector<HTMLElement>('.timeline-frame')?.clientWidth;
    if (wide !== undefined && wide > 0 && Math.abs(wide - this.width) > 1) {
      this.width = wide;
      this.context.redraw();
    }
  }

  dispose(): void {
    this.sizes.disconnect();
  }

  // ---------------------------------------------------------------- doing

  private ask(request: Promise<unknown>): void {
    this.failure = '';
    request.catch((error: unknown) => {
      if (this.context.signal.aborted) return;
      this.failure = error instanceof Error ? error.message : String(error);
      this.context.redraw();
    });
  }

  private submit(canary: boolean, again: boolean): void {
    this.ask(
      this.context.request('submit', { canary, again }).then(({ run_id }) => {
        if (run_id !== null) this.context.go({ view: 'run', params: { run: run_id } });
      }),
    );
  }

  // ---------------------------------------------------------------- the parts

  private empty(state: State): TemplateResult {
    if (!state.tasks) {
      return html`<h1>${l10n.t('Plan')}</h1>
        <p>${l10n.t('There is no .hpc/tasks.py in this folder yet, so there is nothing to plan. A new sweep makes it.')}</p>
        <div class="buttons">
          <vscode-button @click=${() => this.context.act('newSweep')}>${l10n.t('New sweep')}</vscode-button>
          <vscode-button appearance="secondary" @click=${() => this.context.act('trySample')}>${l10n.t('Try the sample')}</vscode-button>
        </div>`;
    }
    return html`<h1>${l10n.t('Plan')}</h1>
      ${state.busy === 'planning' ? html`<p role="status">${l10n.t('Planning on {0}…', state.cluster ?? '')}</p>` : html`<p>${l10n.t('Choose a cluster to see what submitting the tasks of .hpc/tasks.py would do there. Nothing is submitted by it.')}</p>`}
      ${this.problem()}
      <div class="buttons">
        ${state.clusters.map((cluster, index) => html`<vscode-button appearance=${index === 0 ? 'primary' : 'secondary'} ?disabled=${state.busy !== null} @click=${() => this.ask(this.context.request('choose', { cluster: cluster.name }))}>${l10n.t('Plan on {0}', cluster.name)}</vscode-button>`)}
        <vscode-button appearance="secondary" @click=${() => this.context.act('addCluster')}>${l10n.t('Add a cluster')}</vscode-button>
      </div>`;
  }

  private problem(): TemplateResult | typeof nothing {
    return this.failure === '' ? nothing : html`<p class="problem" role="alert">${this.failure}</p>`;
  }

  private planned(state: State, plan: WirePlan): TemplateResult {
    const timeline = timelineOf(plan);
    return html`<div class="title">
        <div>
          <h1>${l10n.t('Plan')} <span class="quiet">${plan.run_name}</span></h1>
          <p class="quiet">${plan.executor} · ${l10n.t('nothing is submitted yet')}${state.busy === 'planning' ? html` · <span role="status">${l10n.t('planning again…')}</span>` : nothing}</p>
        </div>
        ${this.steps(state, plan)}
      </div>
      ${this.choice(state)} ${this.problem()} ${findings(plan)} ${figures(plan, timeline, state.queue)} ${queueLine(state.queue)}
      <section aria-label=${l10n.t('Arrays and waves')}>
        <h2>${l10n.t('Arrays and waves, to scale')}</h2>
        <div class="timeline-frame">${timelineChart(timeline, this.width)}</div>
        <p class="quiet">${sentence(timeline)} ${scaleWords(plan, timeline)}</p>
        ${waveTable(timeline)}
      </section>
      <div class="plan-columns">
        <section>${limitsTable(limitUses(plan))}</section>
        <section>
          <h2>${l10n.t('Each task asks for')}</h2>
          <table>
            <tbody>
              ${Object.entries(plan.resources).map(([name, value]) => html`<tr><th scope="row">${resourceWord(name)}</th><td class="number">${resourceText(name, value)}</td></tr>`)}
              ${Object.keys(plan.resources).length === 0 ? html`<tr><th scope="row">${l10n.t('resources')}</th><td>${l10n.t('the cluster’s defaults')}</td></tr>` : nothing}
              <tr><th scope="row">${l10n.t('folder there')}</th><td class="path">${plan.remote_path}</td></tr>
            </tbody>
          </table>
        </section>
        <section>${samplesTable(plan)}</section>
      </div>
      <div class="buttons below">
        <vscode-button appearance="secondary" @click=${() => this.ask(this.context.request('showScript', {}))}>${l10n.t('Show the job script')}</vscode-button>
        <vscode-button appearance="secondary" @click=${() => this.ask(this.context.request('showText', {}))}>${l10n.t('Show as text')}</vscode-button>
      </div>`;
  }

  private steps(state: State, plan: WirePlan): TemplateResult {
    const off = state.busy !== null || plan.verdict === 'fail';
    const prior = plan.prior_run;
    const all = plan.total_tasks === 1 ? l10n.t('Submit the task') : l10n.t('Submit all {0} tasks', plan.total_tasks);
    if (state.busy === 'submitting' || state.busy === 'canary') return html`<p role="status">${state.busy === 'canary' ? l10n.t('The canary runs; the rest follows when it passed…') : l10n.t('Submitting…')}</p>`;
    if (prior) {
      return html`<div class="buttons">
        <vscode-button @click=${() => this.context.go({ view: 'run', params: { run: prior.run_id } })}>${l10n.t('Show the earlier run')}</vscode-button>
        <vscode-button appearance="secondary" ?disabled=${off} @click=${() => this.submit(false, true)}>${l10n.t('Submit again as a new run')}</vscode-button>
      </div>`;
    }
    return html`<div class="buttons">
      ${plan.total_tasks > 1 ? html`<vscode-button ?disabled=${off} title=${l10n.t('One task runs first as a run of its own; the rest is submitted only when it passed.')} @click=${() => this.submit(true, false)}>${l10n.t('Run canary first')}</vscode-button>` : nothing}
      <vscode-button appearance=${plan.total_tasks > 1 ? 'secondary' : 'primary'} ?disabled=${off} @click=${() => this.submit(false, false)}>${all}</vscode-button>
      <vscode-button appearance="secondary" ?disabled=${state.busy !== null} @click=${() => this.ask(this.context.request('planAgain', {}))}>${l10n.t('Plan again')}</vscode-button>
    </div>`;
  }

  private choice(state: State): TemplateResult {
    return html`<div class="choices">
      <span class="quiet" aria-hidden="true">${l10n.t('on')}</span>
      <vscode-dropdown aria-label=${l10n.t('Cluster')} .value=${state.cluster ?? ''} ?disabled=${state.busy !== null} @change=${(event: Event) => {
        const { value } = event.target as HTMLInputElement;
        if (value !== '' && value !== state.cluster) this.ask(this.context.request('choose', { cluster: value }));
      }}>
        ${state.clusters.map((cluster) => html`<vscode-option value=${cluster.name} ?selected=${cluster.name === state.cluster}>${cluster.name} · ${cluster.scheduler}</vscode-option>`)}
      </vscode-dropdown>
    </div>`;
  }
}

function findings(plan: WirePlan): TemplateResult {
  const words = { error: l10n.t('In the way'), warning: l10n.t('Worth a look'), info: l10n.t('Note') };
  const prior = plan.prior_run;
  return html`${plan.findings.length === 0 && !prior
    ? nothing
    : html`<ul class="findings" aria-label=${l10n.t('Findings')}>
        ${prior ? html`<li class="info"><strong>${l10n.t('Note')}:</strong> ${l10n.t('These very tasks were submitted to {0} before, on {1}: {2} of {3} done.', plan.cluster, prior.submitted_at.slice(0, 10), prior.complete, prior.total_tasks)}</li>` : nothing}
        ${plan.findings.map(({ severity, message, suggested_fix: fix }) => html`<li class=${severity}><strong>${words[severity]}:</strong> ${message}${fix === undefined ? nothing : html` <span class="quiet">${fix}</span>`}</li>`)}
      </ul>`}`;
}

/** What earlier runs cannot tell: what is free now, and what the scheduler says of those that wait. */
function queueLine(queue: QueueNow | null): TemplateResult | typeof nothing {
  if (!queue) return nothing;
  const { partition, cpus_free: free, cpus_total: total, waiting, last_start: start } = queue;
  const ours = waiting === 0 ? l10n.t('nothing of yours waits there') : l10n.t('{0, plural, one {# job of yours waits there} other {# jobs of yours wait there}}', waiting);
  const when = start === null ? '' : waiting === 1 ? l10n.t('the scheduler expects to start it {0}', soonWords(start)) : l10n.t('the scheduler expects to start the last of them {0}', soonWords(start));
  return html`<p class="quiet queue-now">${l10n.t('Now in {0}: {1} of {2} cores free', partition, free, total)} · ${ours}${when === '' ? nothing : `; ${when}`} (${l10n.t('seen {0} ago', agoWords(queue.observed_at, new Date()))})</p>`;
}

const secondsUntil = (start: string): number => Math.max(0, (Date.parse(start) - Date.now()) / 1000);
const soonWords = (start: string): string => (secondsUntil(start) < 60 ? l10n.t('within a minute') : l10n.t('in about {0}', spanText(secondsUntil(start))));

/** From earlier runs; else at least until the scheduler starts what waits before it. */
function waitWords({ waitS }: Timeline, queue: QueueNow | null): string {
  if (waitS !== null) return `≈ ${spanText(waitS)}`;
  return queue?.last_start ? l10n.t('{0} or more', spanText(secondsUntil(queue.last_start))) : l10n.t('not known');
}

function figures(plan: WirePlan, timeline: Timeline, queue: QueueNow | null): TemplateResult {
  const { timing } = plan;
  const items: readonly (readonly [string, string])[] = [
    [plan.total_tasks === 1 ? l10n.t('task') : l10n.t('tasks'), l10n.number(plan.total_tasks)],
    [plan.arrays.length === 1 ? l10n.t('array') : l10n.t('arrays'), l10n.number(plan.arrays.length)],
    [plan.waves === 1 ? l10n.t('wave') : l10n.t('waves'), l10n.number(plan.waves)],
    ...(plan.max_core_hours === null ? [] : [[l10n.t('core-hours at most'), hoursText(plan.max_core_hours)] as const]),
    ...(timing.task_s && plan.max_core_hours !== null ? [[l10n.t('core-hours expected'), hoursText((plan.total_tasks * Number(plan.resources.cpus ?? 1) * Number(plan.resources.nodes ?? 1) * timing.task_s.p50) / 3600)] as const] : []),
    ...(plan.max_node_hours === null || plan.max_node_hours === plan.max_core_hours ? [] : [[l10n.t('node-hours at most'), hoursText(plan.max_node_hours)] as const]),
    ...(timeline.scale === 'expected' ? [[l10n.t('expected, after the wait'), `≈ ${spanText(timeline.endS - (timeline.waitS ?? 0))}`] as const] : []),
    ...(timeline.latestS === null ? [] : [[l10n.t('at most, after the wait'), spanText(timeline.latestS)] as const]),
    [l10n.t('wait in the queue'), waitWords(timeline, queue)],
  ];
  return html`<dl class="figures">${items.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const hoursText = (hours: number): string => (hours >= 100 ? Math.round(hours).toLocaleString() : numberText(hours, 2));

function scaleWords({ timing }: WirePlan, timeline: Timeline): string {
  const { task_s: task, queue_wait_s: wait } = timing;
  const parts = [
    task?.source === 'history' && task.samples === 1 ? l10n.t('The one earlier task took {0}.', spanText(task.p50)) : task?.source === 'history' ? l10n.t('A task took {0} (half of {1} earlier ones) to {2} (nearly all, dashed).', spanText(task.p50), task.samples, spanText(task.p95)) : task ? l10n.t('A task takes {0}, as you said.', spanText(task.p50)) : '',
    timeline.scale === 'limit' ? l10n.t('No earlier task tells how long one takes: every bar is the time limit.') : '',
    timeline.scale === 'order' ? l10n.t('Give a time limit, or run a canary, to see how long it may take.') : '',
    timeline.scale === 'order' || timeline.spinUpS === 0 ? '' : l10n.t('Dotted: {0} to start, before each wave.', spanText(timeline.spinUpS)),
    wait ? (wait.runs === 1 ? l10n.t('Wait: as long as the first task of the one earlier run waited.') : l10n.t('Wait: as long as the first tasks of {0} earlier runs waited.', wait.runs)) : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
