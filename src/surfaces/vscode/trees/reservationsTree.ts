/** The Reservations tree: each with its state, how old that is, its node, the time that is left, and what it costs for nothing. */
import { l10n } from '../../../../l10n/words.ts';
import { formatDuration } from '../../../foundation/clock.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import type { Icon, TreeNode } from './node.ts';

function phaseWord(phase: NonNullable<ReservationShape['phase']>): string {
  switch (phase) {
    case 'queued':
      return l10n.t('waits in the queue');
    case 'starting':
      return l10n.t('starting');
    case 'held':
      return l10n.t('alive');
    case 'ending':
      return l10n.t('ending');
  }
}

export function reservationWord(reservation: ReservationShape): string {
  switch (reservation.liveness) {
    case 'alive':
      return phaseWord(reservation.phase ?? 'held');
    case 'dead':
      return l10n.t('ended');
    case 'unknown':
      return l10n.t('not known');
    case 'unseen':
      return l10n.t('not looked at yet');
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
  const rest = reservation.ends_at === null ? undefined : formatDuration(Date.parse(reservation.ends_at) - now.getTime());
  const left = rest === undefined ? undefined : reservation.persistent ? l10n.t('{0} left, renews itself', rest) : l10n.t('{0} left', rest);
  const job = codeSpan(reservation.job_id);
  const hours = l10n.number(reservation.node_hours ?? 0, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const heading = { name: escapeMarkdown(reservation.name), word: escapeMarkdown(reservationWord(reservation)) };
  const isAlive = reservation.liveness === 'alive';
  const idle = isAlive && reservation.idle_s !== null && reservation.idle_s >= 60 ? l10n.t('idle {0}', formatDuration(reservation.idle_s * 1000)) : undefined;
  const parts = [[reservation.cluster ?? reservation.host, reservation.node].filter((part) => part !== '').join(' · '), reservationWord(reservation), ...(isAlive && left !== undefined ? [left] : []), ...(idle === undefined ? [] : [idle])];
  const lines = [
    age === undefined ? `**${heading.name}** — ${heading.word}` : l10n.t('**{0}** — {1}, seen {2} ago', heading.name, heading.word, age),
    ...(reservation.because === '' ? [] : [escapeMarkdown(reservation.because)]),
    ...reservation.attention.map((text) => `$(warning) ${escapeMarkdown(text)}`),
    ...(reservation.job_id === '' ? [] : [reservation.node === '' ? l10n.t('Job {0}', job) : l10n.t('Job {0} on {1}', job, codeSpan(reservation.node))]),
    ...(reservation.node_hours === null ? [] : [reservation.hops.length > 1 ? l10n.t('{0} node-hours so far, {1, plural, one {# renewal} other {# renewals}}', hours, reservation.hops.length - 1) : l10n.t('{0} node-hours so far', hours)]),
    ...(reservation.release_after_idle_s === null ? [] : [l10n.t('Releases itself after {0} without use', formatDuration(reservation.release_after_idle_s * 1000))]),
    ...reservation.evidence.map((text) => escapeMarkdown(text)),
  ];
  return {
    id: `reservation:${reservation.id}`,
    label: reservation.name,
    description: parts.join(' · '),
    spoken: [reservation.name, ...parts, ...(age === undefined ? [] : [l10n.t('seen {0} ago', age)]), ...reservation.attention].join(', '),
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
