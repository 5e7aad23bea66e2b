/** The editor's help with our files, through the commands that the editor itself uses: lenses, problems, fixes, hovers, completions. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';

const tasks = `FLAGS = {"sweep_me": []}

_TASKS = [{"alpha": a, "seed": s} for a in [0.1, 1.0, 10.0] for s in range(8)]


def total():
    return len(_TASKS)


def resolve(i):
    return dict(_TASKS[i])
`;
const script = `import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--seed", type=int)
args = parser.parse_args()
print(args.alpha)
`;

const plain = (text: string): string => text.replace(/\$\([^)]*\) /g, '');

describe('Help with our files', function () {
  this.timeout(90_000);
  let folder: string;
  const file = (...parts: string[]): vscode.Uri => vscode.Uri.file(path.join(folder, ...parts));

  before(async () => {
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    await vscode.extensions.getExtension('hpc-agent.hpc-agent')?.activate();
    await fs.mkdir(path.join(folder, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(folder, 'sweep_me.py'), script);
    await fs.writeFile(path.join(folder, '.hpc', 'tasks.py'), tasks);
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const name of ['sweep_me.py', '.hpc/tasks.py', '.hpc/clusters.yaml', '.hpc/axes.yaml', '.hpc/playbook.yaml']) await fs.rm(path.join(folder, name), { force: true });
  });

  const lensesOf = async (uri: vscode.Uri): Promise<string> => (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri)).map(({ command }) => plain(command?.title ?? '')).join(' · ');
  const lensesBecome = (uri: vscode.Uri, wanted: RegExp): Promise<string> => eventually(`the lenses ${String(wanted)}`, async () => ((text) => (wanted.test(text) ? text : notYet(text)))(await lensesOf(uri)));
  const problemsBecome = (uri: vscode.Uri, wanted: (problems: readonly vscode.Diagnostic[]) => boolean): Promise<readonly vscode.Diagnostic[]> =>
    eventually(`the problems of ${path.basename(uri.path)}`, () => ((all) => (wanted(all) ? all : notYet(all.map(({ code, message, range }) => [code, range.start.line, message]))))(vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'HPC Agent')));
  const codes = (problems: readonly vscode.Diagnostic[]): unknown[] => problems.map(({ code, range }) => [code, range.start.line]);
  const fixesAt = async (uri: vscode.Uri, range: vscode.Range): Promise<vscode.CodeAction[]> => (await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', uri, range, 'quickfix')).filter(({ edit }) => edit !== undefined);
  const replaceAll = async (editor: vscode.TextEditor, text: string): Promise<void> => {
    await editor.edit((edit) => edit.replace(new vscode.Range(0, 0, editor.document.lineCount, 0), text));
  };
  const hoverText = async (uri: vscode.Uri, position: vscode.Position): Promise<string> =>
    (await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, position)).flatMap(({ contents }) => contents.map((part) => (typeof part === 'string' ? part : part.value))).join('\n');

  it('counts the tasks above tasks.py, and says what can be done', async () => {
    await vscode.window.showTextDocument(file('.hpc', 'tasks.py'));
    assert.equal(await lensesBecome(file('.hpc', 'tasks.py'), /24 tasks/), '24 tasks · Plan · Run canary · Submit');
    assert.deepEqual(codes(vscode.languages.getDiagnostics(file('.hpc', 'tasks.py'))), []);
  });

  it('says the same above an executor of the sweep', async () => {
    await vscode.window.showTextDocument(file('sweep_me.py'));
    assert.equal(await lensesBecome(file('sweep_me.py'), /24/), '24 tasks · Plan · Run canary · Submit');
  });

  it('tells the values of a parameter where it is named', async () => {
    const text = await hoverText(file('.hpc', 'tasks.py'), new vscode.Position(2, 14));
    assert.match(text, /\*\*alpha\*\* — 3 values from `0\.1` to `10` in 24 tasks/);
    assert.match(text, /\| `1\.0`|\| `1` \| 8 \| 8–15 \|/);
    assert.match(await hoverText(file('sweep_me.py'), new vscode.Position(4, 25)), /\*\*seed\*\* — 8 values/);
    assert.doesNotMatch(await hoverText(file('sweep_me.py'), new vscode.Position(0, 8)), /values/);
  });

  it('marks what is wrong in tasks.py while it is typed, and mends it', async () => {
    const uri = file('.hpc', 'tasks.py');
    const editor = await vscode.window.showTextDocument(uri);
    await replaceAll(editor, tasks.replace('"seed": s', '"path": s').replace('sweep_me', 'swep_me').replace(/def resolve[^]*/, ''));
    const problems = await problemsBecome(uri, (all) => all.length === 3);
    assert.deepEqual(codes(problems).sort(), [['executor_not_found', 0], ['reserved_name', 2], ['resolve_missing', 0]].sort());
    for (const [code, title] of [['executor_not_found', 'Change to "sweep_me"'], ['reserved_name', 'Rename the parameter to "arg_path"'], ['resolve_missing', 'Add resolve(i)']] as const) {
      const problem = (await problemsBecome(uri, (all) => all.some((item) => item.code === code))).find((item) => item.code === code);
      assert.ok(problem);
      const fix = (await fixesAt(uri, problem.range)).find((action) => action.title === title);
      assert.ok(fix?.edit, title);
      await vscode.workspace.applyEdit(fix.edit);
      await problemsBecome(uri, (all) => all.every((item) => item.code !== code));
    }
    await problemsBecome(uri, (all) => all.length === 0);
    assert.match(editor.document.getText(), /"sweep_me": \[\][^]*"arg_path": s[^]*def resolve\(i\):\n {4}return dict\(_TASKS\[i\]\)\n$/);
    await editor.document.save();
    await lensesBecome(uri, /24 tasks/);
  });

  it('shows where an evaluation fails', async () => {
    const uri = file('.hpc', 'tasks.py');
    const editor = await vscode.window.showTextDocument(uri);
    await replaceAll(editor, tasks.replace('return dict(_TASKS[i])', 'return dict(_TASKS[i], worse=1 / (i - 5))'));
    await editor.document.save();
    const [problem] = await problemsBecome(uri, (all) => all.length === 1);
    assert.deepEqual([problem?.code, problem?.range.start.line], ['resolve_raised', 10], problem?.message ?? '');
    assert.match(problem?.message ?? '', /ZeroDivisionError/);
    assert.match(await lensesBecome(uri, /cannot/), /^tasks\.py cannot be evaluated$/);
    await replaceAll(editor, tasks);
    await editor.document.save();
    await lensesBecome(uri, /24 tasks/);
    await problemsBecome(uri, (all) => all.length === 0);
  });

  it('does not run by itself what may draw a trial', async () => {
    const uri = file('.hpc', 'tasks.py');
    const editor = await vscode.window.showTextDocument(uri);
    await replaceAll(editor, `import subprocess\n${tasks}`);
    await editor.document.save();
    assert.equal(await lensesBecome(uri, /Count the tasks/), 'Count the tasks · Plan · Run canary · Submit');
    await vscode.commands.executeCommand('hpc-agent.countTasks');
    await lensesBecome(uri, /24 tasks/);
    await replaceAll(editor, tasks);
    await editor.document.save();
    await lensesBecome(uri, /24 tasks/);
  });

  it('knows clusters.yaml: problems, fixes, keys, words, meanings', async () => {
    const uri = file('.hpc', 'clusters.yaml');
    await fs.writeFile(uri.fsPath, 'bed:\n  schduler: slurm\n  connection: opensh\n');
    const editor = await vscode.window.showTextDocument(uri);
    const problems = await problemsBecome(uri, (all) => all.length === 2);
    assert.deepEqual(codes(problems), [['unknown_key', 1], ['invalid_value', 2]]);
    for (const wanted of ['Change to "scheduler"', 'Change to "openssh"']) {
      const [problem] = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'HPC Agent');
      assert.ok(problem);
      const fix = (await fixesAt(uri, problem.range)).find(({ title }) => title === wanted);
      assert.ok(fix?.edit, wanted);
      const { version } = editor.document;
      await vscode.workspace.applyEdit(fix.edit);
      await eventually('the fix in the document', () => editor.document.version > version);
      await problemsBecome(uri, (all) => all.every(({ range }) => !range.isEqual(problem.range)));
    }
    await problemsBecome(uri, (all) => all.length === 0);
    assert.equal(editor.document.getText(), 'bed:\n  scheduler: slurm\n  connection: openssh\n');
    await editor.edit((edit) => edit.insert(new vscode.Position(3, 0), '  '));
    const keys = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', uri, new vscode.Position(3, 2));
    const names = keys.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    assert.ok(names.includes('host') && names.includes('constraints') && !names.includes('scheduler'), names.join(' '));
    const words = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', uri, new vscode.Position(1, 13));
    assert.ok(words.items.some(({ label }) => label === 'slurm') && words.items.some(({ label }) => label === 'sge'));
    assert.match(await hoverText(uri, new vscode.Position(2, 5)), /How to reach it[^]*`openssh`/);
    await editor.document.save();
  });

  it('knows axes.yaml and playbook.yaml', async () => {
    const axes = file('.hpc', 'axes.yaml');
    await fs.writeFile(axes.fsPath, 'axes_schema_version: 1\naxes:\n  - name: alpha\n    size: 3\n  - name: seed\n    size: 7\n');
    await vscode.window.showTextDocument(axes);
    assert.deepEqual(codes(await problemsBecome(axes, (all) => all.length > 0)), [['axes_product', 1]]);
    const playbook = file('.hpc', 'playbook.yaml');
    await fs.writeFile(playbook.fsPath, 'walltime_rules:\n  - below_quantile: 2\n');
    await vscode.window.showTextDocument(playbook);
    assert.deepEqual(codes(await problemsBecome(playbook, (all) => all.length > 0)), [['playbook_parse_error', 1]]);
  });
});
