/**
 * Cancelling with qdel, by job and by element.
 *
 * Rules: what is gone already counts as cancelled; what is not ours is an error. A whole job is named with and without brackets, as PBS says of an array
 * without them that it does not know it. OpenPBS takes one range in brackets; TORQUE wants `-t`.
 */
import { formatIndexRanges, normalizeRanges, splitByLength } from '../indexRanges.ts';
import { commandLines } from '../commandLines.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CancelTarget, CommandOutput, Query, SchedulerTools } from '../port.ts';
import { pbsFailure } from './errors.ts';
import { pbsUnset } from './environment.ts';
import { sequenceNumber } from './jobId.ts';
import { findFamily } from './program.ts';

const maxLineLength = 30_000;
const maxListLength = 1_500;

// `LIST:ID` is a list of elements, a word without a colon a whole job. qdel goes on after an id that it does not know.
const program = `qdel=$1
${findFamily}
shift
worst=0
keep() { [ "$1" = 0 ] || worst=$1; }
if [ "$family" = torque ]; then
  for word in "$@"; do
    case $word in *:*) "$qdel" -t "\${word%%:*}" "\${word#*:}" ;; *) "$qdel" "$word" ;; esac
    keep $?
  done
else
  set -f
  words=
  for word in "$@"; do
    case $word in
      *:*) id=\${word#*:}; list=\${word%%:*}; IFS=,; for range in $list; do words="$words \${id%]}$range]"; done; unset IFS ;;
      *) words="$words $word" ;;
    esac
  done
  "$qdel" $words
  keep $?
fi
exit "$worst"`;

/** Ended, being ended, or (of an element) never there. */
const goneAlready = /Unknown Job Id|Job has finished|Request invalid for state of job|Invalid request \d+\[|invalid state for job|does not exist|Job deletion (in progress|pending)/i;

function parseCancelled(output: CommandOutput): void {
  if (output.exitCode === 0) return;
  const errors = output.stderr.split('\n').filter((line) => /^\s*qdel: /.test(line) || /connect|refused/i.test(line));
  if (output.exitCode !== null && output.exitCode !== 124 && errors.length > 0 && errors.every((line) => goneAlready.test(line))) return;
  throw pbsFailure('qdel', output, 'cancel');
}

function words({ jobId, indices }: CancelTarget): string[] {
  const number = sequenceNumber(jobId);
  if (indices === undefined) return [`${number}[]`, number];
  return splitByLength(normalizeRanges(indices), maxListLength).map((ranges) => `${formatIndexRanges(ranges)}:${number}[]`);
}

export function cancelCommands(targets: readonly CancelTarget[], tools: SchedulerTools): readonly Query<void>[] {
  const qdel = requiredTool('qdel', tools);
  return commandLines(targets.flatMap(words), maxLineLength).map((line) => ({ command: { argv: ['/bin/sh', '-c', program, 'hpc-agent', qdel, ...line], unset: pbsUnset, timeoutS: 120 }, parse: parseCancelled }));
}
