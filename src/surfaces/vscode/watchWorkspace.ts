/**
 * What something else did (the command line, a colleague, another branch checked out) shows up by its files; reading them asks no cluster. Rules: of a
 * folder that comes or goes as a whole the editor names only the folder, so folders are watched, too; and it may lose sight of what lies in one that
 * came back, so what is in view is looked at by the clock, as well: a record is put in its place by a rename, which the folder's time tells.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { workspaceFolders } from './editor.ts';
import type { ClustersStore } from './trees/clustersStore.ts';
import type { RunsStore } from './trees/runsStore.ts';

const settleMs = 300;
const glanceMs = 5000;

/** `userClusters`: the user's own clusters.yaml, which lies outside the workspace. */
export function watchWorkspace(runs: RunsStore, clusters: ClustersStore, userClusters: string): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  let known = '';
  const read = async (): Promise<void> => {
    known = await timesOf(workspaceFolders());
    await runs.refreshQuietly(false);
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void read(), settleMs);
  };
  const glance = async (): Promise<void> => {
    if (runs.isVisible && runs.state.loaded && (await timesOf(workspaceFolders())) !== known) soon();
  };
  const clock = setInterval(() => void glance(), glanceMs);
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
    new vscode.Disposable(() => {
      clearTimeout(timer);
      clearInterval(clock);
    }),
  );
}

async function timesOf(folders: readonly string[]): Promise<string> {
  const times = await Promise.all(folders.map((folder) => fs.stat(path.join(folder, '.hpc', 'runs')).then(({ mtimeMs, ino }) => `${mtimeMs} ${ino}`, () => '')));
  return times.join('\n');
}
