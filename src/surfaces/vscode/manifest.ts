/**
 * The parts of package.json that follow from the catalogue: the language-model tools. Run as a program it writes them
 * (`tsx src/surfaces/vscode/manifest.ts`), with `--check` it only compares; a unit test does the same.
 *
 * What people read in package.json stands in package.nls.json, by a key that says where it belongs; a sentence that is written into
 * package.json itself is moved there. What only a model reads stays where it is, in English.
 *
 * Rule: does not import vscode, so that it runs anywhere.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '../../foundation/atomicFile.ts';
import type { Operation } from '../../operations/operation.ts';
import { toolNameOf } from './toolNames.ts';

export interface ToolContribution {
  readonly name: string;
  readonly displayName: string;
  readonly toolReferenceName: string;
  readonly canBeReferencedInPrompt: true;
  readonly userDescription: string;
  readonly modelDescription: string;
  readonly icon: string;
  readonly tags: readonly string[];
  readonly when: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

const icons: Readonly<Record<string, string>> = {
  discover: '$(search)',
  'build-tasks-py': '$(list-ordered)',
  plan: '$(checklist)',
  submit: '$(rocket)',
  'list-runs': '$(list-unordered)',
  status: '$(pulse)',
  logs: '$(output)',
  failures: '$(bug)',
  cancel: '$(circle-slash)',
  results: '$(graph)',
};

export function toolContributions(catalogue: readonly Operation[]): readonly ToolContribution[] {
  return catalogue
    .filter(({ tool }) => tool)
    .map((operation) => {
      const { $schema: _, ...inputSchema } = operation.inputSchema();
      const words = operation.name.replaceAll('-', ' ');
      return {
        name: toolNameOf(operation.name),
        displayName: `HPC: ${words}`,
        toolReferenceName: `hpc${operation.name.replace(/(?:^|-)(.)/g, (_match, letter: string) => letter.toUpperCase())}`,
        canBeReferencedInPrompt: true,
        userDescription: operation.summary,
        modelDescription: `${operation.summary} ${operation.guidance}`,
        icon: icons[operation.name] ?? '$(server-process)',
        tags: ['hpc', 'hpc-agent'],
        when: 'workspaceFolderCount > 0',
        inputSchema,
      };
    });
}

/** What people read, by the name of its property; and below what nobody does. */
const seen = new Set(['title', 'description', 'markdownDescription', 'enumDescriptions', 'contents', 'altText', 'displayName', 'userDescription', 'name', 'contextualTitle', 'label']);
const unseen = new Set(['inputSchema', 'modelDescription', 'disambiguation', 'toolReferenceName', 'tags', 'scripts', 'author', 'repository', 'menus', 'keybindings']);

export type Sentences = Readonly<Record<string, string>>;

/** The manifest with a key for each sentence, and the sentences that it uses. `known`: those that stand for a key already. */
export function withKeys<Manifest>(manifest: Manifest, known: Sentences): { readonly manifest: Manifest; readonly sentences: Sentences } {
  const sentences: Record<string, string> = {};
  const taken = new Set([...JSON.stringify(manifest).matchAll(/"%([^"%]+)%"/g)].flatMap(([, key]) => key ?? []));
  const visit = (value: unknown, path: readonly string[], isSeen: boolean): unknown => {
    if (typeof value === 'string') {
      if (!isSeen || value === 'HPC Agent') return value;
      const named = /^%(.+)%$/.exec(value)?.[1];
      // A name of one word that a machine reads (`discover`) is no sentence; a view's is.
      if (named === undefined && path.at(-1) === 'name' && !path.includes('views')) return value;
      let key = named ?? path.join('.');
      // A place in a list may have moved.
      while (named === undefined && taken.has(key)) key = `${key}.more`;
      sentences[key] = named === undefined ? value : (known[named] ?? '');
      return `%${key}%`;
    }
    if (Array.isArray(value)) return value.map((item: unknown, index) => visit(item, [...path, nameOf(item, index)], isSeen));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, unseen.has(name) ? item : visit(item, name === 'contributes' ? path : [...path, name], seen.has(name))]));
  };
  const visited = visit(manifest, [], false) as Manifest;
  return { manifest: { ...visited, ...namesOf(manifest) }, sentences };
}

/** The package's own names are no sentences. */
function namesOf(manifest: unknown): { readonly name?: unknown } {
  return typeof manifest === 'object' && manifest !== null && 'name' in manifest ? { name: manifest.name } : {};
}

function nameOf(item: unknown, index: number): string {
  const { command, id, name } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
  const found = [command, id, name].find((value) => typeof value === 'string' && !value.startsWith('%'));
  return typeof found === 'string' ? found.replace(/^hpc-agent\./, '') : String(index);
}

/** As the editor reads it in English. */
export function inWords(manifest: unknown, sentences: Sentences): unknown {
  return JSON.parse(JSON.stringify(manifest), (_name, value: unknown) => (typeof value === 'string' ? (sentences[/^%(.+)%$/.exec(value)?.[1] ?? ''] ?? value) : value)) as unknown;
}

// not translated: it runs on the computer of who works on this
async function main(): Promise<void> {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
  const { loadCatalogue } = await import('../../operations/catalogue.ts');
  const read = async (name: string): Promise<string> => fs.readFile(path.join(root, name), 'utf8').catch(() => '{}');
  const texts = { manifest: await read('package.json'), english: await read('package.nls.json') };
  const manifest = JSON.parse(texts.manifest) as { contributes?: Record<string, unknown> };
  const tools = toolContributions(await loadCatalogue());
  const keyed = withKeys({ ...manifest, contributes: { ...manifest.contributes, languageModelTools: tools } }, JSON.parse(texts.english) as Sentences);
  const next = { manifest: `${JSON.stringify(keyed.manifest, null, 2)}\n`, english: `${JSON.stringify(keyed.sentences, null, 2)}\n` };
  if (next.manifest === texts.manifest && next.english === texts.english) return;
  if (process.argv.includes('--check')) {
    process.stderr.write('package.json or package.nls.json is not what the catalogue makes of it: run `npm run manifest`.\n');
    process.exitCode = 1;
    return;
  }
  await writeFileAtomic(path.join(root, 'package.json'), next.manifest, { mode: 0o644 });
  await writeFileAtomic(path.join(root, 'package.nls.json'), next.english, { mode: 0o644 });
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
