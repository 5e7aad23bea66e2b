/** Runs that something else made (the command line, a colleague) show up by their files; reading them asks no cluster. */
import * as vscode from 'vscode';
import type { ClustersStore } from './trees/clustersStore.ts';
import type { RunsStore } from './trees/runsStore.ts';

const settleMs = 300;

export function watchWorkspace(runs: RunsStore, clusters: ClustersStore): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void runs.refreshQuietly(false), settleMs);
  };
  const all = (): void => {
    soon();
    void clusters.refresh();
  };
  const watcher = vscode.workspace.createFileSystemWatcher('**/.hpc/runs/*.json');
  const ofClusters = (): void => void clusters.refresh();
  const clustersFiles = vscode.workspace.createFileSystemWatcher('**/.hpc/clusters.yaml');
  // After the start, so that activation itself reads nothing; the status bar then shows what is on record.
  soon();
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(soon),
    watcher.onDidChange(soon),
    watcher.onDidDelete(soon),
    clustersFiles,
    clustersFiles.onDidCreate(ofClusters),
    clustersFiles.onDidChange(ofClusters),
    clustersFiles.onDidDelete(ofClusters),
    // The user's own file lies outside the workspace.
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      if (uri.path.endsWith('/clusters.yaml')) ofClusters();
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(all),
    // A trusted folder brings its own clusters.
    vscode.workspace.onDidGrantWorkspaceTrust(all),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
}
