/**
 * What something else did (the command line, a colleague, another branch checked out) shows up by its files; reading them asks no cluster. Rule: of a
 * folder that comes or goes as a whole the editor names only the folder, so folders are watched, too.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ClustersStore } from './trees/clustersStore.ts';
import type { RunsStore } from './trees/runsStore.ts';

const settleMs = 300;

/** `userClusters`: the user's own clusters.yaml, which lies outside the workspace. */
export function watchWorkspace(runs: RunsStore, clusters: ClustersStore, userClusters: string): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void runs.refreshQuietly(false), settleMs);
  };
  const all = (): void => {
    soon();
    void clusters.refresh();
  };
  const ofClusters = (): void => void clusters.refresh();
  const watched = (pattern: vscode.GlobPattern, act: () => void): readonly vscode.Disposable[] => {
    const watcher = vscode.workspace.createFileSystemWatcher(pattern);
    return [watcher, watcher.onDidCreate(act), watcher.onDidChange(act), watcher.onDidDelete(act)];
  };
  // After the start, so that activation itself reads nothing; the status bar then shows what is on record.
  soon();
  return vscode.Disposable.from(
    ...watched('{**/.hpc,**/.hpc/runs,**/.hpc/runs/*.json}', soon),
    ...watched('{**/.hpc,**/.hpc/clusters.yaml}', ofClusters),
    ...watched(new vscode.RelativePattern(vscode.Uri.file(path.dirname(userClusters)), path.basename(userClusters)), ofClusters),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      if (uri.path.endsWith('/clusters.yaml')) ofClusters();
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(all),
    // A trusted folder brings its own clusters.
    vscode.workspace.onDidGrantWorkspaceTrust(all),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
}
