/** One framed command on one channel: two frame readers and the moment when both are complete. */
import type { ExecResult } from '../port.ts';
import type { ChannelEnd } from './byteChannel.ts';
import { FrameReader } from './frame.ts';

/** How a framed command ended. */
export type FrameOutcome =
  | { readonly kind: 'complete'; readonly result: ExecResult }
  /** The channel ended first. `begun` tells whether the command had started. */
  | { readonly kind: 'cut'; readonly begun: boolean; readonly end: ChannelEnd; readonly noise: string; readonly result: ExecResult };

export interface FrameSinks {
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
  readonly onStderr?: ((chunk: Uint8Array) => void) | undefined;
}

export class FramedRun {
  readonly outcome: Promise<FrameOutcome>;
  /** The far shell's process id, as soon as the command has started; for ever open where it never does. */
  readonly processId: Promise<number>;
  private settle!: (outcome: FrameOutcome) => void;
  private tellProcessId!: (id: number) => void;
  private readonly kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  private readonly out: FrameReader;
  private readonly err: FrameReader;

  constructor(nonce: string, sinks: FrameSinks = {}) {
    this.outcome = new Promise((resolve) => (this.settle = resolve));
    this.processId = new Promise((resolve) => (this.tellProcessId = resolve));
    this.out = new FrameReader(nonce, sinks.onStdout ?? ((chunk) => this.kept.stdout.push(chunk)));
    this.err = new FrameReader(nonce, sinks.onStderr ?? ((chunk) => this.kept.stderr.push(chunk)));
  }

  get begun(): boolean {
    return this.out.begun || this.err.begun;
  }

  stdout(chunk: Buffer): void {
    this.out.push(chunk);
    if (this.out.begun && /^\d+$/.test(this.out.head)) this.tellProcessId(Number(this.out.head));
    this.check();
  }
  stderr(chunk: Buffer): void {
    this.err.push(chunk);
    this.check();
  }
  end(end: ChannelEnd): void {
    const noise = `${this.out.noise}\n${this.err.noise}`.trim();
    this.settle({ kind: 'cut', begun: this.begun, end, noise, result: this.result(null) });
  }

  private check(): void {
    if (this.out.done && this.err.done) this.settle({ kind: 'complete', result: this.result(Number.parseInt(this.out.tail, 10)) });
  }
  private result(exitCode: number | null): ExecResult {
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
    return { stdout: text(this.kept.stdout), stderr: text(this.kept.stderr), exitCode };
  }
}
