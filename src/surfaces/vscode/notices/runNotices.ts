/** What of a run is worth a word to somebody who looks elsewhere: that it ended, that it needs a person. Not that a person ended it. */
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
  const tasks = run.total_tasks === 1 ? '1 task' : `${run.total_tasks.toLocaleString('en-US')} tasks`;
  const results: readonly NoticeAction[] = run.counts.complete > 0 ? ['results'] : [];
  switch (run.lifecycle_state) {
    case 'complete':
      return [{ event: `ended:${attempt}`, isProblem: false, text: `${run.run_name} is done: ${tasks} on ${run.cluster}.`, actions: ['results', 'show'] }];
    case 'failed':
    case 'timeout':
    case 'abandoned':
      return [{ event: `ended:${attempt}`, isProblem: true, text: `${run.run_name} has ended on ${run.cluster}: ${countWords(run.counts)}.`, actions: ['why', 'again', ...results] }];
    case 'unknown':
      return [{ event: 'unknown', isProblem: true, text: `It is not known whether ${run.cluster} took all of ${run.run_name}.`, actions: ['resume', 'show'] }];
    case 'in_flight':
      return run.attention.some(({ task_ids }) => task_ids.length > 0) ? [{ event: `attention:${attempt}`, isProblem: true, text: `${run.run_name} on ${run.cluster} needs a look: ${countWords(run.counts)}.`, actions: ['why', 'show'] }] : [];
    case 'submitting':
    case 'cancelled':
      return [];
  }
}

export function isWanted(notice: Pick<RunNotice, 'isProblem'>, level: NoticeLevel): boolean {
  return level === 'all' || (level === 'problems' && notice.isProblem);
}
