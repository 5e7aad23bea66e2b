/** The Reservations tree: each with its state, how old that is, its node, the time that is left, and what it costs for nothing. */
import { formatDuration } from '../../../foundation/clock.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import type { Icon, TreeNode } from './node.ts';

const phaseWords: Readonly<Record<NonNullable<ReservationShape['phase']>, string>> = { queued: 'waits in the queue', starting: 'starting', held: 'alive', ending: 'ending' };

export function reservationWord(reservation: ReservationShape): string {
  switch (reservation.liveness) {
    case 'alive':
      return phaseWords[reservation.phase ?? 'held'];
    case 'dead':
      return 'ended';
    case 'unknown':
      return 'not known';
    case 'unseen':
      return 'not looked at yet';
  }
}

function iconOf(reservation: ReservationShape): Icon {
  if (reservation.liveness === 'dead') return { id: 'circle-slash', color: 'list.errorForeground' };
  if (reservation.liveness !== 'alive') return { id: 'question', color: 'list.warningForeground' };
  if (reservation.attention.length > 0) return { id: 'warning', color: 'list.warningForeground' };
  return reservation.phase === 'held' ? { id: 'vm-running', color: 'testing.iconPassed' } : { id: 'history' };
}

export function reservationNodes(reservations: readonly ReservationShape[], problems: readonly { readonly file: string; readonly message: string }[], now: Date): readonly TreeNode[] {
  return [...reservations.map((reservation) => reservationNode(reservation, now)), ...problems.map(problemNode)];
}

function reservationNode(reservation: ReservationShape, now: Date): TreeNode {
  const age = reservation.observed_at === null ? undefined : formatDuration(now.getTime() - Date.parse(reservation.observed_at));
  const left = reservation.ends_at === null ? undefined : `${formatDuration(Date.parse(reservation.ends_at) - now.getTime())} left${reservation.persistent ? ', renews itself' : ''}`;
  const isAlive = reservation.liveness === 'alive';
  const idle = isAlive && reservation.idle_s !== null && reservation.idle_s >= 60 ? `idle ${formatDuration(reservation.idle_s * 1000)}` : undefined;
  const parts = [[reservation.cluster ?? reservation.host, reservation.node].filter((part) => part !== '').join(' · '), reservationWord(reservation), ...(isAlive && left !== undefined ? [left] : []), ...(idle === undefined ? [] : [idle])];
  const lines = [
    `**${escapeMarkdown(reservation.name)}** — ${escapeMarkdown(reservationWord(reservation))}${age === undefined ? '' : `, seen ${age} ago`}`,
    ...(reservation.because === '' ? [] : [escapeMarkdown(reservation.because)]),
    ...reservation.attention.map((text) => `$(warning) ${escapeMarkdown(text)}`),
    ...(reservation.job_id === '' ? [] : [`Job ${codeSpan(reservation.job_id)}${reservation.node === '' ? '' : ` on ${codeSpan(reservation.node)}`}`]),
    ...(reservation.node_hours === null ? [] : [`${reservation.node_hours.toFixed(1)} node-hours so far${reservation.hops.length > 1 ? `, ${reservation.hops.length - 1} renewals` : ''}`]),
    ...(reservation.release_after_idle_s === null ? [] : [`Releases itself after ${formatDuration(reservation.release_after_idle_s * 1000)} without use`]),
    ...reservation.evidence.map((text) => escapeMarkdown(text)),
  ];
  return {
    id: `reservation:${reservation.id}`,
    label: reservation.name,
    description: parts.join(' · '),
    spoken: [reservation.name, ...parts, ...(age === undefined ? [] : [`seen ${age} ago`]), ...reservation.attention].join(', '),
    tooltip: lines.join('\n\n'),
    icon: iconOf(reservation),
    contextValue: `reservation.${reservation.liveness}${isAlive && reservation.phase === 'held' ? '.held' : ''}`,
    subject: { kind: 'reservation', id: reservation.id },
    children: 'none',
  };
}

function problemNode(problem: { readonly file: string; readonly message: string }): TreeNode {
  return {
    id: `reservation-problem:${problem.file}`,
    label: problem.file.split(/[\\/]/).at(-1) ?? problem.file,
    description: problem.message,
    tooltip: `${escapeMarkdown(problem.message)}\n\n${codeSpan(problem.file)}`,
    icon: { id: 'warning', color: 'list.warningForeground' },
    contextValue: 'problem',
    subject: { kind: 'file', file: problem.file, line: null },
    children: 'none',
  };
}
