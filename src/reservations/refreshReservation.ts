/**
 * Refresh: looks, settles what was left open, makes up for a successor that the job itself could not submit, and counts as use, so that
 * an idle reservation is kept.
 */
import type { CallOptions, ReservationDeps } from './deps.ts';
import { settleSubmissions } from './bookReservation.ts';
import { ownFacts, type Lease } from './lease.ts';
import { clusterOf, observe, observeOne, recall, type Observed } from './observe.ts';
import { keepFolder, renewFolder, type HoldFolder } from './remoteHold.ts';

export async function listReservations(how: { readonly refresh: boolean }, deps: ReservationDeps, call: CallOptions): Promise<{ readonly seen: readonly { readonly lease: Lease; readonly observed: Observed | undefined }[]; readonly problems: readonly { readonly file: string; readonly message: string }[] }> {
  const { leases, problems } = await deps.leases.list();
  if (how.refresh) return { seen: (await observe(leases, deps, call)).map((observed) => ({ lease: observed.lease, observed })), problems };
  return { seen: await Promise.all(leases.map(async (lease) => ({ lease, observed: await recall(lease, deps) }))), problems };
}

/** For a clock that nobody watches: asks only where a connection stands already, and what nobody has asked for so long. */
export async function lookQuietly(olderThanMs: number, deps: ReservationDeps, call: CallOptions): Promise<{ readonly seen: readonly { readonly lease: Lease; readonly observed: Observed | undefined }[]; readonly problems: readonly { readonly file: string; readonly message: string }[] }> {
  const { seen, problems } = await listReservations({ refresh: false }, deps, call);
  const due: Lease[] = [];
  for (const { lease, observed } of seen) {
    if (observed?.verdict.kind === 'dead' || (observed && deps.clock.now().getTime() - observed.observedAt.getTime() < olderThanMs)) continue;
    if (await isConnected(lease, deps)) due.push(lease);
  }
  const asked = due.length === 0 ? [] : await observe(due, deps, call);
  return { seen: seen.map((one) => asked.filter(({ lease }) => lease.id === one.lease.id).map((observed) => ({ lease: observed.lease, observed }))[0] ?? one), problems };
}

/** Nobody is asked for a password by a clock. */
async function isConnected(lease: Lease, deps: ReservationDeps): Promise<boolean> {
  try {
    const { connection } = await deps.session(await clusterOf(lease, deps));
    return connection.kind === 'local' || connection.state.kind === 'connected';
  } catch {
    return false;
  }
}

export interface Refreshed {
  readonly observed: Observed;
  readonly did: readonly string[];
}

/** The hop whose submission failed with the holding job, and is not in the queue. */
function failedRenewal(folder: HoldFolder | undefined): number | undefined {
  const renewal = folder?.renewal;
  if (!renewal || folder.released || renewal.state === 'submitted') return undefined;
  const receipt = folder.receipts[`h${renewal.hop}`];
  return receipt?.state === 'submitted' || receipt?.state === 'submitting' ? undefined : renewal.hop;
}

export async function refreshReservation(nameOrId: string, deps: ReservationDeps, call: CallOptions): Promise<Refreshed> {
  const lease = await deps.leases.require(nameOrId);
  let observed = await observeOne(lease, deps, call);
  const facts = ownFacts(observed.lease);
  const did: string[] = [];
  if (facts?.origin !== 'booked') return { observed, did };
  const open = Object.values(observed.folder?.receipts ?? {}).some(({ state }) => state === 'submitting');
  if (open || facts.stage === 'booking') {
    await deps.leases.exclusively(lease.id, () => settleSubmissions(observed.lease, observed.folder?.receipts ?? {}, deps, call), call.signal);
    did.push('looked for a job whose submission was left open');
    observed = await observeOne(observed.lease, deps, call);
  }
  if (observed.verdict.kind === 'alive') {
    const session = await deps.session(facts.cluster);
    const tools = await session.tools({ signal: call.signal });
    await session.ask([keepFolder(facts.state_dir, tools)], { signal: call.signal });
    if (facts.release_after_idle_s !== null) did.push('the idle time begins anew');
    const hop = failedRenewal(observed.folder);
    if (hop !== undefined) {
      const [outcome] = await session.ask([renewFolder(facts.state_dir, hop, tools)], { signal: call.signal });
      did.push(outcome?.state === 'submitted' ? 'submitted the successor, which the job itself could not' : `tried to submit the successor: ${outcome?.error ?? outcome?.state ?? ''}`);
    }
  }
  if (did.length > 0) observed = await observeOne(observed.lease, deps, call);
  return { observed, did };
}
