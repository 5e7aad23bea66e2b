/** Operations on single jobs: run, list, show, cancel, log. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { durationExpectation, parseDurationS } from '../../cluster/units.ts';
import { HpcError, messageOf } from '../../foundation/errors.ts';
import type { JobRequest } from '../../jobs/runJob.ts';
import { defineOperation, type OperationContext } from '../operation.ts';
import { resourcesOf } from '../runRequest.ts';
import { clusterName, resources } from '../schemas.ts';

export const jobId = z.string().check(z.regex(/^\d+(\[\])?$/, 'a job id is a number; for an element of an array (16_2, 16[2]) give the array’s, 16'), z.describe('Job id as the scheduler gave it.'));

const jobShape = z.object({
  job_id: z.string(),
  indices: z.nullable(z.string()),
  name: z.string(),
  state: z.string(),
  reason: z.string(),
  node: z.string(),
  ours: z.boolean(),
  what: z.nullable(z.string()),
  exit_code: z.nullable(z.number()),
  elapsed_s: z.nullable(z.number()),
});
export type JobShape = z.output<typeof jobShape>;

const runInput = z.strictObject({
  cluster: clusterName,
  command: z.optional(z.string().check(z.minLength(1), z.describe('Shell command, run in the working folder with the environment of the cluster profile.'))),
  script: z.optional(z.string().check(z.describe('Path of a job script here, instead of a command. It is submitted as it is: its #SBATCH, #$ or #PBS lines hold, except for name, log files and working folder.'))),
  name: z.optional(z.string().check(z.minLength(1), z.maxLength(60), z.describe('Name for people; default from the command.'))),
  ...resources.shape,
  nodes: z.optional(z.number().check(z.int(), z.positive())),
  workdir: z.optional(z.string().check(z.regex(/^\//, 'an absolute path'), z.describe('Folder on the cluster; default: the workspace’s own there.'))),
  modules: z.optional(z.array(z.string()).check(z.describe('Instead of the profile’s.'))),
  conda_env: z.optional(z.string()),
  venv: z.optional(z.string()),
  uv: z.optional(z.boolean()),
  container: z.optional(z.strictObject({ runtime: z.enum(['apptainer', 'singularity', 'pyxis']), image: z.string() })),
  env: z.optional(z.record(z.string(), z.string())),
  request_id: z.optional(z.string().check(z.minLength(1), z.maxLength(200), z.describe('The same id never submits twice: after an interruption repeat the call with it.'))),
  wait: z.optional(z.boolean().check(z.describe('Wait for the end and give exit status and the end of the output.'))),
  timeout: z.optional(z.union([z.string(), z.number()]).check(z.describe('How long to wait; default one hour. The job runs on after it.'))),
  lines: z.optional(z.number().check(z.int(), z.positive(), z.maximum(10_000), z.describe('Lines of the output, from its end; default 50.'))),
});
type RunInput = z.output<typeof runInput>;

const runOutput = z.object({
  job_id: z.string(),
  name: z.string(),
  cluster: z.string(),
  request_id: z.string(),
  /** Nothing was submitted: an earlier call had done it. */
  resumed: z.boolean(),
  workdir: z.string(),
  stdout_path: z.string(),
  stderr_path: z.string(),
  waited: z.boolean(),
  state: z.nullable(z.string()),
  exit_code: z.nullable(z.number()),
  signal: z.nullable(z.number()),
  elapsed_s: z.nullable(z.number()),
  stdout_tail: z.nullable(z.string()),
  stderr_tail: z.nullable(z.string()),
});
export type JobRunOutput = z.output<typeof runOutput>;

