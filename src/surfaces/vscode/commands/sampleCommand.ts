/** Puts the sample into the open folder, or into one of its own and opens that. Never writes over anything. */
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { HpcError } from '../../../foundation/errors.ts';
import { likelyFolder, type Editor } from '../editor.ts';
import { pickOne } from '../quickInput.ts';

/** What makes the sample run; the rest of it only explains. */
const needed = ['executors', 'data'];

export async function trySample(editor: Editor): Promise<void> {
  const source = vscode.Uri.joinPath(editor.context.extensionUri, 'templates', 'sample');
  if (!(await exists(source))) throw new HpcError('internal', 'The sample is not part of this installation.', { remediation: 'Install HPC Agent again.' });
  const folder = likelyFolder();
  const open = folder === undefined ? undefined : vscode.Uri.file(folder);
  if (open && vscode.workspace.isTrusted && !(await anyExists(open, needed))) {
    const here = { label: `$(add) ${l10n.t('Add it to {0}', path.basename(open.fsPath))}`, description: l10n.t('the folder that is open'), detail: l10n.t('executors/ with two scripts, data/ with what they read'), into: 'here' as const };
    const own = { label: `$(new-folder) ${l10n.t('Make a folder of its own…')}`, description: l10n.t('and open it'), into: 'own' as const };
    const answer = await pickOne({ title: l10n.t('Try the sample'), placeholder: l10n.t('Two scripts that forecast CO₂ in the air, each done in a second'), items: [here, own] });
    if (answer.kind !== 'accept') return;
    if (answer.value.into === 'here') return addTo(source, open);
  }
  await makeFolder(source);
}

async function addTo(source: vscode.Uri, folder: vscode.Uri): Promise<void> {
  for (const [name] of await vscode.workspace.fs.readDirectory(source)) {
    const target = vscode.Uri.joinPath(folder, name);
    if (!(await exists(target))) await vscode.workspace.fs.copy(vscode.Uri.joinPath(source, name), target, { overwrite: false });
  }
  const start = l10n.t('New sweep…');
  // Not waited for: who asked by a guide goes on there.
  void vscode.window.showInformationMessage(l10n.t('The sample is in executors/: two ways to forecast CO₂, to be compared.'), start).then(async (answer) => {
    if (answer === start) await vscode.commands.executeCommand('hpc-agent.newSweep');
  });
}

async function makeFolder(source: vscode.Uri): Promise<void> {
  const [parent] = (await vscode.window.showOpenDialog({ title: l10n.t('Folder in which the sample is made'), openLabel: l10n.t('Make it here'), canSelectFolders: true, canSelectFiles: false, canSelectMany: false, defaultUri: vscode.Uri.file(os.homedir()) })) ?? [];
  if (!parent) return;
  const target = await freeName(parent, 'hpc-agent-sample');
  await vscode.workspace.fs.copy(source, target, { overwrite: false });
  const here = l10n.t('Open');
  const other = l10n.t('Open in new window');
  const choice = (vscode.workspace.workspaceFolders ?? []).length === 0 ? here : await vscode.window.showInformationMessage(l10n.t('The sample is in {0}.', target.fsPath), here, other);
  if (choice !== undefined) await vscode.commands.executeCommand('vscode.openFolder', target, { forceNewWindow: choice === other });
}

async function anyExists(folder: vscode.Uri, names: readonly string[]): Promise<boolean> {
  return (await Promise.all(names.map((name) => exists(vscode.Uri.joinPath(folder, name))))).includes(true);
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
