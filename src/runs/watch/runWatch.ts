/**
 * Watches the open runs of workspaces, cluster by cluster, beside whoever else does: keeps them heard of, notes what became of them, and
 * submits failed tasks again where their owner asked for that.
 *
 * Rule: the observer of a cluster asks about all open runs that this user has there, in whatever workspace, so that one question serves
 * every window and command line.
 */
import * as path from 'node:path';
import { CancelledError } from '../../foundation/abort.ts';
import { readTextIfThere } from '../../foundation/atomicFile.ts';
import type { Clock } from '../../foundation/clock.ts';
import type { Disposable } from '../../foundation/disposable.ts';
import { HpcError, toHpcError } from '../../foundation/errors.ts';
import { sha256Hex } from '../../foundation/ids.ts';
import type { ClusterProfile } from '../../cluster/profile.ts';
import type { CallOptions, RunDeps } from '../deps.ts';
import { openRun, runsToAsk, viewOfRun } from '../listRuns.ts';
import { observeCluster } from '../observeCluster.ts';
import { recordOutcome } from '../recordOutcome.ts';
import { sshTargetOf } from '../recordIntent.ts';
import { rememberRuntimes } from '../runtimes.ts';
import { writeRebuildable } from '../rebuildableFile.ts';
import { autoRetrier, failuresOf, type AutoRetrier } from '../resubmit/autoRetry.ts';
import { isOpen, type OpenRun, type RunView } from '../runView.ts';
import { listRunIds } from '../sidecar.ts';
import { ClusterWatch, type TickOutcome } from './clusterWatch.ts';
import { ObserverLease } from './observerLease.ts';

export interface WatchedFolder {
  readonly deps: RunDeps;
  /** Whether failed tasks of its runs may be submitted again without a person (where the run asks for that, too). */
  readonly retries: boolean;
  /** Only these runs of it; all where missing. */
  readonly runIds?: readonly string[];
}

export interface WatchTarget {
  readonly cluster: string;
  readonly folders: readonly WatchedFolder[];
  /** How old an answer may be, in milliseconds. */
  readonly intervalMs: number;
  /** Asked before the cluster is: false where asking would need a person now. */
  readonly mayAsk?: () => boolean;
}

/** The newest runs of another workspace that are looked through for open ones. */
const newestElsewhere = 50;
/** How long after its submission a run is tried again without a person. */
const retriedForMs = 14 * 24 * 3_600_000;

interface Entry {
  readonly watch: ClusterWatch;
  readonly news: Disposable;
}

export class RunWatch implements Disposable {
  private readonly entries = new Map<string, Entry>();
  private readonly retriers = new Map<string, AutoRetrier>();
  private readonly listeners = new Set<(cluster: string) => void>();
  private disposed = false;

  constructor(private readonly clock: Clock) {}

