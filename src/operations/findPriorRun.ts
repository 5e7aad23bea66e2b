import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runDepsOf } from './runRequest.ts';

export const findPriorRun = defineOperation({
  name: 'find-prior-run',
  kind: 'query',
  summary: 'Find an earlier run of the same tasks, by cmd_sha.',
  guidance: 'plan and submit do this by themselves; use it to look something up.',
  input: z.strictObject({ cmd_sha: z.string().check(z.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')), cluster: z.optional(z.string()) }),
  output: z.object({
    found: z.boolean(),
    prior_run_id: z.nullable(z.string()),
    is_orphan: z.boolean(),
    status: z.nullable(z.string()),
    cluster: z.nullable(z.string()),
    job_ids: z.array(z.string()),
    submitted_at: z.nullable(z.string()),
    age_sec: z.nullable(z.number()),
  }),
  idempotent: true,
  tool: false,
  positional: ['cmd_sha'],
  run: async (input, context) => {
    const { findPrior } = await import('../runs/priorRun.ts');
    const deps = await runDepsOf(context);
    const prior = await findPrior(input.cmd_sha, input.cluster, deps);
    return {
      found: prior !== undefined,
      prior_run_id: prior?.runId ?? null,
      is_orphan: prior?.isOrphan ?? false,
      status: prior?.lifecycle ?? null,
      cluster: prior?.cluster ?? null,
      job_ids: [...(prior?.jobIds ?? [])],
      submitted_at: prior?.submittedAt ?? null,
      age_sec: prior ? (context.services.host.clock.now().getTime() - Date.parse(prior.submittedAt)) / 1000 : null,
    };
  },
});
