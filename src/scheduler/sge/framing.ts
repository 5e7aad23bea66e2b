/**
 * Proof that an answer is whole: the command runs under `sh`, which prints an end mark only after it succeeded. An empty queue
 * and a connection that was cut look the same without it.
 */
import { partsEnd } from '../answerParts.ts';
import type { CommandOutput, SchedulerCommand } from '../port.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';

/** Separates fields of rows that our own program prints. */
export const unitSeparator = '\u001f';

/** The command with its end mark; arguments go through `"$@"` and are never part of shell text. */
export function framedQuery(argv: readonly string[], timeoutS: number): SchedulerCommand {
  return { argv: ['/bin/sh', '-c', `"$@" && printf '\\n%s\\n' ${partsEnd}`, 'hpc-agent', ...argv], unset: sgeUnset, env: sgeEnvironment, timeoutS };
}

/** What was printed before the end mark; throws the typed error when there is no complete answer. */
export function framedText(what: string, output: CommandOutput): string {
  const text = output.stdout.replaceAll('\r\n', '\n');
  const end = text.lastIndexOf(`\n${partsEnd}\n`);
  if (output.exitCode !== 0 || end < 0) throw sgeFailure(what, output);
  return text.slice(0, end + 1);
}
