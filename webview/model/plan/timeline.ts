/**
 * A plan as a picture to scale: time across, tasks up.
 *
 * Rules: a wave begins when the one before has ended; an array's tasks run in rounds where only so many may run at once; what is
 * expected and what is the longest are told apart; a wait that nobody knows has a place but no length; without any time known the
 * waves are only put in order, and that is said.
 */
import { groupBy } from './groupBy.ts';
import type { WirePlan } from '../../protocol/plan.ts';

export interface PlannedBar {
  readonly key: string;
  readonly firstTask: number;
  readonly taskCount: number;
  readonly startS: number;
  readonly endS: number;
  /** Where nearly all are done; equal to `endS` where nothing is known of it. */
  readonly lateS: number;
  readonly rounds: number;
  /** From the top, in tasks. */
  readonly above: number;
}

export interface PlannedWave {
  readonly wave: number;
  readonly startS: number;
  readonly endS: number;
  readonly lateS: number;
  readonly tasks: number;
  readonly bars: readonly PlannedBar[];
}

export interface Timeline {
  /** What a length means: what is expected, at most the time limit, or nothing but the order. */
  readonly scale: 'expected' | 'limit' | 'order';
  /** Seconds from submission to the first array's start: as long as it usually takes; null: not known. */
  readonly waitS: number | null;
  readonly spinUpS: number;
  readonly waves: readonly PlannedWave[];
  readonly endS: number;
  readonly lateS: number;
  /** When the last task is done at the latest, if every one takes all of its time; null: no time limit is known. */
  readonly latestS: number | null;
  /** Tasks of the fullest wave: the height of the picture. */
  readonly mostTasks: number;
}

type Facts = Pick<WirePlan, 'arrays' | 'timing'>;

export function timelineOf({ arrays, timing }: Facts): Timeline {
  const scale = timing.task_s ? 'expected' : timing.time_limit_s === null ? 'order' : 'limit';
  const taskS = timing.task_s?.p50 ?? timing.time_limit_s ?? 1;
  const lateTaskS = timing.task_s?.p95 ?? taskS;
  // In an order without times everything else has no length either.
  const spinUpS = scale === 'order' ? 0 : timing.spin_up_s;
  const waitS = scale === 'order' ? null : (timing.queue_wait_s?.p50 ?? null);
  const roundsOf = (taskCount: number): number => Math.ceil(taskCount / Math.max(1, Math.min(taskCount, timing.concurrent_tasks ?? taskCount)));
  let start = (waitS ?? 0) + spinUpS;
  let late = (timing.queue_wait_s?.p95 ?? waitS ?? 0) + spinUpS;
  let latest = 0;
  const waves: PlannedWave[] = [];
  for (const [wave, its] of [...groupBy(arrays, (array) => array.wave)].sort(([a], [b]) => a - b)) {
    let above = 0;
    const bars = its.map((array): PlannedBar => {
      const rounds = scale === 'order' ? 1 : roundsOf(array.task_count);
      const bar = { key: array.key, firstTask: array.first_task, taskCount: array.task_count, startS: start, endS: start + rounds * taskS, lateS: start + rounds * lateTaskS, rounds, above };
      above += array.task_count;
      return bar;
    });
    const most = (of: (bar: PlannedBar) => number): number => bars.reduce((longest, bar) => Math.max(longest, of(bar)), 0);
    const endS = most((bar) => bar.endS);
    const lasts = most((bar) => bar.rounds);
    waves.push({ wave, startS: start, endS, lateS: late + lasts * lateTaskS, tasks: above, bars });
    start = endS + spinUpS;
    late += lasts * lateTaskS + spinUpS;
    latest += spinUpS + lasts * (timing.time_limit_s ?? 0);
  }
  return {
    scale,
    waitS,
    spinUpS,
    waves,
    endS: waves.at(-1)?.endS ?? 0,
    lateS: waves.at(-1)?.lateS ?? 0,
    latestS: timing.time_limit_s === null || scale === 'order' ? null : latest,
    mostTasks: waves.reduce((most, wave) => Math.max(most, wave.tasks), 0),
  };
}

export interface LimitUse {
  readonly name: string;
  readonly used: number;
  readonly value: number;
  readonly origin: string;
}

/** What of each limit the plan uses. */
export function limitUses({ limits, arrays, total_tasks: total }: Pick<WirePlan, 'limits' | 'arrays' | 'total_tasks'>): readonly LimitUse[] {
  const largest = arrays.reduce((most, array) => Math.max(most, array.task_count), 0);
  const waves = [...groupBy(arrays, (array) => array.wave).values()];
  const used: Readonly<Record<string, number>> = {
    maxElementsPerArray: largest,
    maxArrayIndex: largest,
    maxConcurrentArrays: waves.reduce((most, its) => Math.max(most, its.length), 0),
    maxSubmitJobs: total,
    maxTasks: total,
  };
  return limits.flatMap(({ name, value, origin }) => (Object.hasOwn(used, name) ? [{ name, used: used[name] ?? 0, value, origin }] : []));
}
