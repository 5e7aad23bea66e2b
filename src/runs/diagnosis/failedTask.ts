/** What the sources say of one failed task, put side by side; nothing is decided here. */
import type { AccountingRow, QueueRow } from '../../scheduler/port.ts';
import type { TaskState } from '../mergeTaskStates.ts';
import type { TaskEvent } from '../taskEvents.ts';
import type { LogFinding } from './scan.ts';

export interface FailedTask {
  readonly task: number;
  readonly state: TaskState;
  /** Why it is said to have that state. */
  readonly stateEvidence: string;
  readonly attempt: number;
  readonly job: string | null;
  readonly node: string | null;
  readonly start: TaskEvent | undefined;
  readonly end: TaskEvent | undefined;
  readonly accounted: AccountingRow | undefined;
  /** Its row in the queue, where the scheduler holds it in error. */
  readonly held: QueueRow | undefined;
  /** What the task was given; absent: the site's default, which is not known. */
  readonly memoryMiB: number | undefined;
  readonly walltimeS: number | undefined;
  readonly log: LogFinding | undefined;
}

/** Measured peaks of resident memory. A scheduler's figure is of all processes together, but sampled; ours is exact, of the largest one. */
export interface MeasuredPeak {
  readonly largestProcessMiB: number | null;
  readonly accountedMiB: number | null;
}

export function peakOf({ end, accounted }: Pick<FailedTask, 'end' | 'accounted'>): MeasuredPeak {
  const positive = (value: number | null | undefined): number | null => (typeof value === 'number' && value > 0 ? value : null);
  return { largestProcessMiB: positive(end?.rss), accountedMiB: positive(accounted?.maxRssMiB) };
}

/** The larger of what was measured; null where nothing was. */
export function peakMiB(peak: MeasuredPeak): number | null {
  return peak.largestProcessMiB === null ? peak.accountedMiB : Math.max(peak.largestProcessMiB, peak.accountedMiB ?? 0);
}

/** The scheduler's own time where it is known: ours begins after the job script has made the environment. */
export function elapsedOf({ end, accounted }: Pick<FailedTask, 'end' | 'accounted'>): number | null {
  const times = [end?.el, accounted?.elapsedS].filter((value): value is number => typeof value === 'number');
  return times.length === 0 ? null : Math.max(...times);
}
