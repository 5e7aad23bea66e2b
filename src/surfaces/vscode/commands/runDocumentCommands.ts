/** What a run was, as documents; and two runs beside each other. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { RunFiles } from '../../../operations/editing/runFiles.ts';
import { withProgress } from '../cancellation.ts';
import { putDocument, showDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
import { runIdOf, selectedSubjects } from '../subjects.ts';
import { chosenRun, pickRun } from './runCommands.ts';

async function filesOf(editor: Editor, folder: string, runId: string): Promise<RunFiles> {
  const { readRunFiles } = await import('../../../operations/editing/runFiles.ts');
  return editor.core.within('reads', { folder }, (context) => readRunFiles(runId, context));
}

/** Its title says of which run it is: several may be open. */
async function showOf(files: RunFiles, part: 'sidecar' | 'parameters', ending: string): Promise<void> {
  await showDocument(`${files.runId}/${files.name} ${part}.${ending}`, files[part], ending === 'json' ? { language: 'json' } : {});
}

export async function showSidecar(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose sidecar is shown'));
  if (chosen) await showOf(await filesOf(editor, chosen.folder, chosen.run_id), 'sidecar', 'json');
}

export async function showParameters(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run whose parameters are shown'));
  if (chosen) await showOf(await filesOf(editor, chosen.folder, chosen.run_id), 'parameters', 'txt');
}

export async function showRunScript(editor: Editor, folder: string, runId: string): Promise<void> {
  const { jobScriptOfRun } = await import('../../../operations/editing/runFiles.ts');
  const text = await withProgress(l10n.t('Rendering the job script'), (signal, progress) => editor.core.within('acts', { folder, signal, progress }, (context) => jobScriptOfRun(runId, context)));
  // not translated: a file's name
  await showDocument(`${runId}/${editor.runs.find(runId)?.run_name ?? runId} job.sh`, text, { language: 'shellscript' });
}

/** Two selected rows, or one and another that is picked. */
export async function compareRuns(editor: Editor, argument: unknown, selected: unknown): Promise<void> {
  const ids = [...new Set(selectedSubjects(argument, selected).flatMap((subject) => runIdOf(subject) ?? []))];
  const first = await chosenRun(editor, ids[0] ?? argument, l10n.t('First of the runs to compare'));
  if (!first) return;
  const second = ids[1] === undefined ? await pickRun(editor, l10n.t('Run to compare with {0}', first.run?.run_name ?? first.run_id), (run) => run.run_id !== first.run_id) : editor.runs.find(ids[1]);
  if (!second) return;
  // The older one is what the newer one is compared with.
  const [a, b] = await Promise.all([filesOf(editor, first.folder, first.run_id), filesOf(editor, second.experiment_dir, second.run_id)]);
  const [left, right] = a.runId < b.runId ? [a, b] : [b, a];
  const { codeDifferences } = await import('../../../operations/editing/runFiles.ts');
  const code = editor.core.trusted ? await editor.core.within('acts', { folder: first.folder }, (context) => codeDifferences(left, right, context)) : undefined;
  const sameAs = (one: string, other: string): string => (one === other ? l10n.t('equal') : l10n.t('differ'));
  const changed = [...new Set([...left.changedFiles, ...right.changedFiles])];
  const kinds = [
    { label: l10n.t('$(symbol-parameter) Parameters'), description: sameAs(left.parameters, right.parameters), part: 'parameters' as const },
    { label: l10n.t('$(settings) Settings'), description: sameAs(left.settings, right.settings), detail: l10n.t('Cluster, resources, environment, executor'), part: 'settings' as const },
    ...(code === undefined
      ? []
      : [{ label: l10n.t('$(git-compare) Code'), description: code.length === 0 ? l10n.t('the same commit, or no difference') : l10n.t('{0, plural, one {# file differs} other {# files differ}}', code.length), ...(changed.length === 0 ? {} : { detail: l10n.t('Not in the commits: {0}{1}', changed.slice(0, 4).join(', '), changed.length > 4 ? ', …' : '') }), part: 'code' as const }]),
  ];
  const choice = await vscode.window.showQuickPick(kinds, { title: l10n.t('Compare {0} with {1}', left.name, right.name) });
  if (!choice) return;
  const title = `${left.name} ↔ ${right.name}`;
  if (choice.part === 'code') {
    const rows = (code ?? []).map((file) => {
      const uris = [putDocument(`${left.runId}/${file.path}`, file.left), putDocument(`${right.runId}/${file.path}`, file.right)];
      return [vscode.Uri.joinPath(vscode.Uri.file(first.folder), file.path), ...uris];
    });
    if (rows.length === 0) void vscode.window.showInformationMessage(changed.length === 0 ? l10n.t('Both runs came from the same code.') : l10n.t('Both runs came from the same commit, but these files were not committed then: {0}.', changed.join(', ')));
    else await vscode.commands.executeCommand('vscode.changes', `${title}: code`, rows);
    return;
  }
  const ending = choice.part === 'settings' ? 'json' : 'txt';
  await vscode.commands.executeCommand('vscode.diff', putDocument(`${left.runId}/${choice.part}.${ending}`, left[choice.part]), putDocument(`${right.runId}/${choice.part}.${ending}`, right[choice.part]), `${title}: ${choice.part}`);
}
