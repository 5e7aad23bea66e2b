/** How many tasks of each wave ran when, and where tasks failed: for the lanes over time. Pure. */
import { taskStates, type TasksEvent } from '../protocol/run.ts';

export interface WaveLane {
  readonly wave: number;
  /** Tasks running, by bucket: the mean over it. */
  readonly running: Float32Array;
  /** Tasks that ended badly, by bucket. */
  readonly failed: Uint16Array;
  /** The largest of `running`. */
  readonly peak: number;
  /** Tasks of which a start is known. */
  readonly started: number;
}

export interface WaveTimes {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly bucketS: number;
  readonly lanes: readonly WaveLane[];
}

const runningState = taskStates.indexOf('running');
const badStates = new Set([taskStates.indexOf('failed'), taskStates.indexOf('timeout'), taskStates.indexOf('lost')]);

/** Undefined while no start is known. `nowS`: until when a running task runs. */
export function waveTimes(columns: Pick<TasksEvent, 'state' | 'started' | 'elapsed'>, waves: readonly { readonly wave: number; readonly first_task: number; readonly task_count: number }[], nowS: number, buckets: number): WaveTimes | undefined {
  let from = Infinity;
  let to = -Infinity;
  const endOf = (task: number): number => {
    const start = columns.started[task] ?? Number.NaN;
    const elapsed = columns.elapsed[task] ?? Number.NaN;
    return Number.isFinite(elapsed) ? start + elapsed : columns.state[task] === runningState ? Math.max(start, nowS) : start;
  };
  for (let task = 0; task < columns.state.length; task += 1) {
    const start = columns.started[task] ?? Number.NaN;
    if (!Number.isFinite(start)) continue;
    from = Math.min(from, start);
    to = Math.max(to, endOf(task));
  }
  if (!Number.isFinite(from)) return undefined;
  to = Math.max(to, from + 1);
  const bucketS = (to - from) / buckets;
  const bucketOf = (time: number): number => Math.min(buckets - 1, Math.max(0, Math.floor((time - from) / bucketS)));
  return {
    from,
    to,
    bucketS,
    lanes: waves.map(({ wave, first_task, task_count }) => {
      // Starts and ends as differences, then summed up: one pass over the tasks whatever the number of buckets.
      const running = new Float32Array(buckets);
      const failed = new Uint16Array(buckets);
      const step = new Float64Array(buckets + 1);
      let started = 0;
      for (let task = first_task; task < first_task + task_count; task += 1) {
        const start = columns.started[task] ?? Number.NaN;
        if (!Number.isFinite(start)) continue;
        started += 1;
        const end = endOf(task);
        const first = bucketOf(start);
        const last = bucketOf(end);
        if (first === last) running[first] = (running[first] ?? 0) + (end - start) / bucketS;
        else {
          running[first] = (running[first] ?? 0) + (from + (first + 1) * bucketS - start) / bucketS;
          running[last] = (running[last] ?? 0) + (end - (from + last * bucketS)) / bucketS;
          step[first + 1] = (step[first + 1] ?? 0) + 1;
          step[last] = (step[last] ?? 0) - 1;
        }
        if (badStates.has(columns.state[task] ?? 0)) failed[last] = (failed[last] ?? 0) + 1;
      }
      let level = 0;
      for (let bucket = 0; bucket < buckets; bucket += 1) {
        level += step[bucket] ?? 0;
        running[bucket] = (running[bucket] ?? 0) + level;
      }
      return { wave, running, failed, peak: running.reduce((a, b) => Math.max(a, b), 0), started };
    }),
  };
}
