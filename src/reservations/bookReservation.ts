/**
 * Books a reservation, and finishes an interrupted booking.
 *
 * Order: the lease with its token is on this disk; then the folder with script, key and program is on the cluster; then the job is submitted
 * by the protocol of `cluster/submitProtocol.ts`; then its id is in the lease. A crash after any step leaves a lease that `book`,
 * `refresh` and `release` take up where it stopped, so no allocation is without one.
 */
import * as os from 'node:os';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { withDefaultResources } from '../cluster/profile.ts';
import type { ClusterFacts, ClusterSession } from '../cluster/session.ts';
import { reconcileSteps, submissionProblem, submitSteps, type SubmitReply } from '../cluster/submitProtocol.ts';
import { sleep } from '../foundation/abort.ts';
import { HpcError } from '../foundation/errors.ts';
import { newToken } from '../foundation/ids.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { holdScript, holdSpec, holdStep, jobPrefix, requireBooked } from './holdJob.ts';
import { leaseId, ownFacts, withOwnFacts, type Lease, type OwnFacts } from './lease.ts';
import { observeOne, type Observed } from './observe.ts';
import { prepareFolder } from './remoteHold.ts';

export interface BookingRequest {
  readonly name: string;
  readonly cluster: string;
  readonly resources: ResourceRequest;
  /** Renewed before its walltime ends, again and again, until it is released. */
  readonly persistent: boolean;
  /** How long before the end the successor is submitted; default by walltime. */
  readonly renewBeforeS?: number;
  readonly releaseAfterIdleS?: number;
  /** Name of the tmux server that the job starts; `''`: none. */
  readonly tmuxServer?: string;
  /** How long to wait for the node, seconds; 0: not at all. */
  readonly waitS: number;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/;
const longestRenewal = 24 * 3600;

/** A quarter of the walltime, so that an ordinary wait in the queue fits; at most a day. */
export function defaultRenewBeforeS(walltimeS: number): number {
  return Math.max(30, Math.min(longestRenewal, Math.floor(walltimeS / 4)));
}

export interface BookingPlan {
  readonly lease: Lease;
  readonly facts: OwnFacts;
  readonly session: ClusterSession;
  /** A booking of the same name that was begun; it is finished instead. */
  readonly interrupted: boolean;
  /** Per job, that is per hop of a persistent one; null where there is no limit. */
  readonly nodeHours: number | null;
}

export async function planBooking(request: BookingRequest, deps: ReservationDeps, call: CallOptions): Promise<BookingPlan> {
  if (!namePattern.test(request.name)) throw new HpcError('spec_invalid', `${JSON.stringify(request.name)} cannot be the name of a reservation.`, { remediation: 'Use letters, digits, dots, dashes and underscores, 60 at most.' });
  const profile = await deps.profile(request.cluster);
  const session = await deps.session(request.cluster);
  const resources = withDefaultResources(profile, request.resources);
  const { walltimeS } = resources;
  if (request.persistent && walltimeS === undefined) throw new HpcError('spec_invalid', 'A persistent reservation needs a walltime: it is renewed before that ends.', { remediation: 'Give a walltime such as 12:00:00.' });
  const renewBeforeS = request.persistent && walltimeS !== undefined ? (request.renewBeforeS ?? defaultRenewBeforeS(walltimeS)) : null;
  if (renewBeforeS !== null && walltimeS !== undefined && renewBeforeS >= walltimeS - 10) throw new HpcError('spec_invalid', `The successor would be submitted ${renewBeforeS} s before the end of a walltime of ${walltimeS} s: at once, without end.`, { remediation: 'Renew later, or ask for more walltime.' });
  const host = profile.connection.kind === 'ssh' ? profile.connection.host : os.hostname();
  const id = leaseId(host, request.name);
  const known = await deps.leases.find(id);
  const wanted = { resources: JSON.parse(JSON.stringify(resources)) as Record<string, unknown>, nodes: resources.nodes ?? 1, release_after_idle_s: request.releaseAfterIdleS ?? null, renew_before_s: renewBeforeS };
  const nodeHours = walltimeS === undefined ? null : ((resources.nodes ?? 1) * walltimeS) / 3600;
  if (known) {
    const facts = ownFacts(known);
    if (facts?.origin === 'booked' && facts.stage === 'booking' && isDeepStrictEqual({ resources: facts.resources, nodes: facts.nodes, release_after_idle_s: facts.release_after_idle_s, renew_before_s: facts.renew_before_s }, wanted) && known.persistent === request.persistent) {
      return { lease: known, facts, session, interrupted: true, nodeHours };
    }
    throw new HpcError('spec_invalid', `There is a reservation ${request.name} on ${host} already${known.job_id === '' ? ', whose booking was interrupted' : ` (job ${known.job_id})`}.`, { remediation: facts?.stage === 'booking' ? 'Book it with the same wishes to finish it, or release it first.' : 'Use it, release it first, or choose another name.' });
  }
  const token = newToken(16);
  const { remoteHome } = await session.facts({ signal: call.signal });
  const facts: OwnFacts = {
    schema: 1,
    cluster: profile.name,
    scheduler: session.dialect.name,
    origin: 'booked',
    token,
    state_dir: path.posix.join(remoteHome, 'reservations', `${id}-${token.slice(0, 10)}`),
    job_prefix: jobPrefix(request.name),
    stage: 'booking',
    problem: null,
    ...wanted,
  };
  // One server name per booking: two jobs on one node must not meet in one server.
  const tmux = request.tmuxServer ?? `hpc-${token.slice(0, 10)}`;
  const lease: Lease = { id, name: request.name, host, job_id: '', node: '', submitted_at: deps.clock.now().toISOString(), walltime_end: '', persistent: request.persistent, extras: { ...(tmux === '' ? {} : { tmux_server: tmux }), hpc_agent: facts } };
  return { lease, facts, session, interrupted: false, nodeHours };
}

export interface BookingOutcome {
  readonly observed: Observed;
  readonly resumed: boolean;
}

export async function bookReservation(request: BookingRequest, deps: ReservationDeps, call: CallOptions): Promise<BookingOutcome> {
  const plan = await planBooking(request, deps, call);
  if (!plan.interrupted && !(await deps.leases.create(plan.lease))) {
    throw new HpcError('spec_invalid', `Another process books ${request.name} at this moment.`, { remediation: 'Use its reservation, or choose another name.' });
  }
  await finishBooking(plan.lease.id, deps, call);
  const deadline = deps.clock.now().getTime() + request.waitS * 1000;
  for (let pauseMs = 400; ; pauseMs = Math.min(5_000, pauseMs * 1.3)) {
    const observed = await observeOne(await deps.leases.require(plan.lease.id), deps, call);
    const { verdict } = observed;
    if (verdict.kind === 'dead') {
      throw new HpcError('remote_command_failed', `The reservation ${request.name} ended before it held anything: ${verdict.proof.at(-1) ?? ''}.`, { remediation: `Look at its log below ${plan.facts.state_dir}/logs on the cluster, then release it.`, details: { proof: verdict.proof } });
    }
    if ((verdict.kind === 'alive' && verdict.phase !== 'queued' && verdict.phase !== 'starting') || deps.clock.now().getTime() >= deadline) return { observed, resumed: plan.interrupted };
    call.progress({ message: verdict.kind === 'alive' ? `Waiting for a node (job ${verdict.job.jobId}, ${verdict.job.reason || verdict.job.rawState})` : `Waiting: ${verdict.reason}` });
    await sleep(pauseMs, call.signal);
  }
}

/** From whatever was done already to a submitted job. Converges: may be repeated after any failure. */
export async function finishBooking(id: string, deps: ReservationDeps, call: CallOptions): Promise<Lease> {
  return deps.leases.exclusively(
    id,
    async () => {
      const lease = await deps.leases.require(id);
      const facts = requireBooked(lease);
      if (facts.stage === 'releasing') throw new HpcError('spec_invalid', `The reservation ${lease.name} is being released: it is not booked any further.`, { remediation: 'Release it to the end, then book again.' });
      if (facts.stage === 'booked') return lease;
      const session = await deps.session(facts.cluster);
      const cluster = await session.facts({ signal: call.signal });
      const step = holdStep(lease, facts, 0, session, cluster);
      call.progress({ message: `Submitting the job of ${lease.name} to ${facts.cluster}` });
      await prepare(lease, facts, session, cluster, deps, call);
      const reply = await submitSteps(session, facts, [step], { signal: call.signal, log: deps.log });
      const problem = submissionProblem(reply, [step]);
      const updated = await recordReply(lease, reply, problem, deps);
      if (problem) throw problem;
      return updated;
    },
    call.signal,
  );
}

async function prepare(lease: Lease, facts: OwnFacts, session: ClusterSession, cluster: ClusterFacts, deps: ReservationDeps, call: CallOptions): Promise<void> {
  const script = await holdScript(facts, session, cluster, deps.assetsDirectory);
  await session.ask([prepareFolder({ directory: facts.state_dir, spec: holdSpec(lease, facts, session, cluster), script }, cluster.tools)], { signal: call.signal });
}

async function recordReply(lease: Lease, reply: SubmitReply, problem: HpcError | undefined, deps: ReservationDeps): Promise<Lease> {
  const jobId = reply.receipts.h0?.state === 'submitted' ? reply.receipts.h0.job_id : undefined;
  const updated = await deps.leases.update(lease.id, (now) => {
    const facts = ownFacts(now);
    if (!facts) return now;
    return withOwnFacts({ ...now, job_id: jobId ?? now.job_id }, { ...facts, stage: jobId === undefined || facts.stage === 'releasing' ? facts.stage : 'booked', problem: problem?.message ?? null });
  });
  if (!updated) throw new HpcError('spec_invalid', `The lease of ${lease.name} was removed while it was booked.`, { remediation: jobId === undefined ? 'Book again.' : `Its job is ${jobId}: cancel it, or adopt it.` });
  return updated;
}

/** Settles a submission whose answer was lost, of the first job or of a successor; submits nothing. */
export async function settleSubmissions(lease: Lease, receipts: Readonly<Record<string, { readonly state: string }>>, deps: ReservationDeps, call: CallOptions): Promise<void> {
  const facts = requireBooked(lease);
  const open = Object.entries(receipts).filter(([key, { state }]) => state === 'submitting' && /^h\d+$/.test(key));
  if (open.length === 0 && facts.stage !== 'booking') return;
  const session = await deps.session(facts.cluster);
  const cluster = await session.facts({ signal: call.signal });
  const hops = [...new Set([0, ...open.map(([key]) => Number(key.slice(1)))])];
  const reply = await reconcileSteps(session, facts, hops.map((hop) => holdStep(lease, facts, hop, session, cluster)), { signal: call.signal, log: deps.log });
  if (reply.receipts.h0?.state === 'submitted') await recordReply(lease, reply, undefined, deps);
}
