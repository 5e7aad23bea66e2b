/** Submitting failed tasks again: what would go, with which change, and what needs a change first; then one question, then the submission. */
import * as vscode from 'vscode';
import { HpcError } from '../../../foundation/errors.ts';
import type { ResubmitOutput } from '../../../operations/resubmit.ts';
import { withProgress } from '../cancellation.ts';
import type { Editor } from '../editor.ts';
import { hasFailures } from '../trees/failureNodes.ts';
import { subjectOf } from '../subjects.ts';
import { chosenRun } from './runCommands.ts';

interface Choice extends vscode.QuickPickItem {
  /** Absent: all that another try can help. */
  readonly category?: string;
}

const tasks = (count: number): string => `${count.toLocaleString('en-US')} task${count === 1 ? '' : 's'}`;

/** What can be chosen, what helps by itself first. */
export function resubmitChoices(found: ResubmitOutput): readonly Choice[] {
  const ready = found.groups.map(({ title, count, change }) => `${title} (${count.toLocaleString('en-US')}): ${change}`);
  const items: Choice[] = ready.length === 0 ? [] : [{ label: `Submit ${tasks(found.task_count)} again`, detail: ready.join('; '), picked: true }];
  for (const { failure_class, title, count, task_ranges, reason } of found.blocked) {
    if (failure_class !== null) items.push({ label: `Mended: ${title} (${count.toLocaleString('en-US')})`, description: `${count === 1 ? 'task' : 'tasks'} ${task_ranges.slice(0, 60)}`, detail: reason, category: failure_class });
  }
  return items;
}

export async function resubmitFailed(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, 'Run whose failed tasks are submitted again', hasFailures);
  if (!chosen) return;
  const { folder, run_id } = chosen;
  const { resubmit } = await import('../../../operations/resubmit.ts');
  const subject = subjectOf(argument);
  // A group of the dashboard, whose change was reviewed there: only the question is left.
  if (subject?.kind === 'tasks') return submitAgain(editor, folder, [{ run_id, task_ids: [...subject.taskIds] }]);
  const found = await withProgress('Looking at the failed tasks', (signal, progress) => editor.core.call(resubmit, { run_id, dry_run: true }, { folder, signal, progress }));
  const choices = resubmitChoices(found);
  if (choices.length === 0) {
    void vscode.window.showInformationMessage('No task of this run has failed.');
    return;
  }
  const picked = await vscode.window.showQuickPick(choices, { title: `Submit failed tasks of ${chosen.run?.run_name ?? run_id} again`, placeHolder: 'Choose what goes again', canPickMany: true, matchOnDetail: true });
  if (!picked || picked.length === 0) return;
  await submitAgain(editor, folder, picked.map(({ category }) => ({ run_id, ...(category === undefined ? {} : { category }) })));
}

async function submitAgain(editor: Editor, folder: string, inputs: readonly { run_id: string; task_ids?: number[]; category?: string }[]): Promise<void> {
  const { resubmit } = await import('../../../operations/resubmit.ts');
  const sentences = await withProgress('Looking at the failed tasks', (signal) => Promise.all(inputs.map((input) => editor.core.confirmation(resubmit, input, { folder, signal }))));
  const go: vscode.MessageItem = { title: 'Submit again' };
  const keep: vscode.MessageItem = { title: 'Not now', isCloseAffordance: true };
  if ((await vscode.window.showWarningMessage(sentences.filter((sentence) => sentence !== undefined).join('\n\n'), { modal: true }, go, keep)) !== go) return;
  const told: string[] = [];
  // One after the other: each is an attempt of its own.
  const call = async (input: (typeof inputs)[number] & { no_avoid?: boolean }): Promise<ResubmitOutput> => withProgress('Submitting again', (signal, progress) => editor.core.call(resubmit, input, { folder, signal, progress }));
  for (const input of inputs) {
    try {
      told.push((await call(input)).headline);
    } catch (error) {
      const avoided = HpcError.is(error) ? error.details?.avoided_nodes : undefined;
      if (!HpcError.is(error) || !Array.isArray(avoided)) throw error;
      const there: vscode.MessageItem = { title: `Also on ${avoided.join(', ')}` };
      if ((await vscode.window.showWarningMessage(error.message, { modal: true }, there, keep)) !== there) return;
      told.push((await call({ ...input, no_avoid: true })).headline);
    }
  }
  void vscode.window.showInformationMessage(told.join(' '));
  await editor.runs.refreshQuietly(true);
}
