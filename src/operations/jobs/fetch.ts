import * as path from 'node:path';
import * as z from 'zod/mini';
import { HpcError } from '../../foundation/errors.ts';
import { defineOperation } from '../operation.ts';
import { clusterName } from '../schemas.ts';
import { jobId } from './jobs.ts';

const listed = 1000;

export const jobFetch = defineOperation({
  name: 'job-fetch',
  kind: 'mutate',
  summary: 'Bring back what a job wrote: its logs, and the files of its working folder.',
  guidance: 'Of a job of job-run without paths: all files of its working folder that were written since it was submitted. Of other jobs name the paths. Nothing is deleted here or there; call it again while the job runs to fetch what is new. For the results of a run use aggregate.',
  input: z.strictObject({
    cluster: clusterName,
    job_id: jobId,
    paths: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1), z.describe('Files or patterns (out/**, *.csv), relative to the job’s working folder.'))),
    into: z.optional(z.string().check(z.minLength(1), z.describe('Folder of the workspace; default results/jobs/CLUSTER-JOBID.'))),
  }),
  output: z.object({
    cluster: z.string(),
    job_id: z.string(),
    workdir: z.string(),
    /** Absolute, here. */
    into: z.string(),
    file_count: z.number(),
    bytes: z.number(),
    /** Relative to `into`, at most 1000 of them. */
    files: z.array(z.string()),
    unchanged_files: z.number(),
    missing: z.array(z.string()),
    skipped: z.array(z.object({ path: z.string(), message: z.string() })),
  }),
  idempotent: true,
  tool: true,
  positional: ['job_id'],
  run: async (input, context) => {
    const { fetchJob } = await import('../../jobs/fetchJob.ts');
    const folder = input.into ?? path.join('results', 'jobs', `${input.cluster}-${input.job_id.replace('[]', '')}`);
    const into = path.resolve(context.experimentDir, folder);
    const inside = path.relative(context.experimentDir, into);
    if (inside === '' || inside.split(path.sep)[0] === '..' || path.isAbsolute(inside) || inside.split(path.sep)[0] === '.hpc') {
      throw new HpcError('spec_invalid', `${folder} is not a folder below the workspace.`, { remediation: 'Give a relative path, such as fetched.' });
    }
    const { workdir, files, bytes, unchanged, missing, skipped } = await fetchJob({ cluster: input.cluster, jobId: input.job_id, into, ...(input.paths === undefined ? {} : { paths: input.paths }) }, context.services.runDeps(context.experimentDir), context);
    return { cluster: input.cluster, job_id: input.job_id, workdir, into, file_count: files.length, bytes, files: files.slice(0, listed), unchanged_files: unchanged, missing: [...missing], skipped: skipped.slice(0, listed).map(({ path: name, message }) => ({ path: name, message })) };
  },
});
