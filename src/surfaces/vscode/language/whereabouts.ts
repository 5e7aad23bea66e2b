/** Which of our files a document of the editor is, and to which folder of the workspace it belongs. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { fileKindOf, type FileKind } from './fileKind.ts';

export function kindOf(uri: vscode.Uri): FileKind | undefined {
  if (uri.scheme !== 'file') return undefined;
  const { HPC_CLUSTERS_CONFIG: own } = process.env;
  return fileKindOf({ path: uri.path, ...(own === undefined || own === '' ? {} : { ownClusters: vscode.Uri.file(path.resolve(own)).path }) });
}

/** The folder whose `.hpc/` holds the file, else the workspace's folder; undefined for what lies outside the workspace. */
export function folderOf(uri: vscode.Uri): string | undefined {
  const owner = vscode.workspace.getWorkspaceFolder(uri);
  return owner?.uri.scheme === 'file' ? owner.uri.fsPath : undefined;
}

/** Whether it is the tasks.py of the workspace's folder itself, which is the one that plans read. */
export function isSweepOf(uri: vscode.Uri, folder: string): boolean {
  return path.relative(folder, uri.fsPath).split(path.sep).join('/') === '.hpc/tasks.py';
}
