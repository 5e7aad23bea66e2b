/**
 * Task logs as read-only documents that follow the file.
 *
 * Rules: only what is new is read; only logs that are in sight are followed; the view moves to the end only where the user was at the end.
 */
import * as vscode from 'vscode';
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { Core } from '../core.ts';
import { emptyLog, logDocumentText, withPiece, type LogState } from './logText.ts';

export const logScheme = 'hpc-agent-log';
const followMs = 2000;
const slowestMs = 60_000;

export interface LogAddress {
  readonly folder: string;
  readonly runId: string;
  readonly taskId: number;
  readonly stream: 'stdout' | 'stderr';
}

export function logUri({ folder, runId, taskId, stream }: LogAddress): vscode.Uri {
  return vscode.Uri.from({ scheme: logScheme, path: `/${runId}/task ${taskId} · ${stream}.log`, query: JSON.stringify({ folder, taskId, stream }) });
}

export function logAddress(uri: vscode.Uri): LogAddress | undefined {
  try {
    const { folder, taskId, stream } = JSON.parse(uri.query) as Record<string, unknown>;
    if (typeof folder !== 'string' || typeof taskId !== 'number' || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
    return { folder, taskId, stream, runId: uri.path.split('/')[1] ?? '' };
  } catch {
    return undefined;
  }
}

interface OpenLog {
  state: LogState;
  following: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  reading: Promise<void> | undefined;
  readonly ended: AbortController;
}

export class LogDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly open = new Map<string, OpenLog>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly core: Core;
  private readonly subscriptions: vscode.Disposable;

  constructor(core: Core) {
    this.core = core;
    this.subscriptions = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(logScheme, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.close(uri)),
      vscode.window.onDidChangeVisibleTextEditors(() => this.resume()),
      vscode.window.onDidChangeActiveTextEditor(() => this.setContext()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.keepAtEnd(document)),
    );
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const log = this.entry(uri);
    if (log.state.path === undefined && log.state.failure === undefined) await this.read(uri, log);
    return logDocumentText(log.state, logAddress(uri)?.stream ?? 'output', log.following);
  }

  /** `find`: a line of the log to go to instead of its end. */
  async show(address: LogAddress, find?: string): Promise<void> {
    const uri = logUri(address);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true });
    if (document.languageId === 'plaintext') await vscode.languages.setTextDocumentLanguage(document, 'log').then(undefined, () => undefined);
    this.setContext();
    if (find === undefined || !this.toLine(document, find)) this.toEnd(document);
    this.resume();
  }

  toggleFollow(): void {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const log = uri && this.open.get(uri.toString());
    if (!uri || !log) return;
    log.following = !log.following;
    this.setContext();
    if (log.following) this.plan(uri, log, 0);
    else clearTimeout(log.timer);
  }

  dispose(): void {
    for (const log of this.open.values()) {
      clearTimeout(log.timer);
      log.ended.abort();
    }
    this.open.clear();
    this.subscriptions.dispose();
    this.changed.dispose();
  }

  private entry(uri: vscode.Uri): OpenLog {
    const key = uri.toString();
    const known = this.open.get(key);
    if (known) return known;
    const log: OpenLog = { state: emptyLog, following: true, failures: 0, timer: undefined, reading: undefined, ended: new AbortController() };
    this.open.set(key, log);
    return log;
  }

  private async read(uri: vscode.Uri, log: OpenLog): Promise<void> {
    log.reading ??= this.readOnce(uri, log).finally(() => {
      log.reading = undefined;
    });
    await log.reading;
  }

  private async readOnce(uri: vscode.Uri, log: OpenLog): Promise<void> {
    const address = logAddress(uri);
    if (!address) return;
    const before = log.state;
    try {
      const { logs } = await import('../../../operations/logs.ts');
      const piece = await this.core.call(
        logs,
        { run_id: address.runId, task_id: address.taskId, stream: address.stream, ...(before.nextOffset === undefined ? { lines: 1000 } : { offset: before.nextOffset }) },
        { folder: address.folder, signal: log.ended.signal },
      );
      log.state = withPiece(before, piece);
      log.failures = 0;
    } catch (error) {
      if (CancelledError.is(error)) return;
      log.failures += 1;
      log.state = { ...before, failure: messageOf(error) };
    }
    this.plan(uri, log);
  }

  private plan(uri: vscode.Uri, log: OpenLog, waitMs = Math.min(slowestMs, followMs * 2 ** log.failures)): void {
    clearTimeout(log.timer);
    if (!log.following || log.ended.signal.aborted || (log.state.ended && log.failures === 0)) return;
    if (!vscode.window.visibleTextEditors.some(({ document }) => document.uri.toString() === uri.toString())) return;
    log.timer = setTimeout(() => void this.tick(uri, log), waitMs);
  }

  private async tick(uri: vscode.Uri, log: OpenLog): Promise<void> {
    const before = log.state;
    await this.read(uri, log);
    if (log.state.text !== before.text || log.state.failure !== before.failure || log.state.found !== before.found || log.state.ended !== before.ended) this.changed.fire(uri);
  }

  /** Goes on with the logs that came into sight. */
  private resume(): void {
    for (const { document } of vscode.window.visibleTextEditors) {
      const log = this.open.get(document.uri.toString());
      if (log && !log.reading) this.plan(document.uri, log);
    }
  }

  private keepAtEnd(document: vscode.TextDocument): void {
    if (document.uri.scheme === logScheme && this.open.get(document.uri.toString())?.following) this.toEnd(document, true);
  }

  /** The last line with this text, selected, so that following leaves it in sight. */
  private toLine(document: vscode.TextDocument, text: string): boolean {
    const at = document.getText().lastIndexOf(text);
    const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
    if (at < 0 || !editor) return false;
    const { range } = document.lineAt(document.positionAt(at));
    editor.selection = new vscode.Selection(range.start, range.end);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
    return true;
  }

  private toEnd(document: vscode.TextDocument, onlyIfNear = false): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== document) continue;
      const last = document.lineCount - 1;
      const seen = editor.visibleRanges.at(-1)?.end.line ?? last;
      // A piece may bring many lines at once: near means within a few screens of the new end, with the cursor out of the way.
      if (onlyIfNear && last - seen > 400) continue;
      if (onlyIfNear && editor.selection.active.line < seen - 5 && !editor.selection.isEmpty) continue;
      editor.revealRange(new vscode.Range(last, 0, last, 0), vscode.TextEditorRevealType.Default);
    }
  }

  private setContext(): void {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const log = uri?.scheme === logScheme ? this.open.get(uri.toString()) : undefined;
    void vscode.commands.executeCommand('setContext', 'hpcAgent.followingLog', log?.following ?? false);
  }

  private close(uri: vscode.Uri): void {
    const log = this.open.get(uri.toString());
    if (!log) return;
    clearTimeout(log.timer);
    log.ended.abort();
    this.open.delete(uri.toString());
  }
}
