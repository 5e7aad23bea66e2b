/** Reservations for people: one line each, the doubtful with its reason. */
import { formatDuration } from '../../foundation/clock.ts';
import type { ReservationShape } from '../../operations/reservations/wire.ts';
import { plain } from './terminal.ts';

export function reservationLines(reservation: ReservationShape): string {
  const { name, cluster, host, liveness, phase, node, job_id, left_s, idle_s, because, attention, hops } = reservation;
  const state = liveness === 'alive' ? (phase === 'queued' ? 'ALIVE (waits in the queue)' : phase === 'held' || phase === null ? 'ALIVE' : `ALIVE (${phase})`) : liveness === 'unseen' ? 'not looked at yet (--refresh asks)' : liveness.toUpperCase();
  const parts = [...(job_id === '' ? [] : [`job ${job_id}`]), ...(node === '' ? [] : [node]), ...(left_s === null ? [] : [`${formatDuration(left_s * 1000)} left`]), ...(idle_s === null || idle_s < 60 ? [] : [`idle ${formatDuration(idle_s * 1000)}`]), ...(hops.length > 1 ? [`${hops.length - 1} renewals`] : [])];
  return [`${name} on ${cluster ?? host}: ${state}${parts.length === 0 ? '' : `  ${parts.join(' · ')}`}`, ...(because === '' ? [] : [`  ${because}`]), ...attention.map((text) => `! ${text}`)].map(plain).join('\n');
}

export function listLines(data: { readonly reservations: readonly ReservationShape[]; readonly problems: readonly { readonly file: string; readonly message: string }[] }): string {
  return [data.reservations.length === 0 ? 'No node is held.' : data.reservations.map(reservationLines).join('\n'), ...data.problems.map(({ file, message }) => plain(`! ${file}: ${message}`))].join('\n');
}
