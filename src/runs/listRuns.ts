/** The runs of a workspace, or of all, and one run: from what is stored, or after asking each cluster once. */
import { groupBy } from '../foundation/collections.ts';
import { CancelledError } from '../foundation/abort.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import { dialectFor } from '../scheduler/dialects.ts';
import type { SchedulerName } from '../scheduler/port.ts';
import { readSnapshot, type SourceSnapshot } from './clusterSnapshot.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { observeCluster } from './observeCluster.ts';
import { placedArrays } from './placement.ts';
import { isOpen, viewRun, type OpenRun, type RunView } from './runView.ts';
import { listRunIds, readSidecar } from './sidecar.ts';

/** The run, if there is a sidecar that this product wrote; one of hpc-agent's own has no submission of ours. */
export async function openRun(experimentDir: string, runId: string, deps: RunDeps): Promise<OpenRun | undefined> {
  const sidecar = await readSidecar(experimentDir, runId);
  const submission = sidecar?.extra?.submission;
  if (!sidecar || !submission) return undefined;
  return { experimentDir, sidecar, submission, record: await deps.journal.read(experimentDir, runId) };
}

export async function requireRun(runId: string, deps: RunDeps): Promise<OpenRun> {
  const run = await openRun(deps.experimentDir, runId, deps);
  if (run) return run;
  throw new HpcError('spec_invalid', `There is no run ${runId} in ${deps.experimentDir}.`, { remediation: 'List the runs with `list-runs`, or name the workspace with --experiment-dir.' });
}

/** A run whose tasks are ours, with parameters and results; a job that was adopted has neither. */
export async function requireOwnRun(runId: string, deps: RunDeps, verb: string): Promise<OpenRun> {
  const run = await requireRun(runId, deps);
  if (run.sidecar.extra?.adopted === undefined) return run;
  throw new HpcError('spec_invalid', `${runId} is a job that was adopted: it cannot be ${verb}.`, { remediation: 'Only status, logs, cancel and reconcile work on it: HPC Agent knows neither its tasks’ parameters nor their results.' });
}

/** Views of runs as stored now; what a cluster's queue said is read once for all its runs. */
function viewer(deps: RunDeps): (run: OpenRun) => Promise<RunView> {
  const queues = new Map<string, Promise<SourceSnapshot | undefined>>();
  return async (run) => {
    const cluster = run.sidecar.cluster ?? '';
    let queue = queues.get(cluster);
    if (!queue) queues.set(cluster, (queue = readSnapshot(deps.journal.clusterDirectory(cluster), 'queue')));
    return viewRun(run, deps, dialectFor(run.submission.scheduler as SchedulerName), { queue: await queue });
  };
}

/** From what is stored; asks nobody. */
export async function viewOfRun(experimentDir: string, runId: string, deps: RunDeps): Promise<RunView | undefined> {
  const run = await openRun(experimentDir, runId, deps);
  return run && viewer(deps)(run);
}

export interface ListOptions {
  readonly refresh: boolean;
  readonly allWorkspaces: boolean;
  readonly cluster?: string;
  readonly limit: number;
}

export interface ClusterProblem {
  readonly cluster: string;
  readonly error: HpcError;
}

export async function listRunStates(options: ListOptions, deps: RunDeps, call: CallOptions): Promise<{ runs: readonly RunView[]; problems: readonly ClusterProblem[] }> {
  const directories = options.allWorkspaces ? [...new Set([deps.experimentDir, ...(await deps.journal.workspaces())])] : [deps.experimentDir];
  const runs: OpenRun[] = [];
  const problems: ClusterProblem[] = [];
  for (const directory of directories) {
    for (const runId of (await listRunIds(directory)).slice(0, options.limit)) {
      try {
        const run = await openRun(directory, runId, deps);
        if (run && (options.cluster === undefined || run.sidecar.cluster === options.cluster)) runs.push(run);
      } catch (error) {
        problems.push({ cluster: '', error: toHpcError(error) });
      }
    }
  }
  if (options.refresh) problems.push(...(await refreshRuns(runs, deps, call)));
  const view = viewer(deps);
  const views = await Promise.all(runs.map((run) => openRun(run.experimentDir, run.sidecar.run_id, deps).then((again) => view(again ?? run))));
  views.sort((a, b) => (a.sidecar.submitted_at < b.sidecar.submitted_at ? 1 : -1));
  return { runs: views.slice(0, options.limit), problems };
}

/** Those of which the clusters have more to say. */
export async function runsToAsk(runs: readonly OpenRun[], deps: RunDeps): Promise<readonly OpenRun[]> {
  const open: OpenRun[] = [];
  const view = viewer(deps);
  for (const run of runs) {
    const current = await view(run);
    if (isOpen(current) && placedArrays(current.submission).some(({ jobId }) => jobId !== null)) open.push(run);
    else if (current.lifecycle !== 'submitting' && current.submission.combiners.length > current.facts.combined.length && current.facts.observed_at !== null && isRecent(current, deps)) open.push(run);
  }
  return open;
}

/** Asks every cluster that has open runs, all clusters at once, each in one round trip. */
export async function refreshRuns(runs: readonly OpenRun[], deps: RunDeps, call: CallOptions): Promise<readonly ClusterProblem[]> {
  const open = await runsToAsk(runs, deps);
  const problems: ClusterProblem[] = [];
  await Promise.all(
    [...groupBy(open, (run) => run.sidecar.cluster ?? '')].map(async ([cluster, its]) => {
      try {
        call.progress({ message: `Asking ${cluster} about ${its.length} run${its.length === 1 ? '' : 's'}` });
        await observeCluster(await deps.session(cluster), its, deps, { signal: call.signal });
      } catch (error) {
        if (CancelledError.is(error)) throw error;
        problems.push({ cluster, error: toHpcError(error) });
      }
    }),
  );
  return problems;
}

/** The combiners run for a moment after the last task. */
function isRecent(current: RunView, deps: RunDeps): boolean {
  return deps.clock.now().getTime() - Date.parse(current.sidecar.submitted_at) < 7 * 24 * 3_600_000;
}

/** One run. Asking refreshes every open run of its cluster with it: it costs the same. Throws when it was asked and could not be. */
export async function runState(runId: string, options: { refresh: boolean }, deps: RunDeps, call: CallOptions): Promise<RunView> {
  const run = await requireRun(runId, deps);
  if (options.refresh) {
    const [problem] = await refreshRuns([run], deps, call);
    if (problem) throw problem.error;
  }
  return viewer(deps)(await requireRun(runId, deps));
}
