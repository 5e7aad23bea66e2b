/**
 * Jobs, arrays and their elements put together from records.
 *
 * Rules: a subjob is known by the number in its id; its array's own record gives it name and comment, which PBS repeats (and TORQUE
 * changes: `name-4`) in each subjob. One record per id: where a question named an id twice, the later answer counts.
 */
import type { IndexRange } from '../port.ts';
import { tryParseIndexList } from '../indexRanges.ts';
import { commentOf, nameOf } from './carriedNames.ts';
import { parsePbsJobId } from './jobId.ts';
import type { PbsRecord } from './records.ts';

export interface PbsElement {
  readonly index: number;
  readonly record: PbsRecord;
}

export interface PbsJob {
  readonly jobId: string;
  readonly isArray: boolean;
  readonly name: string;
  readonly comment: string;
  /** The job's own record, or the array's; undefined where only elements were printed. */
  readonly record: PbsRecord | undefined;
  readonly elements: readonly PbsElement[];
}

export function gatherJobs(records: readonly PbsRecord[]): { jobs: readonly PbsJob[]; malformed: readonly string[] } {
  const found = new Map<string, { record: PbsRecord | undefined; elements: Map<number, PbsRecord> }>();
  const malformed: string[] = [];
  for (const record of records) {
    const id = parsePbsJobId(record.id);
    if (!id || !record.attributes.has('job_state')) {
      malformed.push(`Job Id: ${record.id}`);
      continue;
    }
    const job = found.get(id.jobId) ?? { record: undefined, elements: new Map<number, PbsRecord>() };
    found.set(id.jobId, job);
    if (id.index === undefined) job.record = record;
    else job.elements.set(id.index, record);
  }
  const jobs = [...found].map(([jobId, { record, elements }]): PbsJob => {
    const [first] = elements;
    const any = record ?? first?.[1];
    const name = any ? nameOf(any) : '';
    return {
      jobId,
      isArray: jobId.endsWith('[]'),
      name: record || !first ? name : name.replace(new RegExp(`-${first[0]}$`), ''),
      comment: any ? commentOf(any) : '',
      record,
      elements: [...elements].map(([index, own]) => ({ index, record: own })).sort((a, b) => a.index - b.index),
    };
  });
  return { jobs, malformed };
}

/** What the array's own record says is still to come, `8-11,15`. */
export function remainingIndices(record: PbsRecord): readonly IndexRange[] {
  return tryParseIndexList(record.attributes.get('array_indices_remaining') ?? '')?.ranges ?? [];
}

/** What the array was made of: `1-9:2`, TORQUE's `1-9%3`; nothing where it does not say. */
export function submittedIndices(record: PbsRecord): readonly IndexRange[] {
  return tryParseIndexList((record.attributes.get('array_indices_submitted') ?? record.attributes.get('job_array_request') ?? '').replace(/%\d+$/, ''))?.ranges ?? [];
}

/** `pbs01/0*4+pbs02/1` as `pbs01,pbs02`. */
export function nodesOf(record: PbsRecord): string {
  const hosts = (record.attributes.get('exec_host') ?? '').split('+').map((part) => part.split('/')[0]?.trim() ?? '').filter((host) => host !== '');
  return [...new Set(hosts)].join(',');
}
