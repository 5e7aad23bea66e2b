/** Opens the log of a task, from a row, from the other stream's document, or by asking. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { logAddress } from '../documents/logAddress.ts';
import type { LogDocuments } from '../documents/logDocuments.ts';
import type { Editor } from '../editor.ts';
import { subjectOf } from '../subjects.ts';
import { chosenRun } from './runCommands.ts';

export async function showLog(editor: Editor, logs: LogDocuments, argument: unknown, stream?: 'stdout' | 'stderr'): Promise<void> {
  const subject = subjectOf(argument);
  if (subject?.kind === 'task') {
    const { folder, runId, taskId, find } = subject;
    return logs.show({ folder, runId, taskId, stream: stream ?? subject.stream }, stream === undefined || stream === subject.stream ? find : undefined);
  }
  const uri = argument instanceof vscode.Uri ? argument : argument === undefined ? vscode.window.activeTextEditor?.document.uri : undefined;
  const here = uri && logAddress(uri);
  if (here && stream !== undefined) return logs.show({ ...here, stream });
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose log is shown'));
  if (!chosen) return;
  const failed = subject?.kind === 'tasks' ? subject.taskIds : (chosen.run?.attention.flatMap(({ task_ids }) => task_ids) ?? []);
  const taskId = failed.length === 1 ? failed[0] : await askTask(chosen.run?.total_tasks, failed[0]);
  if (taskId === undefined) return;
  await logs.show({ folder: chosen.folder, runId: chosen.run_id, taskId, stream: stream ?? (failed.includes(taskId) ? 'stderr' : 'stdout') });
}

async function askTask(total: number | undefined, suggestion: number | undefined): Promise<number | undefined> {
  if (total === 1) return 0;
  const last = total === undefined ? undefined : total - 1;
  const wrong = (text: string): boolean => !/^\d{1,9}$/.test(text.trim()) || (last !== undefined && Number(text) > last);
  const text = await vscode.window.showInputBox({
    title: l10n.t('Task whose log is shown'),
    prompt: last === undefined ? l10n.t('Index of the task, from 0') : l10n.t('Index of the task, from 0 to {0}', String(last)),
    value: String(suggestion ?? 0),
    validateInput: (value) => (wrong(value) ? (last === undefined ? l10n.t('Write a whole number.') : l10n.t('Write a whole number from 0 to {0}.', String(last))) : undefined),
  });
  return text === undefined ? undefined : Number(text);
}
