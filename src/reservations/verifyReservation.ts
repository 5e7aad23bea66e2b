/** Compares what the lease, the queue, accounting and the record of the jobs themselves say of one reservation. */
import { HpcError } from '../foundation/errors.ts';
import { isTerminalJobState } from '../scheduler/port.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { hopOfName } from './holdJob.ts';
import { ownFacts } from './lease.ts';
import { isPlannedHop } from './liveness.ts';
import { clusterOf, observeOne, type Observed } from './observe.ts';

export async function verifyReservation(nameOrId: string, deps: ReservationDeps, call: CallOptions): Promise<{ readonly observed: Observed; readonly findings: readonly string[] }> {
  const before = await deps.leases.require(nameOrId);
  const observed = await observeOne(before, deps, call);
  const { verdict, folder, lease } = observed;
  const facts = ownFacts(lease);
  const findings: string[] = [];
  if (verdict.kind === 'unknown') findings.push(verdict.reason);
  if (before.job_id !== lease.job_id) findings.push(`the lease named job ${before.job_id === '' ? '(none)' : before.job_id}; it follows to ${lease.job_id}`);
  if (facts?.origin === 'booked' && observed.clusterNow !== undefined && folder === undefined) findings.push(`its folder is not there: ${facts.state_dir}`);
  if (folder && facts && folder.token !== '' && folder.token !== facts.token) findings.push(`its folder belongs to another booking: ${folder.directory}`);
  if (verdict.kind === 'alive' && verdict.phase === 'held' && facts?.origin === 'booked') {
    if (folder?.current && folder.current.job_id !== verdict.job.jobId) findings.push(`the queue has job ${verdict.job.jobId} as the one that holds, its own record ${folder.current.job_id}`);
    if (folder?.released) findings.push(`it was released (${folder.released.reason}) and its job ${verdict.job.jobId} is in the queue still`);
  }
  if (verdict.kind === 'dead' && folder?.jobs.some(({ state }) => state !== 'ended')) findings.push('its job ended without a word of its own: killed, or its node was lost');
  const claimed = folder?.chain.filter(({ e }) => e === 'up') ?? [];
  const ids = [...new Set([lease.job_id, ...claimed.map(({ job_id }) => job_id)])].filter((id) => id !== '');
  const session = await deps.session(await clusterOf(lease, deps));
  const query = ids.length === 0 ? undefined : session.dialect.accounting(ids, new Date(Date.parse(lease.submitted_at) || deps.clock.now().getTime() - 30 * 86_400_000), await session.tools({ signal: call.signal }));
  if (query) {
    const [answer] = await session.askEach([query], { signal: call.signal });
    if (answer instanceof HpcError) findings.push(`accounting could not be asked: ${answer.message}`);
    for (const row of answer instanceof HpcError ? [] : (answer?.rows ?? [])) {
      if (facts && hopOfName(facts, row.name) === undefined) findings.push(`accounting has job ${row.jobId} under another name: ${row.name}`);
      else if (isTerminalJobState(row.state) && verdict.kind === 'alive' && row.jobId === verdict.job.jobId) findings.push(`the queue lists job ${row.jobId}, accounting says ${row.rawState}`);
      else if (row.state === 'failed' && !isPlannedHop(lease, row)) findings.push(`job ${row.jobId} failed (exit status ${row.exitCode ?? 'none'})`);
    }
  }
  return { observed, findings };
}
