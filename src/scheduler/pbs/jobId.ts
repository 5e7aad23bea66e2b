/**
 * Job ids of PBS: `123.server`, an array `123[].server`, a subjob `123[4].server`.
 *
 * Rule: to us a job is its number, with brackets where it is an array (`123`, `123[]`): without the brackets PBS says of an array
 * that it does not know the job. The server's name is left out, since tables cut it short; the default server completes it.
 */
import { HpcError } from '../../foundation/errors.ts';

export interface PbsJobId {
  /** `123` or `123[]`. */
  readonly jobId: string;
  readonly index?: number;
}

export function parsePbsJobId(text: string): PbsJobId | undefined {
  const match = /^(\d+)(?:\[(\d*)\])?(?:\.[^\s[\]]*)?$/.exec(text.trim());
  if (!match) return undefined;
  const [, number = '', index] = match;
  if (index === undefined) return { jobId: number };
  return index === '' ? { jobId: `${number}[]` } : { jobId: `${number}[]`, index: Number(index) };
}

/** Its number alone, as it stands in file names. */
export function sequenceNumber(jobId: string): string {
  const parsed = parsePbsJobId(jobId);
  if (!parsed || parsed.index !== undefined) throw new HpcError('spec_invalid', `${JSON.stringify(jobId)} is not the id of a PBS job.`, { remediation: 'Give the id that qsub printed: 123, or 123[] for an array.' });
  return parsed.jobId.replace('[]', '');
}
