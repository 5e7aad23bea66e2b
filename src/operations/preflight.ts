import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { clusterName } from './schemas.ts';
import { runPreflight } from './clusterRequests.ts';

export const preflight = defineOperation({
  name: 'preflight',
  kind: 'query',
  summary: 'Check that a cluster can be reached and used: login, Python, scheduler, scratch folder.',
  guidance: 'A good answer is remembered for 24 hours; submit asks by itself. ok: null means that it could not be asked.',
  input: z.strictObject({ cluster: clusterName, force: z.optional(z.boolean()) }),
  output: z.object({
    cluster: z.string(),
    all_ok: z.boolean(),
    cached: z.boolean(),
    checked_at: z.string(),
    checks: z.array(z.object({ name: z.string(), ok: z.nullable(z.boolean()), detail: z.string(), remediation: z.nullable(z.string()), duration_ms: z.number() })),
  }),
  idempotent: true,
  tool: false,
  positional: ['cluster'],
  run: (input, context) => runPreflight(input.cluster, input.force ?? false, context),
});
