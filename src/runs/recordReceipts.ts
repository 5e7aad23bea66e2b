/** Writes what the cluster's receipts say into the sidecar and the journal: the job ids, and whether the submission is whole. */
import { HpcError } from '../foundation/errors.ts';
import type { RunDeps } from './deps.ts';
import { isWhollySubmitted, placedArrays } from './placement.ts';
import { forgetLimits } from './siteLimits.ts';
import { writeSidecar, type Hop, type Sidecar, type Submission } from './sidecar.ts';
import type { SubmitReply } from '../cluster/submitProtocol.ts';

export function submissionOf(sidecar: Sidecar): Submission {
  const submission = sidecar.extra?.submission;
  if (!submission) throw new HpcError('schema_incompat', `The run ${sidecar.run_id} was not submitted by this product.`, { remediation: 'Use the product that submitted it.' });
  return submission;
}

export async function recordReceipts(sidecar: Sidecar, reply: SubmitReply, problem: HpcError | undefined, deps: RunDeps): Promise<Sidecar> {
  const submission = submissionOf(sidecar);
  const idOf = (key: string, known: string | null): string | null => (reply.receipts[key]?.state === 'submitted' ? (reply.receipts[key].job_id ?? known) : known);
  const arrays = submission.arrays.map((array) => ({ ...array, job_id: idOf(array.key, array.job_id) }));
  const combiners = submission.combiners.map((combiner) => ({ ...combiner, job_id: idOf(combiner.key, combiner.job_id) }));
  const withIds = (hops: readonly Hop[] | undefined): { hops?: Hop[] } => (hops === undefined ? {} : { hops: hops.map((hop) => ({ ...hop, arrays: hop.arrays.map((array) => ({ ...array, job_id: idOf(array.key, array.job_id) })) })) });
  const attempts = submission.attempts?.map((attempt) => ({
    ...attempt,
    arrays: attempt.arrays.map((array) => ({ ...array, job_id: idOf(array.key, array.job_id) })),
    ...withIds(attempt.hops),
    combiner: { ...attempt.combiner, job_id: idOf(attempt.combiner.key, attempt.combiner.job_id) },
  }));
  const known: Submission = { ...submission, arrays, combiners, ...withIds(submission.hops), ...(attempts === undefined ? {} : { attempts }) };
  const jobIds = placedArrays(known).flatMap(({ jobId }) => jobId ?? []);
  const updated: Sidecar = { ...sidecar, job_ids: jobIds, extra: { ...sidecar.extra, submission: known } };
  await writeSidecar(deps.experimentDir, updated);
  // It may have been cut to limits that the site has changed since.
  if (reply.stopped?.kind === 'refused') await forgetLimits(sidecar.cluster ?? '', deps);
  // The combiners too: a submission that stopped before the last of them is taken up again.
  const complete = problem === undefined && isWhollySubmitted(known);
  // Who only looks hears of no new refusal; the old one still says why the submission stopped.
  const isRefused = !complete && Object.values(reply.receipts).some(({ state, rc }) => state === 'throttled' || (state === 'refused' && typeof rc === 'number'));
  await deps.journal.update(deps.experimentDir, sidecar.run_id, (record) => ({ ...record, job_ids: jobIds, stage: complete ? 'monitor' : 'submit', submit_problem: problem ? problem.message : isRefused ? (record.submit_problem ?? null) : null }));
  return updated;
}
