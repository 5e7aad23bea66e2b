/** Problems of the files that are open, at their places, with what mends them. Rule: a text is judged as it is now; an answer for an older one is dropped. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { TasksText } from '../../../operations/editing/checkPython.ts';
import type { TextFix, TextProblem } from '../../../operations/editing/textProblem.ts';
import type { Core } from '../core.ts';
import { editOf, rangeOf, type TextRange } from './problemPlaces.ts';
import type { Sweeps } from './sweeps.ts';
import { folderOf, kindOf } from './whereabouts.ts';

const settleMs = 250;

interface Checked {
  readonly version: number;
  readonly problems: readonly { readonly problem: TextProblem; readonly range: TextRange }[];
}

const severities: Readonly<Record<TextProblem['severity'], vscode.DiagnosticSeverity>> = { error: vscode.DiagnosticSeverity.Error, warning: vscode.DiagnosticSeverity.Warning, info: vscode.DiagnosticSeverity.Information };

export class Checks implements vscode.Disposable, vscode.CodeActionProvider {
  private readonly collection = vscode.languages.createDiagnosticCollection('hpc-agent');
  private readonly checked = new Map<string, Checked>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Folders whose tasks.py was evaluated: the version of its text, and which file it was on the disk. */
  private readonly evaluated = new Map<string, { readonly version: number; readonly stamp: string }>();
  private readonly core: Core;
  private readonly sweeps: Sweeps;
  private readonly subscriptions: vscode.Disposable;

  constructor(core: Core, sweeps: Sweeps) {
    this.core = core;
    this.sweeps = sweeps;
    this.subscriptions = vscode.Disposable.from(
      this.collection,
      vscode.workspace.onDidOpenTextDocument((document) => this.soon(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.soon(document, settleMs);
      }),
      vscode.workspace.onDidSaveTextDocument((document) => this.soon(document, 0)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.close(uri)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.all()),
      sweeps.onDidChange((folder) => this.again(folder)),
    );
    this.all();
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range, context: vscode.CodeActionContext): vscode.CodeAction[] {
    const checked = this.checked.get(document.uri.toString());
    if (checked?.version !== document.version) return [];
    const lines = linesOf(document);
    return checked.problems
      .filter(({ range: at }) => editorRange(at).intersection(range) !== undefined)
      .flatMap(({ problem, range: at }) => {
        const diagnostics = context.diagnostics.filter((diagnostic) => diagnostic.source === 'HPC Agent' && diagnostic.code === problem.code && diagnostic.range.isEqual(editorRange(at)));
        return problem.fixes.map((fix, index) => actionOf(document, fix, at, lines, diagnostics, index === 0 && problem.fixes.filter(({ kind }) => kind === fix.kind).length === 1));
      });
  }

  /** tasks.py of the folder came, went or was written by something else than its editor. The editor may tell late: of the very file that was evaluated since. */
  async touched(folder: string, isRewritten: boolean): Promise<void> {
    const file = vscode.Uri.file(path.join(folder, '.hpc', 'tasks.py')).toString();
    const document = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === file);
    if (!document) return this.sweeps.look(folder);
    // The editor takes what was written to the file, which is a change of the text; what is being typed is judged as it is typed.
    if (isRewritten || document.isDirty || (await stampOf(document.uri)) === this.evaluated.get(folder)?.stamp) return;
    this.evaluated.delete(folder);
    this.soon(document, settleMs);
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.subscriptions.dispose();
  }

  private all(): void {
    for (const document of vscode.workspace.textDocuments) this.soon(document, 0);
  }

  private again(folder: string): void {
    for (const document of vscode.workspace.textDocuments) {
      const kind = kindOf(document.uri);
      if ((kind === 'tasks' || kind === 'axes') && folderOf(document.uri) === folder) this.soon(document, 0);
    }
  }

  private soon(document: vscode.TextDocument, waitMs: number): void {
    const kind = kindOf(document.uri);
    if (kind === undefined || kind === 'script') return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => void this.check(document), waitMs),
    );
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    if (document.isClosed) return;
    const { version } = document;
    const problems = await this.problemsOf(document);
    if (document.isClosed || document.version !== version) return;
    const lines = linesOf(document);
    const placed = problems.map((problem) => ({ problem, range: rangeOf(problem, lines) }));
    this.checked.set(document.uri.toString(), { version, problems: placed });
    this.collection.set(
      document.uri,
      placed.map(({ problem, range }) => {
        const diagnostic = new vscode.Diagnostic(editorRange(range), problem.remediation === '' || problem.message.includes(problem.remediation) ? problem.message : `${problem.message}\n${problem.remediation}`, severities[problem.severity]);
        diagnostic.source = 'HPC Agent';
        diagnostic.code = problem.code;
        return diagnostic;
      }),
    );
  }

  private async problemsOf(document: vscode.TextDocument): Promise<readonly TextProblem[]> {
    const text = document.getText();
    const kind = kindOf(document.uri);
    if (kind === 'tasks') return this.tasksProblems(document, text);
    const { checkAxesText, checkClustersText, checkPlaybookText } = await import('../../../operations/editing/checkYaml.ts');
    if (kind === 'clusters') return checkClustersText(text, document.uri.fsPath);
    if (kind === 'playbook') return checkPlaybookText(text, path.basename(document.uri.fsPath));
    const state = this.sweeps.get(folderOf(document.uri) ?? '').state;
    return kind === 'axes' ? checkAxesText(text, state.kind === 'known' ? state.sweep.taskCount : undefined) : [];
  }

  private async tasksProblems(document: vscode.TextDocument, text: string): Promise<readonly TextProblem[]> {
    const folder = folderOf(document.uri);
    if (folder === undefined) return [];
    const { problemsOfSweep, readTasksText } = await import('../../../operations/editing/checkPython.ts');
    const tasks = await this.core.within('reads', { folder }, (context) => readTasksText(text, context));
    const isBroken = tasks.problems.some(({ severity }) => severity === 'error');
    if (document.isDirty) {
      // What was counted belongs to the text on the disk.
      this.evaluated.delete(folder);
      this.sweeps.forget(folder);
      return tasks.problems;
    }
    this.evaluate(folder, document, await stampOf(document.uri), tasks, isBroken);
    const { state, failure } = this.sweeps.get(folder);
    const ofSweep = state.kind === 'known' ? problemsOfSweep(state.sweep, tasks) : failure && !isBroken ? [failure] : [];
    return [...tasks.problems, ...ofSweep];
  }

  /** Once for each text that is on the disk. */
  private evaluate(folder: string, document: vscode.TextDocument, stamp: string, tasks: TasksText, isBroken: boolean): void {
    if (this.evaluated.get(folder)?.version === document.version) return;
    const mayRun = vscode.workspace.isTrusted && tasks.isHarmless && !isBroken && vscode.workspace.getConfiguration('hpcAgent', document.uri).get('evaluateOnSave', true);
    this.evaluated.set(folder, { version: document.version, stamp });
    void (mayRun ? this.sweeps.countUnasked(folder) : this.sweeps.look(folder));
  }

  private close(uri: vscode.Uri): void {
    const key = uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.checked.delete(key);
    const folder = kindOf(uri) === 'tasks' ? folderOf(uri) : undefined;
    if (folder !== undefined) this.evaluated.delete(folder);
    this.collection.delete(uri);
  }
}

/** Another one for another file, also of the same text; empty where there is none. */
async function stampOf({ fsPath }: vscode.Uri): Promise<string> {
  return fs.stat(fsPath).then(({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`, () => '');
}

const linesOf = (document: vscode.TextDocument): readonly string[] => document.getText().split(/\r?\n/);

function editorRange({ line, start, end }: TextRange): vscode.Range {
  return new vscode.Range(line, start, line, end);
}

function actionOf(document: vscode.TextDocument, fix: TextFix, range: TextRange, lines: readonly string[], diagnostics: vscode.Diagnostic[], isPreferred: boolean): vscode.CodeAction {
  const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
  const { from, to, text } = editOf(fix, range, lines);
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(document.uri, new vscode.Range(from.line, from.character, to.line, to.character), text);
  action.diagnostics = diagnostics;
  action.isPreferred = isPreferred;
  return action;
}
