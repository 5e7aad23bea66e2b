/** What the parts of the editor side share; made once by `extension.ts` and handed in. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../../l10n/words.ts';
import type { Log } from '../../foundation/log.ts';
import { toHpcError } from '../../foundation/errors.ts';
import type { Core } from './core.ts';
import { buttonTitle, errorNotice } from './errorNotice.ts';
import type { Milestones } from './milestones.ts';
import type { ClustersStore } from './trees/clustersStore.ts';
import type { ReservationsStore } from './trees/reservationsStore.ts';
import type { RunsStore } from './trees/runsStore.ts';

export interface Editor {
  readonly context: vscode.ExtensionContext;
  readonly core: Core;
  readonly log: Log;
  readonly channel: vscode.LogOutputChannel;
  readonly runs: RunsStore;
  readonly clusters: ClustersStore;
  readonly reservations: ReservationsStore;
  readonly milestones: Milestones;
  /** Selects the run in its tree. */
  readonly revealRun: (runId: string) => Promise<void>;
}

/** The folders in which experiments can be: those on this extension host's disk. */
export function workspaceFolders(): readonly string[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath);
}

/** The folder of the active editor, else the only one, else the first: for callers that cannot ask. */
export function likelyFolder(): string | undefined {
  const active = vscode.window.activeTextEditor?.document.uri;
  const owner = active && vscode.workspace.getWorkspaceFolder(active);
  return owner?.uri.scheme === 'file' ? owner.uri.fsPath : workspaceFolders()[0];
}

/** The folder to work in: that of the file which the command was called on, else asked for where there are several. Undefined: the user left, or there is none. */
export async function pickFolder(argument?: unknown): Promise<string | undefined> {
  const folders = workspaceFolders();
  const owner = argument instanceof vscode.Uri ? vscode.workspace.getWorkspaceFolder(argument)?.uri.fsPath : undefined;
  if (owner !== undefined && folders.includes(owner)) return owner;
  if (folders.length <= 1) {
    if (folders.length === 0) {
      const open = l10n.t('Open folder');
      if ((await vscode.window.showInformationMessage(l10n.t('HPC Agent works in a folder: the one that holds the scripts to run.'), open)) === open) await vscode.commands.executeCommand('workbench.action.files.openFolder');
    }
    return folders[0];
  }
  const likely = likelyFolder();
  const items = folders.map((folder) => ({ label: path.basename(folder), description: folder, folder })).sort((a, b) => Number(b.folder === likely) - Number(a.folder === likely));
  return (await vscode.window.showQuickPick(items, { title: l10n.t('Folder of the experiment') }))?.folder;
}

/** Tells a failure once, with what to do about it; a cancellation is told to nobody. */
export async function tellError(editor: Editor, error: unknown, options: { readonly retry?: () => Promise<void>; readonly cluster?: string } = {}): Promise<void> {
  const notice = errorNotice(error, { canRetry: options.retry !== undefined, ...(options.cluster === undefined ? {} : { cluster: options.cluster }) });
  if (!notice) return;
  const typed = toHpcError(error);
  // A typed error says all there is to say; where it came from matters for defects only.
  editor.log.error(typed.message, typed.code === 'internal' ? { code: typed.code, stack: (error instanceof Error ? error : typed).stack } : { code: typed.code, ...typed.details });
  const choice = await vscode.window.showErrorMessage(notice.text, ...notice.buttons.map((button) => ({ title: buttonTitle(button), button })));
  switch (choice?.button) {
    case 'Retry':
      await options.retry?.();
      return;
    case 'Preflight':
      await vscode.commands.executeCommand('hpc-agent.preflight', { kind: 'cluster', name: notice.cluster });
      return;
    case 'Manage trust':
      await vscode.commands.executeCommand('workbench.trust.manage');
      return;
    case 'Finish submission…':
      await vscode.commands.executeCommand('hpc-agent.resumeSubmission', notice.runId);
      return;
    case 'Open file':
      if (notice.file !== undefined) await vscode.window.showTextDocument(vscode.Uri.file(notice.file));
      return;
    case 'Show output':
      editor.channel.show(true);
      return;
    case undefined:
  }
}
