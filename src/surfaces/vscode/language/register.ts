/** The editor's help with our files. Rule: this file is loaded with the extension, so all that does something is loaded on first use. */
import * as vscode from 'vscode';
import type { Core } from '../core.ts';
import type { Sweeps } from './sweeps.ts';
import { folderOf, isSweepOf } from './whereabouts.ts';

export interface LanguageHelp extends vscode.Disposable {
  /** What is known of the sweeps. */
  sweeps(): Promise<Sweeps>;
}

const yamlFiles: vscode.DocumentSelector = [{ scheme: 'file', pattern: '**/{.hpc,.hpc-agent}/*.{yaml,yml}' }];
const tasksFile = { scheme: 'file', pattern: '**/.hpc/tasks.py' };

export function registerLanguageHelp(core: Core): LanguageHelp {
  const owned: vscode.Disposable[] = [];
  let parts: ReturnType<typeof load> | undefined;
  const load = async () => {
    const [{ Sweeps: SweepsClass }, { Checks }, { Lenses }] = await Promise.all([import('./sweeps.ts'), import('./checks.ts'), import('./lenses.ts')]);
    const sweeps = new SweepsClass(core);
    const checks = new Checks(core, sweeps);
    const lenses = new Lenses(core, sweeps);
    // Of a folder that comes or goes as a whole, with another branch say, the editor names only the folder.
    const files = vscode.workspace.createFileSystemWatcher('{**/.hpc,**/.hpc/tasks.py}');
    const touched = (uri: vscode.Uri, isRewritten: boolean): void => {
      const folder = folderOf(uri);
      if (folder === undefined || !(isSweepOf(uri, folder) || uri.path === vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc').path)) return;
      lenses.again();
      void checks.touched(folder, isRewritten);
    };
    owned.push(files, files.onDidCreate((uri) => touched(uri, false)), files.onDidDelete((uri) => touched(uri, false)), files.onDidChange((uri) => touched(uri, true)));
    owned.push(sweeps, checks, lenses, lenses.onDidChangeCodeLenses(() => lensesChanged.fire()));
    return { sweeps, checks, lenses };
  };
  const get = (): ReturnType<typeof load> => (parts ??= load());
  const lensesChanged = new vscode.EventEmitter<void>();
  const own = process.env.HPC_CLUSTERS_CONFIG;
  const yaml: vscode.DocumentSelector = own === undefined || own === '' ? yamlFiles : [...(yamlFiles as readonly vscode.DocumentFilter[]), { scheme: 'file', pattern: own }];
  // One of our files is open, or is opened: then they are watched.
  const wake = (document: vscode.TextDocument): void => {
    if (!parts && vscode.languages.match(yaml, document) + vscode.languages.match(tasksFile, document) > 0) void get();
  };
  vscode.workspace.textDocuments.forEach(wake);
  const registrations = [
    lensesChanged,
    vscode.workspace.onDidOpenTextDocument(wake),
    vscode.languages.registerCodeLensProvider({ scheme: 'file', language: 'python' }, { onDidChangeCodeLenses: lensesChanged.event, provideCodeLenses: async (document) => (await get()).lenses.provideCodeLenses(document) }),
    vscode.languages.registerCodeActionsProvider([...(yaml as readonly vscode.DocumentFilter[]), tasksFile], { provideCodeActions: async (document, range, context) => (await get()).checks.provideCodeActions(document, range, context) }, { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] }),
    vscode.languages.registerHoverProvider([...(yaml as readonly vscode.DocumentFilter[]), { scheme: 'file', language: 'python' }], {
      provideHover: async (document, position) => (await import('./hovers.ts')).hoverAt((await get()).sweeps, document, position),
    }),
    vscode.languages.registerCompletionItemProvider(yaml, { provideCompletionItems: async (document, position) => (await import('./completions.ts')).completionsAt(document, position) }, ' ', ':'),
  ];
  return {
    sweeps: async () => (await get()).sweeps,
    dispose: () => void vscode.Disposable.from(...owned, ...registrations).dispose(),
  };
}
