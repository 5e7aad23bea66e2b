/**
 * The runs of the window as last seen, and the clock that asks again.
 *
 * Rules: one question at a time; a failed question keeps what was known and says why; background questions never notify.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { FailuresOutput } from '../../../operations/failures.ts';
import type { RunSummary, TaskRow } from '../../../operations/schemas.ts';
import type { Core } from '../core.ts';
import { nextRefreshMs } from './cadence.ts';
import { failuresKey } from './failureNodes.ts';
import type { FolderRuns, TaskQuery } from './runsTree.ts';
import { isOpen } from './runWords.ts';

export interface RunsState {
  readonly folders: readonly FolderRuns[];
  /** By cluster, why it could not be asked. */
  readonly problems: ReadonlyMap<string, string>;
  /** Why the runs themselves could not be listed. */
  readonly failure: string | undefined;
  readonly loaded: boolean;
}

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
  private failures = 0;
  private readonly diagnoses = new Map<string, { readonly key: string; readonly answer: Promise<FailuresOutput> }>();
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
    if (this.lookers.size === 1) void this.cameIntoSight();
    return new vscode.Disposable(() => {
      if (this.lookers.delete(looker) && !this.visible) this.schedule();
    });
  }

  private get visible(): boolean {
    return this.lookers.size > 0;
  }

  /** The window gained or lost attention: the pace changes. */
  paceChanged(): void {
    this.schedule();
  }

  /** Reads what is recorded; with `ask` also asks the clusters that have open runs. Throws what went wrong. */
  async refresh(ask: boolean, signal?: AbortSignal): Promise<void> {
    while (this.current) await this.current.catch(() => undefined);
    this.current = this.load(ask, signal);
    try {
      await this.current;
    } finally {
      this.current = undefined;
      this.schedule();
    }
  }

  /** What is on record at once; then, where runs are open, what the clusters say. */
  private async cameIntoSight(): Promise<void> {
    await this.refreshQuietly(false);
    if (this.visible && this.runs.some(isOpen)) await this.refreshQuietly(true);
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

  dispose(): void {
    clearTimeout(this.timer);
    this.lookers.clear();
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
      if (ask) this.failures = problems.size > 0 ? this.failures + 1 : 0;
      this.set({ folders: found, problems: ask ? problems : this.state.problems, failure: undefined, loaded: true });
    } catch (error) {
      if (!CancelledError.is(error)) {
        this.failures += 1;
        this.set({ ...this.state, failure: messageOf(error), loaded: true });
      }
      throw error;
    }
  }

  private set(state: RunsState): void {
    this.state = state;
    this.changed.fire(state);
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const open = this.runs.filter(isOpen);
    const waitMs = nextRefreshMs({
      visible: this.visible,
      focused: vscode.window.state.focused,
      openRuns: open.length,
      onlyLocal: open.every((run) => run.cluster === 'this-computer'),
      consecutiveFailures: this.failures,
      intervalS: vscode.workspace.getConfiguration('hpcAgent').get<number>('refreshIntervalSeconds', 30),
    });
    if (waitMs !== undefined) this.timer = setTimeout(() => void this.refreshQuietly(true), waitMs);
  }
}
