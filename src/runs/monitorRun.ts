/**
 * Watches a run until it ends, and retries what its owner allowed to be retried. The pace is hpc-agent's cadence table; on this machine it is
 * faster, since asking costs nothing. Where a window watches the cluster already, what it hears is read.
 *
 * Rule: limits count the time spent watching. A computer that slept for a day did not watch for a day, and a clock that was set right says nothing
 * of how long anything took.
 */
import { sleep } from '../foundation/abort.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { runState } from './listRuns.ts';
import { recordOutcome } from './recordOutcome.ts';
import { rememberRuntimes } from './runtimes.ts';
import { autoRetrier } from './resubmit/autoRetry.ts';
import type { RunView } from './runView.ts';
import type { Attempt } from './sidecar.ts';
import { RunWatch } from './watch/runWatch.ts';

/** Seconds to the next look; undefined when there is nothing left to wait for. */
export function nextTickS(view: RunView): number | undefined {
  const { pending, running, unknown } = view.counts;
  if (pending + running + unknown === 0) return undefined;
  if (view.submission.scheduler === 'background') return 1;
  if (running === 0 && pending > 0 && view.counts.complete === 0) return 60;
  return running > 0 ? 30 : 60;
}

export interface MonitorOutcome {
  readonly view: RunView;
  /** Attempts that were made on the way, by the run's auto_retry. */
  readonly retried: readonly Attempt[];
  readonly ticks: number;
  readonly elapsedMs: number;
  readonly ended: boolean;
  readonly nextTickS: number | undefined;
}

/** The watch is given up after more looks in a row than this that got no answer, over longer than this: a network needs a moment after a sleep. */
const patience = 5;
const patienceMs = 120_000;
/** Longest that one look may take; a longer step of the clock was no step of time spent here. */
const longestLookMs = 300_000;
/** How long the combiner jobs may take after the last task before the watch ends without them; `aggregate` makes up for them. */
const combinerGraceMs = 20_000;

export async function monitorRun(runId: string, options: { pollIntervalMs?: number; budgetMs: number }, deps: RunDeps, call: CallOptions): Promise<MonitorOutcome> {
  const watch = new RunWatch(deps.clock);
  try {
    return await watched(watch, runId, options, deps, call);
  } finally {
    await watch.close();
  }
}

async function watched(watch: RunWatch, runId: string, options: { pollIntervalMs?: number; budgetMs: number }, deps: RunDeps, call: CallOptions): Promise<MonitorOutcome> {
  let seenMs = deps.clock.now().getTime();
  let elapsedMs = 0;
  let pauseMs = 0;
  const passTime = (): void => {
    const nowMs = deps.clock.now().getTime();
    const stepMs = nowMs - seenMs;
    seenMs = nowMs;
    elapsedMs += stepMs >= 0 && stepMs <= pauseMs + longestLookMs ? stepMs : pauseMs;
    pauseMs = 0;
  };
  let failures = 0;
  let answeredMs = 0;
  let settledMs: number | undefined;
  const retrying = autoRetrier(runId, deps, call);
  let view = await runState(runId, { refresh: false }, deps, call);
  for (let ticks = 1; ; ticks += 1) {
    let nextMs: number | undefined;
    try {
      const intervalMs = options.pollIntervalMs ?? (nextTickS(view) ?? 1) * 1000;
      const outcome = await watch.tick({ cluster: view.sidecar.cluster ?? '', folders: [{ deps, retries: false, runIds: [runId] }], intervalMs }, { signal: call.signal, progress: () => undefined });
      if (outcome?.problem) throw outcome.problem;
      // Where nobody asked since a failure, nothing has got better yet.
      passTime();
      if (outcome === undefined || outcome.asked || outcome.role === 'reader') {
        failures = 0;
        answeredMs = elapsedMs;
      }
      nextMs = outcome?.nextMs;
    } catch (error) {
      passTime();
      // A moment without an answer is no end of the run; a lasting one is told.
      if (!HpcError.is(error) || !error.retrySafe || ((failures += 1) > patience && elapsedMs - answeredMs > patienceMs)) throw error;
    }
    view = await runState(runId, { refresh: false }, deps, call);
    const { counts } = view;
    const done = counts.complete + counts.failed + counts.cancelled + counts.timeout + counts.lost;
    call.progress({ message: describeCounts(view), done, total: view.tasks.length });
    if (await retrying.look(view)) {
      settledMs = undefined;
      view = await runState(runId, { refresh: false }, deps, call);
      continue;
    }
    const next = nextTickS(view);
    if (next === undefined) settledMs ??= elapsedMs;
    const combined = view.facts.combined.length >= view.submission.combiners.length || view.counts.complete < view.tasks.length;
    const ended = settledMs !== undefined && (combined || elapsedMs - settledMs > combinerGraceMs);
    if (ended) {
      await rememberRuntimes(runId, deps);
      await recordOutcome(view, deps);
    }
    if (ended || elapsedMs >= options.budgetMs) return { view, retried: retrying.made, ticks, elapsedMs, ended: next === undefined, nextTickS: next };
    const ownMs = (options.pollIntervalMs ?? (next ?? 1) * 1000) * 2 ** Math.min(failures, patience);
    // What became of the run may ask for another pace than the look before it; a reader waits for the observer's answer.
    pauseMs = failures > 0 ? ownMs : Math.min(nextMs ?? ownMs, ownMs);
    await sleep(pauseMs, call.signal);
  }
}

export function describeCounts(view: RunView): string {
  const words: [number, string][] = [
    [view.counts.complete, 'done'],
    [view.counts.running, 'running'],
    [view.counts.pending, 'waiting'],
    [view.counts.failed + view.counts.timeout, 'failed'],
    [view.counts.cancelled, 'cancelled'],
    [view.counts.lost, 'lost'],
    [view.counts.unknown, 'unknown'],
  ];
  return words.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : [])).join(' · ') || 'nothing yet';
}
