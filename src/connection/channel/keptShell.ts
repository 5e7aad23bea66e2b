/** One `sh` that is kept open: one program at a time, each in a frame of its own. */
import { newToken } from '../../foundation/ids.ts';
import type { RemoteCommand } from '../port.ts';
import type { ByteChannel, ChannelEnd, OpenChannel } from './byteChannel.ts';
import { framedProgram } from './frame.ts';
import { FramedRun } from './framedRun.ts';
import { keptShellLine } from './loginLine.ts';

export class KeptShell {
  ended: ChannelEnd | undefined;
  private channel: ByteChannel | undefined;
  private current: FramedRun | undefined;
  private readonly onEnded: (shell: KeptShell) => void;

  constructor(onEnded: (shell: KeptShell) => void) {
    this.onEnded = onEnded;
  }

  async open(openChannel: OpenChannel): Promise<void> {
    this.channel = await openChannel(keptShellLine, {
      onStdout: (chunk) => this.current?.stdout(chunk),
      onStderr: (chunk) => this.current?.stderr(chunk),
      onEnd: (end) => {
        this.ended = end;
        this.current?.end(end);
        this.onEnded(this);
      },
    });
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

  /** Ends the channel; `terminate` ends what runs in it too. */
  giveUp(terminate: boolean): void {
    if (this.ended) return;
    if (terminate) this.channel?.terminate();
    this.channel?.end();
    this.channel?.close();
  }
}
