/**
 * The runs of the window as last seen, and the clock that looks again.
 *
 * Rules: one question at a time; a failed question keeps what was known and says why; background questions never notify. By the clock,
 * clusters are asked through the watch that all windows share; only what a person asks for is asked from here.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { EfficiencyOutput } from '../../../operations/efficiency.ts';
import type { FailuresOutput } from '../../../operations/failures.ts';
import type { RunSummary, TaskRow } from '../../../operations/schemas.ts';
import type { ServiceWatch } from '../../../operations/watch.ts';
import type { Core } from '../core.ts';
import { refreshIntervalMs } from './cadence.ts';
import { failuresKey } from './failureNodes.ts';
import type { FolderRuns, TaskQuery } from './runsTree.ts';
import { isOpen } from './runWords.ts';
import { usageKey } from './usageNodes.ts';

/** As the core's: how long a failed run may be submitted again without a person. */
const retriedForMs = 14 * 24 * 3_600_000;
/** News often come together. */
const settleMs = 100;
const ownNewsMs = 500;

export interface RunsState {
  readonly folders: readonly FolderRuns[];
  /** By cluster, why it could not be asked. */
  readonly problems: ReadonlyMap<string, string>;
  /** Why the runs themselves could not be listed. */
  readonly failure: string | undefined;
  readonly loaded: boolean;
}

const isUnheard = (run: RunSummary): boolean => run.lifecycle_state === 'in_flight' && run.observed_at === null;

const failureKey = (run: RunSummary): string => `${run.run_id} ${run.counts.failed}`;

export class RunsStore implements vscode.Disposable {
  state: RunsState = { folders: [], problems: new Map(), failure: undefined, loaded: false };
  private readonly changed = new vscode.EventEmitter<RunsState>();
  readonly onDidChange = this.changed.event;
  private readonly core: Core;
  private readonly log: Log;
  private readonly folders: () => readonly string[];
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> | undefined;
  private readonly lookers = new Set<object>();
  private watch: Promise<ServiceWatch> | undefined;
  /** By cluster: when to look at it again, in milliseconds since the epoch. */
  private readonly due = new Map<string, number>();
  private readonly troubles = new Map<string, string>();
  private readonly asking = new Set<string>();
  private readonly askedMs = new Map<string, number>();
  /** Clusters with a run that nobody has looked at since it was submitted: due at once, whatever the pace. */
  private readonly unheard = new Set<string>();
  /** Failed runs at which the watch has looked. */
  private readonly followed = new Set<string>();
  private looking = false;
  private disposed = false;
  private readonly diagnoses = new Map<string, { readonly key: string; readonly answer: Promise<FailuresOutput> }>();
  private readonly usages = new Map<string, { readonly key: string; readonly answer: Promise<EfficiencyOutput> }>();
  private waiting: { ask: boolean } | undefined;

  constructor(core: Core, log: Log, folders: () => readonly string[]) {
    this.core = core;
    this.log = log;
    this.folders = folders;
  }

  get runs(): readonly RunSummary[] {
    return this.state.folders.flatMap(({ runs }) => runs);
  }

  find(runId: string): RunSummary | undefined {
    return this.runs.find((run) => run.run_id === runId);
  }

  /** Somebody sees the runs (a tree, the dashboard) until this is disposed. */
  look(): vscode.Disposable {
    const looker = {};
    this.lookers.add(looker);
    if (this.lookers.size === 1) {
      this.due.clear();
      void this.refreshQuietly(false);
    }
    return new vscode.Disposable(() => {
      if (!this.lookers.delete(looker) || this.isVisible) return;
      this.due.clear();
      this.schedule();
    });
  }

  get isVisible(): boolean {
    return this.lookers.size > 0;
  }

  /** The window gained or lost attention: the pace changes. */
  paceChanged(): void {
    this.due.clear();
    this.schedule();
  }

  /** Reads what is recorded; with `ask` also asks the clusters that have open runs. Throws what went wrong. */
  async refresh(ask: boolean, signal?: AbortSignal): Promise<void> {
    while (this.current) await this.current.catch(() => undefined);
    this.current = this.load(ask && this.core.trusted, signal);
    try {
      await this.current;
    } finally {
      this.current = undefined;
      this.schedule();
    }
  }

