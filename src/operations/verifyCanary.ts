import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const verifyCanary = defineOperation({
  name: 'verify-canary',
  kind: 'validate',
  summary: 'Wait for a canary run and tell whether its task passed.',
  guidance: 'Show stderr_tail verbatim when it failed. `submit` with canary: true does this by itself.',
  input: z.strictObject({
    canary_run_id: runId,
    expect_output: z.optional(z.string()),
    /** SHA-256 of a metrics.json that it must equal. */
    fingerprint: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits'))),
    wait_budget_sec: z.optional(z.number().check(z.positive())),
  }),
  output: z.object({ ok: z.boolean(), canary_run_id: z.string(), failure_kind: z.nullable(z.string()), failure_class: z.nullable(z.string()), details: z.string(), stderr_tail: z.string(), metrics_fingerprint: z.nullable(z.string()) }),
  idempotent: true,
  tool: false,
  positional: ['canary_run_id'],
  run: async (input, context) => {
    const { verifyCanary: verify, defaultCanaryBudgetMs } = await import('../runs/canary.ts');
    const options = { task: 0, budgetMs: input.wait_budget_sec === undefined ? defaultCanaryBudgetMs : input.wait_budget_sec * 1000, ...(input.expect_output === undefined ? {} : { expectOutput: input.expect_output }) };
    const report = await verify(input.canary_run_id, options, await runDepsOf(context), context);
    const differs = report.ok && input.fingerprint !== undefined && report.metricsFingerprint !== input.fingerprint;
    return {
      ok: report.ok && !differs,
      canary_run_id: report.runId,
      failure_kind: differs ? 'fingerprint_differs' : report.failureKind,
      failure_class: report.failureClass,
      details: differs ? `Its metrics.json has the fingerprint ${report.metricsFingerprint ?? 'none'}, not ${input.fingerprint ?? ''}.` : report.details,
      stderr_tail: report.stderrTail,
      metrics_fingerprint: report.metricsFingerprint,
    };
  },
});
