/**
 * Whether a reservation is alive, from what each source said. Pure.
 *
 * Rules: ALIVE when the queue lists a job of it. DEAD only on proof: the queue answered whole and does not list it, and accounting has a
 * terminal state for the same id and name, or the holding job itself wrote that it ended. Everything else is UNKNOWN and says why.
 * The end of a hop whose successor goes on (status 138 in scitex-hpc's way of renewing) is a planned hop, not a failure.
 */
import type { HpcError } from '../foundation/errors.ts';
import { isTerminalJobState, type AccountingRow, type QueueRow, type Rows } from '../scheduler/port.ts';
import { hopOfName } from './holdJob.ts';
import { ownFacts, type Lease } from './lease.ts';
import { gapBefore, type HoldFolder, type HoldingJob } from './remoteHold.ts';

export type Answer<T> = { readonly kind: 'said'; readonly value: T } | { readonly kind: 'silent'; readonly error: HpcError } | { readonly kind: 'not-asked' };

export interface Answers {
  readonly queue: Answer<Rows<QueueRow>>;
  readonly accounting: Answer<Rows<AccountingRow>>;
  readonly folder: Answer<HoldFolder>;
}

export type Verdict =
  | { readonly kind: 'alive'; readonly phase: 'queued' | 'starting' | 'held' | 'ending'; readonly job: QueueRow; readonly holding: HoldingJob | undefined; readonly successor: QueueRow | undefined; readonly evidence: readonly string[] }
  | { readonly kind: 'dead'; readonly proof: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string; readonly evidence: readonly string[] };

/** A queue row of this reservation, and the hop it is of. */
interface OwnRow {
  readonly row: QueueRow;
  readonly hop: number;
}

function ownRows(lease: Lease, rows: readonly QueueRow[]): readonly OwnRow[] {
  const facts = ownFacts(lease);
  if (facts) {
    return rows.flatMap((row) => {
      const hop = hopOfName(facts, row.name);
      // A name that somebody else chose is no proof by itself: an adopted job is known by its id and its name.
      return hop === undefined || (facts.origin === 'adopted' && row.jobId !== lease.job_id) ? [] : [{ row, hop }];
    });
  }
  const byId = rows.filter(({ jobId }) => jobId === lease.job_id);
  // After a hop in scitex-hpc's way the successor has the same name; the newest id counts.
  const found = byId.length > 0 ? byId : rows.filter(({ name }) => name === lease.name).sort((a, b) => a.jobId.localeCompare(b.jobId, 'en', { numeric: true })).slice(-1);
  return found.map((row) => ({ row, hop: 0 }));
}

const isActive = (row: QueueRow): boolean => !isTerminalJobState(row.state);
const isRunning = (row: QueueRow): boolean => row.state === 'running' || row.state === 'completing';
const describeRow = (row: QueueRow): string => `the queue lists job ${row.jobId} (${row.name}) ${row.rawState}${row.node === '' ? '' : ` on ${row.node}`}${row.reason === '' ? '' : `, ${row.reason}`}`;

/** The newest id that receipts or the chain know, else the lease's. */
export function latestJobId(lease: Lease, folder: HoldFolder | undefined): string {
  const receipts = Object.entries(folder?.receipts ?? {}).flatMap(([key, { job_id }]) => (job_id === undefined || !/^h\d+$/.test(key) ? [] : [{ hop: Number(key.slice(1)), job_id }]));
  return receipts.sort((a, b) => a.hop - b.hop).at(-1)?.job_id ?? lease.job_id;
}

export function judge(lease: Lease, answers: Answers): Verdict {
  const folder = answers.folder.kind === 'said' && answers.folder.value.there ? answers.folder.value : undefined;
  const holding = (jobId: string): HoldingJob | undefined => folder?.jobs.find((job) => job.job_id === jobId);
  const { queue } = answers;
  if (queue.kind !== 'said') return { kind: 'unknown', reason: queue.kind === 'silent' ? `the queue could not be asked: ${queue.error.message}` : 'the queue was not asked', evidence: folder ? chainEvidence(folder) : [] };
  const rows = ownRows(lease, queue.value.rows);
  const active = rows.filter(({ row }) => isActive(row)).sort((a, b) => a.hop - b.hop);
  if (active.length > 0) {
    // The last that runs holds now; an earlier one that runs still is on its way out, a later one waits to take over.
    const holder = active.filter(({ row }) => isRunning(row)).at(-1) ?? active.at(-1);
    const successor = active.find(({ hop }) => holder && hop > holder.hop);
    if (holder) {
      const job = holding(holder.row.jobId);
      const foreign = ownFacts(lease)?.origin !== 'booked';
      const phase = !isRunning(holder.row) ? 'queued' : holder.row.state === 'completing' || job?.state === 'ended' ? 'ending' : job || foreign ? 'held' : 'starting';
      return { kind: 'alive', phase, job: holder.row, holding: job, successor: successor?.row, evidence: [...active.map(({ row }) => describeRow(row)), ...(folder ? chainEvidence(folder) : [])] };
    }
  }
  const evidence = [`the queue answered and does not list it (${queue.value.rows.length} other job${queue.value.rows.length === 1 ? '' : 's'})`];
  const recycled = queue.value.rows.find(({ jobId }) => jobId === lease.job_id && lease.job_id !== '');
  if (recycled && !rows.some(({ row }) => row === recycled)) evidence.push(`the id ${lease.job_id} is another job's now: ${recycled.name}`);
  if (queue.value.malformed.length > 0) return { kind: 'unknown', reason: `the queue printed ${queue.value.malformed.length} rows that cannot be read, so that absence proves nothing`, evidence };
  return judgeAbsent(lease, answers, folder, evidence);
}

