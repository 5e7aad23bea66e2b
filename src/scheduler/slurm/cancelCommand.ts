/**
 * Cancelling with scancel, by job and by element.
 *
 * Rule: what is gone already counts as cancelled; what is not ours is an error. An index beyond the site's MaxArraySize makes
 * scancel ignore the whole list without a word, so lists hold only indices that the job has.
 */
import { HpcError } from '../../foundation/errors.ts';
import { formatIndexRanges, normalizeRanges, splitByLength } from '../indexRanges.ts';
import { commandLines } from '../commandLines.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CancelTarget, CommandOutput, Query, SchedulerTools } from '../port.ts';
import { slurmUnset } from './environment.ts';
import { slurmFailure } from './errors.ts';

/** Of one `123_[…]` word, and of one command line: far below the kernel's limits and those of login shells. */
const maxListLength = 1_500;
const maxLineLength = 30_000;

const goneAlready = /Invalid job id specified|already (completing|completed)|Job\/step already|Invalid job array/i;

function parseCancelled(output: CommandOutput): void {
  if (output.exitCode === 0) return;
  const errors = output.stderr.split('\n').filter((line) => /error|fatal/i.test(line));
  if (output.exitCode !== null && output.exitCode !== 124 && errors.length > 0 && errors.every((line) => goneAlready.test(line))) return;
  throw slurmFailure('scancel', output, 'cancel');
}

function words(target: CancelTarget): string[] {
  if (!/^\d+$/.test(target.jobId)) throw new HpcError('spec_invalid', `${JSON.stringify(target.jobId)} is not a Slurm job id.`, { remediation: 'Give the number that sbatch printed.' });
  if (target.indices === undefined) return [target.jobId];
  return splitByLength(normalizeRanges(target.indices), maxListLength).map((ranges) => `${target.jobId}_[${formatIndexRanges(ranges)}]`);
}

export function cancelCommands(targets: readonly CancelTarget[], tools: SchedulerTools): readonly Query<void>[] {
  const scancel = requiredTool('scancel', tools);
  return commandLines(targets.flatMap(words), maxLineLength).map((line) => ({ command: { argv: [scancel, ...line], unset: slurmUnset, timeoutS: 60 }, parse: parseCancelled }));
}
