/** The line above tasks.py and above each executor: how many tasks, and what can be done with them. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Core } from '../core.ts';
import { scriptLenses, tasksLenses, type Lens } from './sweepWords.ts';
import type { Sweeps } from './sweeps.ts';
import { folderOf, isSweepOf, kindOf } from './whereabouts.ts';

export class Lenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly core: Core;
  private readonly sweeps: Sweeps;
  private readonly subscriptions: vscode.Disposable;
  /** Executors that tasks.py names, by folder. */
  private readonly named = new Map<string, Promise<readonly string[]>>();

  constructor(core: Core, sweeps: Sweeps) {
    this.core = core;
    this.sweeps = sweeps;
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      sweeps.onDidChange(() => this.changed.fire()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.again()),
      vscode.workspace.onDidSaveTextDocument(({ uri }) => {
        if (kindOf(uri) === 'tasks') this.again();
      }),
    );
  }

  /** Which scripts tasks.py names is read anew. */
  again(): void {
    this.named.clear();
    this.changed.fire();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const folder = folderOf(document.uri);
    if (folder === undefined) return [];
    const kind = kindOf(document.uri);
    const lenses = kind === 'tasks' ? (isSweepOf(document.uri, folder) ? tasksLenses(this.sweeps.get(folder).state) : []) : kind === 'script' ? await this.ofScript(document, folder) : [];
    return lenses.map((lens) => lensOf(lens, document));
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async ofScript(document: vscode.TextDocument, folder: string): Promise<readonly Lens[]> {
    const file = path.relative(folder, document.uri.fsPath).split(path.sep).join('/');
    const { readScriptText } = await import('../../../operations/editing/checkPython.ts');
    const script = await readScriptText(file, document.getText());
    if (!script || (script.flags.length === 0 && script.kind === 'script')) return [];
    return scriptLenses(this.sweeps.get(folder).state, script.flags, (await this.namedIn(folder)).includes(file));
  }

  private namedIn(folder: string): Promise<readonly string[]> {
    let named = this.named.get(folder);
    if (!named) {
      named = this.readNamed(folder);
      this.named.set(folder, named);
    }
    return named;
  }

  private async readNamed(folder: string): Promise<readonly string[]> {
    try {
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc', 'tasks.py')));
      const { readTasksText } = await import('../../../operations/editing/checkPython.ts');
      const { executors } = await this.core.within('reads', { folder }, (context) => readTasksText(text, context));
      if (this.sweeps.get(folder).state.kind === 'unknown') void this.sweeps.look(folder);
      return executors;
    } catch {
      return []; // No tasks.py, or none that can be read: then no script is part of a sweep.
    }
  }
}

function lensOf({ title, command, tooltip }: Lens, document: vscode.TextDocument): vscode.CodeLens {
  // Its folder is the one that is worked in, and newSweep takes the script.
  const argument = command?.startsWith('hpc-agent.') === true ? [document.uri] : [];
  return new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), { title, command: command ?? '', ...(tooltip === undefined ? {} : { tooltip }), arguments: argument });
}
