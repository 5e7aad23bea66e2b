/**
 * Task logs as read-only files of the editor that follow what is written on the cluster.
 *
 * Rules: a window at the end is read, and what is new, never the whole; only logs that are in sight are followed; the view moves to the
 * end only where the user was at the end. They are a file system (not texts that are handed over) because the editor then takes only
 * what was added, and opens a log again after a restart of the window.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { Core } from '../core.ts';
import { logAddress, logScheme, logUri, type LogAddress } from './logAddress.ts';
import { lastErrorLine, nextErrorLine } from './logErrors.ts';
import { continues, emptyLog, firstOffset, hasEarlier, isFarBehind, logDocumentText, pieceBytes, withEarlier, withPiece, type LogPiece, type LogState } from './logText.ts';

const followMs = 2000;
const slowestMs = 60_000;
/** How far up an error is looked for, in pieces. */
const errorPieces = 8;

interface OpenLog {
  state: LogState;
  /** The text as the editor has it, and its version. */
  bytes: Uint8Array;
  version: number;
  lines: number;
  following: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  reading: Promise<void> | undefined;
  /** A line that is to stay where it is when text comes in above it. */
  held: number | undefined;
  readonly ended: AbortController;
}

export class LogDocuments implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly open = new Map<string, OpenLog>();
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  private readonly core: Core;
  private readonly subscriptions: vscode.Disposable;

  constructor(core: Core) {
    this.core = core;
    this.subscriptions = vscode.Disposable.from(
      vscode.workspace.registerFileSystemProvider(logScheme, this, { isCaseSensitive: true, isReadonly: true }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.close(uri)),
      vscode.window.onDidChangeVisibleTextEditors(() => this.resume()),
      vscode.window.onDidChangeActiveTextEditor(() => this.setContext()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.moved(document)),
    );
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const log = this.entry(uri);
    if (log.version === 0) {
      await this.read(uri, log);
      this.render(uri, log);
    }
    return { type: vscode.FileType.File, ctime: 0, mtime: log.version, size: log.bytes.length, permissions: vscode.FilePermission.Readonly };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    await this.stat(uri);
    return this.entry(uri).bytes;
  }

  /** `find`: a line of the log to go to instead of its end; without one, a log with an error is still opened at its end. */
  async show(address: LogAddress, find?: string): Promise<void> {
    const document = await vscode.workspace.openTextDocument(logUri(address));
    await vscode.window.showTextDocument(document, { preview: true });
    if (document.languageId === 'plaintext') await vscode.languages.setTextDocumentLanguage(document, 'log').then(undefined, () => undefined);
    this.setContext();
    this.entry(document.uri).lines = document.lineCount;
    if (find === undefined || !(await this.toText(document, find))) this.toEnd(document);
    this.resume();
  }

  toggleFollow(): void {
    const found = this.active();
    if (!found) return;
    const { uri, log } = found;
    log.following = !log.following;
    this.setContext();
    if (log.following) {
      this.plan(uri, log, 0);
      const document = vscode.window.activeTextEditor?.document;
      if (document) this.toEnd(document);
    } else clearTimeout(log.timer);
  }

  /** Whether something comes before the window; undefined where that is not known. */
  earlierBytes(uri: vscode.Uri): number | undefined {
    const log = this.open.get(uri.toString());
    return log && hasEarlier(log.state) ? firstOffset(log.state) : undefined;
  }

  async showEarlier(): Promise<void> {
    const found = this.active();
    if (!found) return;
    const { uri, log } = found;
    const editor = vscode.window.activeTextEditor;
    const top = editor?.visibleRanges[0]?.start.line ?? 0;
    if (!(await this.readEarlier(uri, log))) {
      void vscode.window.showInformationMessage(firstOffset(log.state) === 0 ? l10n.t('The log is shown from its beginning.') : log.state.path === undefined ? l10n.t('The log is too long to be shown further up here: it is on the cluster.') : l10n.t('The log is too long to be shown further up here: it is {0}.', log.state.path));
      return;
    }
    // The line that was at the top stays there, below what comes in.
    log.held = top;
    this.render(uri, log);
  }

  /** The next error below the cursor; from the end, the last one; further up where the window has none. */
  async showError(): Promise<void> {
    const found = this.active();
    const editor = vscode.window.activeTextEditor;
    if (!found || !editor) return;
    const { uri, log } = found;
    const go = (line: number): void => {
      const { range } = editor.document.lineAt(line);
      editor.selection = new vscode.Selection(range.start, range.end);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
    };
    for (let piece = 0; ; piece += 1) {
      const lines = editor.document.getText().split(/\r?\n/);
      const from = editor.selection.active.line;
      const fresh = editor.selection.isEmpty && (from === 0 || from >= lines.length - 1);
      const line = fresh ? lastErrorLine(lines) : nextErrorLine(lines, from);
      if (line !== undefined) return go(line);
      if (piece === errorPieces || !(await this.readEarlier(uri, log))) {
        void vscode.window.showInformationMessage(piece === 0 ? l10n.t('No line of this log looks like an error.') : l10n.t('No line of the part that is shown looks like an error.'));
        return;
      }
      const before = editor.document.version;
      this.render(uri, log);
      await this.textChanged(editor.document, before, log.ended.signal);
    }
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(): void {
    throw vscode.FileSystemError.NoPermissions(l10n.t('Logs are only read.'));
  }

  writeFile(): void {
    throw vscode.FileSystemError.NoPermissions(l10n.t('Logs are only read.'));
  }

  delete(): void {
    throw vscode.FileSystemError.NoPermissions(l10n.t('Logs are only read.'));
  }

  rename(): void {
    throw vscode.FileSystemError.NoPermissions(l10n.t('Logs are only read.'));
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

  private active(): { readonly uri: vscode.Uri; readonly log: OpenLog } | undefined {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const log = uri && this.open.get(uri.toString());
    return uri && log && { uri, log };
  }

  private entry(uri: vscode.Uri): OpenLog {
    const key = uri.toString();
    const known = this.open.get(key);
    if (known) return known;
    if (!logAddress(uri)) throw vscode.FileSystemError.FileNotFound(uri);
    const log: OpenLog = { state: emptyLog, bytes: new Uint8Array(), version: 0, lines: 0, following: true, failures: 0, timer: undefined, reading: undefined, held: undefined, ended: new AbortController() };
    this.open.set(key, log);
    return log;
  }

  /** One reading at a time. */
  private async read(uri: vscode.Uri, log: OpenLog): Promise<void> {
    log.reading ??= this.readOnce(uri, log).finally(() => {
      log.reading = undefined;
    });
    await log.reading;
  }

  private async ask(uri: vscode.Uri, log: OpenLog, part: { readonly offset?: number; readonly before?: number }): Promise<LogPiece> {
    const address = logAddress(uri);
    if (!address) throw vscode.FileSystemError.FileNotFound(uri);
    const { logs } = await import('../../../operations/logs.ts');
    return this.core.call(logs, { run_id: address.runId, task_id: address.taskId, stream: address.stream, lines: 100_000, max_bytes: pieceBytes, ...part }, { folder: address.folder, signal: log.ended.signal });
  }

  private async readOnce(uri: vscode.Uri, log: OpenLog): Promise<void> {
    try {
      const { nextOffset } = log.state;
      let piece = await this.ask(uri, log, nextOffset === undefined ? {} : { offset: nextOffset });
      if (nextOffset !== undefined && (!continues(log.state, piece) || isFarBehind(piece))) {
        log.state = emptyLog;
        piece = await this.ask(uri, log, {});
      }
      log.state = withPiece(log.state, piece);
      log.failures = 0;
    } catch (error) {
      if (CancelledError.is(error)) return;
      log.failures += 1;
      log.state = { ...log.state, failure: messageOf(error) };
    }
    this.plan(uri, log);
  }

  private async readEarlier(uri: vscode.Uri, log: OpenLog): Promise<boolean> {
    await log.reading;
    if (!hasEarlier(log.state)) return false;
    const before = log.state;
    const piece = await this.ask(uri, log, { before: firstOffset(before) });
    // What was read of the end meanwhile stays.
    if (firstOffset(log.state) === firstOffset(before)) log.state = withEarlier(log.state, piece);
    return firstOffset(log.state) < firstOffset(before);
  }

  /** Gives the editor the text, where it is another. */
  private render(uri: vscode.Uri, log: OpenLog): void {
    const bytes = new TextEncoder().encode(logDocumentText(log.state, logAddress(uri)?.stream ?? 'output'));
    if (log.version > 0 && Buffer.compare(bytes, log.bytes) === 0) return;
    log.bytes = bytes;
    log.version += 1;
    if (log.version > 1) this.changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  private plan(uri: vscode.Uri, log: OpenLog, waitMs = Math.min(slowestMs, followMs * 2 ** log.failures)): void {
    clearTimeout(log.timer);
    if (!log.following || log.ended.signal.aborted || (log.state.ended && log.failures === 0)) return;
    if (!vscode.window.visibleTextEditors.some(({ document }) => document.uri.toString() === uri.toString())) return;
    log.timer = setTimeout(() => void this.tick(uri, log), waitMs);
  }

  private async tick(uri: vscode.Uri, log: OpenLog): Promise<void> {
    await this.read(uri, log);
    if (!log.ended.signal.aborted) this.render(uri, log);
  }

  /** Goes on with the logs that came into sight. */
  private resume(): void {
    for (const { document } of vscode.window.visibleTextEditors) {
      const log = this.open.get(document.uri.toString());
      if (log && !log.reading) this.plan(document.uri, log);
    }
  }

  /** The text came in: the end stays in sight for who was there, and the line that was read for who looks further up. */
  private moved(document: vscode.TextDocument): void {
    const log = document.uri.scheme === logScheme ? this.open.get(document.uri.toString()) : undefined;
    if (!log || document.lineCount === log.lines) return;
    const before = log.lines;
    log.lines = document.lineCount;
    if (log.held !== undefined) {
      const line = Math.min(document.lineCount - 1, log.held + document.lineCount - before);
      log.held = undefined;
      for (const editor of vscode.window.visibleTextEditors) if (editor.document === document) editor.revealRange(new vscode.Range(line, 0, line, 0), vscode.TextEditorRevealType.AtTop);
    } else if (log.following) this.toEnd(document, before);
  }

  /** The last line with this text, selected, so that following leaves it in sight; looked for further up where the window lacks it. */
  private async toText(document: vscode.TextDocument, text: string): Promise<boolean> {
    const log = this.entry(document.uri);
    for (let piece = 0; document.getText().lastIndexOf(text) < 0; piece += 1) {
      if (piece === errorPieces || !(await this.readEarlier(document.uri, log))) return false;
      const before = document.version;
      this.render(document.uri, log);
      await this.textChanged(document, before, log.ended.signal);
    }
    const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
    if (!editor) return false;
    const { range } = document.lineAt(document.positionAt(document.getText().lastIndexOf(text)));
    editor.selection = new vscode.Selection(range.start, range.end);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
    return true;
  }

  /** Until the editor has taken the new text. */
  private textChanged(document: vscode.TextDocument, version: number, signal: AbortSignal): Promise<void> {
    if (document.version > version) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        listener.dispose();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const listener = vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document === document) done();
      });
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** `before`: how many lines there were, where only those who saw the last of them go along. */
  private toEnd(document: vscode.TextDocument, before?: number): void {
    const last = document.lineCount - 1;
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== document) continue;
      const seen = editor.visibleRanges.at(-1)?.end.line ?? last;
      if (before !== undefined && (seen < before - 3 || !editor.selection.isEmpty)) continue;
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
