import * as z from 'zod/mini';
import { passPreflight } from './clusterRequests.ts';
import { defineOperation } from './operation.ts';
import { runId, runSpec, taskId } from './schemas.ts';
import { planOutputOf, requestOf, runDepsOf } from './runRequest.ts';

export const submit = defineOperation({
  name: 'submit',
  kind: 'submit',
  summary: 'Copy the code to the cluster and submit the sweep as job arrays.',
  guidance:
    'Call plan first. Where the same tasks ran before on that cluster the answer is that run (deduped: true) unless if_prior is `new`. After a lost reply nothing is submitted twice: call submit with resume and the run id. Next: status or monitor.',
  input: z.strictObject({
    ...runSpec.shape,
    cluster: z.optional(runSpec.shape.cluster),
    /** What to do when the same tasks were submitted to this cluster before: give that run back, or submit a new one. */
    if_prior: z.optional(z.enum(['reuse', 'new'])),
    /** Run one task first as a run of its own, and submit the rest only when it passed. */
    canary: z.optional(z.boolean()),
    /** Which task; default 0. */
    canary_task: z.optional(taskId),
    /** A file that the canary must leave in its result folder, besides metrics.json. */
    expect_output: z.optional(z.string()),
    /** How long to wait for the canary, the queue included; default 1800. */
    canary_wait_budget_sec: z.optional(z.number().check(z.positive())),
    /** Finish an interrupted submission of this run instead of making a new one. */
    resume: z.optional(runId),
  }),
  output: z.object({
    run_id: z.string(),
    cluster: z.string(),
    job_ids: z.array(z.string()),
    total_tasks: z.number(),
    waves: z.number(),
    deduped: z.boolean(),
    resumed: z.boolean(),
    remote_path: z.string(),
    headline: z.string(),
    canary_done: z.optional(z.boolean()),
    canary_run_id: z.optional(z.string()),
    metrics_fingerprint: z.optional(z.nullable(z.string())),
    round_trips: z.number(),
  }),
  idempotent: true,
  tool: true,
  confirm: async (input, context) => {
    if (input.resume !== undefined) return `Finish the interrupted submission of run ${input.resume}: what is missing is submitted, what is there is not.`;
    const { planRun } = await import('../runs/planRun.ts');
    const { deps, request } = await requestOf(input, context);
    return (await planOutputOf(await planRun(request, deps, context), deps)).confirm_prompt;
  },
  run: async (input, context) => {
    const { submitRun, resumeSubmission } = await import('../runs/submitRun.ts');
    const outcome =
      input.resume === undefined
        ? await (async () => {
            const { deps, request } = await requestOf(input, context);
            await passPreflight(request.cluster, context);
            const canary = input.canary === true ? { task: input.canary_task ?? 0, budgetMs: (input.canary_wait_budget_sec ?? 1800) * 1000, ...(input.expect_output === undefined ? {} : { expectOutput: input.expect_output }) } : undefined;
            return submitRun(request, { ifPrior: input.if_prior ?? 'reuse', ...(canary ? { canary } : {}) }, deps, context);
          })()
        : await resumeSubmission(input.resume, await runDepsOf(context), context);
    return {
      run_id: outcome.runId,
      cluster: outcome.cluster,
      job_ids: [...outcome.jobIds],
      total_tasks: outcome.totalTasks,
      waves: outcome.waves,
      deduped: outcome.deduped,
      resumed: outcome.resumed,
      remote_path: outcome.remotePath,
      headline: outcome.headline,
      ...(outcome.canary ? { canary_done: true, canary_run_id: outcome.canary.runId, metrics_fingerprint: outcome.canary.metricsFingerprint } : {}),
      round_trips: outcome.roundTrips,
    };
  },
});