async function requestOf(input: RunInput, context: OperationContext): Promise<JobRequest> {
  const { cluster, command, script, name, nodes, workdir, modules, conda_env, venv, uv, container, env, request_id, wait: _wait, timeout: _timeout, lines: _lines, ...asked } = input;
  if ((command === undefined) === (script === undefined)) throw new HpcError('spec_invalid', 'job-run needs a command or a script, one of both.');
  let text: string | undefined;
  if (script !== undefined) {
    try {
      text = (await fs.readFile(path.resolve(context.experimentDir, script), 'utf8')).replaceAll('\r\n', '\n');
    } catch (cause) {
      throw new HpcError('spec_invalid', `The script ${script} cannot be read: ${messageOf(cause)}.`, { cause });
    }
    if (!text.startsWith('#!')) throw new HpcError('spec_invalid', `The script ${script} does not begin with an interpreter line.`, { remediation: 'Begin it with #!/bin/bash or the like.' });
    if ([modules, conda_env, venv, uv, container, env].some((value) => value !== undefined)) throw new HpcError('spec_invalid', 'A script brings its own environment: modules, conda_env, venv, uv, container and env are for commands.', { remediation: 'Put them into the script, or give a command.' });
  }
  const session = await context.services.runDeps(context.experimentDir).session(cluster);
  return {
    cluster,
    name: name ?? (script === undefined ? (/[A-Za-z0-9._-]+(?=\s|;|$)/.exec(command ?? '')?.[0] ?? 'job') : path.basename(script).replace(/\.\w+$/, '')),
    ...(command === undefined ? {} : { command }),
    ...(script === undefined || text === undefined ? {} : { script: { name: script, text } }),
    resources: { ...resourcesOf(asked), ...(nodes === undefined ? {} : { nodes }) },
    environment: {
      ...(modules === undefined ? {} : { modules }),
      ...(conda_env === undefined ? {} : { condaEnv: conda_env }),
      ...(venv === undefined ? {} : { venv }),
      ...(uv === undefined ? {} : { uv }),
      ...(container === undefined ? {} : { container }),
      ...(env === undefined ? {} : { env }),
    },
    workdir: workdir ?? (await workspaceFolder(session, context)),
    ...(request_id === undefined ? {} : { requestId: request_id }),
  };
}

async function workspaceFolder(session: Awaited<ReturnType<ReturnType<OperationContext['services']['runDeps']>['session']>>, context: OperationContext): Promise<string> {
  const { openWorkspace } = await import('../../runs/workspace.ts');
  return session.remotePathFor(await openWorkspace(context.experimentDir), { signal: context.signal });
}

export const jobRun = defineOperation({
  name: 'job-run',
  kind: 'submit',
  summary: 'Submit one command or one job script as one job; with wait, give its exit status and output.',
  guidance: 'For one thing to run once. For many tasks submit a sweep; for many small commands book a reservation. Nothing is copied to the cluster but the script. Give request_id and repeat the call with it after an interruption: it never submits twice. exit_code null with state unknown means that nobody can say how it ended.',
  input: runInput,
  output: runOutput,
  idempotent: false,
  tool: true,
  positional: ['command'],
  confirm: async (input, context) => {
    const request = await requestOf(input, context);
    const { cpus, memoryMiB, gpus, walltimeS, partition } = request.resources;
    const asked = [...(cpus === undefined ? [] : [`${cpus} cpus`]), ...(memoryMiB === undefined ? [] : [`${memoryMiB} MiB`]), ...(gpus === undefined ? [] : [`${gpus} GPUs`]), ...(walltimeS === undefined ? [] : [`at most ${walltimeS} s`]), ...(partition === undefined ? [] : [`in ${partition}`])];
    return `Submit one job to ${request.cluster}: ${request.command ?? request.script?.name ?? ''} in ${request.workdir}${asked.length === 0 ? '' : `, ${asked.join(', ')}`}.`;
  },
  run: async (input, context) => {
    const { submitJob, waitForJob } = await import('../../jobs/runJob.ts');
    const deps = context.services.runDeps(context.experimentDir);
    const waitS = parseDurationS(input.timeout ?? 3600);
    if (waitS === undefined) throw new HpcError('spec_invalid', `timeout is ${JSON.stringify(input.timeout)}.`, { remediation: `Write ${durationExpectation}.` });
    const { record, resumed } = await submitJob(await requestOf(input, context), deps, context);
    const end = input.wait === true ? await waitForJob(record, waitS, deps, context) : undefined;
    const { readJobLog } = await import('../../jobs/jobLog.ts');
    const tail = async (stream: 'stdout' | 'stderr'): Promise<string | null> => (end ? (await readJobLog({ cluster: record.cluster, jobId: record.job_id ?? '', stream, lines: input.lines ?? 50 }, deps, context)).text : null);
    const session = await deps.session(record.cluster);
    return {
      job_id: record.job_id ?? '',
      name: record.name,
      cluster: record.cluster,
      request_id: record.request_id,
      resumed,
      workdir: record.workdir,
      stdout_path: session.dialect.resolveLogPath(record.stdout, record.job_id ?? '', undefined),
      stderr_path: session.dialect.resolveLogPath(record.stderr, record.job_id ?? '', undefined),
      waited: end !== undefined,
      state: end?.state ?? null,
      exit_code: end?.row?.exitCode ?? null,
      signal: end?.row?.signal ?? null,
      elapsed_s: end?.row?.elapsedS ?? null,
      stdout_tail: await tail('stdout'),
      stderr_tail: await tail('stderr'),
    };
  },
});

