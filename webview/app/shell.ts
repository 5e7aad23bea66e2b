/**
 * The frame around the views: the tabs, the run in question, and which view is open. One view is open at a time; it is drawn at
 * most once a frame, and nothing is asked for while the page is hidden.
 */
import { html, nothing, render, type TemplateResult } from 'lit';
import * as z from 'zod/mini';
import { applyDifference } from '../protocol/differences.ts';
import { shellState, views, type Route, type ShellState, type ToPage, type ViewName } from '../protocol.ts';
import { definitions } from '../views/registry.ts';
import { HostPort } from './hostPort.ts';
import { FocusKeeper, focusOn } from './keepFocus.ts';
import { PageMemory } from './memory.ts';
import type { PageView, ViewDefinition } from './view.ts';
import type { VsCodeApi } from './vscodeApi.ts';
import { l10n, setWords } from '../../l10n/words.ts';

/** The views whose subject is one run. */
const aboutOneRun: readonly ViewName[] = ['run', 'results'];

interface OpenView {
  readonly route: Route;
  subscription: number;
  readonly view: PageView<ViewName>;
  readonly ended: AbortController;
  /** As sent, before it was parsed: what differences apply to. */
  raw: unknown;
  state: unknown;
  problem: string | null;
}

export class Shell {
  private readonly root: HTMLElement;
  private readonly host: HostPort;
  private readonly memory: PageMemory;
  private readonly main: HTMLElement;
  private readonly header: HTMLElement;
  private readonly live: HTMLElement;
  private open: OpenView | undefined;
  private lastSubscription = 0;
  private rawShell: unknown;
  private shell: ShellState = { runs: [], trusted: true, hasFolder: true };
  private readonly focus: FocusKeeper;
  private frame = 0;
  private arriving = false;

  constructor(root: HTMLElement, api: VsCodeApi) {
    this.root = root;
    this.memory = new PageMemory(api);
    this.header = document.createElement('header');
    this.main = document.createElement('main');
    this.focus = new FocusKeeper(this.main);
    this.live = document.createElement('div');
    this.live.className = 'unseen';
    this.live.setAttribute('aria-live', 'polite');
    this.root.replaceChildren(this.header, this.main, this.live);
    this.host = new HostPort(api, (message) => this.receive(message));
    document.addEventListener('visibilitychange', () => this.open && this.subscribe(this.open));
    this.host.send({ type: 'ready' });
  }

  private receive(message: ToPage): void {
    switch (message.type) {
      case 'start':
        setWords(message.words, message.language);
        document.documentElement.lang = message.language;
        return this.go(message.route ?? this.memory.route ?? { view: 'overview', params: {} });
      case 'go':
        return this.go(message.route);
      case 'shell':
        this.rawShell = applyDifference(this.rawShell, message.difference);
        this.shell = z.parse(shellState, this.rawShell);
        return this.redraw();
      case 'state':
        return this.take(message.subscription, true, (open) => {
          open.raw = applyDifference(open.raw, message.difference);
          open.state = z.parse(views[open.route.view].state, open.raw);
          open.problem = null;
        });
      case 'event':
        // No redraw: events may come many times a second, and the view knows what they touch.
        return this.take(message.subscription, false, (open) => open.view.received?.(z.parse<z.ZodMiniType>(views[open.route.view].event, message.event) as never));
      case 'problem':
        return this.take(message.subscription, true, (open) => {
          open.problem = message.message;
        });
      case 'answer':
      case 'refusal':
    }
  }

  /** What is late, of a view that was left, is dropped. */
  private take(subscription: number, redraw: boolean, use: (open: OpenView) => void): void {
    if (this.open?.subscription !== subscription) return;
    use(this.open);
    if (redraw) this.redraw();
  }

