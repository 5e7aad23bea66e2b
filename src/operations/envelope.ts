/**
 * hpc-agent's wire contract: one JSON line per call.
 * `{"ok":true,"idempotent":…,"data":…}` or `{"ok":false,"error_code":…,"message":…,"category":…,"retry_safe":…,"remediation":…}`.
 */
import { CancelledError } from '../foundation/abort.ts';
import { toHpcError, type ErrorCategory, type ErrorCode } from '../foundation/errors.ts';

export interface SuccessEnvelope {
  readonly ok: true;
  readonly idempotent: boolean;
  readonly data: unknown;
}

export interface ErrorEnvelope {
  readonly ok: false;
  readonly error_code: ErrorCode;
  readonly message: string;
  readonly category: ErrorCategory;
  readonly retry_safe: boolean;
  readonly remediation?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export type Envelope = SuccessEnvelope | ErrorEnvelope;

export function successEnvelope(data: unknown, idempotent: boolean): SuccessEnvelope {
  return { ok: true, idempotent, data };
}

export function errorEnvelope(error: unknown): ErrorEnvelope {
  if (CancelledError.is(error)) {
    return { ok: false, error_code: 'cluster_timeout', message: 'Cancelled before it was complete.', category: 'user', retry_safe: true };
  }
  const typed = toHpcError(error);
  return {
    ok: false,
    error_code: typed.code,
    message: typed.message,
    category: typed.category,
    retry_safe: typed.retrySafe,
    ...(typed.remediation === undefined ? {} : { remediation: typed.remediation }),
    ...(typed.details === undefined ? {} : { details: typed.details }),
  };
}

const exitCodes = { user: 1, cluster: 2, network: 2, internal: 3 } as const;

/** Exit status of the command line: 0 ok, 1 user, 2 cluster or network, 3 internal. By category, so that a person's own interrupt is theirs. */
export function exitCodeOf(envelope: Envelope): 0 | 1 | 2 | 3 {
  return envelope.ok ? 0 : exitCodes[envelope.category];
}
