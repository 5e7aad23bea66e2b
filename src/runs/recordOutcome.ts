/**
 * Notes in the journal record what became of a run, in hpc-agent's words, for those who read only the journal. We ourselves never go by
 * it: what a run is, is merged from what was observed. Never throws.
 */
import type { RunDeps } from './deps.ts';
import type { Lifecycle, RunView } from './runView.ts';

const words: Partial<Record<Lifecycle, string>> = { in_flight: 'in_flight', complete: 'complete', failed: 'failed', cancelled: 'abandoned' };

export async function recordOutcome(view: RunView, deps: RunDeps): Promise<void> {
  const status = words[view.lifecycle];
  if (status === undefined || view.record === undefined || view.record.status === status) return;
  try {
    await deps.journal.update(view.experimentDir, view.sidecar.run_id, (record) => ({ ...record, status }));
  } catch (error) {
    deps.log.warn('the outcome of a run was not noted in the journal', { run_id: view.sidecar.run_id, error });
  }
}
