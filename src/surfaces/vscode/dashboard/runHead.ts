/** What the Overview and the Run view both say of a run. Pure. */
import type { RunSummary } from '../../../operations/schemas.ts';
import type { RunHead } from '../../../../webview/protocol/runHead.ts';
import { attentionWords, isOpen, stateWord } from '../trees/runWords.ts';

export function runHeadOf(run: RunSummary, { eta_s, eta_spread_s }: Pick<RunHead, 'eta_s' | 'eta_spread_s'>): RunHead {
  return {
    run_id: run.run_id,
    name: run.run_name,
    cluster: run.cluster,
    lifecycle: run.lifecycle_state,
    word: stateWord(run),
    open: isOpen(run),
    total: run.total_tasks,
    counts: run.counts,
    submitted_at: run.submitted_at,
    observed_at: run.observed_at,
    stale_reason: run.stale_reason,
    eta_s,
    eta_spread_s,
    eta_from: run.observed_at ?? run.submitted_at,
    attention: run.attention.map((item) => ({ kind: item.kind, message: attentionWords(item) })),
    canResume: run.lifecycle_state === 'unknown' || run.lifecycle_state === 'submitting',
    hasResults: run.counts.complete > 0,
  };
}
