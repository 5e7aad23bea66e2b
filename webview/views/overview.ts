/** What there is and what is going on: what needs a person first, then runs in flight, clusters, reservations. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { PageView, ViewContext, ViewDefinition } from '../app/view.ts';
import { counted } from '../app/words.ts';
import { l10n } from '../../l10n/words.ts';
import { durationWords, etaWords, hoursWords } from '../model/words.ts';
import { agoWords, ageWords } from '../parts/age.ts';
import { icon, stateIcon } from '../parts/icons.ts';
import { countWords, progressBar } from '../parts/progressBar.ts';
import type { StateOf } from '../protocol.ts';
import type { ClusterShape, OverviewReservation, OverviewRun } from '../protocol/overview.ts';
import type { PageCommand, PageSubject } from '../protocol/subjects.ts';

interface Matter {
  readonly about: string;
  readonly message: string;
  readonly command: PageCommand;
  readonly subject: PageSubject;
  readonly words: string;
  /** Whether the command changes something, and so needs a trusted folder. */
  readonly changes: boolean;
  /** The run whose page says more. */
  readonly run?: string;
}

export function mattersOf(state: StateOf<'overview'>): readonly Matter[] {
  const ofRuns = state.runs.flatMap((run): Matter[] => {
    const subject = { kind: 'run', runId: run.run_id } as const;
    const message = run.attention.map((item) => item.message).join('; ');
    if (run.lifecycle === 'unknown') return [{ about: run.name, message: message === '' ? l10n.t('It is not known whether everything was submitted.') : message, command: 'resumeSubmission', subject, words: l10n.t('Finish interrupted submission…'), changes: true, run: run.run_id }];
    if (message === '') return [];
    return [{ about: run.name, message, command: run.hasFailures ? 'resubmit' : 'showRunDetails', subject, words: run.hasFailures ? l10n.t('Submit failed tasks again…') : l10n.t('Show run details'), changes: run.hasFailures, run: run.run_id }];
  });
  const ofReservations = state.reservations.flatMap(({ id, name, liveness, attention }): Matter[] => {
    if (attention.length === 0) return [];
    const about = { about: name, message: attention.join('; '), subject: { kind: 'reservation', id } } as const;
    // What is not known is looked at, not given away.
    return [liveness === 'unknown' ? { ...about, command: 'refreshReservation', words: l10n.t('Refresh reservation'), changes: false } : { ...about, command: 'releaseReservation', words: l10n.t('Release reservation…'), changes: true }];
  });
  const ofClusters = state.clusters.flatMap(({ name, state: its, reason, problem }): Matter[] => {
    const why = problem ?? (its === 'refused' || its === 'broken' ? reason : null);
    return why === null ? [] : [{ about: name, message: why, command: 'preflight', subject: { kind: 'cluster', name }, words: l10n.t('Preflight cluster'), changes: false }];
  });
  return [...ofRuns, ...ofReservations, ...ofClusters];
}

class OverviewPage implements PageView<'overview'> {
  private readonly context: ViewContext<'overview'>;
  private readonly clock: number;
  private refreshing = false;

  constructor(context: ViewContext<'overview'>) {
    this.context = context;
    this.clock = window.setInterval(() => context.redraw(), 10_000);
  }

  dispose(): void {
    clearInterval(this.clock);
  }

