import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { errorPolicies, HpcError, messageOf } from '../foundation/errors.ts';
import { catalogueEntry } from './catalogueFile.ts';
import { defineOperation } from './operation.ts';

const output = z.object({
  version: z.string(),
  subcommands: z.array(z.string()),
  supported_schedulers: z.array(z.string()),
  schemas_dir: z.string(),
  journal_dir: z.string(),
  required_env: z.array(z.string()),
  operations: z.array(catalogueEntry),
  error_codes: z.array(z.object({ code: z.string(), category: z.string(), exit_code: z.number(), retry_safe: z.boolean(), policy: z.string() })),
});

export const capabilities = defineOperation({
  name: 'capabilities',
  kind: 'query',
  summary: 'Tell what this version can do: verbs, schedulers, files, error codes.',
  guidance: 'The one call to begin with for a program that has never seen this product.',
  input: z.strictObject({}),
  output,
  idempotent: true,
  tool: false,
  run: async (_, { services }) => {
    const schemas = path.join(services.host.assetsDirectory, 'schemas');
    const operations = await readCatalogueFile(path.join(schemas, 'catalogue.json'));
    return {
      version: services.host.version,
      subcommands: operations.map(({ name }) => name),
      supported_schedulers: ['slurm', 'sge', 'pbs', 'background'],
      schemas_dir: schemas,
      journal_dir: path.join(services.host.home, 'journal'),
      required_env: ['HOME', 'PATH', 'SSH_AUTH_SOCK'],
      operations,
      error_codes: Object.entries(errorPolicies).map(([code, policy]) => ({ code, category: policy.category, exit_code: policy.exitCode, retry_safe: policy.retrySafe, policy: policy.policy })),
    };
  },
});

/** From the file that ships, not from the operations themselves: whoever asks what there is should not wait until all of it is loaded. */
async function readCatalogueFile(file: string): Promise<z.output<typeof catalogueEntry>[]> {
  try {
    return z.parse(z.array(catalogueEntry), JSON.parse(await fs.readFile(file, 'utf8')));
  } catch (cause) {
    throw new HpcError('internal', `The list of operations ${file} cannot be read: ${messageOf(cause)}.`, { cause, remediation: 'Install the product again.' });
  }
}
