/** An earlier run of the same tasks: found by cmd_sha among the workspace's sidecars. */
import type { RunDeps } from './deps.ts';
import { listRunIds, readSidecar } from './sidecar.ts';
import { viewOfRun } from './listRuns.ts';
import type { Lifecycle } from './runView.ts';

export interface PriorRun {
  readonly runId: string;
  readonly cluster: string;
  readonly lifecycle: Lifecycle;
  readonly submittedAt: string;
  readonly jobIds: readonly string[];
  readonly complete: number;
  readonly totalTasks: number;
  /** Its submission did not come to its end: something of it may be missing on the cluster. */
  readonly isInterrupted: boolean;
  /** Neither job ids nor a journal record: a submission that never happened. */
  readonly isOrphan: boolean;
}

/** The newest one that is not cancelled, on this cluster if one is named. */
export async function findPrior(cmdSha: string, cluster: string | undefined, deps: RunDeps): Promise<PriorRun | undefined> {
  for (const runId of await listRunIds(deps.experimentDir)) {
    let sidecar;
    try {
      sidecar = await readSidecar(deps.experimentDir, runId);
    } catch (error) {
      deps.log.warn('a sidecar was passed over', { run_id: runId, error });
      continue;
    }
    if (sidecar?.cmd_sha !== cmdSha || (cluster !== undefined && sidecar.cluster !== cluster)) continue;
    const record = await deps.journal.read(deps.experimentDir, runId);
    const jobIds = sidecar.job_ids ?? record?.job_ids ?? [];
    const view = await viewOfRun(deps.experimentDir, runId, deps);
    if (view?.lifecycle === 'cancelled') continue;
    return {
      runId,
      cluster: sidecar.cluster ?? '',
      lifecycle: view?.lifecycle ?? 'unknown',
      submittedAt: sidecar.submitted_at,
      jobIds,
      complete: view?.counts.complete ?? 0,
      totalTasks: sidecar.task_count,
      isInterrupted: view !== undefined && view.lifecycle !== 'complete' && (record?.stage === 'submit' || view.lifecycle === 'submitting' || view.lifecycle === 'unknown'),
      isOrphan: jobIds.length === 0 && record === undefined,
    };
  }
  return undefined;
}
