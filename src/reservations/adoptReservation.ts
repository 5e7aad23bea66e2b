/**
 * Makes a reservation of a job that somebody else's program submitted.
 *
 * Rule: the job must be in the queue of this very user, which is the only queue that is asked; its name is recorded with its id, so that
 * another job that gets the id later is not taken for it.
 */
import * as os from 'node:os';
import { HpcError } from '../foundation/errors.ts';
import { isTerminalJobState } from '../scheduler/port.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { leaseId, ownFacts, withOwnFacts, type Lease, type OwnFacts } from './lease.ts';
import { observeOne, type Observed } from './observe.ts';

export async function adoptReservation(request: { readonly jobId: string; readonly name: string; readonly cluster: string }, deps: ReservationDeps, call: CallOptions): Promise<Observed> {
  const profile = await deps.profile(request.cluster);
  const session = await deps.session(request.cluster);
  const [queue] = await session.ask([session.dialect.queue(await session.tools({ signal: call.signal }))], { signal: call.signal, priority: 'interactive' });
  const row = queue?.rows.find(({ jobId, indices }) => jobId === request.jobId && indices === undefined);
  if (!row || isTerminalJobState(row.state)) {
    throw new HpcError('spec_invalid', `Job ${request.jobId} is not in your queue on ${request.cluster}${row ? ` any more (${row.rawState})` : ''}.`, { remediation: 'Adopt a job of your own that waits or runs, and no array; look at the queue for its id.' });
  }
  const host = profile.connection.kind === 'ssh' ? profile.connection.host : os.hostname();
  const facts: OwnFacts = { schema: 1, cluster: profile.name, scheduler: session.dialect.name, origin: 'adopted', token: '', state_dir: '', job_prefix: row.name, resources: {}, nodes: 1, stage: 'booked', problem: null, release_after_idle_s: null, renew_before_s: null };
  const id = leaseId(host, request.name);
  const lease: Lease = { id, name: request.name, host, job_id: request.jobId, node: row.node, submitted_at: deps.clock.now().toISOString(), walltime_end: '', persistent: false, extras: { hpc_agent: facts } };
  if (!(await deps.leases.create(lease))) {
    // A lease that scitex-hpc wrote for the same job becomes ours to release; what it says besides is kept.
    const taken = await deps.leases.update(id, (now) => (ownFacts(now) === undefined && (now.job_id === request.jobId || now.job_id === '') ? withOwnFacts({ ...now, job_id: request.jobId, node: row.node }, facts) : now));
    if (!taken || ownFacts(taken)?.job_prefix !== row.name || taken.job_id !== request.jobId) {
      throw new HpcError('spec_invalid', `There is a reservation ${request.name} on ${host} already, of ${taken?.job_id === '' || taken === undefined ? 'no job yet' : `job ${taken.job_id}`}.`, { remediation: 'Choose another name.' });
    }
  }
  return observeOne(await deps.leases.require(id), deps, call);
}
