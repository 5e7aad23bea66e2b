/** Submitting to the background scheduler: the whole request travels as JSON on standard input. */
import { HpcError } from '../../foundation/errors.ts';
import { assertJobName } from '../jobName.ts';
import type { SchedulerTools, SubmitQuery, SubmitRequest } from '../port.ts';
import { runtimeCommand, runtimeFailure } from './runtimeCommand.ts';

const jobIdLine = /^hpc-background-job ([0-9]+)$/;

export function submitCommand(request: SubmitRequest, tools: SchedulerTools): SubmitQuery {
  assertJobName(request.name);
  const { array, resources } = request;
  if (array?.ranges.length === 0) throw new HpcError('spec_invalid', `The array ${request.name} has no elements.`);
  const body = {
    name: request.name,
    comment: request.comment,
    script: request.scriptPath,
    workdir: request.workdir,
    array: array ? array.ranges.map(({ first, last }) => [first, last]) : null,
    maxConcurrent: array?.maxConcurrent ?? null,
    dependencies: request.dependencies,
    cpus: resources.cpus ?? 1,
    memoryMiB: resources.memoryMiB ?? null,
    walltimeS: resources.walltimeS ?? null,
    stdout: request.stdoutPath,
    stderr: request.stderrPath,
  };
  return {
    command: runtimeCommand('submit', body, tools),
    parse: (output) => {
      const jobId = output.stdout.split('\n').map((line) => jobIdLine.exec(line.trim())?.[1]).findLast((id) => id !== undefined);
      if (output.exitCode === 0 && jobId !== undefined) return { jobId };
      throw runtimeFailure('submit', output);
    },
    jobIdPattern: String.raw`^hpc-background-job ([0-9]+)$`,
    throttledPatterns: [String.raw`HPCBG-ERROR .*"code": "scheduler_throttled"`],
  };
}
