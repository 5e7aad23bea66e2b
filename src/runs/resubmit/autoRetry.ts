/**
 * Retries without a person, where the owner of the run asked for them (`auto_retry` in the sidecar): only the classes that are named there, up
 * to their caps. A failure is looked at once per attempt; that a resubmission could not be made now is told, and tried again later.
 * Failures often come together (a node, a limit): they are gathered for a minute, or until nothing of the run is under way, so that they
 * go again as one array and not as a hundred. Several may watch a run (windows, `monitor`): one of them at a time looks, under a lock.
 */
import * as path from 'node:path';
import { HpcError } from '../../foundation/errors.ts';
import { tryFileLock } from '../../foundation/fileLock.ts';
import { CancelledError } from '../../foundation/abort.ts';
import type { CallOptions, RunDeps } from '../deps.ts';
import { retryRulesOf } from '../diagnosis/retryAdvice.ts';
import type { RunView } from '../runView.ts';
import type { Attempt } from '../sidecar.ts';
import { resubmitRun, type ResubmitOutcome } from './resubmitRun.ts';

const gatherMs = 60_000;

export interface AutoRetrier {
  readonly made: readonly Attempt[];
  /** True when something was submitted again. */
  look(view: RunView): Promise<boolean>;
  /** Whether these failures were gone through, with whatever end. */
  isSettled(view: RunView): boolean;
}

/** The failed tasks with their attempts: as long as this is the same, nothing new has failed. */
export function failuresOf(view: RunView): string {
  return view.tasks.flatMap(({ state, attempt }, task) => (state === 'failed' || state === 'timeout' || state === 'lost' ? [`${task}/${attempt}`] : [])).join(' ');
}

export function autoRetrier(runId: string, deps: RunDeps, call: CallOptions): AutoRetrier {
  const made: Attempt[] = [];
  let seen = '';
  let sinceMs: number | undefined;
  return {
    made,
    isSettled: (view) => failuresOf(view) === seen,
    look: async (view) => {
      if (!retryRulesOf(view.sidecar).automatic || view.record?.cancel_requested?.tasks === 'all') return false;
      const failures = failuresOf(view);
      if (failures === '' || failures === seen) return false;
      const nowMs = deps.clock.now().getTime();
      sinceMs ??= nowMs;
      const { pending, running, unknown } = view.counts;
      if (pending + running + unknown > 0 && nowMs - sinceMs < gatherMs && nowMs >= sinceMs) return false;
      const lock = await tryFileLock(path.join(deps.journal.observationDirectory(deps.experimentDir, runId), 'retry.lock'));
      // Somebody else is at it: what came of that is seen at the next look.
      if (!lock) return false;
      sinceMs = undefined;
      try {
        const again = (noAvoid: boolean): Promise<ResubmitOutcome> => resubmitRun({ runId, overrides: {}, force: false, automatic: true, noAvoid }, deps, call);
        const { attempt, deduped } = await again(false).catch((error: unknown) => {
          // To leave a node out is a wish: a try there is better than none.
          if (!HpcError.is(error) || error.details?.avoided_nodes === undefined) throw error;
          call.progress({ message: error.message });
          return again(true);
        });
        seen = failures;
        if (attempt === undefined || deduped) return false;
        made.push(attempt);
        for (const { change, failure_class } of attempt.groups) call.progress({ message: `Submitted again after ${failure_class ?? 'a failure'}: ${change}` });
        return true;
      } catch (error) {
        if (CancelledError.is(error) || !HpcError.is(error)) throw error;
        deps.log.warn('failed tasks could not be submitted again', { run_id: runId, reason: error.message });
        // What is wrong with the request stays wrong; what the cluster could not do now it may do at the next look.
        if (!error.retrySafe) seen = failures;
        return false;
      } finally {
        await lock.release();
      }
    },
  };
}
