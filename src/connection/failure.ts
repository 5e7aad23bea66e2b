/** Why there is no connection, and the typed errors that say so. Rule: every error says whether the command may have started. */
import { HpcError } from '../foundation/errors.ts';

/** `not_sent`: the command certainly did not start. `unknown`: it may have run, wholly or in part. */
export type Outcome = 'not_sent' | 'unknown';

/** A failed attempt to connect. `transport` is tried again after a pause; `refused` waits for a person. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
  readonly kind: 'transport' | 'refused';
  readonly remediation: string | undefined;
  constructor(kind: 'transport' | 'refused', message: string, remediation?: string) {
    super(message);
    this.kind = kind;
    this.remediation = remediation;
  }
}

export interface UnreachableOptions {
  readonly outcome: Outcome;
  readonly remediation?: string | undefined;
  readonly retryAt?: Date | undefined;
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function unreachable(label: string, reason: string, options: UnreachableOptions): HpcError {
  return new HpcError('ssh_unreachable', `${label}: ${reason}`, {
    // Where nothing better is known: what may be done now depends on whether the command may have run.
    remediation: options.remediation ?? (options.outcome === 'not_sent' ? 'Nothing was started. Try again.' : 'The command may have run, wholly or in part. Try again: submit, cancel and status find out what is there already.'),
    ...(options.cause === undefined ? {} : { cause: options.cause }),
    details: {
      outcome: options.outcome,
      ...(options.retryAt === undefined ? {} : { retryAt: options.retryAt.toISOString() }),
      ...options.details,
    },
  });
}

export function timedOut(label: string, timeoutMs: number, outcome: Outcome, what: string): HpcError {
  return new HpcError('cluster_timeout', `${label}: ${what} within ${timeoutMs / 1000} s.`, {
    remediation:
      outcome === 'not_sent'
        ? 'Nothing was started. Try again, or allow more time.'
        : 'The command may have run, wholly or in part: look at its effects before running it again, or allow more time.',
    details: { outcome },
    ...(outcome === 'unknown' ? { retrySafe: false } : {}),
  });
}
