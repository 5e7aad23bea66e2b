/** Where a log is, as an address of the editor. What a tree gives as `text/uri-list` when a task is dragged is `logUri(address).toString()`. */
import * as vscode from 'vscode';

export const logScheme = 'hpc-agent-log';

export interface LogAddress {
  readonly folder: string;
  readonly runId: string;
  readonly taskId: number;
  readonly stream: 'stdout' | 'stderr';
}

export function logUri({ folder, runId, taskId, stream }: LogAddress): vscode.Uri {
  // not translated: an address, the same in every language of the window
  return vscode.Uri.from({ scheme: logScheme, path: `/${runId}/task ${taskId} · ${stream}.log`, query: JSON.stringify({ folder, taskId, stream }) });
}

export function logAddress(uri: vscode.Uri): LogAddress | undefined {
  if (uri.scheme !== logScheme) return undefined;
  try {
    const { folder, taskId, stream } = JSON.parse(uri.query) as Record<string, unknown>;
    if (typeof folder !== 'string' || typeof taskId !== 'number' || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
    return { folder, taskId, stream, runId: uri.path.split('/')[1] ?? '' };
  } catch {
    return undefined;
  }
}
