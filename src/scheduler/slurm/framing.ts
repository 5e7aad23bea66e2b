/**
 * Proof that an answer is whole.
 *
 * Rule: Slurm's commands print rows or nothing, and "nothing" with status 0 is also what a cut connection or a wrapper
 * script can leave behind. So each query runs under `sh`, which prints an end marker only after the command succeeded.
 * Rows carry a marker of their own, or a separator that no banner holds.
 */
import { partsEnd } from '../answerParts.ts';
import type { CommandOutput, SchedulerCommand } from '../port.ts';
import { slurmEnvironment, slurmUnset } from './environment.ts';
import { slurmFailure } from './errors.ts';

/** Separates fields where the command cannot print a row marker; no one types it into a job name. */
export const unitSeparator = '\u001f';

/** The command with its end marker; arguments go through `"$@"` and are never part of shell text. */
export function framedQuery(argv: readonly string[], timeoutS: number): SchedulerCommand {
  return { argv: ['/bin/sh', '-c', `"$@" && printf '\\n%s\\n' ${partsEnd}`, 'hpc-agent', ...argv], unset: slurmUnset, env: slurmEnvironment, timeoutS };
}

/** What was printed before the end marker; throws the typed error when there is no complete answer. */
export function framedText(what: string, output: CommandOutput): string {
  const text = output.stdout.replaceAll('\r\n', '\n');
  const end = text.lastIndexOf(`\n${partsEnd}\n`);
  if (output.exitCode !== 0 || end < 0) throw slurmFailure(what, output);
  return text.slice(0, end + 1);
}

/**
 * Slurm can refuse a question with status 0: `squeue --user=gone` prints an error and an empty list. So no rows together with
 * an error line is no answer.
 */
export function rejectSilentRefusal(what: string, output: CommandOutput, rowCount: number): void {
  if (rowCount === 0 && /^\S*(squeue|sacct|sinfo|scontrol)\S*: (error|fatal): /m.test(output.stderr)) throw slurmFailure(what, output);
}
