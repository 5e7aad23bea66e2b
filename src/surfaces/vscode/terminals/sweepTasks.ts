/**
 * The sweep of a folder as tasks of VS Code: plan, canary, submit, on each cluster. Rule: what spends asks first, whoever started the task; closing
 * its terminal stops waiting, and what reached the cluster is on record.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { toHpcError } from '../../../foundation/errors.ts';
import type { ReportProgress } from '../../../foundation/progress.ts';
import type { Editor } from '../editor.ts';
import { canaryWords } from '../sweep/canaryWords.ts';
import { interruptedWords, offerToFinish } from '../sweep/interrupted.ts';
import { parseTaskDefinition, taskName, taskVerbs, terminalLines, type SweepTaskDefinition } from './taskDefinition.ts';

export async function sweepTasks(editor: Editor): Promise<vscode.Task[]> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const { clustersList } = await import('../../../operations/clusters.ts');
  const made = await Promise.all(
    folders.map(async (folder) => {
      if (!(await hasSweep(folder))) return [];
      const { clusters } = await editor.core.call(clustersList, {}, { folder: folder.uri.fsPath });
      return clusters.flatMap(({ name }) => taskVerbs.map((verb) => taskOf(editor, { type: 'hpc-agent', verb, cluster: name }, folder)));
    }),
  );
  return made.flat();
}

/** For a task of tasks.json, which says what but not how. */
export function resolvedTask(editor: Editor, task: vscode.Task): vscode.Task | undefined {
  const definition = parseTaskDefinition(task.definition);
  const folder = typeof task.scope === 'object' ? task.scope : vscode.workspace.workspaceFolders?.[0];
  // The editor wants the very definition that it asked about.
  return definition && folder && taskOf(editor, definition, folder, task.definition);
}

function taskOf(editor: Editor, definition: SweepTaskDefinition, folder: vscode.WorkspaceFolder, written: vscode.TaskDefinition = definition): vscode.Task {
  // The empty list: the editor does not ask which problems to look for in what it prints.
  const task = new vscode.Task(written, folder, taskName(definition), 'HPC Agent', new vscode.CustomExecution(() => Promise.resolve(new SweepTaskTerminal((say, signal, progress) => runTask(editor, definition, folder.uri.fsPath, say, signal, progress)))), []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
  task.detail = definition.verb === 'plan' ? l10n.t('Shows what submitting would do') : definition.verb === 'canary' ? l10n.t('One task first; the rest when it passed') : l10n.t('Copies the code and submits the sweep, after asking');
  return task;
}

async function hasSweep(folder: vscode.WorkspaceFolder): Promise<boolean> {
  return vscode.workspace.fs.stat(vscode.Uri.joinPath(folder.uri, '.hpc', 'tasks.py')).then(() => true, () => false);
}

type Say = (text: string) => void;

async function runTask(editor: Editor, { verb, cluster, run_name }: SweepTaskDefinition, folder: string, say: Say, signal: AbortSignal, progress: ReportProgress): Promise<void> {
  const spec = { cluster, ...(run_name === undefined ? {} : { run_name }) };
  const { plan } = await import('../../../operations/plan.ts');
  const planned = await editor.core.call(plan, spec, { folder, signal, progress });
  say(`${planned.headline}\n\n${planned.body}`);
  if (verb === 'plan') {
    if (planned.verdict === 'fail') throw new Error(l10n.t('This cannot be submitted as it is.'));
    return;
  }
  const { submit } = await import('../../../operations/submit.ts');
  const input = { ...spec, ...(verb === 'canary' ? { canary: true } : {}) };
  const go: vscode.MessageItem = { title: verb === 'canary' ? l10n.t('Run task 0 first') : l10n.t('Submit') };
  const sentence = await editor.core.confirmation(submit, input, { folder, signal });
  if ((await vscode.window.showInformationMessage(sentence ?? planned.headline, { modal: true, ...(verb === 'canary' ? { detail: canaryWords(planned.sample_tasks) } : {}) }, go)) !== go) throw new CancelledError();
  try {
    const answer = await editor.core.call(submit, input, { folder, signal, progress });
    say(`\n${answer.headline}\n${l10n.t('Run {0}', answer.run_id)}`);
    await editor.runs.refresh(false);
    await editor.revealRun(answer.run_id);
  } catch (error) {
    // Something may be on the cluster: the tree shows it, with the way to finish it.
    void editor.runs.refreshQuietly(false);
    if (!CancelledError.is(error)) throw error;
    void offerToFinish();
    throw new Error(interruptedWords(), { cause: error });
  }
}

class SweepTaskTerminal implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.written.event;
  private readonly ended = new vscode.EventEmitter<number>();
  readonly onDidClose = this.ended.event;
  private readonly stop = new AbortController();
  private readonly work: (say: Say, signal: AbortSignal, progress: ReportProgress) => Promise<void>;

  constructor(work: (say: Say, signal: AbortSignal, progress: ReportProgress) => Promise<void>) {
    this.work = work;
  }

  open(): void {
    void this.run();
  }

  close(): void {
    this.stop.abort();
  }

  /** Ctrl+C, as in any terminal. */
  handleInput(data: string): void {
    if (data.includes('\u0003')) this.stop.abort();
  }

  private async run(): Promise<void> {
    const say = (text: string): void => this.written.fire(terminalLines(text));
    let last = '';
    try {
      await this.work(say, this.stop.signal, ({ message }) => {
        if (message !== last) say(`… ${message}`);
        last = message;
      });
      this.ended.fire(0);
    } catch (error) {
      if (CancelledError.is(error)) say(`\n${l10n.t('Nothing was submitted by this task.')}`);
      else {
        const { message, remediation } = toHpcError(error);
        say(`\n${message}${remediation === undefined ? '' : `\n${remediation}`}`);
      }
      this.ended.fire(1);
    }
  }
}
