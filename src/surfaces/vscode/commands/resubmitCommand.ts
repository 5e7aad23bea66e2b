/** Submitting failed tasks again: what would go, with which change, and what needs a change first; then one question, then the submission. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
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

/** What can be chosen, what helps by itself first. */
export function resubmitChoices(found: ResubmitOutput): readonly Choice[] {
  const ready = found.groups.map(({ title, count, change }) => l10n.t('{0} ({1}): {2}', title, count, change));
  const items: Choice[] = ready.length === 0 ? [] : [{ label: l10n.t('{0, plural, one {Submit # task again} other {Submit # tasks again}}', found.task_count), detail: ready.join('; '), picked: true }];
  for (const { failure_class, title, count, task_ranges, reason } of found.blocked) {
    if (failure_class !== null) items.push({ label: l10n.t('Mended: {0} ({1})', title, count), description: l10n.t('{0, plural, one {task} other {tasks}} {1}', count, task_ranges.slice(0, 60)), detail: reason, category: failure_class });
  }
  return items;
}

export async function resubmitFailed(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose failed tasks are submitted again'), hasFailures);
  if (!chosen) return;
  const { folder, run_id } = chosen;
  const { resubmit } = await import('../../../operations/resubmit.ts');
  const subject = subjectOf(argument);
  // A group of the dashboard, whose change was reviewed there: only the question is left.
  if (subject?.kind === 'tasks') return submitAgain(editor, folder, [{ run_id, task_ids: [...subject.taskIds] }]);
  const found = await withProgress(l10n.t('Looking at the failed tasks'), (signal, progress) => editor.core.call(resubmit, { run_id, dry_run: true }, { folder, signal, progress }));
  const choices = resubmitChoices(found);
  if (choices.length === 0) {
    void vscode.window.showInformationMessage(l10n.t('No task of this run has failed.'));
    return;
  }
  const picked = await vscode.window.showQuickPick(choices, { title: l10n.t('Submit failed tasks of {0} again', chosen.run?.run_name ?? run_id), placeHolder: l10n.t('Choose what goes again'), canPickMany: true, matchOnDetail: true });
  if (!picked || picked.length === 0) return;
  await submitAgain(editor, folder, picked.map(({ category }) => ({ run_id, ...(category === undefined ? {} : { category }) })));
}

async function submitAgain(editor: Editor, folder: string, inputs: readonly { run_id: string; task_ids?: number[]; category?: string }[]): Promise<void> {
  const { resubmit } = await import('../../../operations/resubmit.ts');
  const sentences = await withProgress(l10n.t('Looking at the failed tasks'), (signal) => Promise.all(inputs.map((input) => editor.core.confirmation(resubmit, input, { folder, signal }))));
  const go: vscode.MessageItem = { title: l10n.t('Submit again') };
  const keep: vscode.MessageItem = { title: l10n.t('Not now'), isCloseAffordance: true };
  if ((await vscode.window.showWarningMessage(sentences.filter((sentence) => sentence !== undefined).join('\n\n'), { modal: true }, go, keep)) !== go) return;
  const told: string[] = [];
  // One after the other: each is an attempt of its own.
  const call = async (input: (typeof inputs)[number] & { no_avoid?: boolean }): Promise<ResubmitOutput> => withProgress(l10n.t('Submitting again'), (signal, progress) => editor.core.call(resubmit, input, { folder, signal, progress }));
  for (const input of inputs) {
    try {
      told.push((await call(input)).headline);
    } catch (error) {
      const avoided = HpcError.is(error) ? error.details?.avoided_nodes : undefined;
      if (!HpcError.is(error) || !Array.isArray(avoided)) throw error;
      const there: vscode.MessageItem = { title: l10n.t('Also on {0}', avoided.join(', ')) };
      if ((await vscode.window.showWarningMessage(error.message, { modal: true }, there, keep)) !== there) return;
      told.push((await call({ ...input, no_avoid: true })).headline);
    }
  }
  void vscode.window.showInformationMessage(told.join(' '));
  await editor.runs.refreshQuietly(true);
}