  /** Somebody else asked this cluster, or wants it asked sooner. */
  onNews(listener: (cluster: string) => void): Disposable {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  /** One look. Undefined: nothing of these folders is open there. Throws only what is no failure of the cluster. */
  async tick(target: WatchTarget, call: CallOptions): Promise<TickOutcome | undefined> {
    const { cluster } = target;
    const deps = target.folders[0]?.deps;
    if (!deps) return undefined;
    const all = await Promise.all(target.folders.map(async (folder) => ({ folder, runs: await runsOf(folder, cluster) })));
    const own: OpenRun[] = [];
    for (const { folder, runs } of all) own.push(...(await runsToAsk(runs, folder.deps)));
    const ended = all.flatMap(({ runs }) => runs.filter((run) => !own.includes(run) && this.mayRetry(run)));
    const profile = await deps.profile(cluster);
    const entry = this.entryOf(profile, deps);
    if (own.length === 0) {
      // An end that somebody else heard of is still to be followed.
      const isObserver = ended.length > 0 && (await entry.watch.lease.take());
      if (isObserver) await this.follow(ended, target, [], call);
      await entry.watch.lease.yield();
      return undefined;
    }
    const heard = await Promise.all(own.map(async (run) => ({ at: (await deps.journal.readFacts(run.experimentDir, run.sidecar.run_id)).observed_at, submitted: run.sidecar.submitted_at })));
    const oldest = (times: readonly string[]): number => Math.min(...times.map((at) => Date.parse(at)));
    const ask = async (freshMs: number): Promise<void> => {
      const elsewhere = await openElsewhere(profile, target.folders, deps);
      call.progress({ message: `Asking ${cluster} about ${own.length + elsewhere.length} run${own.length + elsewhere.length === 1 ? '' : 's'}` });
      await observeCluster(await deps.session(cluster), [...own, ...elsewhere], deps, { signal: call.signal, freshMs });
    };
    if (target.mayAsk?.() === false) {
      await entry.watch.lease.yield();
      return { role: 'reader', asked: false, nextMs: target.intervalMs, retriedElsewhere: [] };
    }
    const outcome = await entry.watch.tick(
      {
        intervalMs: target.intervalMs,
        heardMs: heard.some(({ at }) => at === null) ? undefined : oldest(heard.flatMap(({ at }) => at ?? [])),
        waitingSinceMs: oldest(heard.map(({ at, submitted }) => at ?? submitted)),
        retries: target.folders.filter(({ retries, runIds }) => retries && runIds === undefined).map((folder) => folder.deps.experimentDir),
      },
      ask,
    );
    if (outcome.problem === undefined) await this.follow([...own, ...ended], target, outcome.retriedElsewhere, call);
    return outcome;
  }

  /** Ends it and waits until the leases are free for others. */
  async close(): Promise<void> {
    const leases = [...this.entries.values()].map(({ watch }) => watch.lease);
    this.dispose();
    await Promise.all(leases.map((lease) => lease.yield()));
  }

  dispose(): void {
    this.disposed = true;
    for (const { watch, news } of this.entries.values()) {
      news.dispose();
      watch.lease.dispose();
    }
    this.entries.clear();
    this.listeners.clear();
  }

  private entryOf(profile: ClusterProfile, deps: RunDeps): Entry {
    if (this.disposed) throw new CancelledError();
    const key = sha256Hex(`${profile.scheduler} ${JSON.stringify(profile.connection)}`).slice(0, 8);
    const name = `${profile.name} ${key}`;
    const known = this.entries.get(name);
    if (known) return known;
    const lease = new ObserverLease(deps.journal.clusterDirectory(profile.name), key, this.clock);
    const entry: Entry = {
      watch: new ClusterWatch(lease, this.clock),
      news: lease.onNews(() => {
        for (const listener of this.listeners) listener(profile.name);
      }),
    };
    this.entries.set(name, entry);
    return entry;
  }

  private mayRetry({ sidecar }: OpenRun): boolean {
    return sidecar.auto_retry !== undefined && this.clock.now().getTime() - Date.parse(sidecar.submitted_at) < retriedForMs;
  }

  /** What follows from what was heard: retries, and for a run that has ended the note of it. */
  private async follow(runs: readonly OpenRun[], target: WatchTarget, retriedElsewhere: readonly string[], call: CallOptions): Promise<void> {
    for (const run of runs) {
      const folder = target.folders.find(({ deps }) => deps.experimentDir === run.experimentDir);
      const view = folder && (await viewOfRun(run.experimentDir, run.sidecar.run_id, folder.deps));
      if (!view) continue;
      if (!isOpen(view)) {
        if (view.lifecycle === 'complete') await rememberRuntimes(run.sidecar.run_id, folder.deps);
        await recordOutcome(view, folder.deps);
      }
      if (folder.retries && this.mayRetry(run) && !retriedElsewhere.includes(run.experimentDir)) await this.retry(view, folder.deps, call);
    }
  }

  private async retry(view: RunView, deps: RunDeps, call: CallOptions): Promise<void> {
    const runId = view.sidecar.run_id;
    const settledFile = path.join(deps.journal.observationDirectory(view.experimentDir, runId), 'retried.json');
    // Kept on the disk, so that a new window does not go through old failures again.
    const failures = sha256Hex(failuresOf(view));
    if ((await readTextIfThere(settledFile))?.includes(failures) === true) return;
    const key = `${view.experimentDir}\n${runId}`;
    const retrier = this.retriers.get(key) ?? autoRetrier(runId, deps, call);
    this.retriers.set(key, retrier);
    try {
      await retrier.look(view);
      if (retrier.isSettled(view)) await writeRebuildable(settledFile, { failures });
    } catch (error) {
      if (CancelledError.is(error)) throw error;
      deps.log.warn('failed tasks were not looked at', { run_id: runId, reason: toHpcError(error).message });
    }
  }
}

async function runsOf({ deps, runIds }: WatchedFolder, cluster: string): Promise<readonly OpenRun[]> {
  const runs: OpenRun[] = [];
  for (const runId of runIds ?? (await listRunIds(deps.experimentDir))) {
    const run = await openRun(deps.experimentDir, runId, deps).catch((error: unknown) => {
      if (HpcError.is(error)) return undefined;
      throw error;
    });
    if (run?.sidecar.cluster === cluster) runs.push(run);
  }
  return runs;
}

/** Open runs of this user's other workspaces on the very same cluster, so far as the journal knows them. */
async function openElsewhere(profile: ClusterProfile, folders: readonly WatchedFolder[], deps: RunDeps): Promise<readonly OpenRun[]> {
  const here = new Set(folders.filter(({ runIds }) => runIds === undefined).map((folder) => folder.deps.experimentDir));
  const own = new Set(folders.flatMap((folder) => (folder.runIds ?? []).map((runId) => `${folder.deps.experimentDir}\n${runId}`)));
  const found: OpenRun[] = [];
  for (const directory of await deps.journal.workspaces()) {
    if (here.has(directory)) continue;
    try {
      const candidates: OpenRun[] = [];
      for (const runId of (await listRunIds(directory)).slice(0, newestElsewhere)) {
        if (own.has(`${directory}\n${runId}`)) continue;
        const record = await deps.journal.read(directory, runId);
        // Without a record nothing says that the cluster of that name is the same one.
        if (record?.cluster !== profile.name || record.ssh_target !== sshTargetOf(profile) || record.status !== 'in_flight') continue;
        const run = await openRun(directory, runId, deps);
        if (run?.submission.scheduler === profile.scheduler) candidates.push(run);
      }
      found.push(...(await runsToAsk(candidates, deps)));
    } catch (error) {
      deps.log.debug('a workspace was passed over', { directory, reason: toHpcError(error).message });
    }
  }
  return found;
}
