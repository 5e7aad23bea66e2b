/**
 * What is known of the sweep of each folder. Rules: nothing is run in a folder that is not trusted; tasks.py is evaluated by itself only when
 * it was saved and imports nothing that could be asked for its next trial, and not again once it took long; one evaluation at a time; a result
 * for an older text is dropped.
 */
import * as vscode from 'vscode';
import { CancelledError } from '../../../foundation/abort.ts';
import { HpcError, messageOf } from '../../../foundation/errors.ts';
import type { TextProblem } from '../../../operations/editing/textProblem.ts';
import type { Core } from '../core.ts';
import type { SweepState } from './sweepWords.ts';

export interface FolderSweep {
  readonly state: SweepState;
  /** Of the evaluation, at its place in tasks.py. */
  readonly failure: TextProblem | undefined;
}

/** How long a file may take that nobody asked to be evaluated. */
const unaskedS = 10;

const nothing: FolderSweep = { state: { kind: 'unknown' }, failure: undefined };
const takesLong: FolderSweep = { state: { kind: 'unknown', isSlow: true }, failure: undefined };

export class Sweeps implements vscode.Disposable {
  private readonly folders = new Map<string, FolderSweep>();
  /** Folders whose tasks.py took long: evaluated only when somebody asks. */
  private readonly slow = new Set<string>();
  private readonly turns = new Map<string, AbortController>();
  private readonly changed = new vscode.EventEmitter<string>();
  /** The folder whose sweep is known better now. */
  readonly onDidChange = this.changed.event;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  get(folder: string): FolderSweep {
    const known = this.folders.get(folder) ?? nothing;
    return known.state.kind === 'unknown' && !vscode.workspace.isTrusted ? { ...known, state: { kind: 'untrusted' } } : known;
  }

  /** What was found before, without running anything. */
  async look(folder: string): Promise<void> {
    const turn = this.begin(folder);
    const { knownSweep } = await import('../../../operations/editing/sweepOutline.ts');
    const sweep = await this.core.within('reads', { folder, signal: turn.signal }, knownSweep).catch(() => undefined);
    this.end(folder, turn, sweep ? { state: { kind: 'known', sweep }, failure: undefined } : this.slow.has(folder) ? takesLong : nothing);
  }

  /** Because it was opened or saved: what is known, else a short evaluation. */
  async countUnasked(folder: string): Promise<void> {
    if (this.slow.has(folder)) await this.look(folder);
    else await this.count(folder, { timeoutS: unaskedS });
  }

  /** Evaluates tasks.py; tells nobody where it fails but shows it at its place. */
  async count(folder: string, { timeoutS, signal }: { readonly timeoutS?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    const turn = this.begin(folder);
    const known = this.get(folder);
    const before = known.state.kind === 'counting' ? nothing : known;
    if (before.state.kind !== 'known') this.set(folder, { state: { kind: 'counting' }, failure: before.failure });
    const [{ countSweep }, { problemOfFailure }] = await Promise.all([import('../../../operations/editing/sweepOutline.ts'), import('../../../operations/editing/checkPython.ts')]);
    try {
      const sweep = await this.core.within('acts', { folder, signal: signal ? AbortSignal.any([signal, turn.signal]) : turn.signal }, (context) => countSweep(context, timeoutS));
      if (timeoutS === undefined) this.slow.delete(folder);
      this.end(folder, turn, sweep ? { state: { kind: 'known', sweep }, failure: undefined } : nothing);
    } catch (error) {
      // Somebody does not want to wait any longer; a newer turn has a state of its own.
      if (CancelledError.is(error)) return this.end(folder, turn, before);
      if (timeoutS !== undefined && HpcError.is(error) && error.details?.finding === 'tasks_py_timeout') {
        this.slow.add(folder);
        return this.end(folder, turn, takesLong);
      }
      this.end(folder, turn, { state: { kind: 'failed', message: messageOf(error) }, failure: problemOfFailure(error) });
    }
  }

  /** The text is another one now. */
  forget(folder: string): void {
    this.begin(folder);
    if (this.folders.delete(folder)) this.changed.fire(folder);
  }

  dispose(): void {
    for (const turn of this.turns.values()) turn.abort();
    this.changed.dispose();
  }

  private begin(folder: string): AbortController {
    this.turns.get(folder)?.abort();
    const turn = new AbortController();
    this.turns.set(folder, turn);
    return turn;
  }

  private end(folder: string, turn: AbortController, found: FolderSweep): void {
    if (this.turns.get(folder) === turn && !turn.signal.aborted) this.set(folder, found);
  }

  private set(folder: string, found: FolderSweep): void {
    this.folders.set(folder, found);
    this.changed.fire(folder);
  }
}
