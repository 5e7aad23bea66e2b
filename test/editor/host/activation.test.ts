import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';
import { measure } from './summary.ts';

const id = 'hpc-agent.hpc-agent';
const emptyId = 'hpc-agent-test.empty';

/** The row of VS Code's own activation table ("Developer: Startup Performance") about an extension: columns by name, in ms. */
async function activationTable(id: string): Promise<Readonly<Record<string, string>>> {
  await vscode.commands.executeCommand('perfview.show');
  return await eventually(`the row of ${id} in the editor's table`, () => {
    const text = vscode.workspace.textDocuments.find((document) => document.uri.scheme === 'perf')?.getText() ?? '';
    const cells = (line: string | undefined): readonly string[] => (line ?? '').split('|').slice(1, -1).map((cell) => cell.trim());
    const lines = text.split(/\r?\n/);
    const row = cells(lines.find((line) => cells(line)[0] === id));
    const head = cells(lines.find((line) => /^\|\s*Extension\s*\|/.test(line)));
    return row.length > 0 && row.length === head.length ? Object.fromEntries(head.map((name, index) => [name, row[index] ?? ''])) : notYet(text.slice(0, 500));
  });
}

describe('The extension in the extension host', () => {
  it('is there, from the packaged files', () => {
    const extension = vscode.extensions.getExtension(id);
    assert.ok(extension, `${id} is not installed`);
    assert.match(extension.extensionPath, /unpacked/);
  });

  it('activates', async () => {
    const extension = vscode.extensions.getExtension(id);
    assert.ok(extension);
    const wasActive = extension.isActive;
    const start = performance.now();
    await extension.activate();
    if (!wasActive) measure('activateRequestMs', performance.now() - start);
    assert.equal(extension.isActive, true);
  });

  it('tells how long its own code took', async () => {
    await vscode.extensions.getExtension(id)?.activate();
    // One that does nothing, at the same time on the same machine: a busy one says nothing about milliseconds.
    const empty = vscode.extensions.getExtension(emptyId);
    await empty?.activate();
    for (const [extension, prefix] of [[id, ''], ...(empty ? [[emptyId, 'empty.'] as const] : [])] as const) {
      const row = await activationTable(extension);
      for (const [column, name] of Object.entries({ 'Load Code': 'loadCodeMs', 'Call Activate': 'callActivateMs', 'Finish Activate': 'finishActivateMs' })) {
        const value = Number(row[column]);
        assert.ok(Number.isFinite(value), `${column} of ${JSON.stringify(row)} is no number`);
        measure(`${prefix}${name}`, value);
      }
    }
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
