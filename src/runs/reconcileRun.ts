/** Finds out what became of a submission whose reply was lost; submits nothing. */
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { openRun, requireRun, runState, viewOfRun } from './listRuns.ts';
import { ensureRecord } from './recordIntent.ts';
import { recordReceipts } from './recordReceipts.ts';
import type { RunView } from './runView.ts';
import { reconcileSteps, submissionProblem } from '../cluster/submitProtocol.ts';
import { stepsOf } from './submitSteps.ts';

export interface ReconcileOutcome {
  readonly view: RunView;
  readonly arrays: readonly { readonly key: string; readonly jobId: string | undefined; readonly evidence: string }[];
}

export async function reconcileRun(runId: string, deps: RunDeps, call: CallOptions): Promise<ReconcileOutcome> {
  const run = await requireRun(runId, deps);
  const session = await deps.session(run.sidecar.cluster ?? '');
  await ensureRecord(run, deps);
  const steps = stepsOf(run.sidecar, run.submission, session, await session.tools({ signal: call.signal }));
  const reply = await deps.journal.withRun(
    deps.experimentDir,
    runId,
    async () => {
      const found = await reconcileSteps(session, run.submission, steps, { signal: call.signal, log: deps.log });
      await recordReceipts(run.sidecar, found, submissionProblem(found, steps), deps);
      return found;
    },
    call.signal,
  );
  const arrays = steps.map(({ key }) => {
    const receipt = reply.receipts[key];
    const evidence = receipt === undefined ? 'no receipt: it was never tried' : receipt.state === 'submitted' ? (receipt.found ?? 'receipt with its job id') : `${receipt.state}: ${receipt.err?.trim() ?? 'not known'}`;
    return { key, jobId: receipt?.job_id, evidence };
  });
  const submitted = await openRun(deps.experimentDir, runId, deps);
  const view = submitted?.submission.arrays.some(({ job_id }) => job_id !== null) ? await runState(runId, { refresh: true }, deps, call) : await viewOfRun(deps.experimentDir, runId, deps);
  if (!view) throw new HpcError('internal', `The run ${runId} vanished while it was reconciled.`);
  return { view, arrays };
}
