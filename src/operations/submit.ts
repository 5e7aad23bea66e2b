import * as z from 'zod/mini';
import { passPreflight } from './clusterRequests.ts';
import { defineOperation } from './operation.ts';
import { runId, runSpec } from './schemas.ts';
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
            return submitRun(request, { ifPrior: input.if_prior ?? 'reuse' }, deps, context);
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
      round_trips: outcome.roundTrips,
    };
  },
});