  private go(route: Route): void {
    // What was pressed in the view that is left goes with it: its user arrives at the head of the next one.
    this.arriving ||= this.main.contains(document.activeElement);
    this.close();
    this.memory.setRoute(route);
    const ended = new AbortController();
    const definition = definitions[route.view] as unknown as ViewDefinition<ViewName>;
    const view = definition.open({
      params: z.parse(views[route.view].params, route.params),
      shell: () => this.shell,
      redraw: () => this.redraw(),
      act: (command, subject) => this.host.send({ type: 'action', command, ...(subject === undefined ? {} : { subject }) }),
      request: (name, input, signal) => this.host.request(route.view, this.open?.subscription ?? 0, name, input, signal ? AbortSignal.any([signal, ended.signal]) : ended.signal),
      go: (to) => this.go(to),
      recall: (schema) => this.memory.recall(route.view, schema),
      remember: (value) => this.memory.remember(route.view, value),
      announce: (sentence) => {
        this.live.textContent = sentence;
      },
      signal: ended.signal,
    });
    this.open = { route, subscription: 0, view, ended, raw: undefined, state: undefined, problem: null };
    this.subscribe(this.open);
    this.redraw();
  }

  private close(): void {
    this.open?.ended.abort();
    this.open?.view.dispose?.();
    this.open = undefined;
    // What the left view drew is of no use to the next.
    render(nothing, this.main);
  }

  /** Each time under a new number: the host begins with the whole state, and what is still under way is of no use. */
  private subscribe(open: OpenView): void {
    open.subscription = this.lastSubscription += 1;
    open.raw = undefined;
    this.host.send({ type: 'subscribe', subscription: open.subscription, route: document.hidden ? null : open.route });
  }

  private redraw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { open } = this;
    if (!open) return;
    render(this.bar(open), this.header);
    this.focus.before();
    render(html`${open.problem === null ? nothing : html`<p class="problem" role="alert">${open.problem}</p>`}${open.view.draw(open.state as never)}`, this.main);
    open.view.drawn?.(this.main);
    if (this.arriving) focusOn(this.main.querySelector('h1') ?? this.main);
    else this.focus.after();
    this.arriving = false;
  }

  private bar(open: OpenView): TemplateResult {
    const run = open.route.params.run;
    const chosen = run ?? this.shell.runs[0]?.run_id;
    const tab = (view: ViewName, words: string): TemplateResult => {
      const params: Route['params'] = chosen !== undefined && aboutOneRun.includes(view) ? { run: chosen } : {};
      const here = open.route.view === view;
      return html`<a href="#${view}" aria-current=${here ? 'page' : 'false'} @click=${(event: Event) => {
        event.preventDefault();
        if (!here) this.go({ view, params });
      }}>${words}</a>`;
    };
    return html`<nav aria-label=${l10n.t('Views')}>
        ${tab('overview', l10n.t('Overview'))} ${tab('run', l10n.t('Run'))} ${tab('results', l10n.t('Results'))} ${tab('plan', l10n.t('Plan'))}
      </nav>
      ${aboutOneRun.includes(open.route.view) && this.shell.runs.length > 0 ? this.runChoice(open, chosen) : nothing}`;
  }

  private runChoice(open: OpenView, chosen: string | undefined): TemplateResult {
    const choose = (event: Event): void => {
      const { value } = event.target as HTMLInputElement;
      if (value !== '' && value !== chosen) this.go({ view: open.route.view, params: { ...open.route.params, run: value } });
    };
    // The control keeps the words that an option had when it was chosen: what is chosen is said by us, without what changes.
    return html`<vscode-dropdown class="run-choice" aria-label=${l10n.t('Run')} .value=${chosen ?? ''} @change=${choose}>
      <span slot="selected-value">${this.shell.runs.find(({ run_id }) => run_id === chosen)?.run_name ?? ''}</span>
      ${this.shell.runs.map((run) => html`<vscode-option value=${run.run_id} ?selected=${run.run_id === chosen}>${run.run_name} · ${run.words}</vscode-option>`)}
    </vscode-dropdown>`;
  }
}
