/** Every job of the user in the queue, and what became of those that were submitted here of late. */
import { formatIndexRanges } from '../scheduler/indexRanges.ts';
import type { AccountingRow } from '../scheduler/port.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords, type JobRecord } from './jobRecord.ts';
import { isJobOf } from './jobStep.ts';
import { observeJobs } from './observeJobs.ts';

export interface ListedJob {
  readonly jobId: string;
  readonly indices: string | null;
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly node: string;
  /** Submitted by job-run of this user’s state. */
  readonly ours: boolean;
  /** Command or script, of ours. */
  readonly what: string | null;
  readonly exitCode: number | null;
  readonly elapsedS: number | null;
}

const recentMs = 7 * 86_400_000;
/** Accounting is asked about so many at once. */
const mostRecords = 50;

export async function listJobs(cluster: string, deps: JobDeps, call: Pick<CallOptions, 'signal'>, only?: string): Promise<readonly ListedJob[]> {
  const session = await deps.session(cluster);
  const now = deps.clock.now().getTime();
  const records = (await new JobRecords(deps.home).list(cluster)).filter((record) => record.job_id !== null && (only === undefined ? now - Date.parse(record.submitted_at) < recentMs : record.job_id === only)).slice(0, mostRecords);
  const ours = new Map(records.map((record) => [record.job_id ?? '', record]));
  const asked = only === undefined ? [...ours.keys()] : [only];
  const since = new Date(Math.min(now - recentMs, ...records.map((record) => Date.parse(record.submitted_at) - 3_600_000)));
  const seen = await observeJobs(session, asked, since, call.signal);
  const recordOf = (row: { readonly jobId: string; readonly name: string }): JobRecord | undefined => {
    const record = ours.get(row.jobId);
    return record && isJobOf(record, row) ? record : undefined;
  };
  const known = (row: { readonly jobId: string; readonly name: string }): Pick<ListedJob, 'ours' | 'what'> => ({ ours: recordOf(row) !== undefined, what: recordOf(row)?.what ?? null });
  const queued = seen.queue
    .filter((row) => only === undefined || row.jobId === only)
    .map((row): ListedJob => ({ jobId: row.jobId, indices: row.indices ? formatIndexRanges(row.indices) : null, name: row.name, state: row.state, reason: row.reason, node: row.node, ...known(row), exitCode: null, elapsedS: null }));
  // A stranger with the id of one of ours says nothing of it.
  const isTelling = (row: { readonly jobId: string; readonly ours: boolean }): boolean => row.ours || !ours.has(row.jobId);
  const inQueue = new Set(queued.filter(isTelling).map(({ jobId }) => jobId));
  const cancelled = await new JobRecords(deps.home).cancelled(cluster);
  // Killed, and asked to end: that is why.
  const stateOf = (row: AccountingRow): AccountingRow['state'] => (row.state === 'failed' && (row.signal === 9 || row.signal === 15) && cancelled(row.jobId, row.name) ? 'cancelled' : row.state);
  const ended = seen.ended
    .filter((row) => !inQueue.has(row.jobId) && (!ours.has(row.jobId) || recordOf(row) !== undefined))
    .map((row): ListedJob => ({ jobId: row.jobId, indices: row.indices ? formatIndexRanges(row.indices) : null, name: row.name, state: stateOf(row), reason: '', node: row.node, ...known(row), exitCode: row.exitCode, elapsedS: row.elapsedS }));
  const told = new Set([...queued, ...ended].filter(isTelling).map(({ jobId }) => jobId));
  // Submitted here, and nobody tells what became of it: that is no reason to hide it.
  const silent = records
    .filter(({ job_id }) => !told.has(job_id ?? ''))
    .map((record): ListedJob => ({ jobId: record.job_id ?? '', indices: null, name: record.name, state: 'unknown', reason: 'neither the queue nor accounting tells of it', node: '', ours: true, what: record.what, exitCode: null, elapsedS: null }));
  return [...queued, ...ended, ...silent];
}
