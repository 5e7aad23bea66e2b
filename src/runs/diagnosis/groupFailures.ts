/** Failures that are the same, as one: nine hundred equal tracebacks are one row with one sample. */
import { peakMiB, peakOf, type FailedTask } from './failedTask.ts';
import { failureClasses, type FailureClass } from './failureClass.ts';
import type { ScanGroup } from './scan.ts';
import { compactTaskIds } from './taskRanges.ts';
import { verdictOf, type Certainty, type Culprit, type Evidence } from './verdict.ts';

export interface FailureSample {
  readonly task: number;
  readonly path: string;
  /** Line of the excerpt's first line in the whole file; null where it is too long to count. */
  readonly line: number | null;
  readonly text: string;
}

export interface FailureGroup {
  readonly failureClass: FailureClass;
  readonly certainty: Certainty;
  readonly message: string;
  /** The same for the same failure in another run. */
  readonly fingerprint: string;
  readonly culprit: Culprit | undefined;
  /** Of the sample task; the first is what decided. */
  readonly evidence: readonly Evidence[];
  /** Ascending. */
  readonly tasks: readonly number[];
  /** `3,7,12-14`. */
  readonly taskRanges: string;
  readonly nodes: readonly string[];
  /** Largest measured peak of its tasks. */
  readonly peakMiB: number | null;
  readonly sample: FailureSample | undefined;
}

const weight: Readonly<Record<Certainty, number>> = { proved: 0, likely: 1, guessed: 2 };

function sampleOf(task: FailedTask): FailureSample | undefined {
  const { log } = task;
  if (typeof log !== 'object') return undefined;
  const { sample }: ScanGroup = log;
  return { task: sample.task, path: sample.path, line: sample.line, text: sample.text };
}

/** Largest group first; equals in the order of the classes. */
export function groupFailures(tasks: readonly FailedTask[]): readonly FailureGroup[] {
  interface Open {
    readonly group: Omit<FailureGroup, 'tasks' | 'taskRanges' | 'nodes' | 'peakMiB'>;
    readonly tasks: number[];
    readonly nodes: Set<string>;
    peakMiB: number | null;
  }
  const groups = new Map<string, Open>();
  for (const task of tasks) {
    const verdict = verdictOf(task);
    const { culprit } = verdict;
    const key = JSON.stringify([verdict.failureClass, verdict.fingerprint, culprit?.file, culprit?.line]);
    const described = { ...verdict, sample: sampleOf(task) };
    let open = groups.get(key);
    if (!open) {
      open = { group: described, tasks: [], nodes: new Set(), peakMiB: null };
      groups.set(key, open);
    } else if (weight[verdict.certainty] < weight[open.group.certainty] || (open.group.sample === undefined && described.sample !== undefined)) {
      // The best proof stands for all of them.
      groups.set(key, (open = { ...open, group: described }));
    }
    open.tasks.push(task.task);
    if (task.node !== null) open.nodes.add(task.node);
    const peak = peakMiB(peakOf(task));
    if (peak !== null) open.peakMiB = Math.max(peak, open.peakMiB ?? 0);
  }
  return [...groups.values()]
    .map(({ group, tasks: members, nodes, peakMiB: peak }): FailureGroup => {
      const sorted = [...members].sort((a, b) => a - b);
      return { ...group, tasks: sorted, taskRanges: compactTaskIds(sorted), nodes: [...nodes].sort(), peakMiB: peak };
    })
    .sort((a, b) => b.tasks.length - a.tasks.length || failureClasses.indexOf(a.failureClass) - failureClasses.indexOf(b.failureClass) || (a.tasks[0] ?? 0) - (b.tasks[0] ?? 0));
}
