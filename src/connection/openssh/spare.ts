/** A kept shell that was opened before anybody needed one, with what it says held back for whoever takes it. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ByteChannel, ChannelEnd, ChannelHandlers, OpenChannel } from '../channel/byteChannel.ts';
import { keptShellLine } from '../channel/loginLine.ts';

export interface Spare {
  /** Undefined where it has been taken, or has ended. */
  take(handlers: ChannelHandlers): Promise<ByteChannel> | undefined;
}

/** Rejects where the session ends before its shell has started. */
export async function holdSpare(link: { readonly openChannel: OpenChannel }): Promise<Spare> {
  let handlers: ChannelHandlers | undefined;
  let ended: ChannelEnd | undefined;
  let taken = false;
  const channel = await link.openChannel(keptShellLine, {
    // Before a program was sent there is only noise.
    onStdout: (chunk) => handlers?.onStdout(chunk),
    onStderr: (chunk) => handlers?.onStderr(chunk),
    onEnd: (end) => {
      ended = end;
      handlers?.onEnd(end);
    },
  });
  await turn();
  const failure = (end: ChannelEnd): Error => new Error(end.lost ?? `the session ended at once (exit ${end.exitCode ?? 'unknown'})`);
  if (ended) throw failure(ended);
  return {
    take: (wanted) => {
      if (taken || ended) return undefined;
      taken = true;
      handlers = wanted;
      return Promise.resolve(channel);
    },
  };
}
