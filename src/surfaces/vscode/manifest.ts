/**
 * The parts of package.json that follow from the catalogue: the language-model tools. Run as a program it writes them
 * (`tsx src/surfaces/vscode/manifest.ts`), with `--check` it only compares; a unit test does the same.
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

// not translated: it runs on the computer of who works on this
async function main(): Promise<void> {
  const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../package.json');
  const { loadCatalogue } = await import('../../operations/catalogue.ts');
  const text = await fs.readFile(file, 'utf8');
  const manifest = JSON.parse(text) as { contributes?: Record<string, unknown> };
  manifest.contributes = { ...manifest.contributes, languageModelTools: toolContributions(await loadCatalogue()) };
  const next = `${JSON.stringify(manifest, null, 2)}\n`;
  if (next === text) return;
  if (process.argv.includes('--check')) {
    process.stderr.write('package.json does not name the tools of the catalogue: run `tsx src/surfaces/vscode/manifest.ts`.\n');
    process.exitCode = 1;
    return;
  }
  await writeFileAtomic(file, next, { mode: 0o644 });
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
