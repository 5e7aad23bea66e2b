/**
 * The JSON Schemas in `schemas/`: input and output of every operation, and clusters.yaml; beside them the list of the operations. Written by `npm run schemas`; with
 * `--check` only compared, as the tests do.
 *
 * Rule: the folder holds what the code says and nothing else, so a file that nothing generates is removed (or reported).
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { clustersJsonSchema } from '../../src/cluster/profileSchema.ts';
import { axesSchema, playbookSchema } from '../../src/operations/editing/fileSchemas.ts';
import { loadCatalogue } from '../../src/operations/catalogue.ts';
import { catalogueEntryOf } from '../../src/operations/catalogueFile.ts';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../schemas');

/** File name to content. */
export async function renderSchemas(): Promise<ReadonlyMap<string, string>> {
  const catalogue = await loadCatalogue();
  const text = (schema: object): string => `${JSON.stringify(schema, null, 2)}\n`;
  const files = catalogue.flatMap((operation): [string, string][] => [
    [`${operation.name}.input.json`, text({ title: `Input of ${operation.name}`, description: operation.summary, ...operation.inputSchema() })],
    [`${operation.name}.output.json`, text({ title: `Output of ${operation.name}`, ...operation.outputSchema() })],
  ]);
  return new Map([...files, ['clusters.json', text(clustersJsonSchema())], ['axes.json', text(axesSchema)], ['playbook.json', text(playbookSchema)], ['catalogue.json', text(catalogue.map(catalogueEntryOf))]]);
}

/** What differs between the folder and the code, one sentence each. */
export async function staleSchemas(): Promise<readonly string[]> {
  const wanted = await renderSchemas();
  const present = await fs.readdir(folder).catch(() => [] as string[]);
  const problems = present.filter((name) => !wanted.has(name)).map((name) => `schemas/${name} belongs to no operation`);
  for (const [name, content] of wanted) {
    const text = await fs.readFile(path.join(folder, name), 'utf8').catch(() => undefined);
    if (text !== content) problems.push(`schemas/${name} is ${text === undefined ? 'missing' : 'not what the code says'}`);
  }
  return problems;
}

async function main(): Promise<void> {
  const problems = await staleSchemas();
  if (process.argv.includes('--check')) {
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) {
      console.error('Run `npm run schemas`.');
      process.exitCode = 1;
    }
    return;
  }
  const wanted = await renderSchemas();
  await fs.mkdir(folder, { recursive: true });
  for (const name of await fs.readdir(folder)) if (!wanted.has(name)) await fs.rm(path.join(folder, name));
  for (const [name, content] of wanted) await fs.writeFile(path.join(folder, name), content);
  console.log(`${wanted.size} schemas, ${problems.length} changed`);
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
