/**
 * How jobs ended, from the history that the server keeps: `qstat -x` of OpenPBS, the few minutes of completed jobs in TORQUE.
 *
 * Rules: a job that is not there proves nothing, as history is purged, off, or was never kept; its being off is an error of its own. An element
 * without a record of its own has no end here, except where its whole array was deleted: then it never ran.
 */
import { requiredTool } from '../requiredTool.ts';
import type { AccountingRow, Query, Rows, SchedulerTools } from '../port.ts';
import { endOf, hasOwnRecord, isEnded, parsePbsDurationS, parsePbsSizeMiB } from './jobEnd.ts';
import { parsePbsJobId } from './jobId.ts';
import { gatherJobs, nodesOf, type PbsJob } from './jobs.ts';
import { pbsAnswer, pbsQuestion } from './program.ts';
import { activeState, refuseMalformed } from './queueQuery.ts';
import { readRecords, type PbsRecord } from './records.ts';
import { HpcError } from '../../foundation/errors.ts';

function rowOf(job: PbsJob, record: PbsRecord, index: number | undefined): AccountingRow {
  const own = hasOwnRecord(record);
  const end = endOf(record);
  const wasDeletedWhole = !own && end !== undefined && job.record !== undefined && isEnded(job.record) && job.record.attributes.get('substate') === '91';
  const facts = own ? record.attributes : new Map<string, string>();
  // Zero is what a job shows that ended before it was measured.
  const peakMiB = parsePbsSizeMiB(facts.get('resources_used.mem'));
  return {
    jobId: job.jobId,
    ...(index === undefined ? {} : { indices: [{ first: index, last: index }] }),
    state: wasDeletedWhole ? 'cancelled' : (end?.state ?? activeState(record, job.record).state),
    rawState: wasDeletedWhole ? `${record.attributes.get('job_state') ?? ''} (never ran; its array was deleted)` : (end?.rawState ?? record.attributes.get('job_state') ?? ''),
    name: job.name,
    comment: job.comment,
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    elapsedS: end === undefined ? null : parsePbsDurationS(facts.get('resources_used.walltime')),
    maxRssMiB: end === undefined || peakMiB === 0 ? null : peakMiB,
    node: own ? nodesOf(record) : '',
  };
}

export function accountingRows(text: string, strict: boolean): Rows<AccountingRow> {
  const { records, malformed: unread } = readRecords(text);
  const { jobs, malformed: odd } = gatherJobs(records);
  const malformed = [...unread, ...odd];
  refuseMalformed(strict, malformed);
  const rows = jobs.flatMap((job) => (job.isArray ? job.elements.map(({ index, record }) => rowOf(job, record, index)) : job.record ? [rowOf(job, job.record, undefined)] : []));
  return { rows, malformed };
}

export function accountingQuery(jobIds: readonly string[], _since: Date, tools: SchedulerTools): Query<Rows<AccountingRow>> | undefined {
  if (jobIds.length === 0) return undefined;
  const ids = jobIds.map((jobId) => {
    const parsed = parsePbsJobId(jobId);
    if (!parsed) throw new HpcError('spec_invalid', `${JSON.stringify(jobId)} is not the id of a PBS job.`, { remediation: 'Give the id that qsub printed: 123, or 123[] for an array.' });
    return parsed.jobId;
  });
  return {
    command: pbsQuestion(`if [ "$family" = torque ]; then { show -f "$@"; show '-f -t' $(arrays "$@"); } | lean; else show '-x -f -t' "$@" | lean; fi`, requiredTool('qstat', tools), tools.user, ids, 90),
    parse: (output, strict) => accountingRows(pbsAnswer('qstat -x', output).text, strict),
  };
}
