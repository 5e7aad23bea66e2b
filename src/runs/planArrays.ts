/**
 * Cuts a run into arrays and waves. Pure.
 *
 * Rules: arrays are as few as the limit on one array allows and as even as possible; every array uses the indices 1..n
 * (task = index - 1 + first task), so that a cap on the index is a cap on the size; a wave holds as many arrays as may be
 * queued at once, and waits for the wave before. This is hpc-agent's plan: n = ceil(total / max), wave = i div width.
 */
import { groupBy } from '../foundation/collections.ts';
import { HpcError } from '../foundation/errors.ts';

export interface ArrayLimits {
  /** Most elements of one array. */
  readonly maxElementsPerArray: number;
  /** Arrays that may be in the queue at once. */
  readonly maxConcurrentArrays: number;
}

export interface PlannedArray {
  readonly key: string;
  readonly wave: number;
  readonly firstTask: number;
  readonly taskCount: number;
}

export function planArrays(totalTasks: number, limits: ArrayLimits): readonly PlannedArray[] {
  if (!Number.isInteger(totalTasks) || totalTasks < 1) throw new HpcError('spec_invalid', `There is nothing to submit: the sweep has ${totalTasks} tasks.`, { remediation: 'Let total() in .hpc/tasks.py return at least 1.' });
  const size = Math.max(1, Math.floor(limits.maxElementsPerArray));
  const width = Math.max(1, Math.floor(limits.maxConcurrentArrays));
  const count = Math.ceil(totalTasks / size);
  const even = Math.ceil(totalTasks / count);
  const arrays: PlannedArray[] = [];
  for (let first = 0; first < totalTasks; first += even) {
    const index = arrays.length;
    const wave = Math.floor(index / width);
    arrays.push({ key: `w${wave}a${index % width}`, wave, firstTask: first, taskCount: Math.min(even, totalTasks - first) });
  }
  return arrays;
}

export interface WallEstimate {
  /** Seconds from submission to the end, without queue wait; null where the duration of a task is not known. */
  readonly totalS: number | null;
}

/** n waves, each the spin-up and one round of tasks, as hpc-agent; tasks beyond `concurrentTasks` of an array go in rounds. */
export function estimateWall(arrays: readonly PlannedArray[], spinUpS: number, taskS: number | undefined, concurrentTasks: number | undefined): WallEstimate {
  if (taskS === undefined) return { totalS: null };
  const waves = groupBy(arrays, (array) => array.wave);
  let totalS = 0;
  for (const inWave of waves.values()) {
    const largest = Math.max(...inWave.map((array) => array.taskCount));
    totalS += spinUpS + Math.ceil(largest / Math.min(largest, concurrentTasks ?? largest)) * taskS;
  }
  return { totalS };
}
