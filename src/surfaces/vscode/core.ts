/**
 * The editor's one door to operations: makes the services on first use, picks the workspace folder, refuses what an
 * untrusted workspace must not do, and gives every call a signal and a place for its progress.
 */
import type { Disposable } from '../../foundation/disposable.ts';
import { HpcError } from '../../foundation/errors.ts';
import { noProgress, type ReportProgress } from '../../foundation/progress.ts';
import type { Operation, OperationContext, TypedOperation } from '../../operations/operation.ts';
import type { Host, Services } from '../../operations/services.ts';

export interface CallOptions {
  /** The workspace folder. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly progress?: ReportProgress;
}

/** Reading is always allowed; what evaluates the workspace's code, writes or spends is not, until the folder is trusted. */
export function needsTrust(operation: Pick<Operation, 'kind' | 'name'>): boolean {
  return operation.kind !== 'query' && operation.name !== 'verify-aggregation-complete';
}

export class Core implements Disposable {
  private services: Promise<Services> | undefined;
  private readonly ended = new AbortController();
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
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

  /** For what is no operation's answer: a terminal. */
  async within<T>(options: CallOptions, body: (context: OperationContext) => Promise<T>): Promise<T> {
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
    if (!needsTrust(operation) || this.host.trusted()) return;
    throw new HpcError('spec_invalid', `“${operation.summary}” is not done in a workspace that is not trusted: it would run or copy this folder’s code.`, {
      remediation: 'Trust the workspace first (Workspaces: Manage Workspace Trust).',
      details: { untrusted: true },
    });
  }
}
