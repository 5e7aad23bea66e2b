/** What of a held node is worth a word to somebody who looks elsewhere: that it is gone or soon will be, and that it costs for nothing. */
import { formatDuration } from '../../../foundation/clock.ts';
import { l10n } from '../../../../l10n/words.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';

/** What a button does. */
export type ReservationAction = 'release' | 'refresh' | 'book' | 'show';

export interface ReservationNotice {
  /** The same event has the same name, in every window and after a restart. */
  readonly event: string;
  readonly isProblem: boolean;
  readonly text: string;
  readonly actions: readonly ReservationAction[];
}

const idleS = 1800;
const soonS = 900;

/** Of what goes on there will be something to tell. */
export function isHeld(row: ReservationShape): boolean {
  return row.liveness === 'alive' || row.liveness === 'unknown';
}

export function reservationNoticesOf(row: ReservationShape, now: Date): readonly ReservationNotice[] {
  const where = row.cluster ?? row.host;
  if (row.liveness === 'dead') return ended(row, where);
  if (row.liveness !== 'alive' || row.phase !== 'held') return [];
  const notices: ReservationNotice[] = [];
  if (row.renewal_problem !== null) {
    notices.push({ event: `renewal:${row.job_id}`, isProblem: true, text: l10n.t('{0} on {1} could not renew itself ({2}). Trying from the login node may help; otherwise it ends with its time.', row.name, where, row.renewal_problem), actions: ['refresh', 'show'] });
  }
  const left = row.ends_at === null ? null : (Date.parse(row.ends_at) - now.getTime()) / 1000;
  const began = row.hops.at(-1)?.started_at;
  // Of a short one it would be said at its start.
  const whole = row.ends_at === null || began === undefined ? Infinity : (Date.parse(row.ends_at) - Date.parse(began)) / 1000;
  if (left !== null && left > 0 && left <= Math.min(soonS, whole / 4) && !row.persistent) {
    notices.push({ event: `expires:${row.job_id}`, isProblem: true, text: l10n.t('{0} on {1} ends in {2}, and what runs in it with it.', row.name, where, formatDuration(left * 1000)), actions: ['show'] });
  }
  if (row.idle_s !== null && row.idle_s >= idleS && row.release_after_idle_s === null) {
    const hours = (row.nodes * row.idle_s) / 3600;
    notices.push({ event: `idle:${row.last_used_at ?? row.job_id}`, isProblem: true, text: l10n.t('{0} on {1} has been idle for {2}: {3} node-hours for nothing so far, and it is not released by itself.', row.name, where, formatDuration(row.idle_s * 1000), hoursOf(hours)), actions: ['release', 'show'] });
  }
  return notices;
}

function ended(row: ReservationShape, where: string): readonly ReservationNotice[] {
  const reason = row.hops.at(-1)?.reason ?? null;
  // Who released it knows.
  if (reason === 'released') return [];
  const text =
    reason === 'idle'
      ? l10n.t('{0} on {1} gave itself back after it had been idle.', row.name, where)
      : reason === 'walltime'
        ? l10n.t('{0} on {1} has ended with its time.', row.name, where)
        : l10n.t('{0} on {1} has ended: {2}.', row.name, where, row.because);
  const spent = row.node_hours === null ? '' : ` ${l10n.t('It held for {0} node-hours.', hoursOf(row.node_hours))}`;
  return [{ event: `ended:${row.job_id}`, isProblem: reason !== 'idle', text: `${text}${spent}`, actions: ['book', 'release'] }];
}

function hoursOf(hours: number): string {
  return l10n.number(Math.round(hours * 10) / 10);
}
