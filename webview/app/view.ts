/**
 * What a view of the page is. It draws its state with lit; it owns nothing outside its element, and everything that it
 * starts ends in `dispose`.
 *
 * Rules: text of the far side only through lit's text and attribute bindings or textContent; colours only from the theme's
 * variables; `style` only as a property (`.style=`), since the page's policy refuses the attribute.
 */
import type { TemplateResult } from 'lit';
import type * as z from 'zod/mini';
import type { PageCommand, PageSubject } from '../protocol/subjects.ts';
import type { EventOf, ParamsOf, RequestInput, RequestName, RequestOutput, Route, ShellState, StateOf, ViewName } from '../protocol.ts';

export interface ViewContext<Name extends ViewName> {
  readonly params: ParamsOf<Name>;
  shell(): ShellState;
  /** Draws again at the next frame: after the view's own state changed. */
  redraw(): void;
  /** Runs a command of the extension, as if it were called in a tree. */
  act(command: PageCommand, subject?: PageSubject): void;
  request<Request extends RequestName<Name>>(name: Request, input: RequestInput<Name, Request>, signal?: AbortSignal): Promise<RequestOutput<Name, Request>>;
  go(route: Route): void;
  /** What this view remembered last, over reload and restart. */
  recall<T>(schema: z.ZodMiniType<T>): T | undefined;
  remember(value: unknown): void;
  /** Says something to a screen reader without moving the focus. */
  announce(sentence: string): void;
  /** Ends with the view. */
  readonly signal: AbortSignal;
}

export interface PageView<Name extends ViewName> {
  /** Called at most once a frame; `state` is undefined until the first came. */
  draw(state: StateOf<Name> | undefined): TemplateResult;
  /** After `draw` is in the page: for canvases, whose size is known now. */
  drawn?(root: HTMLElement): void;
  received?(event: EventOf<Name>): void;
  dispose?(): void;
}

export interface ViewDefinition<Name extends ViewName> {
  readonly name: Name;
  open(context: ViewContext<Name>): PageView<Name>;
}
