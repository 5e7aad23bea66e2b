/** Counts the tasks because somebody asked: says what came of it, where the file is not shown. */
import * as vscode from 'vscode';
import { HpcError } from '../../../foundation/errors.ts';
import { withProgress } from '../cancellation.ts';
import { pickFolder } from '../editor.ts';
import type { LanguageHelp } from '../language/register.ts';

export async function countTasks(language: LanguageHelp, argument: unknown): Promise<void> {
  const folder = await pickFolder(argument);
  if (folder === undefined) return;
  const sweeps = await language.sweeps();
  const wasLeft = await withProgress('Counting the tasks', async (signal) => {
    await sweeps.count(folder, { signal });
    return signal.aborted;
  });
  if (wasLeft) return;
  const { state, failure } = sweeps.get(folder);
  const file = vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc', 'tasks.py');
  if (state.kind === 'failed') {
    const open = 'Open file';
    if ((await vscode.window.showErrorMessage(state.message, open)) === open) {
      const line = Math.max(0, (failure?.line ?? 1) - 1);
      await vscode.window.showTextDocument(file, { selection: new vscode.Range(line, 0, line, 0) });
    }
    return;
  }
  if (state.kind !== 'known') throw new HpcError('config_invalid', 'There is no Python 3.6 or newer on this computer to evaluate tasks.py with.', { remediation: 'Install Python, or plan on a cluster: it is evaluated there.' });
  const { sweep } = state;
  void vscode.window.showInformationMessage(`${sweep.taskCount.toLocaleString('en-US')} ${sweep.taskCount === 1 ? 'task' : 'tasks'}${sweep.parameters.length === 0 ? '' : `: ${sweep.parameters.slice(0, 6).map(({ name, distinct }) => `${name} (${distinct.toLocaleString('en-US')})`).join(', ')}`}.`);
}
