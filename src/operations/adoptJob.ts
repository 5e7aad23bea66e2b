import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { clusterName, runSummary } from './schemas.ts';
import { runDepsOf, runSummaryOf } from './runRequest.ts';

export const adoptJob = defineOperation({
  name: 'adopt-job',
  kind: 'mutate',
  summary: 'Make a run of a job of yours that was submitted without HPC Agent, so that it can be watched and cancelled.',
  guidance: 'For a job (plain or array) that waits or runs in your own queue, by its id. Afterwards status, monitor, logs, cancel and list-runs work on it; there are no parameters and no results, so resubmit, aggregate and cluster-reduce do not. Refuses other users’ jobs and what belongs to a run already.',
  input: z.strictObject({
    cluster: clusterName,
    /** Of the array as a whole: 123, not 123_4. */
    job_id: z.string().check(z.regex(/^[0-9A-Za-z][A-Za-z0-9.[\]-]*$/, 'a job id, of the array as a whole')),
    /** Refuse the job where the scheduler gives it another name. */
    job_name: z.optional(z.string()),
    run_name: z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/, 'letters, digits, dots, dashes and underscores, 48 at most'))),
  }),
  output: z.object({ run: runSummary }),
  idempotent: false,
  tool: false,
  positional: ['cluster', 'job_id'],
  confirm: (input) => Promise.resolve(`Adopt job ${input.job_id} on ${input.cluster} as a run of this workspace: it can then be cancelled from here.`),
  run: async (input, context) => {
    const { adoptJob: adopt } = await import('../runs/adoptJob.ts');
    const view = await adopt(
      { cluster: input.cluster, jobId: input.job_id, ...(input.job_name === undefined ? {} : { jobName: input.job_name }), ...(input.run_name === undefined ? {} : { runName: input.run_name }) },
      await runDepsOf(context),
      context,
    );
    return { run: runSummaryOf(view) };
  },
});

export const pruneOrphanSidecars = defineOperation({
  name: 'prune-orphan-sidecars',
  kind: 'mutate',
  summary: 'Set aside the sidecars of submissions that never happened.',
  guidance: 'An orphan has no job ids and no journal record, and is older than an hour (30 days where this product wrote it: another computer may know its jobs). Lists them only, unless dry_run is false; then they are moved to .hpc/runs/.pruned, never deleted.',
  input: z.strictObject({ /** Default: true. */ dry_run: z.optional(z.boolean()) }),
  output: z.object({ orphans: z.array(z.object({ run_id: z.string(), cluster: z.string(), submitted_at: z.string(), files: z.array(z.string()) })), dry_run: z.boolean(), moved_to: z.nullable(z.string()) }),
  idempotent: true,
  tool: false,
  confirm: (input) => Promise.resolve(input.dry_run === false ? 'Move the sidecars of submissions that never happened to .hpc/runs/.pruned.' : undefined),
  run: async (input, context) => {
    const { pruneOrphans } = await import('../runs/pruneOrphans.ts');
    const dryRun = input.dry_run ?? true;
    const { orphans, movedTo } = await pruneOrphans({ dryRun }, await runDepsOf(context));
    return { orphans: orphans.map(({ runId, cluster, submittedAt, files }) => ({ run_id: runId, cluster, submitted_at: submittedAt, files: [...files] })), dry_run: dryRun, moved_to: dryRun || orphans.length === 0 ? null : movedTo };
  },
});
