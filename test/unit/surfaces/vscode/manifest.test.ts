import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import { commandIds } from '../../../../src/surfaces/vscode/commandIds.ts';
import { inWords, toolContributions, type Sentences } from '../../../../src/surfaces/vscode/manifest.ts';
import { operationNameOf, toolNameOf } from '../../../../src/surfaces/vscode/toolNames.ts';

const catalogue = await loadCatalogue();

interface MenuItem {
  readonly command: string;
  readonly group?: string;
  readonly when?: string;
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
    readonly walkthroughs: readonly { readonly steps: readonly { readonly description: string; readonly media: { readonly svg: string }; readonly completionEvents: readonly string[] }[] }[];
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

  it('has a picture for each step of the walkthrough, and an end that the editor side says', async () => {
    const steps = manifest.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
    const source = await fs.readFile(new URL('../../../../src/surfaces/vscode/milestones.ts', import.meta.url), 'utf8');
    const milestones = [...(/milestones = \[([^\]]*)\]/.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name);
    assert.deepEqual(steps.flatMap(({ completionEvents }) => completionEvents), milestones.map((name) => `onContext:hpcAgent.did.${name}`));
    for (const { media } of steps) {
      const svg = await fs.readFile(new URL(`../../../../${media.svg}`, import.meta.url), 'utf8');
      // Every theme has its own colours: nothing is drawn in fixed ones.
      assert.deepEqual([...svg.matchAll(/(?:fill|stroke)="(?!none|var\(--vscode-)[^"]*"/g)].map(([text]) => text), [], media.svg);
    }
  });

  it('puts no unknown command into a menu, a welcome view or the walkthrough', () => {
    const known = new Set(manifest.contributes.commands.map(({ command }) => command));
    const used = [
      ...Object.values(manifest.contributes.menus).flatMap((items) => items.map(({ command }) => command)),
      ...[...manifest.contributes.viewsWelcome.map(({ contents }) => contents), ...manifest.contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ description }) => description))].flatMap((text) => [...text.matchAll(/command:([\w.-]+)/g)].flatMap(([, command]) => command ?? [])),
    ];
    assert.deepEqual(used.filter((command) => command.startsWith('hpc-agent.') && !known.has(command)), []);
  });

  it('says of each button of the walkthrough that asks something where it was pressed', () => {
    const links = manifest.contributes.walkthroughs.flatMap(({ steps }) => steps.flatMap(({ description }) => [...description.matchAll(/command:hpc-agent\.(\w+)([^)]*)/g)].map(([, name, rest]) => [name, decodeURIComponent(rest ?? '')])));
    const asksNothing = ['preflight', 'openDashboard'];
    assert.deepEqual(links.filter(([name = '', rest]) => rest !== '?["walkthrough"]' && !asksNothing.includes(name)), []);
  });

  it('has each button of a row in the menu of the row, too, which opens by a key', () => {
    const items = manifest.contributes.menus['view/item/context'] ?? [];
    const placeOf = ({ command, when = '' }: MenuItem): string => `${command} in ${/view == (\S+)/.exec(when)?.[1] ?? ''}`;
    const isButton = ({ group = '' }: MenuItem): boolean => group.startsWith('inline');
    const inMenu = new Set(items.filter((item) => !isButton(item)).map(placeOf));
    assert.deepEqual(items.filter(isButton).map(placeOf).filter((place) => !inMenu.has(place)), []);
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
