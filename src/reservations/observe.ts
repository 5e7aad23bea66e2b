/**
 * What is known of reservations: the queue and their folders in one round trip per cluster, accounting only for those that the queue
 * does not list. The lease follows to the job that holds now.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { CancelledError } from '../foundation/abort.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import type { AccountingRow, Query, QueueRow, Rows } from '../scheduler/port.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { ownFacts, withOwnFacts, type Lease } from './lease.ts';
import { judge, latestJobId, type Answer, type Verdict } from './liveness.ts';
import { showFolders, type HoldFolder, type HoldFolders } from './remoteHold.ts';

export interface Observed {
  readonly lease: Lease;
  readonly verdict: Verdict;
  readonly folder: HoldFolder | undefined;
  /** Cluster clock, seconds; undefined where the folder could not be read. */
  readonly clusterNow: number | undefined;
  readonly observedAt: Date;
}

type Piece = { readonly kind: 'queue'; readonly rows: Rows<QueueRow> } | { readonly kind: 'folders'; readonly folders: HoldFolders } | { readonly kind: 'accounting'; readonly rows: Rows<AccountingRow> };

function as<T, U>(query: Query<T>, wrap: (value: T) => U): Query<U> {
  return { command: query.command, parse: (output, strict) => wrap(query.parse(output, strict)) };
}

/** The profile of a lease; of one that scitex-hpc wrote, the profile whose host it names. */
export async function clusterOf(lease: Lease, deps: ReservationDeps): Promise<string> {
  const known = ownFacts(lease)?.cluster;
  if (known !== undefined) return known;
  const profiles = await deps.profiles();
  const match = profiles.find(({ name, connection }) => name === lease.host || (connection.kind === 'ssh' && connection.host === lease.host));
  if (match) return match.name;
  throw new HpcError('cluster_unknown', `No cluster of yours has the host ${lease.host} of the reservation ${lease.name}.`, { remediation: `Add it: hpc-agent clusters add --name ${lease.host} --host ${lease.host}` });
}

async function ask(session: ClusterSession, queries: readonly Query<Piece>[], call: CallOptions): Promise<readonly (Piece | HpcError)[]> {
  try {
    return await session.askEach(queries, { signal: call.signal });
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    return queries.map(() => toHpcError(error));
  }
}

const silent = <T>(error: HpcError): Answer<T> => ({ kind: 'silent', error });

export async function observeCluster(cluster: string, leases: readonly Lease[], deps: ReservationDeps, call: CallOptions): Promise<readonly Observed[]> {
  const observedAt = deps.clock.now();
  const nothing = (error: HpcError): readonly Observed[] => leases.map((lease) => ({ lease, verdict: judge(lease, { queue: silent(error), accounting: silent(error), folder: silent(error) }), folder: undefined, clusterNow: undefined, observedAt }));
  let session: ClusterSession;
  let queries: Query<Piece>[];
  const directories = leases.map((lease) => ownFacts(lease)?.state_dir ?? '').filter((directory) => directory !== '');
  try {
    session = await deps.session(cluster);
    const tools = await session.tools({ signal: call.signal });
    queries = [as(session.dialect.queue(tools), (rows): Piece => ({ kind: 'queue', rows })), as(showFolders(directories, tools), (folders): Piece => ({ kind: 'folders', folders }))];
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    return nothing(toHpcError(error));
  }
  const [queueAnswer, folderAnswer] = await ask(session, queries, call);
  const queue: Answer<Rows<QueueRow>> = queueAnswer && !(queueAnswer instanceof HpcError) && queueAnswer.kind === 'queue' ? { kind: 'said', value: queueAnswer.rows } : silent(queueAnswer instanceof HpcError ? queueAnswer : new HpcError('remote_command_failed', 'the queue gave no answer.'));
  const folders = folderAnswer && !(folderAnswer instanceof HpcError) && folderAnswer.kind === 'folders' ? folderAnswer.folders : undefined;
  const folderError = folderAnswer instanceof HpcError ? folderAnswer : new HpcError('remote_command_failed', 'the folder of the reservation could not be read.');
  const folderOf = (lease: Lease): Answer<HoldFolder> => {
    const directory = ownFacts(lease)?.state_dir;
    if (directory === undefined || directory === '') return { kind: 'not-asked' };
    const value = folders?.folders.find((folder) => folder.directory === directory);
    return value ? { kind: 'said', value } : silent(folderError);
  };
  const found = (lease: Lease): HoldFolder | undefined => {
    const answer = folderOf(lease);
    return answer.kind === 'said' && answer.value.there ? answer.value : undefined;
  };
  const first = leases.map((lease) => judge(lease, { queue, accounting: { kind: 'not-asked' }, folder: folderOf(lease) }));
  const missing = leases.filter((_, index) => first[index]?.kind === 'unknown' && queue.kind === 'said');
  const ids = [...new Set(missing.map((lease) => latestJobId(lease, found(lease))).filter((id) => id !== ''))];
  let accounting: Answer<Rows<AccountingRow>> = { kind: 'not-asked' };
  const query = ids.length === 0 ? undefined : session.dialect.accounting(ids, since(missing, observedAt), await session.tools({ signal: call.signal }));
  if (query) {
    const [answer] = await ask(session, [as(query, (rows): Piece => ({ kind: 'accounting', rows }))], call);
    if (answer instanceof HpcError) accounting = silent(answer);
    else if (answer?.kind === 'accounting') accounting = { kind: 'said', value: answer.rows };
  }
  return leases.map((lease) => ({ lease, verdict: judge(lease, { queue, accounting, folder: folderOf(lease) }), folder: found(lease), clusterNow: folders?.now, observedAt }));
}