function judgeAbsent(lease: Lease, answers: Answers, folder: HoldFolder | undefined, evidence: readonly string[]): Verdict {
  const facts = ownFacts(lease);
  const open = Object.entries(folder?.receipts ?? {}).find(([, { state }]) => state === 'submitting');
  if (open) return { kind: 'unknown', reason: `it is not known whether the scheduler took ${open[0]}: ask to refresh, which looks for it by its name`, evidence };
  const jobId = latestJobId(lease, folder);
  if (jobId === '') {
    if (facts?.origin === 'booked' && answers.folder.kind === 'said') {
      const words = Object.values(folder?.receipts ?? {}).find(({ err }) => err !== undefined)?.err?.trim().split('\n').at(-1);
      return { kind: 'dead', proof: [...evidence, words === undefined ? 'no job was ever submitted for it' : `no job was submitted: ${words}`] };
    }
    return { kind: 'unknown', reason: 'its job id is not known', evidence };
  }
  const last = folder?.jobs.find((job) => job.job_id === jobId);
  if (last?.state === 'ended') return { kind: 'dead', proof: [...evidence, `job ${jobId} wrote itself that it ended: ${last.reason ?? 'no reason given'}`] };
  const { accounting } = answers;
  if (accounting.kind === 'silent') return { kind: 'unknown', reason: `accounting could not be asked: ${accounting.error.message}`, evidence };
  if (accounting.kind === 'not-asked') return { kind: 'unknown', reason: 'there is no accounting to ask', evidence };
  const row = accounting.value.rows.filter((candidate) => candidate.jobId === jobId).at(-1);
  if (!row) return { kind: 'unknown', reason: `accounting knows nothing of job ${jobId} (yet)`, evidence };
  const isOurs = facts === undefined || hopOfName(facts, row.name) !== undefined;
  if (!isOurs) return { kind: 'unknown', reason: `accounting has job ${jobId} under another name (${row.name}): the id was given out again`, evidence };
  if (!isTerminalJobState(row.state)) return { kind: 'unknown', reason: `accounting says ${row.rawState} for job ${jobId}, the queue does not list it`, evidence };
  const status = row.exitCode === null ? '' : `, exit status ${row.exitCode}`;
  if (isPlannedHop(lease, row)) return { kind: 'unknown', reason: `job ${jobId} handed over (${row.rawState}${status}: a planned hop), and its successor is not in the queue under the name ${lease.name}`, evidence };
  return { kind: 'dead', proof: [...evidence, `accounting says ${row.rawState}${status} for job ${jobId} (${row.name})`] };
}

/** scitex-hpc's holding script ends with 128 + USR1 after it submitted its successor. */
export function isPlannedHop(lease: Lease, row: Pick<AccountingRow, 'exitCode' | 'signal'>): boolean {
  return lease.persistent && ownFacts(lease) === undefined && (row.exitCode === 138 || row.signal === 10);
}

function chainEvidence(folder: HoldFolder): string[] {
  const hops = folder.chain.filter(({ e }) => e === 'up');
  const last = hops.at(-1);
  const renewal = folder.renewal && folder.renewal.state !== 'submitted' ? [`renewal: ${folder.renewal.state}${folder.renewal.error === undefined ? '' : ` (${folder.renewal.error})`}`] : [];
  return [...(hops.length > 1 ? [`${hops.length - 1} hop${hops.length === 2 ? '' : 's'} so far, the last with ${describeGap(last ? gapBefore(last, folder.chain) : null)}`] : []), ...renewal];
}

export function describeGap(gapS: number | null): string {
  if (gapS === null) return 'a gap that is not known';
  return gapS <= 0 ? `no gap (both held for ${Math.round(-gapS)} s)` : `a gap of ${Math.round(gapS)} s`;
}
