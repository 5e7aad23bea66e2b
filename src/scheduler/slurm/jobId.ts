/** Job ids as squeue and sacct print them: `123`, `123_4`, `123_[5-100%4]`, `123+0` (heterogeneous), `123_4.batch` (a step). */
import type { IndexRange } from '../port.ts';
import { tryParseIndexList } from '../indexRanges.ts';

export interface SlurmJobId {
  readonly jobId: string;
  readonly indices?: readonly IndexRange[];
  /** Slurm cut the index list short: the row speaks of more elements than `indices` holds. */
  readonly truncated: boolean;
  /** `batch`, `extern`, `0`; absent for the allocation itself. */
  readonly step?: string;
}

export function parseSlurmJobId(text: string): SlurmJobId | undefined {
  const match = /^(\d+)(?:_(?:(\d+)|\[([^\]]*)\]?))?(?:\+\d+)?(?:\.(\w+)(?:\+\w*)?)?$/.exec(text.trim());
  if (!match) return undefined;
  const [, jobId = '', index, list, step] = match;
  const rest = step === undefined ? {} : { step };
  if (list !== undefined) {
    const parsed = tryParseIndexList(list);
    return parsed && { jobId, indices: parsed.ranges, truncated: parsed.truncated, ...rest };
  }
  if (index !== undefined) return { jobId, indices: [{ first: Number(index), last: Number(index) }], truncated: false, ...rest };
  return { jobId, truncated: false, ...rest };
}
