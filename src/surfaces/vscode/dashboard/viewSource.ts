/**
 * Where the host's side of a view gets its truth. A source is opened when the page shows its view and disposed when it is left or
 * hidden; it asks operations, never the core behind them.
 */
import type { Disposable } from '../../../foundation/disposable.ts';
import type { EventOf, ParamsOf, RequestInput, RequestName, RequestOutput, StateOf, ViewName } from '../../../../webview/protocol.ts';
import type { Editor } from '../editor.ts';

export interface SourceContext<Name extends ViewName> {
  readonly editor: Editor;
  readonly params: ParamsOf<Name>;
  /** The state as it is now: compared with the last, and only the difference goes to the page. */
  publish(state: StateOf<Name>): void;
  /** Sent as it is: packed columns, pieces of a log. */
  send(event: EventOf<Name>): void;
  /** Why there is nothing newer to show, for people; null: it is well again. The next `publish` takes it back too. */
  problem(message: string | null): void;
  /** What the panel is called, beside the product's name. */
  title(words: string): void;
  /** Ends with the view. */
  readonly signal: AbortSignal;
}

export interface OpenSource<Name extends ViewName> extends Disposable {
  /** One handler for each request of the protocol; what it throws is told to the page as a sentence. */
  readonly requests: { readonly [Request in RequestName<Name>]: (input: RequestInput<Name, Request>, signal: AbortSignal) => Promise<RequestOutput<Name, Request>> };
}

export interface ViewSource<Name extends ViewName> {
  open(context: SourceContext<Name>): OpenSource<Name>;
}
