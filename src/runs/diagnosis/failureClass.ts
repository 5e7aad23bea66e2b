/**
 * Why a task can fail, as one list, and what may be done about each, as one table. Nothing else in the product says either.
 *
 * The list is hpc-agent's eleven classes, and `segv`, which hpc-agent has only in its coarse list. A job that Grid Engine holds in error
 * (`Eqw`) is `node_failure`: the task never began, and trying elsewhere is what helps; that it was held is in the evidence.
 *
 * Where hpc-agent's tables contradict each other (walltime × 1.5 in the signatures, × 2.0 in the retry policy), this is the answer:
 * - Memory × 1.5. Memory that is asked for is memory that nobody else gets on the node, so it grows in small steps; where a peak was
 *   measured, whoever resubmits sizes from that instead.
 * - Walltime × 2. A longer limit that is not used costs nothing, and all that a task did before it was killed is lost: better once than twice.
 * - GPU memory cannot be asked for by a factor. A second try on another node helps where somebody else held the card's memory; else a larger type of
 *   GPU is the change. (hpc-agent multiplies the host's memory here, which changes nothing.)
 */
import { HpcError } from '../../foundation/errors.ts';

export const failureClasses = [
  'preempted',
  'gpu_oom',
  'system_oom',
  'walltime',
  'node_failure',
  'disk_full',
  'segv',
  'import_error',
  'file_not_found',
  'permission_denied',
  'python_traceback',
  'unknown',
] as const;
export type FailureClass = (typeof failureClasses)[number];

export function isFailureClass(value: unknown): value is FailureClass {
  return (failureClasses as readonly unknown[]).includes(value);
}

/** What helps: the same again, the same with more of something, or only what a person changes first. */
export type RetryKind = 'as_is' | 'with_more' | 'after_a_change';

export interface FailurePolicy {
  readonly retry: RetryKind;
  /** The resource that is multiplied for the next try; `factor` is 1 where it is `none`. */
  readonly multiplies: 'memory' | 'walltime' | 'none';
  readonly factor: number;
  /** Most tries after the first that may be made without a person; hpc-agent's `max_attempts`. 0: none. */
  readonly maxRetries: number;
  /** Whether the next try should keep away from the node of the last. */
  readonly avoidNode: boolean;
  /** Few words for a heading. */
  readonly title: string;
  /** What to do, for the reader of the failure. */
  readonly advice: string;
  /** The same as hpc-agent's word, for its users' programs. */
  readonly action: string;
}

const byPerson = { retry: 'after_a_change', multiplies: 'none', factor: 1, maxRetries: 0, avoidNode: false } as const;

const policies: Readonly<Record<FailureClass, FailurePolicy>> = {
  preempted: {
    retry: 'as_is',
    multiplies: 'none',
    factor: 1,
    maxRetries: 5,
    avoidNode: false,
    title: 'Preempted',
    advice: 'Resubmit as it is: other work took the place, nothing is wrong with the task.',
    action: 'resubmit-preempted',
  },
  gpu_oom: {
    retry: 'as_is',
    multiplies: 'none',
    factor: 1,
    maxRetries: 1,
    avoidNode: true,
    title: 'GPU out of memory',
    advice: 'Make the batch or the model smaller, or ask for a GPU type with more memory. More memory of the node does not help.',
    action: 'increase-mem-per-gpu',
  },
  system_oom: {
    retry: 'with_more',
    multiplies: 'memory',
    factor: 1.5,
    maxRetries: 1,
    avoidNode: false,
    title: 'Out of memory',
    advice: 'Resubmit with more memory.',
    action: 'increase-mem',
  },
  walltime: {
    retry: 'with_more',
    multiplies: 'walltime',
    factor: 2,
    maxRetries: 1,
    avoidNode: false,
    title: 'Time limit',
    advice: 'Resubmit with a longer time limit.',
    action: 'increase-walltime',
  },
  node_failure: {
    retry: 'as_is',
    multiplies: 'none',
    factor: 1,
    maxRetries: 2,
    avoidNode: true,
    title: 'Node failure',
    advice: 'Resubmit on another node. If all tasks of that node failed, tell the site.',
    action: 'retry-on-different-node',
  },
  disk_full: { ...byPerson, title: 'Disk full', advice: 'Make room on the disk or quota that the line names, then resubmit.', action: 'user-clean-disk' },
  segv: { ...byPerson, title: 'Crash in compiled code', advice: 'Look at the native library that was called last; check that it was built for the nodes’ processors.', action: 'user-debug' },
  import_error: { ...byPerson, title: 'Software missing', advice: 'Install the missing package or load the module in the environment of the cluster profile, then resubmit.', action: 'user-fix-deps' },
  file_not_found: { ...byPerson, title: 'File not found', advice: 'Put the file where the task looks for it on the cluster, or correct the path, then resubmit.', action: 'user-fix-paths' },
  permission_denied: { ...byPerson, title: 'Permission denied', advice: 'Correct the permissions of what the line names, then resubmit.', action: 'user-fix-permissions' },
  python_traceback: { ...byPerson, title: 'Error in the program', advice: 'Correct the program at the line that is shown, then resubmit: the corrected code is copied first.', action: 'user-debug' },
  unknown: { ...byPerson, title: 'Failed, cause not found', advice: 'Read the log: nothing in it, and nothing that the scheduler said, names a cause.', action: 'user-debug' },
};

