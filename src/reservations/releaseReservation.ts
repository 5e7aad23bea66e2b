/**
 * Releases a reservation: no successor any more, its jobs cancelled, its lease removed.
 *
 * Rules: named to the scheduler is only what the queue lists at this moment under our own name (booked) or under the id and the name that were
 * adopted: an id alone may be another job's by now. The wish is in the lease before anything is asked, and on the cluster before
 * anything is cancelled. The lease goes when the queue, whole, lists no job of it any more; never because somebody did not answer.
 */
import { sleep } from '../foundation/abort.ts';
import { HpcError } from '../foundation/errors.ts';
import { isTerminalJobState, type QueueRow, type Rows } from '../scheduler/port.ts';
import type { ClusterSession } from '../cluster/session.ts';
import { settleSubmissions } from './bookReservation.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { hopOfName } from './holdJob.ts';
import { ownFacts, withOwnFacts, type Lease, type OwnFacts } from './lease.ts';
import { forgetNotices } from './notices.ts';
import { forget, observeOne } from './observe.ts';
import { releaseFolder, showFolders } from './remoteHold.ts';

export interface ReleaseOutcome {
  readonly lease: Lease;
  /** The jobs that ended by it: cancelled, or by themselves on reading that they are released. */
  readonly cancelled: readonly string[];
  readonly notes: readonly string[];
}

const endsWithinMs = 60_000;

export function releasable(lease: Lease): OwnFacts {
  const facts = ownFacts(lease);
  if (facts) return facts;
  throw new HpcError('spec_invalid', `The reservation ${lease.name} was booked by another program; job ${lease.job_id} was not adopted here.`, { remediation: `Adopt it first: hpc-agent reservation adopt ${lease.job_id || 'JOB'} --name ${lease.name} --cluster CLUSTER` });
}

function rowsOf(lease: Lease, facts: OwnFacts, queue: Rows<QueueRow>): { readonly own: readonly QueueRow[]; readonly recycled: QueueRow | undefined } {
  const own = queue.rows.filter((row) => !isTerminalJobState(row.state) && hopOfName(facts, row.name) !== undefined && (facts.origin === 'booked' || row.jobId === lease.job_id));
  return { own, recycled: queue.rows.find(({ jobId, name }) => lease.job_id !== '' && jobId === lease.job_id && hopOfName(facts, name) === undefined) };
}

const aliveOf = (rows: readonly QueueRow[]): readonly QueueRow[] => rows.filter(({ state }) => state !== 'completing');

async function askQueue(session: ClusterSession, call: CallOptions): Promise<Rows<QueueRow>> {
  const [queue] = await session.ask([session.dialect.queue(await session.tools({ signal: call.signal }))], { signal: call.signal, priority: 'interactive' });
  if (!queue) throw new HpcError('remote_command_failed', 'The queue gave no answer.');
  if (queue.malformed.length > 0) throw new HpcError('remote_command_failed', 'The queue printed rows that cannot be read: what it does not list may be in them.', { remediation: 'Try again; report it if it stays so.' });
  return queue;
}

export async function releaseReservation(nameOrId: string, deps: ReservationDeps, call: CallOptions): Promise<ReleaseOutcome> {
  const found = await deps.leases.require(nameOrId);
  return deps.leases.exclusively(
    found.id,
    async () => {
      const lease = await deps.leases.update(found.id, (now) => withOwnFacts(now, { ...releasable(now), stage: 'releasing' }));
      if (!lease) throw new HpcError('spec_invalid', `The reservation ${found.name} is gone already.`);
      const facts = releasable(lease);
      const session = await deps.session(facts.cluster);
      const tools = await session.tools({ signal: call.signal });
      const notes: string[] = [];
      const ended = new Set<string>();
      if (facts.origin === 'booked') {
        call.progress({ message: `Releasing ${lease.name}` });
        // Looked at before, since what holds the node may end by itself as soon as it reads this.
        const [queue, marked] = await session.askEach<Rows<QueueRow> | undefined>([session.dialect.queue(tools), releaseFolder(facts.state_dir, 'released by its owner', tools)], { signal: call.signal, priority: 'interactive' });
        if (marked instanceof HpcError) throw marked;
        if (queue !== undefined && !(queue instanceof HpcError)) for (const { jobId } of aliveOf(rowsOf(lease, facts, queue).own)) ended.add(jobId);
        // What was being submitted at that moment is settled first: it would be in the queue a moment later.
        const [shown] = await session.ask([showFolders([facts.state_dir], tools)], { signal: call.signal });
        await settleSubmissions(lease, shown?.folders[0]?.receipts ?? {}, deps, call);
        const [after] = await session.ask([showFolders([facts.state_dir], tools)], { signal: call.signal });
        if (Object.values(after?.folders[0]?.receipts ?? {}).some(({ state }) => state === 'submitting')) {
          throw new HpcError('cluster_timeout', `It is not known yet whether the scheduler took a job of ${lease.name}: it is not released to the end.`, { remediation: 'Release it again when the scheduler answers; nothing new is submitted meanwhile.', retrySafe: true });
        }
      }
      for (const jobId of await cancelAll(lease, facts, session, notes, call)) ended.add(jobId);
      deps.channels.drop(`${facts.cluster} ${facts.token}`);
      await deps.leases.remove(lease);
      await forget(lease, deps);
      await forgetNotices(lease, deps);
      return { lease, cancelled: [...ended], notes };
    },
    call.signal,
  );
}

async function cancelAll(lease: Lease, facts: OwnFacts, session: ClusterSession, notes: string[], call: CallOptions): Promise<readonly string[]> {
  const cancelled = new Set<string>();
  const deadline = Date.now() + endsWithinMs;
  for (;;) {
    const { own, recycled } = rowsOf(lease, facts, await askQueue(session, call));
    if (recycled && notes.length === 0) notes.push(`the id ${lease.job_id} is another job’s now (${recycled.name}): it was left alone`);
    const alive = aliveOf(own);
    if (own.length === 0) return [...cancelled];
    const fresh = alive.filter(({ jobId }) => !cancelled.has(jobId));
    if (fresh.length > 0) {
      await session.ask(session.dialect.cancel(fresh.map(({ jobId }) => ({ jobId })), await session.tools({ signal: call.signal })), { signal: call.signal, priority: 'interactive' });
      for (const { jobId } of fresh) cancelled.add(jobId);
    } else if (alive.length === 0) return [...cancelled];
    if (Date.now() > deadline) throw new HpcError('cluster_timeout', `The jobs ${alive.map(({ jobId }) => jobId).join(', ')} of ${lease.name} were cancelled and are still listed.`, { remediation: 'Release it again in a while: the lease is kept until they are gone.', retrySafe: true });
    await sleep(300, call.signal);
  }
}

export async function describeRelease(nameOrId: string, deps: ReservationDeps, call: CallOptions): Promise<string> {
  const lease = await deps.leases.require(nameOrId);
  const facts = releasable(lease);
  const { verdict } = await observeOne(lease, deps, call);
  const what = verdict.kind === 'alive' ? `job ${verdict.job.jobId}${verdict.job.node === '' ? '' : ` on ${verdict.job.node}`}${verdict.successor ? ` and its successor ${verdict.successor.jobId}` : ''} is cancelled and all that runs in it ends${verdict.holding?.busy ? ' (something runs in it now)' : ''}` : verdict.kind === 'dead' ? 'it has ended already, only its lease is removed' : `its state is not known (${verdict.reason}), its jobs are cancelled where the queue lists them`;
  return `Release the reservation ${lease.name} on ${facts.cluster}: ${what}.`;
}
