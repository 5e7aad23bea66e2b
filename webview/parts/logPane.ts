/**
 * The end of a task's log, followed while it grows.
 *
 * Rules: lines are text, cleaned of control characters; the view moves to the end only where it was at the end; only what is new is asked for,
 * and nothing once the task has ended.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import { appendLog, emptyLog, linesOf, type PlainLog } from '../model/plainLog.ts';
import { icon } from './icons.ts';

export type Stream = 'stdout' | 'stderr';

export interface LogAnswer {
  readonly path: string;
  readonly found: boolean;
  readonly text: string;
  readonly offset: number;
  readonly size: number;
  readonly nextOffset: number;
  readonly ended: boolean;
}

export interface LogHost {
  readonly signal: AbortSignal;
  read(task: number, stream: Stream, offset: number | null, signal: AbortSignal): Promise<LogAnswer>;
  redraw(): void;
  open(task: number, stream: Stream): void;
  choose(task: number, stream: Stream): void;
}

const keptLines = 5000;
const followMs = 2000;
const slowestMs = 30_000;

export class LogPane {
  private readonly host: LogHost;
  private readonly output = document.createElement('pre');
  private log: PlainLog = emptyLog;
  private shown: readonly string[] = [];
  private task: number | undefined;
  private stream: Stream = 'stderr';
  private offset: number | null = null;
  private answer: LogAnswer | undefined;
  private failure: string | undefined;
  private ended: AbortController | undefined;
  private timer = 0;
  private quietRounds = 0;
  private follow = true;

  constructor(host: LogHost) {
    this.host = host;
    this.output.tabIndex = 0;
    this.output.setAttribute('role', 'log');
    this.output.setAttribute('aria-live', 'off');
    this.output.setAttribute('aria-label', l10n.t('Log'));
    host.signal.addEventListener('abort', () => this.stop());
  }

  get selected(): { readonly task: number; readonly stream: Stream } | undefined {
    return this.task === undefined ? undefined : { task: this.task, stream: this.stream };
  }

  show(task: number, stream: Stream): void {
    if (task === this.task && stream === this.stream) return;
    this.stop();
    this.task = task;
    this.stream = stream;
    this.log = emptyLog;
    this.offset = null;
    this.answer = undefined;
    this.failure = undefined;
    this.quietRounds = 0;
    this.write();
    this.host.redraw();
    void this.read();
  }

  draw(headline: string): TemplateResult {
    const { task } = this;
    if (task === undefined) return html`<p class="quiet">${l10n.t('Choose a task in the map to see its log.')}</p>`;
    const tab = (stream: Stream, words: string): TemplateResult =>
      html`<vscode-button appearance=${this.stream === stream ? 'secondary' : 'icon'} aria-label=${words} aria-pressed=${this.stream === stream ? 'true' : 'false'} @click=${() => this.host.choose(task, stream)}>${words}</vscode-button>`;
    return html`<div class="log-head">
        <span class="headline">${headline}</span>
        <span class="log-tabs" role="group" aria-label=${l10n.t('Stream')}>${tab('stderr', 'stderr')} ${tab('stdout', 'stdout')}</span>
        <vscode-checkbox ?checked=${this.follow} @change=${(event: Event) => this.setFollow((event.target as HTMLInputElement).checked)}>${l10n.t('Follow')}</vscode-checkbox>
        <vscode-button appearance="icon" aria-label=${l10n.t('Open in an editor')} title=${l10n.t('Open in an editor')} @click=${() => this.host.open(task, this.stream)}>${icon('external')}</vscode-button>
      </div>
      ${this.output}
      ${this.failure === undefined ? nothing : html`<p class="quiet">${icon('warning', 'wary')} ${this.failure}</p>`}
      ${this.answer && !this.answer.found ? html`<p class="quiet">${l10n.t('It has written no such file yet.')}</p>` : nothing}
      ${this.answer?.found === true && this.shown.length === 0 ? html`<p class="quiet">${l10n.t('The file is empty.')}</p>` : nothing}
      ${this.answer === undefined && this.failure === undefined ? html`<p class="quiet">${l10n.t('Reading…')}</p>` : nothing}`;
  }

  private setFollow(follow: boolean): void {
    this.follow = follow;
    if (follow) {
      this.toEnd();
      void this.read();
    } else clearTimeout(this.timer);
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.ended?.abort();
    this.ended = undefined;
  }

  private async read(): Promise<void> {
    const { task, stream } = this;
    if (task === undefined) return;
    clearTimeout(this.timer);
    this.ended?.abort();
    const ended = (this.ended = new AbortController());
    try {
      const answer = await this.host.read(task, stream, this.offset, ended.signal);
      if (ended.signal.aborted) return;
      // The file was begun anew: so is the view.
      if (this.offset !== null && answer.offset !== this.offset) this.log = emptyLog;
      this.quietRounds = answer.text === '' ? this.quietRounds + 1 : 0;
      this.answer = answer;
      this.failure = undefined;
      this.offset = answer.nextOffset;
      this.log = appendLog(this.log, answer.text, keptLines);
      this.write();
    } catch (error) {
      if (ended.signal.aborted) return;
      this.quietRounds += 1;
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.host.redraw();
    const more = this.answer && this.answer.nextOffset < this.answer.size;
    if (more === true || (this.follow && this.answer?.ended !== true)) this.timer = window.setTimeout(() => void this.read(), more === true ? 0 : Math.min(slowestMs, followMs * 1.5 ** Math.min(8, this.quietRounds)));
  }

  private write(): void {
    const { output } = this;
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 24;
    this.shown = linesOf(this.log);
    output.textContent = this.shown.join('\n');
    if (this.follow && (atEnd || this.offset === null)) this.toEnd();
  }

  private toEnd(): void {
    requestAnimationFrame(() => {
      this.output.scrollTop = this.output.scrollHeight;
    });
  }
}
