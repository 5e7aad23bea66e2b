import * as path from 'node:path';
import * as z from 'zod/mini';
import { errorPolicies } from '../foundation/errors.ts';
import { defineOperation, type Operation, type TypedOperation } from './operation.ts';

const output = z.object({
    version: z.string(),
    subcommands: z.array(z.string()),
    supported_schedulers: z.array(z.string()),
    schemas_dir: z.string(),
    journal_dir: z.string(),
    required_env: z.array(z.string()),
    operations: z.array(z.object({ name: z.string(), kind: z.string(), summary: z.string(), guidance: z.string(), idempotent: z.boolean(), confirms: z.boolean(), tool: z.boolean() })),
    error_codes: z.array(z.object({ code: z.string(), category: z.string(), exit_code: z.number(), retry_safe: z.boolean(), policy: z.string() })),
  });

/** Speaks of the whole catalogue, which it is itself a part of: handed in, so that the two do not import each other. */
export function capabilitiesOf(operations: () => readonly Operation[]): TypedOperation<Record<string, never>, z.output<typeof output>> {
  return defineOperation({
  name: 'capabilities',
  kind: 'query',
  summary: 'Tell what this version can do: verbs, schedulers, files, error codes.',
  guidance: 'The one call to begin with for a program that has never seen this product.',
  input: z.strictObject({}),
  output,
  idempotent: true,
  tool: false,
  run: (_, { services }) => {
    const catalogue = operations();
    return Promise.resolve({
      version: services.host.version,
      subcommands: catalogue.map((operation) => operation.name),
      supported_schedulers: ['slurm', 'sge', 'pbs', 'background'],
      schemas_dir: path.join(services.host.assetsDirectory, 'schemas'),
      journal_dir: path.join(services.host.home, 'journal'),
      required_env: ['HOME', 'PATH', 'SSH_AUTH_SOCK'],
      operations: catalogue.map(({ name, kind, summary, guidance, idempotent, confirms, tool }) => ({ name, kind, summary, guidance, idempotent, confirms, tool })),
      error_codes: Object.entries(errorPolicies).map(([code, policy]) => ({ code, category: policy.category, exit_code: policy.exitCode, retry_safe: policy.retrySafe, policy: policy.policy })),
    });
  },
});
}