const onCluster = z.strictObject({ cluster: clusterName, job_id: jobId });

export const jobList = defineOperation({
  name: 'job-list',
  kind: 'query',
  summary: 'List every job of yours on a cluster: the queue, and those of job-run that ended within a week.',
  guidance: 'Also jobs that were submitted by other means, and the arrays of runs. For why they wait see resources.',
  input: z.strictObject({ cluster: clusterName }),
  output: z.object({ cluster: z.string(), jobs: z.array(jobShape) }),
  idempotent: true,
  tool: true,
  positional: ['cluster'],
  run: async ({ cluster }, context) => ({ cluster, jobs: await listed(cluster, undefined, context) }),
});

async function listed(cluster: string, only: string | undefined, context: OperationContext): Promise<JobShape[]> {
  const { listJobs } = await import('../../jobs/listJobs.ts');
  const jobs = await listJobs(cluster, context.services.runDeps(context.experimentDir), context, only);
  return jobs.map((job) => ({ job_id: job.jobId, indices: job.indices, name: job.name, state: job.state, reason: job.reason, node: job.node, ours: job.ours, what: job.what, exit_code: job.exitCode, elapsed_s: job.elapsedS }));
}

export const jobShow = defineOperation({
  name: 'job-show',
  kind: 'query',
  summary: 'Show one job of yours: its rows in the queue, or how it ended.',
  guidance: 'An empty list of jobs means that neither the queue nor accounting knows it now: that proves nothing by itself.',
  input: onCluster,
  output: z.object({ cluster: z.string(), jobs: z.array(jobShape) }),
  idempotent: true,
  tool: true,
  positional: ['job_id'],
  run: async ({ cluster, job_id }, context) => ({ cluster, jobs: await listed(cluster, job_id, context) }),
});

export const jobCancel = defineOperation({
  name: 'job-cancel',
  kind: 'mutate',
  summary: 'Cancel a job of yours, whoever submitted it.',
  guidance: 'Only what your own queue lists. For the tasks of a run use cancel, which keeps its record.',
  input: onCluster,
  output: z.object({ cluster: z.string(), job_id: z.string(), name: z.string() }),
  idempotent: true,
  tool: true,
  positional: ['job_id'],
  confirm: async ({ cluster, job_id }, context) => {
    const { ownRows } = await import('../../jobs/cancelJob.ts');
    const rows = await ownRows(cluster, job_id, context.services.runDeps(context.experimentDir), context);
    return `Cancel job ${job_id}, ${rows[0]?.name ?? ''} (${rows[0]?.state ?? ''}${rows.length > 1 ? ' and more' : ''}), on ${cluster}.`;
  },
  run: async ({ cluster, job_id }, context) => {
    const { cancelJob } = await import('../../jobs/cancelJob.ts');
    return { cluster, job_id, ...(await cancelJob(cluster, job_id, context.services.runDeps(context.experimentDir), context)) };
  },
});

export const jobLog = defineOperation({
  name: 'job-log',
  kind: 'query',
  summary: 'Read the end of a job’s output: one of job-run, or any that the scheduler still knows.',
  guidance: 'found: false means that it has not written yet. For tasks of a run use logs.',
  input: z.strictObject({ cluster: clusterName, job_id: jobId, stream: z.optional(z.enum(['stdout', 'stderr'])), lines: z.optional(z.number().check(z.int(), z.positive(), z.maximum(10_000))), index: z.optional(z.number().check(z.int(), z.minimum(0), z.describe('Element of an array, as the scheduler counts; default: the first that it lists.'))) }),
  output: z.object({ path: z.string(), index: z.nullable(z.number()), found: z.boolean(), text: z.string(), size: z.number() }),
  idempotent: true,
  tool: true,
  positional: ['job_id'],
  run: async (input, context) => {
    const { readJobLog } = await import('../../jobs/jobLog.ts');
    return { ...(await readJobLog({ cluster: input.cluster, jobId: input.job_id, stream: input.stream ?? 'stdout', lines: input.lines ?? 200, ...(input.index === undefined ? {} : { index: input.index }) }, context.services.runDeps(context.experimentDir), context)) };
  },
});
