/**
 * Cancels a job of the user's own, whoever submitted it.
 *
 * Rule: only what the user's own queue lists is cancelled, so a job of somebody else, or a mistyped id, is refused before anything
 * is sent; the scheduler would refuse it as well.
 */
import { HpcError } from '../foundation/errors.ts';
import type { QueueRow } from '../scheduler/port.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords } from './jobRecord.ts';
import { observeJobs } from './observeJobs.ts';

/** The rows of that job in the user's queue; throws where there are none. */
export async function ownRows(cluster: string, jobId: string, deps: JobDeps, call: Pick<CallOptions, 'signal'>): Promise<readonly QueueRow[]> {
  const session = await deps.session(cluster);
  const { queue } = await observeJobs(session, [], deps.clock.now(), call.signal);
  const rows = queue.filter((row) => row.jobId === jobId);
  if (rows.length > 0) return rows;
  throw new HpcError('spec_invalid', `Job ${jobId} is not in your queue on ${cluster}.`, { remediation: 'It ended, or it is somebody else’s. See job-list for yours.' });
}

export async function cancelJob(cluster: string, jobId: string, deps: JobDeps, call: CallOptions): Promise<{ readonly name: string }> {
  const rows = await ownRows(cluster, jobId, deps, call);
  const session = await deps.session(cluster);
  const { tools } = await session.facts({ signal: call.signal });
  await session.ask(session.dialect.cancel([{ jobId }], tools), { signal: call.signal });
  await new JobRecords(deps.home).noteCancelled(cluster, jobId, rows[0]?.name ?? '');
  return { name: rows[0]?.name ?? '' };
}
