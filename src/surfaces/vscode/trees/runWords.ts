/** States, counts and ages of a run in words and icons. Unknown stays unknown: no word here turns missing data into an answer. */
import { l10n } from '../../../../l10n/words.ts';
import { formatDuration } from '../../../foundation/clock.ts';
import type { RunSummary, TaskCounts, TaskRow } from '../../../operations/schemas.ts';
import type { Icon } from './node.ts';

export function isOpen(run: Pick<RunSummary, 'lifecycle_state'>): boolean {
  return run.lifecycle_state === 'submitting' || run.lifecycle_state === 'in_flight' || run.lifecycle_state === 'unknown';
}

export function needsAttention(run: Pick<RunSummary, 'attention' | 'lifecycle_state'>): boolean {
  return run.attention.length > 0 || run.lifecycle_state === 'unknown';
}

type Attention = RunSummary['attention'][number];

/** What needs a person, and an example of it. The core's sentence where it says something that is not counted here. */
export function attentionParts({ kind, message, task_ids }: Attention): { readonly what: string; readonly example: string | undefined } {
  const at = message.indexOf('; ');
  const [what, example] = at < 0 ? [message, undefined] : [message.slice(0, at), message.slice(at + 2).replace(/^for example /, '')];
  // No more ids than that are told.
  if (!/^[\d,]+ tasks? /.test(what) || task_ids.length === 0 || task_ids.length >= 1000) return { what, example };
  if (kind === 'failed') return { what: l10n.t('{0, plural, one {# task} other {# tasks}} failed', task_ids.length), example };
  if (kind === 'timeout') return { what: l10n.t('{0, plural, one {# task} other {# tasks}} ran into the time limit', task_ids.length), example };
  if (kind === 'lost') return { what: l10n.t('{0, plural, one {# task} other {# tasks}} of jobs that the scheduler no longer knows', task_ids.length), example };
  return { what, example };
}

export function attentionWords(item: Attention): string {
  const { what, example } = attentionParts(item);
  return example === undefined ? what : item.kind === 'held' ? item.message : l10n.t('{0}; for example {1}', what, example);
}

/** By cluster, when one of its open runs was last heard of. */
export function heardOf(runs: readonly Pick<RunSummary, 'cluster' | 'lifecycle_state' | 'observed_at' | 'stale_reason'>[]): ReadonlyMap<string, string> {
  const heard = new Map<string, string>();
  for (const run of runs) {
    if (isOpen(run) && run.stale_reason === null && run.observed_at !== null && run.observed_at > (heard.get(run.cluster) ?? '')) heard.set(run.cluster, run.observed_at);
  }
  return heard;
}

export function stateWord(run: Pick<RunSummary, 'lifecycle_state' | 'counts' | 'total_tasks'> & { readonly observed_at?: string | null }): string {
  switch (run.lifecycle_state) {
    case 'submitting':
      return l10n.t('submitting');
    case 'in_flight':
      // Nobody has looked yet: that it was submitted is all that is known.
      if (run.observed_at === null) return l10n.t('submitted');
      return run.counts.running === 0 && run.counts.pending === run.total_tasks ? l10n.t('queued') : l10n.t('running');
    case 'timeout':
      return l10n.t('timed out');
    case 'unknown':
      return l10n.t('submission unknown');
    case 'complete':
      return l10n.t('complete');
    case 'failed':
      return l10n.t('failed');
    case 'cancelled':
      return l10n.t('cancelled');
    case 'abandoned':
      return l10n.t('abandoned');
  }
}

export function taskStateWord(state: TaskRow['state']): string {
  switch (state) {
    case 'pending':
      return l10n.t('pending');
    case 'running':
      return l10n.t('running');
    case 'complete':
      return l10n.t('complete');
    case 'failed':
      return l10n.t('failed');
    case 'timeout':
      return l10n.t('timeout');
    case 'cancelled':
      return l10n.t('cancelled');
    case 'lost':
      return l10n.t('lost');
    case 'unknown':
      return l10n.t('unknown');
  }
}

