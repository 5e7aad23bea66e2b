/**
 * A command through a channel of its own: framed like the others, so that start-up noise is dropped and the end is known even when
 * a child in the background keeps the streams open. The channel is that of an idle kept shell, where there is one, else it is opened.
 */
import { CancelledError } from '../../foundation/abort.ts';
import { newToken } from '../../foundation/ids.ts';
import type { RemoteCommand, StreamOptions } from '../port.ts';
import type { ByteChannel, ChannelHandlers, OpenChannel } from './byteChannel.ts';
import { framedProgram, lastFramedProgram } from './frame.ts';
import { cutOffAfterMs } from './keptShell.ts';
import { FramedRun, type FrameOutcome, type FrameSinks } from './framedRun.ts';
import { programLine } from './loginLine.ts';
import type { SessionSlots } from './sessionSlots.ts';

export interface OwnChannelOptions extends FrameSinks {
  readonly open: OpenChannel;
  /** An open channel with an sh that waits for a program. */
  readonly lend: (handlers: ChannelHandlers, signal: AbortSignal) => Promise<ByteChannel | undefined>;
  readonly slots: SessionSlots;
  readonly input: StreamOptions['input'];
  readonly signal: AbortSignal;
  /** With the number of exchanges that it takes from here. */
  readonly onSent: (trips: number) => void;
  readonly endGroup?: (groupId: number) => void;
}

const pieceBytes = 256 * 1024;

async function* pieces(text: string): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += pieceBytes) yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

export async function runInOwnChannel(command: RemoteCommand, options: OwnChannelOptions): Promise<FrameOutcome> {
  const { signal } = options;
  const input = options.input ?? (command.stdin === undefined || command.stdin === '' ? undefined : pieces(command.stdin));
  const nonce = newToken();
  const source = input ? 'inherited' : 'none';
  const run = new FramedRun(nonce, options);
  let channel: ByteChannel | undefined;

  let over = false;
  let lingering = false;
  const onAbort = (): void => {
    if (!over && !lingering) {
      lingering = true;
      options.slots.linger();
    }
    channel?.terminate();
    // It may be given up before it has said who it is.
    void run.processId.then(options.endGroup);
    channel?.finish();
    setTimeout(() => {
      if (!over) channel?.close();
    }, cutOffAfterMs).unref();
  };
  const stopped = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));

  const handlers: ChannelHandlers = {
    onStdout: (chunk) => run.stdout(chunk),
    onStderr: (chunk) => run.stderr(chunk),
    onEnd: (end) => {
      run.end(end);
      over = true;
      if (lingering) options.slots.releaseLingering();
      else options.slots.release();
    },
  };
  let preamble: Buffer | undefined;
  // Made before the channel is taken, since a command may be refused here.
  const last = lastFramedProgram(command, nonce, source);
  channel = await options.lend(handlers, signal);
  const lent = channel !== undefined;
  if (lent) preamble = Buffer.from(last, 'utf8');
  else {
    const program = programLine(framedProgram(command, nonce, source));
    preamble = program.preamble;
    await options.slots.open('own', async () => void (channel = await options.open(program.line, handlers)), signal);
  }
  // From here on it may have run: the line itself starts the program, or it is written next.
  options.onSent((lent ? 1 : 0) + (input ? 1 : 0));
  if (signal.aborted) {
    onAbort();
    throw new CancelledError();
  }
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const fed = feed(channel, { preamble, input, ready: lent ? run.processId : undefined, over: Promise.race([run.outcome, stopped]) });
    const outcome = await Promise.race([run.outcome, stopped, fed.then(() => run.outcome)]);
    if (outcome === undefined) throw new CancelledError();
    channel?.finish();
    return outcome;
  } catch (error) {
    if (!CancelledError.is(error)) onAbort();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface Feed {
  readonly preamble: Buffer | undefined;
  readonly input: AsyncIterable<Uint8Array> | undefined;
  /** The input waits for this: an sh that still reads its program may read more than the program. */
  readonly ready: Promise<unknown> | undefined;
  readonly over: Promise<unknown>;
}

/** Sends the input with back-pressure, then the end of file; stops when the command has ended. Rejects with what the source throws. */
async function feed(channel: ByteChannel | undefined, { preamble, input, ready, over }: Feed): Promise<void> {
  let ended = false;
  const stop = over.then((): undefined => {
    ended = true;
  });
  if (preamble) await Promise.race([channel?.write(preamble), stop]);
  if (ready) await Promise.race([ready, stop]);
  if (input) {
    const source = input[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await Promise.race([source.next(), stop]);
        if (next === undefined || ended || next.done) break;
        await Promise.race([channel?.write(next.value), stop]);
      }
    } finally {
      if (ended) void source.return?.().catch(() => undefined);
    }
  }
  channel?.end();
}
