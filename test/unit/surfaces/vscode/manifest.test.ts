import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import { commandIds } from '../../../../src/surfaces/vscode/commandIds.ts';
import { inWords, toolContributions, type Sentences } from '../../../../src/surfaces/vscode/manifest.ts';
import { operationNameOf, toolNameOf } from '../../../../src/surfaces/vscode/toolNames.ts';

const catalogue = await loadCatalogue();

interface MenuItem {
  readonly command: string;
}
interface Manifest {
  readonly main: string;
  readonly browser?: string;
  readonly activationEvents: readonly string[];
  readonly capabilities: { readonly untrustedWorkspaces: { readonly supported: unknown; readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string; readonly enablement?: string }[];
    readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
    readonly viewsWelcome: readonly { readonly contents: string }[];
    readonly languageModelTools: readonly unknown[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly markdownDescription?: string }>> };
    readonly chatParticipants: readonly { readonly commands: readonly { readonly name: string }[] }[];
  };
}

describe('What package.json says about the editor side (unit)', () => {
  let manifest: Manifest;
  before(async () => {
    const read = async (name: string): Promise<unknown> => JSON.parse(await fs.readFile(new URL(`../../../../${name}`, import.meta.url), 'utf8')) as unknown;
    manifest = inWords(await read('package.json'), (await read('package.nls.json')) as Sentences) as Manifest;
  });

  it('names the tools that the catalogue has, with their schemas', () => {
    assert.deepEqual(manifest.contributes.languageModelTools, JSON.parse(JSON.stringify(toolContributions(catalogue))), 'run `tsx src/surfaces/vscode/manifest.ts`');
  });

  it('gives each tool a name that leads back to its operation', () => {
    for (const { name } of catalogue) assert.equal(operationNameOf(toolNameOf(name)), name);
  });

  it('promises exactly the commands that have a handler', () => {
    assert.deepEqual(manifest.contributes.commands.map(({ command }) => command).sort(), commandIds.map((name) => `hpc-agent.${name}`).sort());
  });

  it('puts no unknown command into a menu or a welcome view', () => {
    const known = new Set(manifest.contributes.commands.map(({ command }) => command));
    const used = [
      ...Object.values(manifest.contributes.menus).flatMap((items) => items.map(({ command }) => command)),
      ...manifest.contributes.viewsWelcome.flatMap(({ contents }) => [...contents.matchAll(/command:([\w.-]+)/g)].flatMap(([, command]) => command ?? [])),
    ];
    assert.deepEqual(used.filter((command) => command.startsWith('hpc-agent.') && !known.has(command)), []);
  });

  it('writes titles in sentence case under one category', () => {
    for (const { title, category } of manifest.contributes.commands) {
      assert.equal(category, 'HPC Agent');
      assert.match(title, /^[A-Z][^A-Z]*(?:CSV)?$/, title);
    }
  });

  it('lets an untrusted folder neither submit nor be evaluated', () => {
    assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited');
    for (const name of ['newSweep', 'plan', 'submitRun', 'resumeSubmission', 'cancelRun', 'aggregate', 'showJobScript']) {
      assert.match(manifest.contributes.commands.find(({ command }) => command === `hpc-agent.${name}`)?.enablement ?? '', /isWorkspaceTrusted/, name);
    }
  });

  it('documents every setting, has no web entry and starts only where there is something to show', () => {
    for (const [name, { markdownDescription }] of Object.entries(manifest.contributes.configuration.properties)) {
      assert.match(name, /^hpcAgent\./);
      assert.ok((markdownDescription ?? '').length > 20, name);
    }
    assert.equal(manifest.browser, undefined);
    assert.deepEqual(manifest.activationEvents, ['workspaceContains:.hpc', 'onWebviewPanel:hpcAgent.dashboard', 'onFileSystem:hpc-agent-log']);
  });
});
