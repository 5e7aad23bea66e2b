/** Folders that make trouble, in the real extension host: nothing hangs, nothing is run again and again, and what can be said is said. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';

describe('Folders that make trouble', function () {
  this.timeout(3 * 60_000);
  let folder: string;
  const tasks = (): vscode.Uri => vscode.Uri.file(path.join(folder, '.hpc', 'tasks.py'));
  const lenses = async (): Promise<readonly vscode.Command[]> => (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', tasks())).flatMap(({ command }) => command ?? []);
  const lens = (wanted: RegExp): Promise<vscode.Command> =>
    eventually(`the lens ${String(wanted)}`, async () => {
      const all = await lenses();
      return all.find(({ title, tooltip }) => wanted.test(`${title} ${tooltip ?? ''}`)) ?? notYet(all.map(({ title, tooltip }) => `${title} ${tooltip ?? ''}`));
    });

  before(async () => {
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    await vscode.extensions.getExtension('hpc-agent.hpc-agent')?.activate();
    await fs.mkdir(path.join(folder, '.hpc'), { recursive: true });
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const name of ['starts', 'ready', '.hpc/tasks.py']) await fs.rm(path.join(folder, name), { force: true });
  });

  it('does not evaluate a tasks.py again and again that never ends, and does so, and stops, when it is told to', async () => {
    // The editor tells of a new file late: when it is being evaluated, or was.
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, '{.hpc,.hpc/tasks.py}'));
    let isTold = false;
    watcher.onDidCreate(() => (isTold = true));
    await fs.writeFile(tasks().fsPath, 'import os\nprint("[{" * 1000)\nopen("starts", "a").write("x")\nwhile not os.path.exists("ready"):\n    os.system("sleep 0.1")\n\n\ndef total():\n    print("noise")\n    return 2\n\n\ndef resolve(i):\n    return {"n": i}\n');
    const starts = async (): Promise<number> => (await fs.readFile(path.join(folder, 'starts'), 'utf8').catch(() => '')).length;
    const editor = await vscode.window.showTextDocument(tasks());
    await eventually('the editor to tell of the new file', () => isTold || notYet('nothing'));
    watcher.dispose();
    const { title, command, arguments: given } = await lens(/takes long/);
    assert.equal(title, 'Count the tasks');
    // The command works in the folder of the file.
    assert.equal((given?.[0] as vscode.Uri | undefined)?.fsPath, tasks().fsPath);
    assert.equal(await starts(), 1);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '# saved again\n'));
    await editor.document.save();
    await lens(/Count the tasks.*takes long/);
    const counted = vscode.commands.executeCommand(command, ...(given as unknown[]));
    await eventually('the second start of tasks.py', async () => ((count) => count === 2 || notYet(`${count} starts`))(await starts()));
    await fs.writeFile(path.join(folder, 'ready'), '');
    await lens(/2 tasks/);
    void counted;
  });

  it('survives that its folder goes away, and comes back', async () => {
    const gone = `${folder}-gone`;
    await fs.rename(folder, gone);
    try {
      await vscode.commands.executeCommand('hpc-agent.refresh');
      const { content } = await vscode.lm.invokeTool('hpc_list_runs', { input: {}, toolInvocationToken: undefined });
      assert.match(content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join(''), /"runs":\[\]|"ok":false/);
      await assert.rejects(fs.stat(folder), 'looking makes no folder');
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
      await fs.rename(gone, folder);
    }
    await vscode.commands.executeCommand('hpc-agent.refresh');
    await lens(/2 tasks|Count the tasks/);
  });
});
