/** The workspace's own reducer over a run: chosen among what the run names and what looks like one, run on the cluster, its answer shown. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { withProgress } from '../cancellation.ts';
import type { Editor } from '../editor.ts';
import { chosenRun } from './runCommands.ts';

interface Choice extends vscode.QuickPickItem {
  /** Absent: to be typed. */
  readonly aggregateCmd?: string;
}

export async function reduceRun(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose results are reduced'), (run) => run.counts.complete > 0);
  if (!chosen) return;
  const { folder, run_id, run } = chosen;
  const { clusterReduce, discoverReducers } = await import('../../../operations/clusterReduce.ts');
  const found = await editor.core.call(discoverReducers, { run_id }, { folder });
  const declared = found.declared?.aggregate_cmd ?? undefined;
  const items: Choice[] = [
    ...(declared === undefined ? [] : [{ label: declared, description: l10n.t('named by the run'), aggregateCmd: declared }]),
    ...found.reducers.filter(({ aggregate_cmd }) => aggregate_cmd !== declared).map(({ aggregate_cmd, docstring }) => ({ label: aggregate_cmd, description: docstring.split('\n')[0] ?? '', aggregateCmd: aggregate_cmd })),
    { label: `$(edit) ${l10n.t('Another command…')}`, alwaysShow: true },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: l10n.t('Reduce {0}', run?.run_name ?? run_id), placeHolder: l10n.t('The command that reads the results on the cluster and gives JSON'), matchOnDescription: true });
  if (!picked) return;
  const command = picked.aggregateCmd ?? (await vscode.window.showInputBox({ title: l10n.t('Command that reduces'), prompt: l10n.t('Runs in the run’s folder on the cluster; HPC_TASKS lists the results, HPC_OUTPUT is where JSON goes'), value: declared ?? 'python3 ' }));
  if (command === undefined || command.trim() === '') return;
  const input = { run_id, aggregate_cmd: command, ...(run !== undefined && run.counts.complete < run.total_tasks ? { partial: true } : {}) };
  const go: vscode.MessageItem = { title: l10n.t('Reduce') };
  if ((await vscode.window.showInformationMessage((await editor.core.confirmation(clusterReduce, input, { folder })) ?? command, { modal: true }, go)) !== go) return;
  const { file } = await withProgress(l10n.t('Reducing on the cluster'), (signal, progress) => editor.core.call(clusterReduce, input, { folder, signal, progress }));
  await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
}
