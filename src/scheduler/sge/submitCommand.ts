/**
 * Submitting with qsub.
 *
 * Rules: everything about the job stands on the command line, which wins over `~/.sge_request` and over `#$` lines. An array is one range;
 * several must be split by the caller. Grid Engine can wait until jobs have ended (`-hold_jid`), however they ended: there is no
 * `afterok`, and a job that would start all the same after a failure is refused instead. `-w e` makes a request that no queue can
 * ever meet an error instead of a job that waits forever. Never `-V`: the job gets a login environment, not ours.
 *
 * Resources: `h_data`, `h_vmem` and their like count for each slot, so the memory of a task is divided by its cores. Several
 * cores need a parallel environment, and each site has its own: the first of the usual names that this site knows is taken,
 * unless `-pe` is among the extra arguments. `account` is a project (`-P`), `constraint` a resource (`-l`). Nodes to avoid are a pattern of
 * host names that must not match; who chooses hosts himself (`-l h=`) is not contradicted, since a second `-l h=` would replace his.
 */
import { HpcError } from '../../foundation/errors.ts';
import { assertJobName } from '../jobName.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CommandOutput, JobDependency, ResourceRequest, SchedulerTools, SubmitQuery, SubmitRequest } from '../port.ts';
import { taskVariablePatterns } from '../taskEnvironment.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';
import { logArgument } from './logPaths.ts';

/** `123` of a plain job, `123.1-10:1` of an array: a number that the site's own wrapper prints is then none. */
const jobIdPatternOf = ({ array }: SubmitRequest): string => String.raw`^([0-9]+)${array ? String.raw`\.[0-9]+-[0-9]+:[0-9]+` : ''}$`;

/** Names for "all slots on one host". */
const parallelEnvironments = ['smp', 'shared', 'threaded', 'openmp', 'omp', 'threads', 'multithread', 'multicore', 'single', 'parallel_smp', 'mp', 'orte_smp', 'shm'];
/**
 * $1 qstat, $2 qconf or empty, $3 slots, $4 GPUs or empty, then qsub and its words. Where the site counts `gpu` for each slot (consumable YES, not
 * JOB), the GPUs of the task are divided, or they would be multiplied; a host that may not ask qconf leaves them as they are.
 */
const withParallelEnvironment = `qstat=$1 qconf=$2 slots=$3 gpus=$4 qsub=$5; shift 5
if [ -n "$gpus" ] && [ -n "$qconf" ]; then
  case $("$qconf" -sc 2>/dev/null | awk '$1 == "gpu" { print $6 }') in
    YES)
      [ $((gpus % slots)) -eq 0 ] || { echo "hpc-agent: this site counts the resource gpu for each core, and $gpus cannot be divided by $slots" >&2; exit 2; }
      gpus=$((gpus / slots)) ;;
  esac
fi
for pe in ${parallelEnvironments.join(' ')}; do
  if "$qstat" -g c -pe "$pe" >/dev/null 2>&1; then exec "$qsub" -pe "$pe" "$slots" \${gpus:+-l "gpu=$gpus"} "$@"; fi
done
"$qstat" -g c >/dev/null || exit 1
echo "hpc-agent: this site has no parallel environment of a usual name (${parallelEnvironments.join(', ')})" >&2
exit 2`;

const memoryResource = /(?:^|[ ,=])(h_data|s_data|h_vmem|s_vmem|mem_free|virtual_free|h_rss|mem_requested|m_mem_free)=/;

const hostResource = /(?:^|[ ,])(?:h|hostname)=/;

/** Each with and without its domain: what a node calls itself is often not what Grid Engine calls it. */
function avoidedHosts(names: readonly string[], chosen: string): string[] {
  if (names.length === 0 || hostResource.test(chosen)) return [];
  const patterns = [...new Set(names.map((name) => name.split('.')[0] ?? name))].flatMap((short) => [short, `${short}.*`]);
  return [`h=!(${patterns.join('|')})`];
}

function listOf(resources: ResourceRequest, slots: number, extra: string, gpusApart: boolean): string[] {
  const { memoryMiB, walltimeS, gpus, gpuType, constraint, excludeNodes = [] } = resources;
  return [
    ...(walltimeS === undefined ? [] : [`h_rt=${Math.ceil(walltimeS)}`]),
    ...(memoryMiB === undefined || memoryResource.test(extra) ? [] : [`h_data=${Math.ceil(memoryMiB / slots)}M`]),
    ...(gpus === undefined || gpus === 0 ? [] : [...(gpusApart ? [] : [`gpu=${gpus}`]), ...(gpuType ? [gpuType] : [])]),
    ...(constraint ? [constraint] : []),
    ...avoidedHosts(excludeNodes, `${constraint ?? ''} ${extra}`),
  ];
}