export function runIcon(run: Pick<RunSummary, 'lifecycle_state' | 'counts' | 'stale_reason' | 'attention'>): Icon {
  switch (run.lifecycle_state) {
    case 'submitting':
      return { id: 'cloud-upload', color: 'charts.blue' };
    case 'in_flight':
      if (run.stale_reason !== null) return { id: 'debug-disconnect', color: 'list.warningForeground' };
      if (run.counts.failed > 0) return { id: 'warning', color: 'list.warningForeground' };
      return run.counts.running > 0 ? { id: 'play-circle', color: 'charts.blue' } : { id: 'clock', color: 'charts.blue' };
    case 'complete':
      return { id: 'pass', color: 'testing.iconPassed' };
    case 'failed':
    case 'timeout':
      return { id: 'error', color: 'testing.iconFailed' };
    case 'cancelled':
    case 'abandoned':
      return { id: 'circle-slash', color: 'disabledForeground' };
    case 'unknown':
      return { id: 'question', color: 'list.warningForeground' };
  }
}

/** `61 done · 8 running · 3 failed`; nothing that is zero. */
export function countWords(counts: TaskCounts): string {
  return [
    ...(counts.complete > 0 ? [l10n.t('{0} done', counts.complete)] : []),
    ...(counts.running > 0 ? [l10n.t('{0} running', counts.running)] : []),
    ...(counts.pending > 0 ? [l10n.t('{0} waiting', counts.pending)] : []),
    ...(counts.failed > 0 ? [l10n.t('{0} failed', counts.failed)] : []),
    ...(counts.cancelled > 0 ? [l10n.t('{0} cancelled', counts.cancelled)] : []),
    ...(counts.unknown > 0 ? [l10n.t('{0} unknown', counts.unknown)] : []),
  ].join(' · ');
}

/** `seen 12 s ago`, with its reason where the last attempt to ask failed; `never asked` where there is nothing to be old. */
export function ageWords(run: Pick<RunSummary, 'observed_at' | 'stale_reason'>, now: Date): string {
  return run.stale_reason === null ? seenWords(run, now) : l10n.t('stale, {0}', seenWords(run, now));
}

function seenWords({ observed_at }: Pick<RunSummary, 'observed_at'>, now: Date): string {
  return observed_at === null ? l10n.t('not asked yet') : l10n.t('seen {0} ago', formatDuration(now.getTime() - Date.parse(observed_at)));
}

/** What matters most comes first: a side bar is narrow. All counts are in the tooltip. */
export function runDescription(run: RunSummary, now: Date): string {
  const { complete, failed, unknown } = run.counts;
  return [
    ...(run.stale_reason === null ? [] : [l10n.t('stale')]),
    stateWord(run),
    complete === run.total_tasks || complete === 0 ? l10n.t('{0, plural, one {# task} other {# tasks}}', run.total_tasks) : l10n.t('{0} of {1}', complete, run.total_tasks),
    ...(failed > 0 ? [l10n.t('{0} failed', failed)] : []),
    ...(unknown > 0 && run.lifecycle_state !== 'unknown' && run.observed_at !== null ? [l10n.t('{0} unknown', unknown)] : []),
    run.cluster,
    isOpen(run) ? seenWords(run, now) : l10n.t('{0} ago', formatDuration(now.getTime() - Date.parse(run.submitted_at))),
  ].join(' · ');
}

export function taskIcon(state: TaskRow['state']): Icon {
  switch (state) {
    case 'pending':
      return { id: 'clock', color: 'disabledForeground' };
    case 'running':
      return { id: 'play-circle', color: 'charts.blue' };
    case 'complete':
      return { id: 'pass', color: 'testing.iconPassed' };
    case 'failed':
      return { id: 'error', color: 'testing.iconFailed' };
    case 'timeout':
      return { id: 'watch', color: 'testing.iconFailed' };
    case 'cancelled':
      return { id: 'circle-slash', color: 'disabledForeground' };
    case 'lost':
      return { id: 'warning', color: 'list.warningForeground' };
    case 'unknown':
      return { id: 'question', color: 'list.warningForeground' };
  }
}

/** As `kwargsWords`, for a narrow place: the script by its bare name, and first. */
export function taskWords(kwargs: Readonly<Record<string, unknown>>): string {
  const { executor, ...others } = kwargs;
  if (typeof executor !== 'string') return kwargsWords(kwargs);
  const name = executor.split('/').at(-1)?.replace(/\.\w+$/, '') ?? executor;
  return kwargsWords(others) === '' ? kwargsWords(kwargs) : `${name.replace(/\p{Cc}+/gu, ' ')} ${kwargsWords(others)}`;
}

/** `horizon=25 alpha=0.1`, cut where it gets long. */
export function kwargsWords(kwargs: Readonly<Record<string, unknown>>, limit = 80): string {
  const text = Object.entries(kwargs)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
    .replace(/\p{Cc}+/gu, ' ');
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
