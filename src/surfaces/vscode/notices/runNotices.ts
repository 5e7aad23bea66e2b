/** What of a run is worth a word to somebody who looks elsewhere: that it ended, that it needs a person. Not that a person ended it. */
import { l10n } from '../../../../l10n/words.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import { countWords } from '../trees/runWords.ts';

/** What a button does. */
export type NoticeAction = 'results' | 'why' | 'again' | 'resume' | 'show';

export type NoticeLevel = 'all' | 'problems' | 'off';

export interface RunNotice {
  /** The same event has the same name, in every window and after a restart. */
  readonly event: string;
  readonly isProblem: boolean;
  readonly text: string;
  readonly actions: readonly NoticeAction[];
}

export function noticesOf(run: RunSummary): readonly RunNotice[] {
  // Whatever was submitted again begins anew.
  const attempt = run.job_ids.length;
  const results: readonly NoticeAction[] = run.counts.complete > 0 ? ['results'] : [];
  switch (run.lifecycle_state) {
    case 'complete':
      return [{ event: `ended:${attempt}`, isProblem: false, text: l10n.t('{0} is done: {1, plural, one {# task} other {# tasks}} on {2}.', run.run_name, run.total_tasks, run.cluster), actions: ['results', 'show'] }];
    case 'failed':
    case 'timeout':
    case 'abandoned':
      return [{ event: `ended:${attempt}`, isProblem: true, text: l10n.t('{0} has ended on {1}: {2}.', run.run_name, run.cluster, countWords(run.counts)), actions: ['why', 'again', ...results] }];
    case 'unknown':
      return [{ event: 'unknown', isProblem: true, text: l10n.t('It is not known whether {0} took all of {1}.', run.cluster, run.run_name), actions: ['resume', 'show'] }];
    case 'in_flight':
      return run.attention.some(({ task_ids }) => task_ids.length > 0) ? [{ event: `attention:${attempt}`, isProblem: true, text: l10n.t('{0} on {1} needs a look: {2}.', run.run_name, run.cluster, countWords(run.counts)), actions: ['why', 'show'] }] : [];
    case 'submitting':
    case 'cancelled':
      return [];
  }
}

export function isWanted(notice: Pick<RunNotice, 'isProblem'>, level: NoticeLevel): boolean {
  return level === 'all' || (level === 'problems' && notice.isProblem);
}