function checkResources(resources: ResourceRequest): void {
  const refuse = (message: string, remediation: string): never => {
    throw new HpcError('spec_invalid', message, { remediation });
  };
  if (resources.nodes !== undefined && resources.nodes > 1) refuse('A task on several nodes cannot be asked of Grid Engine in a general way.', 'Give the parallel environment of your site in the extra arguments (-pe NAME SLOTS) and leave nodes away.');
  if (resources.qos !== undefined) refuse('Grid Engine has no QOS.', 'Remove qos; priorities are given by the project (account) or by a resource (constraint).');
  const nameless = resources.excludeNodes?.find((name) => !/^[\w.-]+$/.test(name));
  if (nameless !== undefined) refuse(`${JSON.stringify(nameless)} is not the name of a host.`, 'Name hosts as qhost lists them.');
  for (const word of [resources.constraint, resources.gpuType]) if (word !== undefined && !/^[\w.=*|&!()-]+(,[\w.=*|&!()-]+)*$/.test(word)) refuse(`${JSON.stringify(word)} cannot be a Grid Engine resource.`, 'Write it as for qsub -l: name or name=value.');
}

function dependencyArguments(dependencies: readonly JobDependency[]): string[] {
  const ids = dependencies.filter(({ jobIds }) => jobIds.length > 0);
  if (ids.some(({ type }) => type === 'afterok')) {
    throw new HpcError('spec_invalid', 'Grid Engine cannot make a job wait for the success of another: it starts it however the other one ended.', { remediation: 'Wait with afterany, and let the job itself look at what the other one left.' });
  }
  return ids.length === 0 ? [] : ['-hold_jid', ids.flatMap(({ jobIds }) => jobIds).join(',')];
}

function rangeArguments(array: SubmitRequest['array'], name: string): string[] {
  if (!array) return [];
  const [range, ...others] = array.ranges;
  if (!range) throw new HpcError('spec_invalid', `The array ${name} has no elements.`);
  if (others.length > 0) throw new HpcError('internal', `The array ${name} has ${array.ranges.length} ranges, and Grid Engine takes one.`);
  return ['-t', `${range.first}-${range.last}`, ...(array.maxConcurrent === undefined ? [] : ['-tc', String(array.maxConcurrent)])];
}

function parseSubmitted(output: CommandOutput, jobIdPattern: string, request: string): { jobId: string } {
  const ids = output.stdout.split('\n').flatMap((line) => new RegExp(jobIdPattern).exec(line.trim())?.[1] ?? []);
  const jobId = new Set(ids).size === 1 ? ids[0] : undefined;
  if (output.exitCode === 0 && jobId !== undefined) return { jobId };
  if (output.exitCode === 0) {
    throw new HpcError('remote_command_failed', 'qsub ended without an error but printed no job id.', {
      remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.',
      details: { outcome: 'unknown', stdoutTail: output.stdout.slice(-2000), stderrTail: output.stderr.slice(-2000) },
    });
  }
  throw sgeFailure('qsub', output, 'submit', request);
}

/** In words, for a refusal that does not say what was too much. */
function inWords({ cpus, memoryMiB, walltimeS, gpus, partition }: ResourceRequest): string {
  return [
    ...(cpus === undefined ? [] : [`${cpus} core${cpus === 1 ? '' : 's'}`]),
    ...(memoryMiB === undefined ? [] : [`${memoryMiB} MiB of memory`]),
    ...(walltimeS === undefined ? [] : [`${walltimeS} s of walltime`]),
    ...(gpus === undefined || gpus === 0 ? [] : [`${gpus} GPUs`]),
    ...(partition === undefined ? [] : [`queue ${partition}`]),
  ].join(', ');
}

export function submitCommand(request: SubmitRequest, tools: SchedulerTools): SubmitQuery {
  assertJobName(request.name);
  const { resources } = request;
  checkResources(resources);
  const extra = resources.extraArguments ?? [];
  const slots = Math.max(1, resources.cpus ?? 1);
  const ownEnvironment = slots > 1 && !extra.includes('-pe');
  const list = listOf(resources, slots, extra.join(' '), ownEnvironment);
  const qsub = [
    requiredTool('qsub', tools),
    '-terse', '-N', request.name, '-S', '/bin/sh', '-b', 'n', '-r', 'n', '-w', 'e', '-sync', 'n', '-now', 'n', '-j', 'n',
    '-wd', request.workdir,
    '-o', logArgument(request.stdoutPath, request.workdir),
    '-e', logArgument(request.stderrPath, request.workdir),
    '-ac', `HPC_AGENT=${request.comment.replaceAll(/[^\w.-]/g, '_')}`,
    ...rangeArguments(request.array, request.name),
    ...dependencyArguments(request.dependencies),
    ...(list.length === 0 ? [] : ['-l', list.join(',')]),
    ...(resources.partition === undefined ? [] : ['-q', resources.partition]),
    ...(resources.account === undefined ? [] : ['-P', resources.account]),
    ...extra,
    request.scriptPath,
  ];
  const jobIdPattern = jobIdPatternOf(request);
  const argv = ownEnvironment ? ['/bin/sh', '-c', withParallelEnvironment, 'hpc-agent', requiredTool('qstat', tools), tools.tools.qconf ?? '', String(slots), resources.gpus ? String(resources.gpus) : '', ...qsub] : qsub;
  return {
    command: { argv, unset: [...sgeUnset, ...taskVariablePatterns], env: sgeEnvironment, timeoutS: 90 },
    parse: (output) => parseSubmitted(output, jobIdPattern, inWords(resources)),
    jobIdPattern,
    throttledPatterns: [String.raw`only \d+ jobs are allowed per (user|cluster)`],
  };
}
