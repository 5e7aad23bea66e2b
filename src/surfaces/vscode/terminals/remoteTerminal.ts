/**
 * A terminal of the editor on the far side: bytes both ways, its size followed. Rule: it never connects again by itself (that may ask for a
 * password, and what ran there may be gone); Enter does.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { sleep } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { OpenedTerminal, TerminalPort } from '../../../operations/reservations/attach.ts';

export type OpenTerminal = (terminal: TerminalPort, signal: AbortSignal) => Promise<OpenedTerminal>;

export class RemoteTerminal implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.written.event;
  private readonly ended = new vscode.EventEmitter<number | void>();
  readonly onDidClose = this.ended.event;
  private readonly renamed = new vscode.EventEmitter<string>();
  readonly onDidChangeName = this.renamed.event;
  private readonly stop = new AbortController();
  private readonly start: OpenTerminal;
  /** Is given what is printed, as well. */
  private readonly listen: ((text: string) => void) | undefined;
  private opened: OpenedTerminal | undefined;
  private isWaiting = false;
  private size = { columns: 80, rows: 24 };

  constructor(start: OpenTerminal, listen?: (text: string) => void) {
    this.start = start;
    this.listen = listen;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    if (dimensions) this.setDimensions(dimensions);
    void this.run();
  }

  setDimensions({ columns, rows }: vscode.TerminalDimensions): void {
    this.size = { columns, rows };
    this.opened?.session.resize(this.size);
  }

  handleInput(data: string): void {
    if (this.opened) this.opened.session.write(data);
    else if (this.isWaiting && /[\r\n]/.test(data)) void this.run();
  }

  close(): void {
    this.stop.abort();
    this.opened?.session.dispose();
  }

  private async run(): Promise<void> {
    this.isWaiting = false;
    const { size } = this;
    // A character that a broken connection cut in two does not spoil the next one.
    const decoder = new TextDecoder();
    const onData = (chunk: Uint8Array): void => {
      const text = decoder.decode(chunk, { stream: true });
      this.written.fire(text);
      this.listen?.(text);
    };
    try {
      this.opened = await this.start({ size, onData }, this.stop.signal);
      void this.rename(this.opened.title).catch(() => undefined);
      if (this.size !== size) this.opened.session.resize(this.size);
      const code = await this.opened.session.ended;
      if (this.stop.signal.aborted) return;
      const { survives, endedBecause } = this.opened;
      this.opened = undefined;
      if (code === null) this.say(endedBecause?.() ?? (survives ? l10n.t('The connection ended. What runs there goes on.') : l10n.t('The connection ended.')));
      else this.ended.fire(code);
    } catch (error) {
      this.opened = undefined;
      if (!this.stop.signal.aborted) this.say(messageOf(error));
    }
  }

  /** The editor sets the first name of a new terminal once more when it has asked for its folder, which may be after ours came: then ours is told again. */
  private async rename(title: string): Promise<void> {
    this.renamed.fire(title);
    for (const waitMs of [300, 1000, 3000, 9000]) {
      await sleep(waitMs, this.stop.signal);
      const own = vscode.window.terminals.find(({ creationOptions }) => 'pty' in creationOptions && creationOptions.pty === this);
      if (own !== undefined && own.name === own.creationOptions.name) this.renamed.fire(title);
    }
  }

  /** Stays open, so that it can be read. */
  private say(text: string): void {
    this.isWaiting = true;
    this.written.fire(`\r\n\u001b[33m${text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')} ${l10n.t('Press Enter to connect again.')}\u001b[0m\r\n`);
  }
}