  draw(state: StateOf<'overview'> | undefined): TemplateResult {
    if (!state?.loaded) return html`<h1>${l10n.t('Overview')}</h1><p class="quiet">${l10n.t('Reading…')}</p>`;
    const now = new Date();
    const matters = mattersOf(state);
    const open = state.runs.filter((run) => run.open);
    const ended = state.runs.filter((run) => !run.open);
    return html`<div class="overview">
      <div class="heading">
        <h1>${l10n.t('Overview')}</h1>
        <p class="actions">
          <vscode-button appearance="secondary" @click=${() => void this.refresh()}>${this.refreshing ? l10n.t('Asking…') : l10n.t('Refresh')}</vscode-button>
          <vscode-button ?disabled=${!this.context.shell().trusted || !this.context.shell().hasFolder} @click=${() => this.context.act('newSweep')}>${l10n.t('New sweep…')}</vscode-button>
        </p>
      </div>
      ${state.failure === null ? nothing : html`<p class="problem" role="alert">${state.failure}</p>`}
      ${matters.length === 0 ? nothing : html`<section class="card" aria-labelledby="matters"><h2 id="matters">${l10n.t('Needs attention')}</h2><ul class="rows">${repeat(matters, (matter) => JSON.stringify(matter.subject), (matter) => this.matter(matter))}</ul></section>`}
      <div class="columns">
        <div class="column">
          <section class="card" aria-labelledby="in-flight"><h2 id="in-flight">${l10n.t('Runs in flight')}</h2>
            ${open.length === 0 ? this.noRuns(state) : html`<ul class="rows">${repeat(open, (run) => run.run_id, (run) => this.run(run, now))}</ul>`}
          </section>
          ${ended.length === 0 ? nothing : html`<section class="card" aria-labelledby="ended"><h2 id="ended">${l10n.t('Ended')}${state.ended > ended.length ? html` <span class="quiet">${l10n.t('the last {0} of {1}', ended.length, state.ended)}</span>` : nothing}</h2><ul class="rows">${repeat(ended, (run) => run.run_id, (run) => this.endedRun(run, now))}</ul></section>`}
        </div>
        <div class="column">
          <section class="card" aria-labelledby="clusters"><h2 id="clusters">${l10n.t('Clusters')}</h2>
            ${state.clusterProblems.map((problem) => html`<p class="quiet">${icon('warning', 'wary')} ${problem}</p>`)}
            <ul class="rows">${repeat(state.clusters, (cluster) => cluster.name, (cluster) => this.cluster(cluster, now))}</ul>
            <p class="actions"><vscode-button appearance="secondary" @click=${() => this.context.act('addCluster')}>${l10n.t('Add cluster…')}</vscode-button></p>
          </section>
          <section class="card" aria-labelledby="reservations"><h2 id="reservations">${l10n.t('Reservations')}</h2>
            ${state.reservations.length === 0 ? html`<p class="quiet">${l10n.t('No node is held. A reservation keeps one under a name, so that many commands run in it without waiting in the queue.')}</p>` : html`<ul class="rows">${repeat(state.reservations, (reservation) => reservation.id, (reservation) => this.reservation(reservation, now))}</ul>`}
            <p class="actions"><vscode-button appearance="secondary" ?disabled=${!this.context.shell().trusted} @click=${() => this.context.act('bookReservation')}>${l10n.t('Book a node…')}</vscode-button></p>
          </section>
        </div>
      </div>
    </div>`;
  }

  private matter({ about, message, command, subject, words, changes, run }: Matter): TemplateResult {
    return html`<li class="matter">
      <span class="lead">${icon('warning', 'wary')}<b>${run === undefined ? about : this.runLink(run, about)}</b> ${message}</span>
      <vscode-button appearance="secondary" ?disabled=${changes && !this.context.shell().trusted} aria-label=${`${words} ${about}`} @click=${() => this.context.act(command, subject)}>${words}</vscode-button>
    </li>`;
  }

  private runLink(run: string, name: string): TemplateResult {
    return html`<a href="#run" @click=${(event: Event) => {
      event.preventDefault();
      this.context.go({ view: 'run', params: { run } });
    }}>${name}</a>`;
  }

  private noRuns(state: StateOf<'overview'>): TemplateResult {
    if (state.ended > 0) return html`<p class="quiet">${l10n.t('Nothing runs now.')}</p>`;
    return html`<p>${l10n.t('No runs yet. Choose a script and the values of its parameters; every combination becomes a task.')}</p>
      <p class="actions"><vscode-button appearance="secondary" @click=${() => this.context.act('trySample')}>${l10n.t('Try the sample…')}</vscode-button></p>`;
  }

