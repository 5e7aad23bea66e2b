/**
 * The one error type of the product and the one table of its codes.
 *
 * The codes, their categories and retry policies are hpc-agent's wire contract. Its documents contradict its code
 * in one place (`outputs_missing` is user/false in the contract, cluster/true in the code); this table is the answer
 * for ours: cluster, retryable, since resubmitting the listed tasks and aggregating again is what helps.
 */

export type ErrorCategory = 'user' | 'cluster' | 'network' | 'internal';

export type ErrorCode =
  | 'ssh_unreachable'
  | 'scheduler_throttled'
  | 'cluster_timeout'
  | 'combiner_failed'
  | 'preempted'
  | 'cluster_partially_degraded'
  | 'outputs_missing'
  | 'remote_command_failed'
  | 'spec_invalid'
  | 'executor_not_found'
  | 'cluster_unknown'
  | 'config_invalid'
  | 'journal_corrupt'
  | 'schema_incompat'
  | 'internal';

export interface ErrorPolicy {
  readonly category: ErrorCategory;
  /** Exit status of the command line: 1 user, 2 cluster or network, 3 internal. */
  readonly exitCode: 1 | 2 | 3;
  readonly retrySafe: boolean;
  /** Waits before each automatic retry, in seconds; empty: do not retry without a person or a changed input. */
  readonly retryDelaysS: readonly number[];
  /** What a caller should do, in one line. */
  readonly policy: string;
}

const cluster = { category: 'cluster', exitCode: 2 } as const;
const user = { category: 'user', exitCode: 1, retrySafe: false, retryDelaysS: [] } as const;
const internal = { category: 'internal', exitCode: 3, retrySafe: false, retryDelaysS: [] } as const;

export const errorPolicies: Readonly<Record<ErrorCode, ErrorPolicy>> = {
  ssh_unreachable: { category: 'network', exitCode: 2, retrySafe: true, retryDelaysS: [], policy: 'Halt and ask; do not loop; run preflight.' },
  scheduler_throttled: { ...cluster, retrySafe: true, retryDelaysS: [1, 2, 4, 4], policy: 'Back off 1, 2, 4 s, at most four times.' },
  cluster_timeout: { ...cluster, retrySafe: true, retryDelaysS: [4, 8, 16], policy: 'Back off 4, 8, 16 s, at most three times.' },
  combiner_failed: { ...cluster, retrySafe: true, retryDelaysS: [0], policy: 'One retry after reading the error output.' },
  preempted: { ...cluster, retrySafe: true, retryDelaysS: [0], policy: 'Resubmit at once: the tasks were bumped, they did not fail.' },
  cluster_partially_degraded: { ...cluster, retrySafe: true, retryDelaysS: [], policy: 'Read partial_errors and keep polling.' },
  outputs_missing: { ...cluster, retrySafe: true, retryDelaysS: [], policy: 'Resubmit the listed tasks, then aggregate again.' },
  remote_command_failed: { ...cluster, retrySafe: false, retryDelaysS: [], policy: 'Show the error output.' },
  spec_invalid: { ...user, policy: 'Correct the input.' },
  executor_not_found: { ...user, policy: 'Name an executor that discovery lists.' },
  cluster_unknown: { ...user, policy: 'List the clusters.' },
  config_invalid: { ...user, policy: 'Correct the configuration file.' },
  journal_corrupt: { ...internal, policy: 'Move the named file aside; reconcile rebuilds what the cluster knows.' },
  schema_incompat: { ...internal, policy: 'Use the version that wrote the file, or a newer one.' },
  internal: { ...internal, policy: 'Report it.' },
};

/** Facts that a machine may want besides the message. Must be JSON and must hold no secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface HpcErrorOptions {
  /** What to do next, in words that the reader can act on. */
  readonly remediation?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** Where this occurrence differs from its code's policy, for example a lost submit whose outcome is not known. */
  readonly retrySafe?: boolean;
}

/** Says what happened, to what, and what to do next. */
export class HpcError extends Error {
  override readonly name = 'HpcError';
  readonly code: ErrorCode;
  readonly remediation: string | undefined;
  readonly details: ErrorDetails | undefined;
  readonly retrySafe: boolean;

  constructor(code: ErrorCode, message: string, options: HpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remediation = options.remediation;
    this.details = options.details;
    this.retrySafe = options.retrySafe ?? errorPolicies[code].retrySafe;
  }

  get category(): ErrorCategory {
    return errorPolicies[this.code].category;
  }

  static is(error: unknown, code?: ErrorCode): error is HpcError {
    return error instanceof HpcError && (code === undefined || error.code === code);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node puts on system errors (`ENOENT`, `ECONNREFUSED`), if any. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Anything thrown, as the typed error; a cancellation stays what it is (see `abort.ts`). */
export function toHpcError(error: unknown): HpcError {
  if (error instanceof HpcError) return error;
  return new HpcError('internal', `Unexpected failure: ${messageOf(error)}`, {
    cause: error,
    remediation: 'This is a defect of HPC Agent: please report it with the log of the output channel or --log-level debug.',
  });
}
