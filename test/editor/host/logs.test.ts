/** Logs as files of the editor: a very long one opens at its end, follows, goes up and to its error; whatever a program prints is shown harmlessly. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';
import { measure } from './summary.ts';

const megabytes = 200;
/** Writes its log, then goes on line by line as long as the file `go` grows; ends with the file `end`. */
const script = `import os
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
out = sys.stdout
out.write("the first line\\n")
block = ("%s\\n" % ("x" * 99)) * 10000
for _ in range(${megabytes - 1}):
    out.write(block)
out.write("ValueError: far up\\n")
for line in range(8000):
    out.write("%06d %s\\n" % (line, "y" * 92))
out.write("\\x1b[31mred\\x1b[0m <script>alert(1)</script>\\x00\\x07 10 %\\r100 %\\n")
out.write('  File "%s", line 3, in <module>\\n' % os.path.join(here, "talk.py"))
out.flush()
seen = 0
while not os.path.exists(os.path.join(here, "end")):
    try:
        wanted = os.path.getsize(os.path.join(here, "go"))
    except OSError:
        wanted = 0
    while seen < wanted:
        seen += 1
        print("more %d" % seen, flush=True)
    time.sleep(0.05)
`;

type Answer = Readonly<Record<string, unknown>>;

async function invoke(name: string, input: object): Promise<Answer> {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
  return JSON.parse(content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('')) as Answer;
}

describe('The log of a task', function () {
  this.timeout(4 * 60_000);
  let folder: string;
  let remote: string;
  let runId: string;
  const editor = (): vscode.TextEditor => {
    const { activeTextEditor } = vscode.window;
    assert.ok(activeTextEditor);
    return activeTextEditor;
  };
  const lastLine = (): string => {
    const { document } = editor();
    return document.lineAt(document.lineCount - 1).text || document.lineAt(Math.max(0, document.lineCount - 2)).text;
  };

  const endInSight = (): Promise<boolean> =>
    eventually('the last line in sight', () => {
      const { visibleRanges, document } = editor();
      return visibleRanges.at(-1)?.end.line === document.lineCount - 1 || notYet([visibleRanges, document.lineCount]);
    });

  before(async () => {
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    await vscode.extensions.getExtension('hpc-agent.hpc-agent')?.activate();
    await fs.writeFile(path.join(folder, 'talk.py'), script);
    await fs.mkdir(path.join(folder, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(folder, '.hpc', 'tasks.py'), 'def total():\n    return 1\n\n\ndef resolve(i):\n    return {"n": i}\n');
    const { run_id } = await invoke('hpc_submit', { cluster: 'this-computer', run_name: 'talk', executor: 'talk.py', command: 'python3 talk.py' });
    runId = String(run_id);
    const sidecar = JSON.parse(await fs.readFile(path.join(folder, '.hpc', 'runs', `${runId}.json`), 'utf8')) as { remote_path: string };
    remote = sidecar.remote_path;
    // All is written when its end is there.
    await eventually('the end of the long log', async () => {
      const log = await invoke('hpc_logs', { run_id: runId, task_id: 0, lines: 3 });
      return (String(log.text).includes('alert(1)') && String(log.text).includes('talk.py')) || notYet(log);
    });
  });

  after(async () => {
    await fs.writeFile(path.join(remote, 'end'), '');
    await eventually('the end of the run', async () => {
      const { run } = (await invoke('hpc_status', { run_id: runId })) as { run: Answer };
      return (run.lifecycle_state !== 'in_flight' && run.lifecycle_state !== 'submitting') || notYet(run);
    });
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await fs.rm(path.join(folder, '.hpc', 'tasks.py'));
    await fs.rm(path.join(folder, 'talk.py'));
  });

  it(`of ${megabytes} MB opens at its end`, async () => {
    const started = performance.now();
    await vscode.commands.executeCommand('hpc-agent.showLog', { kind: 'task', folder, runId, taskId: 0, stream: 'stdout' });
    await endInSight();
    measure('open200MbLogMs', performance.now() - started);
    const { document } = editor();
    assert.equal(document.uri.scheme, 'hpc-agent-log');
    assert.match(document.lineAt(0).text, /^⋯ 19\d MiB before this$/);
    assert.ok(document.lineCount > 4000 && document.lineCount < 8000, String(document.lineCount));
  });

  it('is shown harmlessly whatever was printed', () => {
    assert.ok(editor().document.getText().includes('\n100 %\n'));
    assert.match(editor().document.getText(), /talk\.py", line 3/);
    assert.doesNotMatch(editor().document.getText(), /[\u0000-\u0009\u000b\u000c\u000e-\u001f]/);
    assert.equal(editor().document.getText().includes('<script>'), false, 'what a carriage return overwrote is gone');
  });

  it('cannot be written', async () => {
    assert.equal(vscode.workspace.fs.isWritableFileSystem('hpc-agent-log'), false);
    await assert.rejects(async () => vscode.workspace.fs.writeFile(editor().document.uri, new Uint8Array()));
  });

  it('follows what is written, and stays at the end', async () => {
    await fs.writeFile(path.join(remote, 'go'), '.'.repeat(3));
    const started = performance.now();
    await eventually('the third line more', () => lastLine() === 'more 3' || notYet(lastLine()));
    measure('followedAfterMs', performance.now() - started);
    await endInSight();
  });

  it('goes to the error, which lies further up than what was read', async () => {
    const before = editor().document.lineCount;
    await vscode.commands.executeCommand('hpc-agent.showLogError');
    assert.equal(editor().document.getText(editor().selection), 'ValueError: far up');
    assert.ok(editor().document.lineCount > before);
  });

  it('shows what is earlier, and the line that was read stays in sight', async () => {
    editor().revealRange(new vscode.Range(0, 0, 0, 0), vscode.TextEditorRevealType.AtTop);
    await eventually('the first line in sight', () => editor().visibleRanges[0]?.start.line === 0 || notYet(editor().visibleRanges));
    const { document } = editor();
    const [lines, second] = [document.lineCount, document.lineAt(2).text];
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri);
    assert.deepEqual(lenses.map(({ command }) => command?.command), ['hpc-agent.showEarlierLog', 'hpc-agent.showLogError']);
    await vscode.commands.executeCommand('hpc-agent.showEarlierLog');
    await eventually('more lines', () => document.lineCount > lines || notYet(`${document.lineCount} lines`));
    const added = document.lineCount - lines;
    assert.equal(document.lineAt(2 + added).text, second);
    await eventually('the line that was read in sight', () => editor().visibleRanges.some((range) => range.start.line > 0 && range.contains(new vscode.Position(2 + added, 0))) || notYet([added, editor().visibleRanges]));
  });

  it('leads from a traceback to the source in the workspace', async () => {
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>('vscode.executeLinkProvider', editor().document.uri);
    assert.deepEqual(links.map(({ target }) => target?.toString()), [`${vscode.Uri.file(path.join(folder, 'talk.py')).toString()}#L3`]);
  });
});
