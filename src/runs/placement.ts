/**
 * Which job a task is: the array and element of its latest attempt. A run is submitted once; tasks that are submitted again form
 * arrays of their own, whose elements are any tasks of the run.
 */
import type { IndexRange, ResourceRequest } from '../scheduler/port.ts';
import type { Attempt, Hop, Sidecar, Submission } from './sidecar.ts';
import { resourcesOfRun } from './sidecarResources.ts';

/** Inclusive ranges of task ids, ascending. */
export type TaskRanges = readonly (readonly [number, number])[];

/** Task ids in order; element n of an array (from 1) is the task at n - 1. */
export class TaskList {
  readonly count: number;
  private readonly starts: readonly number[];

  constructor(readonly ranges: TaskRanges) {
    const starts: number[] = [];
    let count = 0;
    for (const [first, last] of ranges) {
      starts.push(count);
      count += last - first + 1;
    }
    this.starts = starts;
    this.count = count;
  }

  static from(first: number, count: number): TaskList {
    return new TaskList(count > 0 ? [[first, first + count - 1]] : []);
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [first, last] of this.ranges) for (let task = first; task <= last; task += 1) yield task;
  }

  /** What stands at this place, from 0. */
  at(position: number): number | undefined {
    const range = this.starts.findLastIndex((start) => start <= position);
    const [first, last] = this.ranges[range] ?? [0, -1];
    const found = first + position - (this.starts[range] ?? 0);
    return found <= last ? found : undefined;
  }

  /** Where the task stands, from 0; -1 where it does not. */
  positionOf(task: number): number {
    const index = this.ranges.findIndex(([first, last]) => first <= task && task <= last);
    const range = this.ranges[index];
    return range === undefined ? -1 : (this.starts[index] ?? 0) + task - range[0];
  }
}

export function rangesOf(ids: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const id of ids) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === id) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges;
}

export interface PlacedArray {
  /** Names it in receipts, logs and claims. */
  readonly key: string;
  /** Of the first submission, from 0; of an attempt, its waves in turn. */
  readonly wave: number;
  /** 1 for the first submission. */
  readonly attempt: number;
  readonly jobName: string;
  readonly jobId: string | null;
  readonly tasks: TaskList;
  /** Of an adopted job: its elements' indices, or that it is no array. Ours count from 1. */
  readonly foreign?: TaskList | 'plain';
  /** Of a chain: which link it is, counted from 0, of how many, and the attempt with which the chain begins. */
  readonly link?: ChainLink;
}

export interface ChainLink {
  readonly index: number;
  readonly count: number;
  readonly first: number;
}

/** The scheduler's index of the task in this array; undefined where the job is none. */
export function indexOf(array: PlacedArray, task: number): number | undefined {
  const position = array.tasks.positionOf(task);
  if (array.foreign === 'plain') return undefined;
  return array.foreign === undefined ? position + 1 : array.foreign.at(position);
}

/** A row of the scheduler in our counting from 1. */
export function inOurCount<Row extends { readonly indices?: readonly IndexRange[] }>(row: Row, { foreign }: PlacedArray): Row {
  if (foreign === undefined) return row;
  if (foreign === 'plain') return row.indices === undefined ? { ...row, indices: [{ first: 1, last: 1 }] } : row;
  if (row.indices === undefined) return row;
  const indices = row.indices.flatMap(({ first, last }) => foreign.ranges.flatMap(([from, to]) => (Math.max(first, from) <= Math.min(last, to) ? [{ first: foreign.positionOf(Math.max(first, from)) + 1, last: foreign.positionOf(Math.min(last, to)) + 1 }] : [])));
  return { ...row, indices };
}

/** The arrays of one submission, and after them those that continue them. */
function withHops(arrays: readonly PlacedArray[], hops: readonly Hop[] | undefined): readonly PlacedArray[] {
  const first = arrays[0]?.attempt;
  if (hops === undefined || hops.length === 0 || first === undefined) return arrays;
  const byKey = new Map(arrays.map((array) => [array.key, array]));
  const link = (index: number): ChainLink => ({ index, count: hops.length + 1, first });
  return [
    ...arrays.map((array) => ({ ...array, link: link(0) })),
    ...hops.flatMap(({ number, arrays: next }, index) =>
      next.flatMap(({ key, of, job_name, job_id }) => {
        const begun = byKey.get(of);
        return begun === undefined ? [] : [{ ...begun, key, attempt: number, jobName: job_name, jobId: job_id, link: link(index + 1) }];
      }),
    ),
  ];
}