  /** In the background: failures go to the log and into the view. Calls that come while one waits its turn are one. */
  async refreshQuietly(ask: boolean): Promise<void> {
    const waiting = this.waiting;
    if (waiting) {
      waiting.ask ||= ask;
      return;
    }
    const turn = { ask };
    this.waiting = turn;
    try {
      while (this.current) await this.current.catch(() => undefined);
      this.waiting = undefined;
      await this.refresh(turn.ask);
    } catch (error) {
      if (!CancelledError.is(error)) this.log.warn(`Runs could not be refreshed: ${messageOf(error)}`);
    }
  }

  async tasks(folder: string, runId: string, query: TaskQuery): Promise<readonly TaskRow[]> {
    const { status } = await import('../../../operations/status.ts');
    return (await this.core.call(status, { run_id: runId, refresh: false, ...query }, { folder })).tasks;
  }

  /** Why tasks failed: kept until more have, since every redraw of an opened row asks. */
  async whyFailed(folder: string, run: RunSummary): Promise<FailuresOutput> {
    const key = failuresKey(run);
    const known = this.diagnoses.get(run.run_id);
    if (known?.key === key) return known.answer;
    const answer = import('../../../operations/failures.ts').then(({ failures }) => this.core.call(failures, { run_id: run.run_id, refresh: false }, { folder }));
    this.diagnoses.set(run.run_id, { key, answer });
    answer.catch(() => this.diagnoses.delete(run.run_id));
    return answer;
  }

  /** What its tasks used: kept until more have ended. */
  async usage(folder: string, run: RunSummary): Promise<EfficiencyOutput> {
    const key = usageKey(run);
    const known = this.usages.get(run.run_id);
    if (known?.key === key) return known.answer;
    const answer = import('../../../operations/efficiency.ts').then(({ efficiency }) => this.core.call(efficiency, { run_id: run.run_id }, { folder }));
    this.usages.set(run.run_id, { key, answer });
    answer.catch(() => this.usages.delete(run.run_id));
    return answer;
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.lookers.clear();
    void this.watch?.then((watch) => watch.dispose(), () => undefined);
    this.changed.dispose();
  }

  private async load(ask: boolean, signal: AbortSignal | undefined): Promise<void> {
    const folders = this.folders();
    try {
      const { listRuns } = await import('../../../operations/listRuns.ts');
      const problems = new Map<string, string>();
      const found: FolderRuns[] = [];
      for (const folder of folders) {
        const answer = await this.core.call(listRuns, { refresh: ask }, { folder, ...(signal ? { signal } : {}) });
        for (const problem of answer.problems) problems.set(problem.cluster, problem.remediation === undefined ? problem.message : `${problem.message} ${problem.remediation}`);
        found.push({ folder, ...(folders.length > 1 ? { label: path.basename(folder) } : {}), runs: answer.runs });
      }
      if (ask) {
        this.troubles.clear();
        for (const [cluster, why] of problems) this.troubles.set(cluster, why);
        this.due.clear();
      }
      this.expectNews(found);
      this.set({ folders: found, problems: this.problemsOf(found), failure: undefined, loaded: true });
    } catch (error) {
      if (!CancelledError.is(error)) {
        this.set({ ...this.state, failure: messageOf(error), loaded: true });
      }
      throw error;
    }
  }

  /** A run that was just submitted is asked about once without waiting; while it is being submitted there is nothing to ask. */
  private expectNews(folders: readonly FolderRuns[]): void {
    for (const run of folders.flatMap(({ runs }) => runs)) {
      if (isUnheard(run) && !this.runs.some((known) => known.run_id === run.run_id && isUnheard(known))) this.unheard.add(run.cluster);
    }
  }

  private set(state: RunsState): void {
    this.state = state;
    this.changed.fire(state);
  }

  /** Why clusters could not be asked: from here, or else by whoever asks for all. */
  private problemsOf(folders: readonly FolderRuns[]): ReadonlyMap<string, string> {
    const stale = folders.flatMap(({ runs }) => runs.filter(isOpen)).flatMap(({ cluster, stale_reason }) => (stale_reason === null ? [] : [[cluster, stale_reason] as const]));
    const known = [...this.troubles].filter(([cluster]) => folders.some(({ runs }) => runs.some((run) => run.cluster === cluster)));
    return new Map([...stale, ...known]);
  }

