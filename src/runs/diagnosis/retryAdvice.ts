/** Which of the failed tasks may be tried again, by the run's own `auto_retry` or else our table, and which have used up their tries. */
import { HpcError } from '../../foundation/errors.ts';
import { retriesIn } from '../placement.ts';
import type { RunView } from '../runView.ts';
import { defaultAutoRetry, parseAutoRetry, ruleOnWire, type AutoRetry, type AutoRetryRule, type FailureClass } from './failureClass.ts';

export interface RetryRules {
  readonly rules: AutoRetry;
  /** Whether the owner has asked for retries without a person. */
  readonly automatic: boolean;
  /** Why the sidecar's `auto_retry` is not used, where it cannot be read. */
  readonly problem: string | undefined;
}

/** The sidecar's rules; our table as advice where it names none. */
export function retryRulesOf(sidecar: Readonly<Record<string, unknown>>): RetryRules {
  try {
    const own = parseAutoRetry(sidecar.auto_retry);
    return { rules: own ?? defaultAutoRetry, automatic: own !== undefined, problem: undefined };
  } catch (error) {
    if (!HpcError.is(error, 'spec_invalid')) throw error;
    return { rules: defaultAutoRetry, automatic: false, problem: error.message };
  }
}

/** How often a task was submitted again: what the journal counts (hpc-agent's `retries`), or the attempts that it is in. */
export function retriesOf(view: Pick<RunView, 'record' | 'submission'>, task: number): number {
  const counted = (view.record as { readonly retries?: unknown } | undefined)?.retries;
  const entry = typeof counted === 'object' && counted !== null ? (counted as Readonly<Record<string, unknown>>)[String(task)] : undefined;
  const attempts = typeof entry === 'object' && entry !== null ? (entry as { readonly attempts?: unknown }).attempts : undefined;
  return Math.max(typeof attempts === 'number' ? attempts : 0, retriesIn(view.submission, task));
}

export interface RetryAdvice {
  readonly rule: AutoRetryRule;
  readonly policy: ReturnType<typeof ruleOnWire>;
  readonly eligible: readonly number[];
  readonly blocked: readonly number[];
}

/** Undefined for a class that is not tried again without a change by a person. */
export function retryAdvice(failureClass: FailureClass, tasks: readonly number[], rules: AutoRetry, retries: (task: number) => number): RetryAdvice | undefined {
  const rule = rules.get(failureClass);
  if (!rule) return undefined;
  const mayGo = (task: number): boolean => retries(task) < rule.maxRetries;
  return { rule, policy: ruleOnWire(rule), eligible: tasks.filter(mayGo), blocked: tasks.filter((task) => !mayGo(task)) };
}
