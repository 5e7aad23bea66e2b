/** The editor's cancellation tokens as signals, and long work with a notification that can be cancelled. */
import * as vscode from 'vscode';
import type { ReportProgress } from '../../foundation/progress.ts';

export interface TokenSignal {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

export function signalOf(token: vscode.CancellationToken | undefined): TokenSignal {
  const controller = new AbortController();
  if (token?.isCancellationRequested) controller.abort();
  const listener = token?.onCancellationRequested(() => controller.abort());
  return { signal: controller.signal, dispose: () => void listener?.dispose() };
}

/** Runs `work` under a notification with Cancel; its progress is the notification's text and bar. */
export function withProgress<T>(title: string, work: (signal: AbortSignal, progress: ReportProgress) => Promise<T>): Thenable<T> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (bar, token) => {
    const { signal, dispose } = signalOf(token);
    let percent = 0;
    try {
      return await work(signal, ({ message, done, total }) => {
        const now = done !== undefined && total !== undefined && total > 0 ? Math.min(100, (100 * done) / total) : percent;
        bar.report({ message: done !== undefined && total !== undefined ? `${message} (${done} of ${total})` : message, increment: Math.max(0, now - percent) });
        percent = Math.max(percent, now);
      });
    } finally {
      dispose();
    }
  });
}
