/** The submit commands of a run, in order: the arrays of a wave, then its combiner; each wave waits for the one before. */
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import type { ResourceRequest, SchedulerTools, SubmitRequest } from '../scheduler/port.ts';
import type { Sidecar, Submission } from './sidecar.ts';
import type { SubmitStep } from '../cluster/submitProtocol.ts';

/** The remote program puts the id of that key's job in its place. */
const jobIdOf = (key: string): string => `{job:${key}}`;

/** A combiner reads small files: it asks for little, and never for the tasks' GPUs. */
function combinerResources(resources: ResourceRequest): ResourceRequest {
  const { cpus: _cpus, memoryMiB: _memory, gpus: _gpus, gpuType: _type, constraint: _constraint, nodes: _nodes, walltimeS, ...rest } = resources;
  return { ...rest, walltimeS: Math.min(walltimeS ?? 1800, 1800), cpus: 1 };
}

export function stepsOf(sidecar: Sidecar, submission: Submission, session: ClusterSession, tools: SchedulerTools): readonly SubmitStep[] {
  const resources = (sidecar.resources ?? {}) as ResourceRequest;
  const keysOfWave = (wave: number): readonly string[] => submission.arrays.filter((array) => array.wave === wave).map(({ key }) => key);
  const request = (key: string, name: string, rest: Pick<SubmitRequest, 'array' | 'dependencies' | 'resources'>): SubmitRequest => {
    const logs = submission.logs[key] ?? { out: '/dev/null', err: '/dev/null' };
    return { name, comment: submission.token, scriptPath: path.posix.join(submission.state_dir, 'jobs', `${key}.sh`), workdir: sidecar.remote_path ?? '/', stdoutPath: logs.out, stderrPath: logs.err, ...rest };
  };
  const steps: SubmitStep[] = [];
  for (const combiner of submission.combiners) {
    const before = combiner.wave > 0 ? keysOfWave(combiner.wave - 1) : [];
    const own = keysOfWave(combiner.wave);
    for (const array of submission.arrays.filter(({ wave }) => wave === combiner.wave)) {
      const array_ = { ranges: [{ first: 1, last: array.task_count }], ...(submission.max_concurrent === null ? {} : { maxConcurrent: submission.max_concurrent }) };
      steps.push({
        key: array.key,
        jobName: array.job_name,
        after: before,
        query: session.dialect.submit(request(array.key, array.job_name, { array: array_, dependencies: before.length > 0 ? [{ type: 'afterany', jobIds: before.map(jobIdOf) }] : [], resources }), tools),
      });
    }
    steps.push({
      key: combiner.key,
      jobName: combiner.job_name,
      after: own,
      query: session.dialect.submit(request(combiner.key, combiner.job_name, { dependencies: [{ type: 'afterany', jobIds: own.map(jobIdOf) }], resources: combinerResources(resources) }), tools),
    });
  }
  return steps;
}
