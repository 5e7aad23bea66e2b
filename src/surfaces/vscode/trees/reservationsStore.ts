/**
 * The reservations as last heard. Reading connects to nothing; asking is done when somebody looks, at most once a minute, and where
 * nobody looks every few minutes, over connections that stand already.
 */
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import type { Core } from '../core.ts';

const askEveryMs = 60_000;
const quietlyEveryMs = 300_000;
/** After the start of the window: it has better things to do. */
const firstLookMs = 8_000;

export class ReservationsStore implements vscode.Disposable {
  rows: readonly ReservationShape[] = [];
  problems: readonly { readonly file: string; readonly message: string }[] = [];
  failure: string | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly core: Core;
  private readonly log: Log;
  private readonly folder: () => string;
  private timer: NodeJS.Timeout | undefined;
  private visible = false;
  private disposed = false;

  constructor(core: Core, log: Log, folder: () => string) {
    this.core = core;
    this.log = log;
    this.folder = folder;
  }

  /** Whether somebody has the list before their eyes. */
  get isVisible(): boolean {
    return this.visible;
  }

  /** From now on somebody is to be told what becomes of them, seen or not. */
  watch(): void {
    this.timer ??= setTimeout(() => void this.look(), firstLookMs).unref();
  }

  find(id: string): ReservationShape | undefined {
    return this.rows.find((row) => row.id === id);
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    clearTimeout(this.timer);
    if (visible) void this.refresh(false);
    else this.pace();
  }

  async refresh(ask: boolean): Promise<void> {
    try {
      const { reservationList } = await import('../../../operations/reservations/look.ts');
      const answer = await this.core.call(reservationList, { refresh: ask }, { folder: this.folder() });
      this.rows = answer.reservations;
      this.problems = answer.problems;
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      this.log.warn(`Reservations could not be read: ${this.failure}`);
    }
    if (this.disposed) return;
    this.changed.fire();
    this.pace();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.changed.dispose();
  }

  /** For a clock: nobody is asked for a password by it. */
  private async look(): Promise<void> {
    if (!this.core.trusted) return this.refresh(false);
    try {
      const { lookAtReservations } = await import('../../../operations/reservations/look.ts');
      const answer = await this.core.within('acts', { folder: this.folder() }, (context) => lookAtReservations(quietlyEveryMs - askEveryMs / 2, context));
      this.rows = answer.reservations;
      this.problems = answer.problems;
    } catch (error) {
      this.log.warn(`Reservations could not be looked at: ${messageOf(error)}`);
    }
    if (this.disposed) return;
    this.changed.fire();
    this.pace();
  }

  /** A cluster that was never used is not signed in to by looking. */
  private pace(): void {
    clearTimeout(this.timer);
    const isOpen = this.rows.some(({ liveness }) => liveness === 'alive' || liveness === 'unknown');
    if (this.disposed) return;
    // Where nothing is held only the records are read: somebody may book from a command line or another window.
    const next = this.visible ? (): void => void this.refresh(isOpen && vscode.window.state.focused) : (): void => void this.look();
    this.timer = setTimeout(next, this.visible ? askEveryMs : quietlyEveryMs);
    this.timer.unref();
  }
}
