/**
 * Tells people what became of nodes that they hold.
 *
 * Rules: as for runs, every event is claimed before it is told, so that one window tells it once; the window that has the person's
 * attention goes first; what is in view there is not told at all.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import type { Core } from '../core.ts';
import type { ReservationsStore } from '../trees/reservationsStore.ts';
import { isHeld, reservationNoticesOf, type ReservationAction, type ReservationNotice } from './reservationNotices.ts';
import { isWanted, type NoticeLevel } from './runNotices.ts';

const lastsMs = 1_000;
const behindMs = 2_000;

export interface ReservationNotifierParts {
  readonly core: Core;
  readonly log: Log;
  readonly reservations: ReservationsStore;
  readonly folder: () => string;
}

export class ReservationNotifier implements vscode.Disposable {
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  private readonly told = new Set<string>();
  private readonly followed = new Set<string>();
  private readonly subscription: vscode.Disposable;
  private readonly parts: ReservationNotifierParts;

  constructor(parts: ReservationNotifierParts) {
    this.parts = parts;
    this.subscription = parts.reservations.onDidChange(() => this.changed());
  }

  dispose(): void {
    this.subscription.dispose();
    for (const timer of this.waiting.values()) clearTimeout(timer);
    this.waiting.clear();
  }

  private level(): NoticeLevel {
    return vscode.workspace.getConfiguration('hpcAgent').get<NoticeLevel>('notifications', 'all');
  }

  private changed(): void {
    if (this.level() === 'off') return;
    const now = new Date();
    for (const row of this.parts.reservations.rows) {
      if (isHeld(row)) this.follow(row);
      for (const notice of reservationNoticesOf(row, now)) this.expect(row.id, notice.event);
    }
  }

  /** From when on there is something to tell of it. */
  private follow(row: ReservationShape): void {
    if (this.followed.has(row.id)) return;
    this.followed.add(row.id);
    void this.claim(row, []).catch((error: unknown) => {
      this.followed.delete(row.id);
      this.parts.log.warn(`A reservation could not be followed: ${messageOf(error)}`);
    });
  }

  private expect(id: string, event: string): void {
    const key = `${id} ${event}`;
    if (this.told.has(key) || this.waiting.has(key)) return;
    const tell = (): void => {
      this.waiting.delete(key);
      void this.tell(id, event).catch((error: unknown) => this.parts.log.warn(`What became of a reservation could not be told: ${messageOf(error)}`));
    };
    this.waiting.set(key, setTimeout(tell, lastsMs + (vscode.window.state.focused ? 0 : behindMs)));
  }

  private async tell(id: string, event: string): Promise<void> {
    const row = this.parts.reservations.find(id);
    const notice = row && reservationNoticesOf(row, new Date()).find((candidate) => candidate.event === event);
    if (!row || !notice || !isWanted(notice, this.level())) return;
    const [claimed] = await this.claim(row, [event]);
    this.told.add(`${id} ${event}`);
    if (claimed === undefined || (vscode.window.state.focused && this.parts.reservations.isVisible)) return;
    await this.show(id, notice);
  }

  private claim(row: ReservationShape, events: readonly string[]): Promise<readonly string[]> {
    return this.parts.core.within('reads', { folder: this.parts.folder() }, async (context) => {
      const { claimReservationNotices } = await import('../../../operations/notices.ts');
      return claimReservationNotices({ id: row.id, isOpen: isHeld(row), events }, context);
    });
  }

  private async show(id: string, notice: ReservationNotice): Promise<void> {
    const titles: Readonly<Record<ReservationAction, string>> = { release: l10n.t('Release reservation…'), refresh: l10n.t('Try again'), book: l10n.t('Book a node…'), show: l10n.t('Show reservations') };
    const commands: Readonly<Record<ReservationAction, string>> = { release: 'hpc-agent.releaseReservation', refresh: 'hpc-agent.refreshReservation', book: 'hpc-agent.bookReservation', show: 'hpcAgent.reservations.focus' };
    const items = notice.actions.map((action) => ({ title: titles[action], action }));
    const chosen = await (notice.isProblem ? vscode.window.showWarningMessage(notice.text, ...items) : vscode.window.showInformationMessage(notice.text, ...items));
    if (chosen) await vscode.commands.executeCommand(commands[chosen.action], { kind: 'reservation', id });
  }
}