  private run(run: OverviewRun, now: Date): TemplateResult {
    const facts = [
      run.cluster,
      ...(run.eta_s === null ? [] : [etaWords({ ...run, eta_s: run.eta_s }, now)]),
      ...(run.cost === null ? [] : [l10n.t('{0} core-h so far', hoursWords(run.cost.core_hours)), ...(run.cost.gpu_hours === null ? [] : [l10n.t('{0} GPU-h', hoursWords(run.cost.gpu_hours))])]),
      ageWords(run, now),
    ];
    return html`<li class="in-flight">
      <p class="line"><span class="lead">${stateIcon(run.lifecycle)}<b>${this.runLink(run.run_id, run.name)}</b> <span class="quiet">${run.word}</span></span><span class="facts">${facts.join(' · ')}</span></p>
      ${progressBar(run.counts, run.total, true)}
      <p class="line">${countWords(run.counts, run.observed_at !== null)}</p>
    </li>`;
  }

  private endedRun(run: OverviewRun, now: Date): TemplateResult {
    const cost = run.cost === null ? [] : [l10n.t('{0} core-h', hoursWords(run.cost.core_hours)), ...(run.cost.gpu_hours === null ? [] : [l10n.t('{0} GPU-h', hoursWords(run.cost.gpu_hours))])];
    return html`<li><p class="line"><span class="lead">${stateIcon(run.lifecycle)}<b>${this.runLink(run.run_id, run.name)}</b> <span class="quiet">${run.word} · ${run.counts.complete === run.total ? counted(run.total, 'task') : l10n.t('{0} of {1} done', run.counts.complete, run.total)}</span></span><span class="tail"><span class="facts">${[run.cluster, ...cost, l10n.t('{0} ago', agoWords(run.submitted_at, now))].join(' · ')}</span>
      ${run.hasResults ? html`<vscode-button class="end" appearance="secondary" aria-label=${l10n.t('Results of {0}', run.name)} @click=${() => this.context.go({ view: 'results', params: { run: run.run_id } })}>${l10n.t('Results')}</vscode-button>` : nothing}</span></p></li>`;
  }

  private cluster(cluster: ClusterShape, now: Date): TemplateResult {
    const { free } = cluster;
    const words: Readonly<Record<string, string>> = { here: l10n.t('here'), idle: l10n.t('not connected'), connecting: l10n.t('connecting'), connected: l10n.t('connected'), broken: l10n.t('connection lost'), refused: l10n.t('sign-in refused') };
    const sign = cluster.state === 'refused' ? icon('lock', 'bad') : cluster.state === 'broken' ? icon('warning', 'wary') : cluster.state === 'here' ? icon('computer') : icon('server', cluster.state === 'connected' ? 'good' : 'dim');
    return html`<li>
      <p class="line"><span class="lead">${sign}<b>${cluster.name}</b> <span class="quiet">${cluster.scheduler} · ${cluster.state === 'idle' && cluster.heard_at !== null ? l10n.t('seen {0} ago', agoWords(cluster.heard_at, now)) : (words[cluster.state] ?? cluster.state)}</span></span>
        ${free === null ? nothing : html`<span class="facts">${free.stale_reason === null ? l10n.t('seen {0} ago', agoWords(free.observed_at, now)) : l10n.t('stale, {0}', l10n.t('seen {0} ago', agoWords(free.observed_at, now)))}</span>`}
        ${free === null ? html`<vscode-button class="end" appearance="secondary" aria-label=${cluster.asking ? `${l10n.t('Asking…')} ${cluster.name}` : l10n.t('Ask {0} what is free', cluster.name)} @click=${() => void (cluster.asking || this.ask(cluster.name))}>${cluster.asking ? l10n.t('Asking…') : l10n.t('What is free?')}</vscode-button>` : nothing}</p>
      ${free === null ? nothing : html`
        <p class="line load">${this.load(l10n.t('{0} of {1} cores free', free.cpus_free, free.cpus_total), free.cpus_total - free.cpus_free, free.cpus_total)}${free.gpus.map((gpu) => this.load(l10n.t('{0} of {1} {2} free', gpu.free, gpu.total, gpu.type === '' ? 'GPU' : gpu.type), gpu.total - gpu.free, gpu.total))}</p>
        ${free.mine_running + free.mine_pending === 0 ? nothing : html`<p class="quiet">${l10n.t('your jobs: {0} running, {1} waiting', free.mine_running, free.mine_pending)}</p>`}`}
    </li>`;
  }

