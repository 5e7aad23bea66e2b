/**
 * The user's whole queue: one table for the ids, then all that is known of them.
 *
 * Rule: an element that ended has left the queue, whatever its array still shows of it (`X`, often with an exit status that is not its
 * own): how it ended is for the task's own log and for the history.
 */
import { HpcError } from '../../foundation/errors.ts';
import { normalizeRanges, subtractRanges } from '../indexRanges.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CommandOutput, IndexRange, JobState, Query, QueueRow, Rows, SchedulerTools } from '../port.ts';
import { isEnded } from './jobEnd.ts';
import { gatherJobs, nodesOf, remainingIndices, submittedIndices, type PbsJob } from './jobs.ts';
import { pbsAnswer, pbsQuestion } from './program.ts';
import { readRecords, type PbsRecord } from './records.ts';

/** TORQUE shows an array's own record only without `-t`, and its elements only with it. */
export const showAll = `if [ "$family" = torque ]; then { show -f $ids; show '-f -t' $(arrays $ids); } | lean; else show '-f -t' $ids | lean; fi`;

const activeStates: Readonly<Record<string, JobState>> = { Q: 'pending', W: 'pending', T: 'pending', H: 'held', R: 'running', S: 'running', U: 'running', B: 'running', E: 'completing' };

const isWaitingForOthers = (record: PbsRecord): boolean => /\bafter/.test(record.attributes.get('depend') ?? '') && (record.attributes.get('Hold_Types') ?? '').includes('s');

/** State and the reason for waiting. The depend attribute is the array's, so its elements ask there. */
export function activeState(record: PbsRecord, parent: PbsRecord | undefined): { state: JobState; reason: string } {
  const letter = record.attributes.get('job_state') ?? '';
  const comment = (record.attributes.get('comment') ?? '').replace(/^Not Running: /, '');
  if (letter === 'H' && (isWaitingForOthers(record) || (parent !== undefined && isWaitingForOthers(parent)))) return { state: 'pending', reason: 'Dependency' };
  // Elements of a held array are shown as waiting.
  if (letter === 'Q' && parent?.attributes.get('job_state') === 'H') return isWaitingForOthers(parent) ? { state: 'pending', reason: 'Dependency' } : { state: 'held', reason: comment };
  const state = activeStates[letter] ?? 'unknown';
  return { state, reason: state === 'pending' || state === 'held' ? comment.replace(/^Job Array Began at .*$/, '') : '' };
}

function rowsOf(job: PbsJob): QueueRow[] {
  const row = (record: PbsRecord, indices: readonly IndexRange[] | undefined): QueueRow => {
    const { state, reason } = activeState(record, job.record);
    return { jobId: job.jobId, ...(indices === undefined ? {} : { indices }), state, rawState: record.attributes.get('job_state') ?? '', name: job.name, reason, node: state === 'pending' || state === 'held' ? '' : nodesOf(record) };
  };
  if (!job.isArray) return job.record && !isEnded(job.record) ? [row(job.record, undefined)] : [];
  if (job.elements.length === 0) {
    if (!job.record || isEnded(job.record)) return [];
    // A client that did not expand the array. What has begun of it runs or has ended: that is not known, and it is not gone.
    const remaining = remainingIndices(job.record);
    const { state, reason } = activeState(job.record, undefined);
    const begun = subtractRanges(submittedIndices(job.record), remaining);
    return [
      ...(remaining.length === 0 ? [] : [{ ...row(job.record, remaining), state: state === 'running' ? ('pending' as const) : state, reason, node: '' }]),
      ...(begun.length === 0 ? [] : [{ ...row(job.record, begun), state: 'unknown' as const, reason: '', node: '' }]),
    ];
  }
  // What waits alike is one row.
  const rows = new Map<string, { row: QueueRow; indices: IndexRange[] }>();
  for (const { index, record } of job.elements) {
    if (isEnded(record)) continue;
    const one = row(record, []);
    const key = JSON.stringify([one.state, one.rawState, one.reason, one.node]);
    const known = rows.get(key) ?? { row: one, indices: [] };
    known.indices.push({ first: index, last: index });
    rows.set(key, known);
  }
  return [...rows.values()].map(({ row: one, indices }) => ({ ...one, indices: normalizeRanges(indices) }));
}

/** Refuses odd records where strict; else they are listed. */
export function refuseMalformed(strict: boolean, malformed: readonly string[]): void {
  if (!strict || malformed.length === 0) return;
  throw new HpcError('remote_command_failed', `qstat printed a job that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of PBS: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
}

export function queueRows(text: string, strict: boolean): Rows<QueueRow> {
  const { records, malformed: unread } = readRecords(text);
  const { jobs, malformed: odd } = gatherJobs(records);
  const malformed = [...unread, ...odd];
  refuseMalformed(strict, malformed);
  return { rows: jobs.flatMap(rowsOf), malformed };
}

export function queueQuery(tools: SchedulerTools): Query<Rows<QueueRow>> {
  return {
    command: pbsQuestion(`jobs ''\n${showAll}`, requiredTool('qstat', tools), tools.user, [], 60),
    parse: (output: CommandOutput, strict) => queueRows(pbsAnswer('qstat', output).text, strict),
  };
}
