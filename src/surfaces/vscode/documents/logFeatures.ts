/** What can be done inside a log: its earlier part, and the places in source that it names. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { logAddress, logScheme } from './logAddress.ts';
import type { LogDocuments } from './logDocuments.ts';
import { sourceMentions, workspaceCandidates } from './logLinks.ts';
import { pieceBytes, sizeWords } from './logText.ts';

export function registerLogFeatures(logs: LogDocuments): vscode.Disposable {
  const selector = { scheme: logScheme };
  return vscode.Disposable.from(
    vscode.languages.registerCodeLensProvider(selector, {
      provideCodeLenses: ({ uri }) => {
        const bytes = logs.earlierBytes(uri);
        const range = new vscode.Range(0, 0, 0, 0);
        if (bytes === undefined) return [];
        return [new vscode.CodeLens(range, { title: l10n.t('$(arrow-up) Show {0} earlier', sizeWords(Math.min(bytes, pieceBytes))), command: 'hpc-agent.showEarlierLog' }), new vscode.CodeLens(range, { title: l10n.t('Go to error'), command: 'hpc-agent.showLogError' })];
      },
    }),
    vscode.languages.registerDocumentLinkProvider(selector, {
      provideDocumentLinks: async (document) => {
        const folder = logAddress(document.uri)?.folder;
        return folder === undefined ? [] : sourceLinks(document, folder);
      },
    }),
  );
}

async function sourceLinks(document: vscode.TextDocument, folder: string): Promise<vscode.DocumentLink[]> {
  const files = new Map<string, Promise<vscode.Uri | undefined>>();
  const links = sourceMentions(document.getText().split(/\r?\n/)).map(async ({ line, start, end, path, sourceLine }) => {
    let file = files.get(path);
    if (!file) files.set(path, (file = workspaceFile(folder, path)));
    const uri = await file;
    if (!uri) return [];
    const link = new vscode.DocumentLink(new vscode.Range(line, start, line, end), uri.with({ fragment: `L${sourceLine}` }));
    link.tooltip = l10n.t('Open {0} here', vscode.workspace.asRelativePath(uri));
    return [link];
  });
  return (await Promise.all(links)).flat();
}

async function workspaceFile(folder: string, path: string): Promise<vscode.Uri | undefined> {
  for (const candidate of workspaceCandidates(path)) {
    const uri = vscode.Uri.joinPath(vscode.Uri.file(folder), candidate);
    try {
      if ((await vscode.workspace.fs.stat(uri)).type === vscode.FileType.File) return uri;
    } catch {
      // Not here: a shorter tail may be.
    }
  }
  return undefined;
}