export function policyOf(failureClass: FailureClass): FailurePolicy {
  return policies[failureClass];
}

/** Names of hpc-agent's coarse list and of its documents. `code_bug` holds several of ours; `queue_stall` is no failure of a task. */
const otherNames: Readonly<Record<string, FailureClass>> = {
  node_fail: 'node_failure',
  held_in_error: 'node_failure',
  queue_stall: 'node_failure',
  code_bug: 'python_traceback',
  segmentation_fault: 'segv',
  log_missing: 'unknown',
};

/** One of our classes, from our name or one of hpc-agent's; undefined where it is neither. */
export function readFailureClass(name: string): FailureClass | undefined {
  if (isFailureClass(name)) return name;
  return Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
}

/** What the owner of a run allows for one class. */
export interface AutoRetryRule {
  readonly maxRetries: number;
  /** Factors on the last try's request; 1 leaves it. */
  readonly memoryFactor: number;
  readonly walltimeFactor: number;
}

/** Classes that are not in it are not retried without a person. */
export type AutoRetry = ReadonlyMap<FailureClass, AutoRetryRule>;

export function ruleOf(policy: FailurePolicy): AutoRetryRule {
  return { maxRetries: policy.maxRetries, memoryFactor: policy.multiplies === 'memory' ? policy.factor : 1, walltimeFactor: policy.multiplies === 'walltime' ? policy.factor : 1 };
}

/** Our table as rules: what is advised for a run whose owner has said nothing, and what `auto_retry: true` means. */
export const defaultAutoRetry: AutoRetry = new Map(failureClasses.filter((name) => policies[name].maxRetries > 0).map((name) => [name, ruleOf(policies[name])]));

/** A rule in hpc-agent's words. */
export function ruleOnWire(rule: AutoRetryRule): { max_attempts: number; mem_multiplier?: number; walltime_multiplier?: number } {
  return {
    max_attempts: rule.maxRetries,
    ...(rule.memoryFactor === 1 ? {} : { mem_multiplier: rule.memoryFactor }),
    ...(rule.walltimeFactor === 1 ? {} : { walltime_multiplier: rule.walltimeFactor }),
  };
}

const ruleKeys = ['max_attempts', 'mem_multiplier', 'walltime_multiplier'] as const;
const largestFactor = 16;
const mostRetries = 100;

function problem(where: string, what: string): HpcError {
  return new HpcError('spec_invalid', `${where}: ${what}.`, {
    remediation: 'Write for example `{"system_oom": {"max_attempts": 1, "mem_multiplier": 1.5}, "walltime": {"max_attempts": 1, "walltime_multiplier": 2}}`, `true` for the product’s own table, or leave it out.',
  });
}

function parseRule(where: string, value: unknown): AutoRetryRule {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw problem(where, 'must be an object');
  const fields = value as Record<string, unknown>;
  const foreign = Object.keys(fields).find((key) => !(ruleKeys as readonly string[]).includes(key));
  if (foreign !== undefined) throw problem(`${where}.${foreign}`, `is not known; a rule has ${ruleKeys.join(', ')}`);
  const number = (key: (typeof ruleKeys)[number], otherwise: number, least: number, most: number): number => {
    const given = fields[key] ?? otherwise;
    if (typeof given !== 'number' || !(given >= least && given <= most)) throw problem(`${where}.${key}`, `must be a number from ${least} to ${most}, and is ${JSON.stringify(given)}`);
    return given;
  };
  const maxRetries = number('max_attempts', 0, 0, mostRetries);
  if (!Number.isInteger(maxRetries)) throw problem(`${where}.max_attempts`, `must be a whole number, and is ${maxRetries}`);
  return { maxRetries, memoryFactor: number('mem_multiplier', 1, 1, largestFactor), walltimeFactor: number('walltime_multiplier', 1, 1, largestFactor) };
}

/**
 * The sidecar's `auto_retry`: undefined (off) where the owner said nothing or `false`; our table for `true`; else exactly the classes that are
 * named, as hpc-agent reads it: what is named replaces the table, it is not added to it. Throws `spec_invalid` naming the key.
 */
export function parseAutoRetry(value: unknown): AutoRetry | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  if (value === true) return defaultAutoRetry;
  if (typeof value !== 'object' || Array.isArray(value)) throw problem('auto_retry', 'must be an object of classes, true or false');
  const rules = new Map<FailureClass, AutoRetryRule>();
  for (const [name, rule] of Object.entries(value)) {
    const failureClass = readFailureClass(name);
    if (failureClass === undefined) throw problem(`auto_retry.${name}`, `is no class of failures; they are ${failureClasses.join(', ')}`);
    // A class may stand there under its own name and under an older one; its own wins.
    if (name !== failureClass && rules.has(failureClass)) continue;
    rules.set(failureClass, parseRule(`auto_retry.${name}`, rule));
  }
  return rules.size === 0 ? undefined : rules;
}
