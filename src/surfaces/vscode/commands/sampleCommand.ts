/** Copies the sample workspace to a place of the user's choice and opens it. Never writes over anything. */
import * as os from 'node:os';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { HpcError } from '../../../foundation/errors.ts';
import type { Editor } from '../editor.ts';

export async function trySample(editor: Editor): Promise<void> {
  const source = vscode.Uri.joinPath(editor.context.extensionUri, 'templates', 'sample');
  if (!(await exists(source))) throw new HpcError('internal', 'The sample is not part of this installation.', { remediation: 'Install HPC Agent again.' });
  const [parent] = (await vscode.window.showOpenDialog({ title: l10n.t('Folder in which the sample is made'), openLabel: l10n.t('Make it here'), canSelectFolders: true, canSelectFiles: false, canSelectMany: false, defaultUri: vscode.Uri.file(os.homedir()) })) ?? [];
  if (!parent) return;
  const target = await freeName(parent, 'hpc-agent-sample');
  await vscode.workspace.fs.copy(source, target, { overwrite: false });
  const here = 'Open';
  const other = l10n.t('Open in new window');
  const choice = (vscode.workspace.workspaceFolders ?? []).length === 0 ? here : await vscode.window.showInformationMessage(l10n.t('The sample is in {0}.', target.fsPath), here, other);
  if (choice !== undefined) await vscode.commands.executeCommand('vscode.openFolder', target, { forceNewWindow: choice === other });
}

async function freeName(parent: vscode.Uri, name: string): Promise<vscode.Uri> {
  for (let number = 1; ; number += 1) {
    const candidate = vscode.Uri.joinPath(parent, number === 1 ? name : `${name}-${number}`);
    if (!(await exists(candidate))) return candidate;
  }
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
