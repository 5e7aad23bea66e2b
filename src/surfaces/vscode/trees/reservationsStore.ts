/** The reservations as last heard. Reading connects to nothing; asking is done when somebody looks, at most once a minute. */
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import type { Core } from '../core.ts';

const askEveryMs = 60_000;

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

  constructor(core: Core, log: Log, folder: () => string) {
    this.core = core;
    this.log = log;
    this.folder = folder;
  }

  find(id: string): ReservationShape | undefined {
    return this.rows.find((row) => row.id === id);
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    clearTimeout(this.timer);
    if (visible) void this.refresh(false).then(() => this.pace());
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
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }

  /** Only where there is something to ask about, and somebody to see it. A cluster that was never used is not signed in to by looking. */
  private pace(): void {
    clearTimeout(this.timer);
    if (!this.visible || !this.rows.some(({ liveness }) => liveness === 'alive' || liveness === 'unknown')) return;
    this.timer = setTimeout(() => void this.refresh(vscode.window.state.focused).then(() => this.pace()), askEveryMs);
    this.timer.unref();
  }
}
