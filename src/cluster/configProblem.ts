/** What is wrong in a configuration file, and exactly where. */
import { HpcError } from '../foundation/errors.ts';

export interface ConfigProblem {
  /** An error makes its cluster unusable; a warning does not. */
  readonly severity: 'error' | 'warning';
  /** The cluster it belongs to; absent when it concerns the whole file. */
  readonly cluster?: string;
  readonly file: string;
  /** Counted from 1; absent where there is no place in the text (the file cannot be read). */
  readonly line?: number;
  readonly column?: number;
  /** Dotted key below the cluster: `constraints.max_walltime`. */
  readonly key?: string;
  readonly message: string;
  readonly remediation: string;
  /** Words that may have been meant instead of the one at the place, likeliest first. */
  readonly suggestions?: readonly string[];
}

/** `file:line:column: message`. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  return `${problem.file}${place}: ${problem.message}`;
}

/** The first problem as a `config_invalid`, with all of them in the details. */
export function problemsToError(problems: readonly [ConfigProblem, ...ConfigProblem[]]): HpcError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new HpcError('config_invalid', `${formatProblem(first)}${more}`, { remediation: first.remediation, details: { problems } });
}
