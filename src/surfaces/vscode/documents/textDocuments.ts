/** Read-only documents that exist only in the editor: plans, job scripts, tables. Kept while they are open. */
import * as vscode from 'vscode';

export const documentScheme = 'hpc-agent';

const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export function registerTextDocuments(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(documentScheme, { onDidChange: changed.event, provideTextDocumentContent: (uri) => texts.get(uri.toString()) ?? '' }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (uri.scheme === documentScheme) texts.delete(uri.toString());
    }),
  );
}

/** The document's address; its text is what was given last. */
export function putDocument(path: string, text: string): vscode.Uri {
  const uri = vscode.Uri.from({ scheme: documentScheme, path: path.startsWith('/') ? path : `/${path}` });
  texts.set(uri.toString(), text);
  changed.fire(uri);
  return uri;
}

export async function showDocument(path: string, text: string, options: { readonly language?: string; readonly beside?: boolean; readonly keepFocus?: boolean } = {}): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument(putDocument(path, text));
  const shown = await vscode.window.showTextDocument(document, { preview: true, ...(options.beside ? { viewColumn: vscode.ViewColumn.Beside } : {}), preserveFocus: options.keepFocus ?? false });
  if (options.language !== undefined && document.languageId !== options.language) await vscode.languages.setTextDocumentLanguage(document, options.language);
  return shown;
}
