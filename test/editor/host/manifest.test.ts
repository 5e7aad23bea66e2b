import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly languageModelTools: readonly { readonly name: string }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
  };
}

describe('What the manifest promises', () => {
  let manifest: Manifest;

  before(async () => {
    const extension = vscode.extensions.getExtension('hpc-agent.hpc-agent');
    assert.ok(extension);
    await extension.activate();
    manifest = extension.packageJSON as Manifest;
  });

  it('is registered, command by command, and nothing else is', async () => {
    const views = Object.values(manifest.contributes.views).flatMap((all) => all.map(({ id }) => id));
    const ours = (await vscode.commands.getCommands(true)).filter((name) => name.startsWith('hpc-agent.') && !views.some((view) => name.startsWith(`${view}.`)));
    assert.deepEqual(ours.sort(), manifest.contributes.commands.map(({ command }) => command).sort());
  });

  it('is registered, tool by tool', () => {
    assert.deepEqual(vscode.lm.tools.map(({ name }) => name).filter((name) => name.startsWith('hpc_')).sort(), manifest.contributes.languageModelTools.map(({ name }) => name).sort());
    for (const tool of vscode.lm.tools.filter(({ name }) => name.startsWith('hpc_'))) assert.equal((tool.inputSchema as { type?: unknown }).type, 'object', tool.name);
  });

  it('shows both views', async () => {
    for (const view of ['hpcAgent.runs', 'hpcAgent.clusters']) await vscode.commands.executeCommand(`${view}.focus`);
  });
});