  private load(words: string, used: number, total: number): TemplateResult {
    return html`<span class="gauge"><span class="bar small" aria-hidden="true"><span class="used" .style=${`width: ${total === 0 ? 0 : Math.round((100 * used) / total)}%`}></span></span>${words}</span>`;
  }

  private reservation(reservation: OverviewReservation, now: Date): TemplateResult {
    const ends = reservation.ends_at === null ? undefined : Date.parse(reservation.ends_at);
    const left = ends === undefined ? undefined : (ends - now.getTime()) / 1000;
    const whole = ends === undefined ? 0 : (ends - Date.parse(reservation.submitted_at)) / 1000;
    const subject = { kind: 'reservation', id: reservation.id } as const;
    const alive = reservation.liveness === 'alive';
    const facts = [...(alive && reservation.idle_s !== null && reservation.idle_s >= 60 ? [l10n.t('idle {0}', durationWords(reservation.idle_s))] : []), ...(reservation.node_hours === null ? [] : [l10n.t('{0} node-h', hoursWords(reservation.node_hours))]), ...(reservation.observed_at === null ? [] : [l10n.t('seen {0} ago', agoWords(reservation.observed_at, now))])];
    return html`<li>
      <p class="line"><span class="lead">${icon('server', alive ? 'good' : 'dim')}<b>${reservation.name}</b> <span class="quiet">${[reservation.cluster, ...(reservation.node === '' ? [] : [reservation.node]), reservation.word].join(' · ')}</span></span><span class="facts">${facts.join(' · ')}</span></p>
      ${alive && left !== undefined ? html`<p class="line load">${html`<span class="gauge"><span class="bar small" aria-hidden="true"><span class="used" .style=${`width: ${Math.max(0, Math.min(100, Math.round(100 * (1 - left / Math.max(1, whole)))))}%`}></span></span>${reservation.persistent ? l10n.t('{0} left, renews itself', durationWords(left)) : l10n.t('{0} left', durationWords(left))}</span>`}</p>` : nothing}
      <p class="actions">
        ${reservation.held ? html`<vscode-button appearance="secondary" aria-label=${l10n.t('Attach to {0}', reservation.name)} @click=${() => this.context.act('attachReservation', subject)}>${l10n.t('Attach')}</vscode-button>` : nothing}
        <vscode-button appearance="secondary" aria-label=${l10n.t('Release {0}', reservation.name)} ?disabled=${!this.context.shell().trusted} @click=${() => this.context.act('releaseReservation', subject)}>${l10n.t('Release')}</vscode-button>
      </p>
    </li>`;
  }

  private async ask(cluster: string): Promise<void> {
    // What went wrong is in the state.
    await this.context.request('ask', { cluster }).catch(() => undefined);
  }

  /** Its button is never disabled: that would take the focus from whoever pressed it. */
  private async refresh(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    this.context.redraw();
    await this.context.request('refresh', {}).catch(() => undefined);
    this.refreshing = false;
    this.context.redraw();
  }
}

export const overviewView: ViewDefinition<'overview'> = {
  name: 'overview',
  open: (context) => new OverviewPage(context),
};
