/** A terminal of the editor in a reservation: bytes both ways, its size followed. Closing it leaves the session there, where the node has tmux. */
import * as vscode from 'vscode';
import { messageOf } from '../../../foundation/errors.ts';
import type { OpenedTerminal, TerminalPort } from '../../../operations/reservations/attach.ts';

export type OpenTerminal = (terminal: TerminalPort, signal: AbortSignal) => Promise<OpenedTerminal>;

export class ReservationTerminal implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.written.event;
  private readonly ended = new vscode.EventEmitter<number | void>();
  readonly onDidClose = this.ended.event;
  private readonly renamed = new vscode.EventEmitter<string>();
  readonly onDidChangeName = this.renamed.event;
  private readonly stop = new AbortController();
  private readonly decoder = new TextDecoder();
  private readonly start: OpenTerminal;
  private opened: OpenedTerminal | undefined;
  private size = { columns: 80, rows: 24 };

  constructor(start: OpenTerminal) {
    this.start = start;
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
    this.opened?.session.write(data);
  }

  close(): void {
    this.stop.abort();
    this.opened?.session.dispose();
  }

  private async run(): Promise<void> {
    const { size } = this;
    try {
      this.opened = await this.start({ size, onData: (chunk) => this.written.fire(this.decoder.decode(chunk, { stream: true })) }, this.stop.signal);
      this.renamed.fire(this.opened.title);
      if (this.size !== size) this.opened.session.resize(this.size);
      const code = await this.opened.session.ended;
      if (this.stop.signal.aborted) return;
      if (code === null) this.say(`The connection ended.${this.opened.survives ? ' What runs there goes on: attach again to see it.' : ''}`);
      else this.ended.fire(code);
    } catch (error) {
      if (!this.stop.signal.aborted) this.say(messageOf(error));
    }
  }

  /** Stays open, so that it can be read. */
  private say(text: string): void {
    this.written.fire(`\r\n\u001b[33m${text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')}\u001b[0m\r\n`);
  }
}
