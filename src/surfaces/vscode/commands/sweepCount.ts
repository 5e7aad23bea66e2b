/** Counts the tasks because somebody asked: says what came of it, where the file is not shown. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { HpcError } from '../../../foundation/errors.ts';
import { withProgress } from '../cancellation.ts';
import { pickFolder } from '../editor.ts';
import type { LanguageHelp } from '../language/register.ts';

export async function countTasks(language: LanguageHelp, argument: unknown): Promise<void> {
  const folder = await pickFolder(argument);
  if (folder === undefined) return;
  const sweeps = await language.sweeps();
  const wasLeft = await withProgress(l10n.t('Counting the tasks'), async (signal) => {
    await sweeps.count(folder, { signal });
    return signal.aborted;
  });
  if (wasLeft) return;
  const { state, failure } = sweeps.get(folder);
  const file = vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc', 'tasks.py');
  if (state.kind === 'failed') {
    const open = l10n.t('Open file');
    if ((await vscode.window.showErrorMessage(state.message, open)) === open) {
      const line = Math.max(0, (failure?.line ?? 1) - 1);
      await vscode.window.showTextDocument(file, { selection: new vscode.Range(line, 0, line, 0) });
    }
    return;
  }
  if (state.kind !== 'known') throw new HpcError('config_invalid', 'There is no Python 3.6 or newer on this computer to evaluate tasks.py with.', { remediation: 'Install Python, or plan on a cluster: it is evaluated there.' });
  const { sweep } = state;
  const parameters = sweep.parameters.slice(0, 6).map(({ name, distinct }) => `${name} (${l10n.number(distinct)})`).join(', ');
  void vscode.window.showInformationMessage(parameters === '' ? l10n.t('{0, plural, one {# task.} other {# tasks.}}', sweep.taskCount) : l10n.t('{0, plural, one {# task} other {# tasks}}: {1}.', sweep.taskCount, parameters));
}