/** When the oldest of them was submitted; a month back where the lease does not say. */
function since(leases: readonly Lease[], now: Date): Date {
  const times = leases.map(({ submitted_at }) => Date.parse(submitted_at)).filter((time) => !Number.isNaN(time));
  return new Date(times.length === leases.length && times.length > 0 ? Math.min(...times) : now.getTime() - 30 * 86_400_000);
}

export async function observe(leases: readonly Lease[], deps: ReservationDeps, call: CallOptions): Promise<readonly Observed[]> {
  const byCluster = new Map<string, Lease[]>();
  const lost: Observed[] = [];
  for (const lease of leases) {
    try {
      const cluster = await clusterOf(lease, deps);
      byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), lease]);
    } catch (error) {
      const typed = toHpcError(error);
      lost.push({ lease, verdict: { kind: 'unknown', reason: typed.message, evidence: [] }, folder: undefined, clusterNow: undefined, observedAt: deps.clock.now() });
    }
  }
  const all = [...lost, ...(await Promise.all([...byCluster].map(([cluster, own]) => observeCluster(cluster, own, deps, call)))).flat()];
  const followed = await Promise.all(all.map((one) => follow(one, deps)));
  return leases.flatMap(({ id }) => followed.filter(({ lease }) => lease.id === id));
}

export async function observeOne(lease: Lease, deps: ReservationDeps, call: CallOptions): Promise<Observed> {
  const [observed] = await observe([lease], deps, call);
  if (!observed) throw new HpcError('internal', `The reservation ${lease.name} was not looked at.`);
  return observed;
}

/** The lease follows: the id and node of the job that holds now, and when it ends. */
async function follow(observed: Observed, deps: ReservationDeps): Promise<Observed> {
  const { verdict, folder } = observed;
  const jobId = verdict.kind === 'alive' ? verdict.job.jobId : latestJobId(observed.lease, folder);
  const node = verdict.kind === 'alive' ? (verdict.holding?.node ?? verdict.job.node) : '';
  const ends = verdict.kind === 'alive' ? verdict.holding?.ends : undefined;
  const { lease } = observed;
  const next = (old: Lease): Lease => {
    const facts = ownFacts(old);
    const moved = { ...old, job_id: jobId === '' ? old.job_id : jobId, node: node === '' && verdict.kind === 'unknown' ? old.node : node, walltime_end: ends === undefined || ends === null ? old.walltime_end : new Date(ends * 1000).toISOString() };
    return facts?.stage === 'booking' && moved.job_id !== '' ? withOwnFacts(moved, { ...facts, stage: 'booked', problem: null }) : moved;
  };
  const changed = JSON.stringify(next(lease)) === JSON.stringify(lease) ? lease : ((await deps.leases.update(lease.id, next)) ?? lease);
  await remember({ ...observed, lease: changed }, deps);
  return { ...observed, lease: changed };
}

const memoryFile = (deps: ReservationDeps, id: string): string => path.join(deps.home, 'reservations', `${id}.json`);

export interface Remembered {
  readonly verdict: Verdict;
  readonly folder: HoldFolder | undefined;
  readonly clusterNow: number | undefined;
  readonly observedAt: string;
}

/** For views that must not connect. May be lost at any time. */
async function remember({ lease, verdict, folder, clusterNow, observedAt }: Observed, deps: ReservationDeps): Promise<void> {
  try {
    await writeJsonAtomic(memoryFile(deps, lease.id), { token: ownFacts(lease)?.token ?? '', verdict, folder, clusterNow, observedAt: observedAt.toISOString() }, { mode: 0o600 });
  } catch (error) {
    deps.log.warn('what was seen of a reservation could not be kept', { reservation: lease.id, reason: toHpcError(error).message });
  }
}

/** After a release. */
export async function forget(lease: Lease, deps: ReservationDeps): Promise<void> {
  await fs.rm(memoryFile(deps, lease.id), { force: true });
}

export async function recall(lease: Lease, deps: ReservationDeps): Promise<Observed | undefined> {
  try {
    const text = await readTextIfThere(memoryFile(deps, lease.id));
    if (text === undefined) return undefined;
    // Our own file, of our own version's making: anything else is as good as none.
    const value = JSON.parse(text) as Remembered & { readonly token?: string };
    if (value.token !== (ownFacts(lease)?.token ?? '') || Number.isNaN(Date.parse(value.observedAt)) || !['alive', 'dead', 'unknown'].includes(value.verdict.kind)) return undefined;
    return { lease, verdict: value.verdict, folder: value.folder, clusterNow: value.clusterNow, observedAt: new Date(value.observedAt) };
  } catch {
    return undefined;
  }
}
