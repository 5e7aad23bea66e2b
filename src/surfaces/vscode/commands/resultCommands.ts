/** Reducing, and the results as a readable table. Every number shown comes from the fetched files. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { ResultsTable } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import type { Dashboard } from '../dashboard/dashboard.ts';
import { documentScheme, putDocument } from '../documents/textDocuments.ts';
import { resultsText } from '../documents/resultsText.ts';
import type { Editor } from '../editor.ts';
import { chosenRun } from './runCommands.ts';

/** Where each shown table's files lie, by the address of its document. */
const files = new Map<string, ResultsTable['files']>();

export async function aggregateRun(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run to aggregate'), (run) => run.counts.complete > 0);
  if (!chosen) return;
  const { aggregate } = await import('../../../operations/aggregate.ts');
  let partial = false;
  if (chosen.run && chosen.run.counts.complete < chosen.run.total_tasks) {
    const go: vscode.MessageItem = { title: l10n.t('Aggregate what is there') };
    const missing = chosen.run.total_tasks - chosen.run.counts.complete;
    if ((await vscode.window.showWarningMessage(l10n.t('{0, plural, one {# of {1} tasks is not done.} other {# of {1} tasks are not done.}}', missing, chosen.run.total_tasks), { modal: true, detail: l10n.t('The results are marked as partial and name what is missing.') }, go)) !== go) return;
    partial = true;
  }
  const { report, table } = await withProgress(l10n.t('Aggregating {0}', chosen.run?.run_name ?? chosen.run_id), (signal, progress) =>
    editor.core.call(aggregate, { run_id: chosen.run_id, force: true, ...(partial ? { allow_partial: true } : {}) }, { folder: chosen.folder, signal, progress }),
  );
  if (!report.ok) editor.log.warn('The aggregation report is not clean', { run_id: chosen.run_id, report });
  await showTable(editor, table, chosen.run?.run_name ?? chosen.run_id, report.errors);
}

export async function openResults(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose results are shown'), (run) => run.counts.complete > 0);
  if (!chosen) return;
  const { results } = await import('../../../operations/results.ts');
  const table = await withProgress(l10n.t('Results of {0}', chosen.run?.run_name ?? chosen.run_id), (signal, progress) => editor.core.call(results, { run_id: chosen.run_id }, { folder: chosen.folder, signal, progress }));
  await showTable(editor, table, chosen.run?.run_name ?? chosen.run_id, []);
}

/** The results drawn: best points, effects, heat map, comparison. */
export async function exploreResults(editor: Editor, dashboard: Dashboard, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose results are explored'), (run) => run.counts.complete > 0);
  if (!chosen) return;
  await dashboard.go({ view: 'results', params: { run: chosen.run_id } });
  editor.milestones.reached('seeResults');
}

export async function openResultsFile(editor: Editor, argument: unknown, how: 'open' | 'reveal'): Promise<void> {
  const found = shownFiles(argument) ?? (await fetchedFiles(editor, argument));
  if (!found) return;
  const csv = vscode.Uri.file(found.csv);
  if (how === 'open') await vscode.window.showTextDocument(csv, { preview: false });
  else if (vscode.workspace.getWorkspaceFolder(csv)) await vscode.commands.executeCommand('revealInExplorer', csv);
  else await vscode.commands.executeCommand('revealFileInOS', csv);
}

function shownFiles(argument: unknown): ResultsTable['files'] | undefined {
  const uri = argument instanceof vscode.Uri ? argument : argument === undefined ? vscode.window.activeTextEditor?.document.uri : undefined;
  return uri?.scheme === documentScheme ? files.get(uri.toString()) : undefined;
}

async function fetchedFiles(editor: Editor, argument: unknown): Promise<ResultsTable['files'] | undefined> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose results are shown'), (run) => run.counts.complete > 0);
  if (!chosen) return undefined;
  const { results } = await import('../../../operations/results.ts');
  const table = await withProgress(l10n.t('Fetching the results'), (signal, progress) => editor.core.call(results, { run_id: chosen.run_id, limit: 1 }, { folder: chosen.folder, signal, progress }));
  return table.files;
}

async function showTable(editor: Editor, table: ResultsTable, name: string, problems: readonly string[]): Promise<void> {
  const uri = putDocument(`${table.run_id}/${l10n.t('{0} results', name)}.md`, resultsText(table, name, problems));
  files.set(uri.toString(), table.files);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  editor.milestones.reached('seeResults');
}