/** The highest number that an attempt or a hop of the run has. */
export function lastAttemptNumber(submission: Submission): number {
  const hopsOf = (hops: readonly Hop[] | undefined): readonly number[] => (hops ?? []).map(({ number }) => number);
  return Math.max(1, ...hopsOf(submission.hops), ...(submission.attempts ?? []).flatMap((attempt: Attempt) => [attempt.number, ...hopsOf(attempt.hops)]));
}

/** Every job of an attempt that was made by a resubmission. */
export function jobsOfAttempt(attempt: Attempt): readonly { readonly key: string; readonly job_name: string; readonly job_id: string | null }[] {
  return [...attempt.arrays, ...(attempt.hops ?? []).flatMap(({ arrays }) => arrays), attempt.combiner];
}

/** All arrays of a run, attempt after attempt. */
export function placedArrays(submission: Submission): readonly PlacedArray[] {
  return [
    ...withHops(submission.arrays.map((array): PlacedArray => ({ key: array.key, wave: array.wave, attempt: 1, jobName: array.job_name, jobId: array.job_id, tasks: TaskList.from(array.first_task, array.task_count), ...(array.plain === true ? { foreign: 'plain' as const } : array.indices ? { foreign: new TaskList(array.indices) } : {}) })), submission.hops),
    ...(submission.attempts ?? []).flatMap((attempt) =>
      withHops(attempt.arrays.map((array): PlacedArray => ({ key: array.key, wave: array.wave, attempt: attempt.number, jobName: array.job_name, jobId: array.job_id, tasks: new TaskList(array.tasks) })), attempt.hops),
    ),
  ];
}

/** The arrays with those of their tasks that no later attempt has taken over. The links of one chain hold their tasks together. */
export function currentArrays(submission: Submission): readonly { readonly array: PlacedArray; readonly tasks: readonly number[] }[] {
  // Which submission (by the number of its first attempt) holds a task.
  const holders = new Map<number, number>();
  return placedArrays(submission)
    .toReversed()
    .map((array) => {
      const holder = array.link?.first ?? array.attempt;
      const tasks = [...array.tasks].filter((task) => (holders.get(task) ?? holder) === holder);
      if ((submission.attempts ?? []).length > 0) for (const task of tasks) holders.set(task, holder);
      return { array, tasks };
    })
    .toReversed();
}

/** The array of the task's latest attempt, or of the attempt that is named. */
export function arrayOfTask(submission: Submission, task: number, attempt?: number): PlacedArray | undefined {
  return placedArrays(submission)
    .filter((array) => attempt === undefined || array.attempt === attempt)
    .findLast((array) => array.tasks.positionOf(task) >= 0);
}

/** Every job of the run has its id. */
export function isWhollySubmitted(submission: Submission): boolean {
  return [...submission.arrays, ...(submission.hops ?? []).flatMap(({ arrays }) => arrays), ...submission.combiners, ...(submission.attempts ?? []).flatMap(jobsOfAttempt)].every(({ job_id }) => job_id !== null);
}

/** What the task's latest attempt was given. */
export function resourcesOfTask(sidecar: Sidecar, task: number): ResourceRequest {
  const group = sidecar.extra?.submission?.attempts?.toReversed().flatMap(({ groups }) => groups).find(({ tasks }) => tasks.some(([first, last]) => first <= task && task <= last));
  return group === undefined ? resourcesOfRun(sidecar) : group.resources;
}

/** In how many attempts after the first the task is. */
export function retriesIn(submission: Submission, task: number): number {
  return (submission.attempts ?? []).filter(({ groups }) => groups.some(({ tasks }) => tasks.some(([first, last]) => first <= task && task <= last))).length;
}
