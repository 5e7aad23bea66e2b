/**
 * The editor's one door to operations: makes the services on first use, picks the workspace folder, refuses what an
 * untrusted workspace must not do, and gives every call a signal and a place for its progress.
 */
import type { Disposable } from '../../foundation/disposable.ts';
import { noProgress, type ReportProgress } from '../../foundation/progress.ts';
import type { Operation, OperationContext, TypedOperation } from '../../operations/operation.ts';
import type { Host, Services } from '../../operations/services.ts';
import { mustTrust } from '../../operations/trust.ts';

export interface CallOptions {
  /** The workspace folder. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly progress?: ReportProgress;
}

/**
 * `reads`: looks at files of the folder and at nothing else (the services see to that, too); `acts`: runs something, connects, or writes what
 * others read.
 */
export type Deed = 'reads' | 'acts';

/** They touch nothing of the folder: a cluster is added for the user, to a file of the user's own. */
const ofTheUser: ReadonlySet<string> = new Set(['verify-aggregation-complete', 'clusters-add']);

/** Reading is always allowed; what evaluates the workspace's code, writes or spends is not, until the folder is trusted. */
export function needsTrust(operation: Pick<Operation, 'kind' | 'name'>): boolean {
  return operation.kind !== 'query' && !ofTheUser.has(operation.name);
}

export class Core implements Disposable {
  private services: Promise<Services> | undefined;
  private readonly ended = new AbortController();
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  get trusted(): boolean {
    return this.host.trusted();
  }

  async call<Input, Output>(operation: TypedOperation<Input, Output>, input: Input, options: CallOptions): Promise<Output> {
    this.refuseUntrusted(operation);
    return operation.call(input, await this.context(options));
  }

  async invoke(operation: Operation, input: unknown, options: CallOptions): Promise<unknown> {
    this.refuseUntrusted(operation);
    return operation.invoke(input, await this.context(options));
  }

  async confirmation(operation: Operation, input: unknown, options: CallOptions): Promise<string | undefined> {
    if (!operation.confirms) return undefined;
    this.refuseUntrusted(operation);
    return operation.confirmation(input, await this.context(options));
  }

  /** For what is no operation's answer: a terminal, a document. What it does is said, so that nobody forgets to ask. */
  async within<T>(deed: Deed, options: CallOptions, body: (context: OperationContext) => Promise<T>): Promise<T> {
    // not translated: an error
    if (deed === 'acts') mustTrust(this.trusted, 'Nothing is run and nothing is connected in a workspace that is not trusted');
    return body(await this.context(options));
  }

  dispose(): void {
    this.ended.abort();
    void this.services?.then(
      (services) => services.dispose(),
      () => undefined,
    );
  }

  private async context({ folder, signal, progress }: CallOptions): Promise<OperationContext> {
    this.services ??= import('../../operations/createServices.ts').then(({ createServices }) => createServices(this.host));
    const services = await this.services;
    return { services, experimentDir: folder, signal: signal ? AbortSignal.any([signal, this.ended.signal]) : this.ended.signal, progress: progress ?? noProgress };
  }

  private refuseUntrusted(operation: Operation): void {
    // not translated: an error
    if (needsTrust(operation)) mustTrust(this.trusted, `“${operation.summary}” is not done in a workspace that is not trusted: it would run or copy this folder’s code`);
  }
}
