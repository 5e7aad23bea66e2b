/**
 * When a running run may be done, in seconds from now. Pure.
 *
 * Rules: it goes by what this run's own tasks took as soon as three have ended well, else by earlier runs; it speaks of the tasks that
 * have started to flow, so where none runs, or no time is known, there is no answer: nobody knows how long the queue takes.
 */
import { quantile, type RuntimeRollup } from './runtimeQuantiles.ts';
import { gpuTypeOf } from './runtimeSamples.ts';
import type { RunView } from './runView.ts';
import { resourcesOfRun } from './sidecarResources.ts';

const enough = 3;

export interface Eta {
  readonly s: number;
  /** How far off it may well be, either way: as much as the measured times differ. */
  readonly spreadS: number;
}

export function etaOf(view: Pick<RunView, 'tasks' | 'counts' | 'sidecar'>, history: RuntimeRollup): Eta | null {
  const { running, pending } = view.counts;
  if (running === 0) return null;
  const own = view.tasks.flatMap(({ state, elapsedS }) => (state === 'complete' && elapsedS !== null && elapsedS > 0 ? [elapsedS] : [])).sort((a, b) => a - b);
  const earlier = history.seconds.get(gpuTypeOf(resourcesOfRun(view.sidecar)));
  const taskS = own.length >= enough ? quantile(own, 0.5) : earlier?.p50;
  const slowS = own.length >= enough ? quantile(own, 0.95) : earlier?.p95;
  if (taskS === undefined || slowS === undefined) return null;
  // As many run at once as do now. Of those that run, some have just begun: the last of them needs its whole time.
  const rounds = Math.floor(pending / running);
  const rest = pending % running;
  // Rounds are late and early by turns: what they differ by grows with their square root.
  return { s: Math.ceil(rounds * taskS + slowS + (rest > 0 ? taskS : 0)), spreadS: Math.ceil((slowS - taskS) * Math.sqrt(rounds + 1 + (rest > 0 ? 1 : 0))) };
}
