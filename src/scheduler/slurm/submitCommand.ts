/**
 * Submitting with sbatch.
 *
 * Rule: everything about the job stands on the command line, so that a variable of the user's shell or a `#SBATCH` line of
 * an overridden template cannot contradict it (the command line wins over both). A valid id together with status 0 is
 * a submitted job, whatever else was printed.
 */
import { HpcError } from '../../foundation/errors.ts';
import { formatIndexRanges } from '../indexRanges.ts';
import { assertJobName } from '../jobName.ts';
import { requiredTool } from '../requiredTool.ts';
import type { ResourceRequest, SchedulerTools, SubmitQuery, SubmitRequest } from '../port.ts';
import { taskVariablePatterns } from '../taskEnvironment.ts';
import { slurmUnset } from './environment.ts';
import { slurmFailure } from './errors.ts';

/** `123`, or `123;cluster` where clusters are federated. */
const jobIdLine = /^([0-9]+)(?:;[^\s;]+)?$/;

/** At the site's job limit sbatch itself sleeps and retries for 120 s before it gives up: ended earlier, its outcome would not be known. */
const submitTimeoutS = 150;

function slurmTime(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 1440)}-${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
}

function resourceArguments(resources: ResourceRequest): string[] {
  const gpus = resources.gpus === undefined || resources.gpus === 0 ? undefined : `${resources.gpuType ? `${resources.gpuType}:` : ''}${resources.gpus}`;
  return [
    resources.nodes === undefined ? undefined : `--nodes=${resources.nodes}`,
    resources.cpus === undefined ? undefined : `--cpus-per-task=${resources.cpus}`,
    resources.memoryMiB === undefined ? undefined : `--mem=${Math.ceil(resources.memoryMiB)}M`,
    resources.walltimeS === undefined ? undefined : `--time=${slurmTime(resources.walltimeS)}`,
    gpus === undefined ? undefined : `--gres=gpu:${gpus}`,
    resources.partition === undefined ? undefined : `--partition=${resources.partition}`,
    resources.account === undefined ? undefined : `--account=${resources.account}`,
    resources.qos === undefined ? undefined : `--qos=${resources.qos}`,
    resources.excludeNodes === undefined || resources.excludeNodes.length === 0 ? undefined : `--exclude=${resources.excludeNodes.join(',')}`,
    resources.constraint === undefined ? undefined : `--constraint=${resources.constraint}`,
  ].filter((word) => word !== undefined);
}

function parseSubmitted(output: { stdout: string; stderr: string; exitCode: number | null }): { jobId: string } {
  const ids = output.stdout.split('\n').flatMap((line) => jobIdLine.exec(line.trim())?.[1] ?? []);
  // A wrapper's noise comes before sbatch's own line, which is the last.
  const jobId = ids.at(-1);
  if (output.exitCode === 0 && jobId !== undefined) return { jobId };
  if (output.exitCode === 0) {
    throw new HpcError('remote_command_failed', 'sbatch ended without an error but printed no job id.', {
      remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.',
      details: { outcome: 'unknown', stdoutTail: output.stdout.slice(-2000), stderrTail: output.stderr.slice(-2000) },
    });
  }
  throw slurmFailure('sbatch', output, 'submit');
}

export function submitCommand(request: SubmitRequest, tools: SchedulerTools): SubmitQuery {
  assertJobName(request.name);
  const { array, dependencies } = request;
  if (array?.ranges.length === 0) throw new HpcError('spec_invalid', `The array ${request.name} has no elements.`);
  const dependency = dependencies.filter(({ jobIds }) => jobIds.length > 0).map(({ type, jobIds }) => `${type}:${jobIds.join(':')}`);
  const argv = [
    requiredTool('sbatch', tools),
    '--parsable',
    `--job-name=${request.name}`,
    `--comment=${request.comment}`,
    `--chdir=${request.workdir}`,
    `--output=${request.stdoutPath}`,
    `--error=${request.stderrPath}`,
    // A requeued element goes on in the same log instead of wiping what explains the requeue.
    '--open-mode=append',
    '--export=ALL',
    ...(array ? [`--array=${formatIndexRanges(array.ranges)}${array.maxConcurrent === undefined ? '' : `%${array.maxConcurrent}`}`] : []),
    // Without the second option a job whose condition can no longer be met waits forever.
    ...(dependency.length > 0 ? [`--dependency=${dependency.join(',')}`, '--kill-on-invalid-dep=yes'] : []),
    ...resourceArguments(request.resources),
    ...(request.resources.extraArguments ?? []),
    request.scriptPath,
  ];
  return {
    command: { argv, unset: [...slurmUnset, ...taskVariablePatterns], timeoutS: submitTimeoutS },
    parse: parseSubmitted,
    jobIdPattern: String.raw`^([0-9]+)(?:;[^\s;]+)?$`,
    // Only together with sbatch's own last word: while it still sleeps and retries, it may yet succeed.
    throttledPatterns: [
      String.raw`MaxSubmitJob[\s\S]*Batch job submission failed`,
      String.raw`GrpSubmitJob[\s\S]*Batch job submission failed`,
      String.raw`Batch job submission failed: .*job submit limit`,
      String.raw`Batch job submission failed: .*(temporarily unable to accept job|Resource temporarily unavailable|job queue full)`,
    ],
  };
}
