/**
 * The submit commands of a run, in order: the arrays of a wave, the arrays that continue them, then its combiner. Each wave waits for the end of
 * the one before, with all that continues it.
 */
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import type { ResourceRequest, SchedulerTools, SubmitRequest } from '../scheduler/port.ts';
import { placedArrays } from './placement.ts';
import type { Attempt, Hop, Sidecar, Submission } from './sidecar.ts';
import type { SubmitStep } from '../cluster/submitProtocol.ts';
import { resourcesOfRun } from './sidecarResources.ts';

/** The remote program puts the id of that key's job in its place. */
const jobIdOf = (key: string): string => `{job:${key}}`;

/** A combiner reads small files: it asks for little, and never for the tasks' GPUs. */
function combinerResources(resources: ResourceRequest): ResourceRequest {
  const { cpus: _cpus, memoryMiB: _memory, gpus: _gpus, gpuType: _type, constraint: _constraint, nodes: _nodes, walltimeS, ...rest } = resources;
  return { ...rest, walltimeS: Math.min(walltimeS ?? 1800, 1800), cpus: 1 };
}

/** All steps of the run, attempt after attempt. What was submitted already is not submitted again: its receipts say so, or its id in the sidecar. */
export function stepsOf(sidecar: Sidecar, submission: Submission, session: ClusterSession, tools: SchedulerTools): readonly SubmitStep[] {
  const attempts = submission.attempts ?? [];
  const jobs = [...placedArrays(submission), ...[...submission.combiners, ...attempts.map(({ combiner }) => combiner)].map(({ key, job_id }) => ({ key, jobId: job_id }))];
  const known = new Map(jobs.flatMap(({ key, jobId }) => (jobId === null ? [] : [[key, { jobId }] as const])));
  const steps = [...firstSteps(sidecar, submission, session, tools), ...attempts.flatMap((attempt) => attemptSteps(attempt, sidecar, submission, session, tools))];
  return steps.map((step) => ({ ...step, ...known.get(step.key) }));
}

type JobParts = Pick<SubmitRequest, 'array' | 'dependencies' | 'resources'>;

function requestOf(key: string, name: string, sidecar: Sidecar, submission: Submission, parts: JobParts): SubmitRequest {
  const logs = submission.logs[key] ?? { out: '/dev/null', err: '/dev/null' };
  return { name, comment: submission.token, scriptPath: path.posix.join(submission.state_dir, 'jobs', `${key}.sh`), workdir: sidecar.remote_path ?? '/', stdoutPath: logs.out, stderrPath: logs.err, ...parts };
}

function arrayPart(count: number, submission: Submission): NonNullable<SubmitRequest['array']> {
  return { ranges: [{ first: 1, last: count }], ...(submission.max_concurrent === null ? {} : { maxConcurrent: submission.max_concurrent }) };
}

const afterAny = (keys: readonly string[]): SubmitRequest['dependencies'] => (keys.length > 0 ? [{ type: 'afterany', jobIds: keys.map(jobIdOf) }] : []);

/** The arrays that continue this one, each after the one before it, however that ended; nothing where there is no chain. */
function hopSteps(key: string, hops: readonly Hop[] | undefined, step: (key: string, jobName: string, after: readonly string[]) => SubmitStep): readonly SubmitStep[] {
  let before = key;
  return (hops ?? []).flatMap(({ arrays }) => {
    const next = arrays.find(({ of }) => of === key);
    if (next === undefined) return [];
    const after = [before];
    before = next.key;
    return [step(next.key, next.job_name, after)];
  });
}

/** The array after which nothing of this one is left to do. */
const lastOf = (key: string, hops: readonly Hop[] | undefined): string => hops?.at(-1)?.arrays.find(({ of }) => of === key)?.key ?? key;

function firstSteps(sidecar: Sidecar, submission: Submission, session: ClusterSession, tools: SchedulerTools): readonly SubmitStep[] {
  const resources = resourcesOfRun(sidecar);
  const keysOfWave = (wave: number): readonly string[] => submission.arrays.filter((array) => array.wave === wave).map(({ key }) => lastOf(key, submission.hops));
  const step = (key: string, jobName: string, after: readonly string[], parts: Omit<JobParts, 'dependencies'>): SubmitStep => ({
    key,
    jobName,
    after,
    query: session.dialect.submit(requestOf(key, jobName, sidecar, submission, { ...parts, dependencies: afterAny(after) }), tools),
  });
  return submission.combiners.flatMap((combiner) => {
    const before = combiner.wave > 0 ? keysOfWave(combiner.wave - 1) : [];
    const arrays = submission.arrays.filter(({ wave }) => wave === combiner.wave);
    return [
      ...arrays.flatMap((array) => {
        const parts = { array: arrayPart(array.task_count, submission), resources };
        return [step(array.key, array.job_name, before, parts), ...hopSteps(array.key, submission.hops, (key, jobName, after) => step(key, jobName, after, parts))];
      }),
      step(combiner.key, combiner.job_name, keysOfWave(combiner.wave), { resources: combinerResources(resources) }),
    ];
  });
}

function attemptSteps(attempt: Attempt, sidecar: Sidecar, submission: Submission, session: ClusterSession, tools: SchedulerTools): readonly SubmitStep[] {
  const keysOfWave = (wave: number): readonly string[] => attempt.arrays.filter((array) => array.wave === wave).map(({ key }) => lastOf(key, attempt.hops));
  const resourcesOf = (group: number): ResourceRequest => (attempt.groups[group]?.resources ?? {});
  const arrays = attempt.arrays.flatMap((array): readonly SubmitStep[] => {
    const count = array.tasks.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const step = (key: string, jobName: string, after: readonly string[]): SubmitStep => {
      const parts = { array: arrayPart(count, submission), resources: resourcesOf(array.group), dependencies: afterAny(after) };
      return { key, jobName, after, query: session.dialect.submit(requestOf(key, jobName, sidecar, submission, parts), tools) };
    };
    return [step(array.key, array.job_name, keysOfWave(array.wave - 1)), ...hopSteps(array.key, attempt.hops, step)];
  });
  const { combiner } = attempt;
  const last = keysOfWave(Math.max(...attempt.arrays.map(({ wave }) => wave)));
  const parts = { resources: combinerResources(resourcesOf(0)), dependencies: afterAny(last) };
  return [...arrays, { key: combiner.key, jobName: combiner.job_name, after: last, query: session.dialect.submit(requestOf(combiner.key, combiner.job_name, sidecar, submission, parts), tools) }];
}
