/** A terminal on the far side: raw bytes, no frame. Takes one of the connection's sessions. */
import { CancelledError } from '../foundation/abort.ts';
import { SessionLimitError } from './channel/byteChannel.ts';
import type { SessionSlots } from './channel/sessionSlots.ts';
import { unreachable } from './failure.ts';
import type { PtySession, RemoteCommand } from './port.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalRequest {
  /** Undefined: the login shell. */
  readonly command: RemoteCommand | undefined;
  readonly size: TerminalSize;
  readonly onData: (chunk: Uint8Array) => void;
  /** Runs something beside the terminal, for a transport that has no other way to change its size. */
  readonly aside: (command: RemoteCommand) => Promise<unknown>;
}

/** What a transport makes of it. */
export interface TerminalChannel {
  write(data: string | Uint8Array): void;
  resize(size: TerminalSize): void;
  close(): void;
  /** The exit status; null after a signal. */
  readonly ended: Promise<number | null>;
}

export interface TerminalOptions {
  readonly label: string;
  readonly slots: SessionSlots;
  readonly signal: AbortSignal | undefined;
  readonly open: () => Promise<TerminalChannel>;
  /** Resolves when the connection under it is gone. */
  readonly lost: Promise<unknown>;
}

export async function openTerminal(options: TerminalOptions): Promise<PtySession> {
  const { signal } = options;
  const waiting = new AbortController();
  const stopWaiting = (): void => waiting.abort();
  if (signal?.aborted) throw new CancelledError();
  signal?.addEventListener('abort', stopWaiting, { once: true });
  let channel: TerminalChannel;
  try {
    channel = await options.slots.open('own', options.open, waiting.signal);
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    throw unreachable(options.label, `no terminal could be opened: ${error instanceof Error ? error.message : String(error)}`, {
      outcome: 'not_sent',
      cause: error,
      ...(error instanceof SessionLimitError ? { remediation: 'The server allows no further session: close another terminal.' } : {}),
    });
  } finally {
    signal?.removeEventListener('abort', stopWaiting);
  }
  const dispose = (): void => {
    signal?.removeEventListener('abort', dispose);
    channel.close();
  };
  const ended = Promise.race([channel.ended, options.lost.then(() => null)]);
  void ended.then(() => {
    signal?.removeEventListener('abort', dispose);
    options.slots.release();
  });
  signal?.addEventListener('abort', dispose, { once: true });
  if (signal?.aborted) dispose();
  return { write: (data) => channel.write(data), resize: (size) => channel.resize(size), ended, dispose };
}
