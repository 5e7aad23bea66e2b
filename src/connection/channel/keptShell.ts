/** One `sh` that is kept open: one program at a time, each in a frame of its own. */
import { newToken } from '../../foundation/ids.ts';
import type { RemoteCommand } from '../port.ts';
import type { ByteChannel, ChannelEnd, ChannelHandlers, OpenChannel } from './byteChannel.ts';
import { framedProgram } from './frame.ts';
import { FramedRun } from './framedRun.ts';
import { keptShellLine } from './loginLine.ts';

/** A program that was told to end and goes on talking is cut off then. */
export const cutOffAfterMs = 5_000;

export class KeptShell {
  ended: ChannelEnd | undefined;
  /** Not to be used again; its far end may still be ending. */
  givenUp = false;
  private channel: ByteChannel | undefined;
  private borrower: ChannelHandlers | undefined;
  private current: FramedRun | undefined;
  private readonly onEnded: (shell: KeptShell) => void;

  constructor(onEnded: (shell: KeptShell) => void) {
    this.onEnded = onEnded;
  }

  async open(openChannel: OpenChannel): Promise<void> {
    this.channel = await openChannel(keptShellLine, {
      onStdout: (chunk) => (this.borrower ? this.borrower.onStdout(chunk) : this.current?.stdout(chunk)),
      onStderr: (chunk) => (this.borrower ? this.borrower.onStderr(chunk) : this.current?.stderr(chunk)),
      onEnd: (end) => {
        this.ended = end;
        if (this.borrower) {
          this.borrower.onEnd(end);
          return;
        }
        this.current?.end(end);
        this.onEnded(this);
      },
    });
  }

  /** Hands the channel and its session over for good, to somebody who uses them up; undefined where it has ended meanwhile. */
  handOver(borrower: ChannelHandlers): ByteChannel | undefined {
    if (this.ended) return undefined;
    this.borrower = borrower;
    return this.channel;
  }

  start(command: RemoteCommand): FramedRun {
    const nonce = newToken();
    const program = framedProgram(command, nonce, command.stdin === undefined || command.stdin === '' ? 'none' : { text: command.stdin });
    const run = new FramedRun(nonce);
    this.current = run;
    void run.outcome.then(() => {
      if (this.current === run) this.current = undefined;
    });
    if (this.ended) run.end(this.ended);
    else void this.channel?.write(Buffer.from(program, 'utf8'));
    return run;
  }

  /** Ends the channel when its process has ended; `terminate` ends what runs in it, and cuts it off where that does not help. */
  giveUp(terminate: boolean): void {
    if (this.ended || this.givenUp) return;
    this.givenUp = true;
    if (terminate) {
      this.channel?.terminate();
      setTimeout(() => this.ended ?? this.channel?.close(), cutOffAfterMs).unref();
    }
    this.channel?.finish();
  }
}
