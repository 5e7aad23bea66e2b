/**
 * One page's conversation with its host, without vscode: which view is looked at, its source, its questions.
 *
 * Rules: every message of the page is parsed; what does not fit is logged and dropped. One source at most is open, and none while
 * nobody looks. Text reaches the page as data, never as HTML.
 */
import * as z from 'zod/mini';
import { CancelledError } from '../../../foundation/abort.ts';
import type { Disposable } from '../../../foundation/disposable.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { Log } from '../../../foundation/log.ts';
import { differenceOf } from '../../../../webview/protocol/differences.ts';
import { toHost, views, type Route, type ShellState, type ToHost, type ToPage, type ViewName } from '../../../../webview/protocol.ts';
import type { PageCommand, PageSubject } from '../../../../webview/protocol/subjects.ts';
import type { Editor } from '../editor.ts';
import type { OpenSource, ViewSource } from './viewSource.ts';

export interface ConversationParts {
  readonly editor: Editor;
  readonly log: Log;
  readonly sources: { readonly [Name in ViewName]: () => Promise<ViewSource<Name>> };
  /** Translations by English sentence. */
  readonly words: Readonly<Record<string, string>>;
  readonly language: string;
  post(message: ToPage): void;
  act(command: PageCommand, subject: PageSubject | undefined): void;
  title(words: string): void;
  shell(): ShellState;
}

interface Look {
  readonly subscription: number;
  readonly route: Route;
  readonly ended: AbortController;
  source: OpenSource<ViewName> | undefined;
  last: unknown;
}

type Handler = (input: unknown, signal: AbortSignal) => Promise<unknown>;

export class Conversation implements Disposable {
  private readonly parts: ConversationParts;
  private readonly questions = new Map<number, AbortController>();
  private look: Look | undefined;
  private lastShell: unknown;
  private ready = false;
  private nextRoute: Route | null;

  /** `route`: where the page goes first, instead of where it was. */
  constructor(parts: ConversationParts, route: Route | null) {
    this.parts = parts;
    this.nextRoute = route;
  }

  /** What is looked at now. */
  get route(): Route | undefined {
    return this.look?.route;
  }

  go(route: Route): void {
    if (this.ready) this.parts.post({ type: 'go', route });
    else this.nextRoute = route;
  }

  /** Runs came, went or changed. */
  shellChanged(): void {
    if (!this.ready) return;
    const shell = this.parts.shell();
    const difference = differenceOf(this.lastShell, shell);
    this.lastShell = shell;
    if (difference.length > 0) this.parts.post({ type: 'shell', difference });
  }

  async receive(raw: unknown): Promise<void> {
    const message = z.safeParse(toHost, raw);
    if (!message.success) return this.parts.log.warn('the page said what does not fit', { problem: z.prettifyError(message.error) });
    await this.answer(message.data);
  }

  /** The page is hidden: it is gone until it is seen again, and begins anew then. */
  hidden(): void {
    this.ready = false;
    this.leave();
  }

  dispose(): void {
    this.hidden();
  }

  private async answer(message: ToHost): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.leave();
        this.ready = true;
        this.parts.post({ type: 'start', words: { ...this.parts.words }, language: this.parts.language, route: this.nextRoute });
        this.nextRoute = null;
        this.lastShell = undefined;
        return this.shellChanged();
      case 'subscribe':
        this.leave();
        return message.route === null ? undefined : this.enter(message.subscription, message.route);
      case 'action':
        return this.parts.act(message.command, message.subject);
      case 'request':
        return this.ask(message);
      case 'cancel':
        return this.questions.get(message.id)?.abort(new CancelledError());
      case 'defect':
        return this.parts.log.error(`The dashboard's page failed: ${message.message}`, { stack: message.stack });
    }
  }

  private async enter(subscription: number, route: Route): Promise<void> {
    const look: Look = { subscription, route, ended: new AbortController(), source: undefined, last: undefined };
    this.look = look;
    const here = (): boolean => this.look === look;
    try {
      const params = z.parse(views[route.view].params, route.params);
      const source = (await this.parts.sources[route.view]()) as unknown as ViewSource<ViewName>;
      if (!here()) return;
      look.source = source.open({
        editor: this.parts.editor,
        params,
        publish: (state) => {
          if (!here()) return;
          const difference = differenceOf(look.last, state);
          look.last = state;
          if (difference.length > 0) this.parts.post({ type: 'state', subscription, difference });
        },
        send: (event) => {
          if (here()) this.parts.post({ type: 'event', subscription, event });
        },
        problem: (problem) => {
          if (here()) this.parts.post({ type: 'problem', subscription, message: problem });
        },
        title: (words) => {
          if (here()) this.parts.title(words);
        },
        signal: look.ended.signal,
      });
    } catch (error) {
      this.parts.log.error(`The view ${route.view} could not be opened: ${messageOf(error)}`, { stack: error instanceof Error ? error.stack : undefined });
      if (here()) this.parts.post({ type: 'problem', subscription, message: messageOf(error) });
    }
  }

  private leave(): void {
    const { look } = this;
    this.look = undefined;
    look?.ended.abort(new CancelledError());
    look?.source?.dispose();
    for (const question of this.questions.values()) question.abort(new CancelledError());
    this.questions.clear();
  }

  private async ask({ id, subscription, name, input }: Extract<ToHost, { type: 'request' }>): Promise<void> {
    const { look } = this;
    const question = new AbortController();
    this.questions.set(id, question);
    try {
      if (look?.subscription !== subscription || !look.source) throw new Error('This view was left.');
      const requests = views[look.route.view].requests as Readonly<Record<string, { readonly input: z.ZodMiniType } | undefined>>;
      const handlers = look.source.requests as Readonly<Record<string, Handler | undefined>>;
      const protocol = Object.hasOwn(requests, name) ? requests[name] : undefined;
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
      if (!protocol || !handler) throw new Error(`The view ${look.route.view} has no request ${name}.`);
      const value = await handler(z.parse(protocol.input, input), question.signal);
      if (!question.signal.aborted) this.parts.post({ type: 'answer', id, value });
    } catch (error) {
      if (question.signal.aborted || CancelledError.is(error)) return;
      this.parts.log.warn(`The dashboard's request ${name} failed: ${messageOf(error)}`);
      this.parts.post({ type: 'refusal', id, message: messageOf(error) });
    } finally {
      this.questions.delete(id);
    }
  }
}
