/**
 * Cancelling with qdel, by job (`123`) and by elements (`123.5-10`).
 *
 * Rule: what is gone already counts as cancelled; what is not ours is an error. qdel goes on after a word that it does not know.
 */
import { HpcError } from '../../foundation/errors.ts';
import { normalizeRanges } from '../indexRanges.ts';
import { commandLines } from '../commandLines.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CancelTarget, CommandOutput, Query, SchedulerTools } from '../port.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';

const maxLineLength = 20_000;
const fine = /does not exist|is already in deletion|has (deleted|registered) /i;

function parseCancelled(output: CommandOutput): void {
  if (output.exitCode === 0) return;
  // qdel says everything on standard output, errors too.
  const lines = `${output.stdout}\n${output.stderr}`.split('\n').filter((line) => line.trim() !== '');
  if (output.exitCode === 1 && lines.length > 0 && lines.some((line) => /does not exist/i.test(line)) && lines.every((line) => fine.test(line))) return;
  throw sgeFailure('qdel', { ...output, stderr: `${output.stdout}\n${output.stderr}` }, 'cancel');
}

function words({ jobId, indices }: CancelTarget): string[] {
  if (!/^\d+$/.test(jobId)) throw new HpcError('spec_invalid', `${JSON.stringify(jobId)} is not a Grid Engine job id.`, { remediation: 'Give the number that qsub printed.' });
  if (indices === undefined) return [jobId];
  return normalizeRanges(indices).map(({ first, last }) => `${jobId}.${first}-${last}`);
}

export function cancelCommands(targets: readonly CancelTarget[], tools: SchedulerTools): readonly Query<void>[] {
  const qdel = requiredTool('qdel', tools);
  return commandLines(targets.flatMap(words), maxLineLength).map((line) => ({ command: { argv: [qdel, ...line], unset: sgeUnset, env: sgeEnvironment, timeoutS: 60 }, parse: parseCancelled }));
}
