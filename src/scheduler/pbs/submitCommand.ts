/**
 * Submitting with qsub.
 *
 * Rules:
 * - Everything about the job stands on the command line, so that no `#PBS` line and no variable can contradict it. Never `-V`: one odd variable of the
 *   login shell makes PBS's own answers unreadable.
 * - The words for both families are made here; the program takes those that fit the qsub that it finds.
 * - An array takes one range. OpenPBS refuses a range of one element, and takes the same as a range of two in steps of two.
 * - A valid id together with status 0 is a submitted job, whatever else was printed.
 */
import { HpcError } from '../../foundation/errors.ts';
import { formatIndexRanges, normalizeRanges } from '../indexRanges.ts';
import { assertJobName } from '../jobName.ts';
import { requiredTool } from '../requiredTool.ts';
import type { SchedulerTools, SubmitQuery, SubmitRequest } from '../port.ts';
import { carriedVariables, shortJobName } from './carriedNames.ts';
import { pbsFailure } from './errors.ts';
import { pbsUnset } from './environment.ts';
import { findFamily, type PbsFamily } from './program.ts';
import { resourceWords } from './resources.ts';
import { starterScript } from './starter.ts';

/**
 * The starter writes the logs itself. A path without a host is a file of the host where qsub ran: the node would copy the empty output there with
 * scp, try for half a minute where that is not allowed, and write a mail about it. `localhost` is the node itself, and there nothing is copied.
 */
const nowhere = 'localhost:/dev/null';

/** `123.server` of a plain job, `123[].server` of an array: a number that the site's own wrapper prints is then none. */
const jobIdPatternOf = ({ array }: SubmitRequest): string => String.raw`^([0-9]+${array ? String.raw`\[\]` : ''})(?:\.[A-Za-z0-9][^\s]*)?$`;

// $1 qsub, $2 qstat, $3 and $4 the long and the short name, $5 how many of the words that follow are OpenPBS's; the rest are TORQUE's.
const program = `qsub=$1 qstat=$2 long=$3 short=$4 count=$5
${findFamily}
shift 5
if [ "$family" = torque ]; then
  shift "$count"; n=$#
else
  n=$count
fi
total=$#
gone() { case $("$qstat" "$1" 2>&1 >/dev/null </dev/null) in *'Unknown Job Id'*) return 0 ;; esac; return 1; }
# A job that waits for one that PBS has forgotten would never run; what was forgotten has ended. TORQUE has a type of its own for arrays.
dependency() {
  set -f; out=; IFS=,
  for part in \${1#-Wdepend=}; do
    type=\${part%%:*}; arrays=; plain=; IFS=:
    for id in \${part#*:}; do
      if [ "$type" = afterany ] && gone "$id"; then continue; fi
      case $family$id in torque*']') arrays="$arrays:$id" ;; *) plain="$plain:$id" ;; esac
    done
    IFS=,
    [ -z "$arrays" ] || out="$out,\${type}array$arrays"
    [ -z "$plain" ] || out="$out,$type$plain"
  done
  unset IFS; set +f
}
m=$n
while [ $m -gt 0 ]; do
  word=$1; shift; m=$((m - 1))
  case $word in
    -Wdepend=*) dependency "$word"; if [ -n "$out" ]; then set -- "$@" "-Wdepend=\${out#,}"; else total=$((total - 1)); n=$((n - 1)); fi ;;
    *) set -- "$@" "$word" ;;
  esac
done
shift $((total - n))
# PBS would run it with a umask of its own, and a group could read no result.
script=$(printf '#!/bin/sh\\numask %s\\n' "$(umask)"; cat)
exec 3>&1
try() { name=$1; shift; said=$(printf '%s\\n' "$script" | "$qsub" -N "$name" "$@" 2>&1 >&3 3>&-); rc=$?; }
try "$long" "$@"
if [ $rc != 0 ] && [ "$long" != "$short" ]; then
  # Refused for its name alone, so not submitted.
  case $said in *'illegal -N value'* | *'ame is too long'* | *'name too long'*) try "$short" "$@" ;; esac
fi
[ -z "$said" ] || printf '%s\\n' "$said" >&2
exit $rc`;

function arrayWords(request: SubmitRequest, family: PbsFamily): string[] {
  if (!request.array) return [];
  const [range, ...others] = normalizeRanges(request.array.ranges);
  if (!range) throw new HpcError('spec_invalid', `The array ${request.name} has no elements.`);
  if (others.length > 0) throw new HpcError('spec_invalid', `PBS takes one range of indices for an array, not ${formatIndexRanges([range, ...others])}.`, { remediation: 'Submit one array for each range.' });
  const { maxConcurrent } = request.array;
  const limit = maxConcurrent === undefined ? '' : `%${Math.max(1, Math.floor(maxConcurrent))}`;
  if (family === 'torque') return ['-t', `${range.first}-${range.last}${limit}`];
  // At most one can run anyway.
  if (range.first === range.last) return ['-J', `${range.first}-${range.first + 1}:2`];
  return ['-J', `${range.first}-${range.last}${limit}`];
}

function familyWords(request: SubmitRequest, family: PbsFamily): string[] {
  const dependency = request.dependencies.filter(({ jobIds }) => jobIds.length > 0).map(({ type, jobIds }) => `${type}:${jobIds.join(':')}`);
  return [
    ...['-S', '/bin/sh', '-o', nowhere, '-e', nowhere, '-m', 'n', '-r', 'y'],
    ...['-v', carriedVariables(request.name, request.comment)],
    ...arrayWords(request, family),
    ...(dependency.length > 0 ? [`-Wdepend=${dependency.join(',')}`] : []),
    ...resourceWords(request.resources, family),
  ];
}

function parseSubmitted(output: { stdout: string; stderr: string; exitCode: number | null }, jobIdPattern: string): { jobId: string } {
  const ids = output.stdout.split('\n').flatMap((line) => new RegExp(jobIdPattern).exec(line.trim())?.[1] ?? []);
  const jobId = new Set(ids).size === 1 ? ids[0] : undefined;
  if (output.exitCode === 0 && jobId !== undefined) return { jobId };
  if (output.exitCode === 0) {
    throw new HpcError('remote_command_failed', 'qsub ended without an error but printed no job id.', {
      remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.',
      details: { outcome: 'unknown', stdoutTail: output.stdout.slice(-2000), stderrTail: output.stderr.slice(-2000) },
    });
  }
  throw pbsFailure('qsub', output, 'submit');
}

export function submitCommand(request: SubmitRequest, tools: SchedulerTools): SubmitQuery {
  assertJobName(request.name);
  const jobIdPattern = jobIdPatternOf(request);
  const openPbs = familyWords(request, 'openpbs');
  const torque = familyWords(request, 'torque');
  return {
    command: {
      argv: ['/bin/sh', '-c', program, 'hpc-agent', requiredTool('qsub', tools), requiredTool('qstat', tools), request.name, shortJobName(request.name), String(openPbs.length), ...openPbs, ...torque],
      stdin: starterScript(request, requiredTool('qstat', tools)),
      unset: pbsUnset,
      timeoutS: 90,
    },
    parse: (output) => parseSubmitted(output, jobIdPattern),
    jobIdPattern,
    throttledPatterns: [String.raw`would exceed .*limit`, String.raw`Maximum number of jobs already in queue`, String.raw`exceeds? .*max_(user_)?queuable`],
  };
}