  /** Sets the clock for the cluster that is due first. A cluster that was never looked at is due now. */
  private schedule(): void {
    clearTimeout(this.timer);
    // What the records of a folder say is not asked about before the folder is trusted.
    if (this.disposed || this.looking || !this.core.trusted) return;
    const clusters = this.clustersToWatch();
    for (const cluster of this.due.keys()) if (!clusters.has(cluster)) this.due.delete(cluster);
    if (clusters.size === 0) return;
    const dueMs = Math.min(...[...clusters.keys()].map((cluster) => this.dueMs(cluster)));
    this.timer = setTimeout(() => void this.lookQuietly(), Math.max(0, dueMs - Date.now()));
  }

  private dueMs(cluster: string): number {
    return this.unheard.has(cluster) ? 0 : (this.due.get(cluster) ?? 0);
  }

  /** With the folders that have something there to be watched. */
  private clustersToWatch(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>();
    for (const { folder, runs } of this.state.folders) {
      for (const run of runs) {
        // A run that failed may have left retries to whoever watches.
        const isRecent = Date.now() - Date.parse(run.submitted_at) < retriedForMs;
        if (!isOpen(run) && !(run.counts.failed > 0 && isRecent && !this.followed.has(failureKey(run)))) continue;
        const folders = found.get(run.cluster) ?? [];
        if (!folders.includes(folder)) found.set(run.cluster, [...folders, folder]);
      }
    }
    return found;
  }

  private async lookQuietly(): Promise<void> {
    this.looking = true;
    try {
      while (this.current) await this.current.catch(() => undefined);
      const nowMs = Date.now();
      const clusters = [...this.clustersToWatch()].filter(([cluster]) => this.dueMs(cluster) <= nowMs);
      await Promise.all(clusters.map(([cluster, folders]) => this.lookAt(cluster, folders)));
    } catch (error) {
      if (!CancelledError.is(error)) this.log.warn(`Runs could not be watched: ${messageOf(error)}`);
    } finally {
      this.looking = false;
    }
    await this.refreshQuietly(false);
  }

  private async lookAt(cluster: string, folders: readonly string[]): Promise<void> {
    const isLocal = cluster === 'this-computer';
    const intervalMs = refreshIntervalMs({ visible: this.isVisible, focused: vscode.window.state.focused, isLocal, intervalS: vscode.workspace.getConfiguration('hpcAgent').get<number>('refreshIntervalSeconds', 30) });
    this.unheard.delete(cluster);
    // Whatever happens below, not before this.
    this.due.set(cluster, Date.now() + intervalMs);
    const watch = await this.openWatch();
    this.asking.add(cluster);
    const answer = await this.core.within('acts', { folder: folders[0] ?? '' }, ({ signal, progress }) => watch.look({ cluster, folders, intervalMs, onlyConnected: !this.isVisible }, { signal, progress })).finally(() => this.asking.delete(cluster));
    if (answer.asked) this.askedMs.set(cluster, Date.now());
    if (!answer.problem) for (const run of this.runs) if (run.cluster === cluster && !isOpen(run)) this.followed.add(failureKey(run));
    if (answer.problem) this.troubles.set(cluster, answer.problem.remediation === undefined ? answer.problem.message : `${answer.problem.message} ${answer.problem.remediation}`);
    else if (answer.asked) this.troubles.delete(cluster);
    this.due.set(cluster, Date.now() + (answer.nextMs ?? intervalMs));
  }

  private openWatch(): Promise<ServiceWatch> {
    this.watch ??= (async () => {
      const { openWatch } = await import('../../../operations/watch.ts');
      const watch = await this.core.within('reads', { folder: '' }, (context) => openWatch(context));
      watch.onNews((cluster) => {
        // What this window asked itself is read when it has the answer.
        if (this.asking.has(cluster) || Date.now() - (this.askedMs.get(cluster) ?? 0) < ownNewsMs) return;
        this.due.set(cluster, Date.now() + settleMs);
        this.schedule();
      });
      if (this.disposed) watch.dispose();
      return watch;
    })();
    return this.watch;
  }
}
