/** A terminal on the far side: raw bytes, no frame. Takes one of the connection's sessions. */
import { CancelledError } from '../../foundation/abort.ts';
import { SessionLimitError } from '../channel/byteChannel.ts';
import type { SessionSlots } from '../channel/sessionSlots.ts';
import { unreachable } from '../failure.ts';
import type { PtySession } from '../port.ts';
import type { SshLink } from './link.ts';

export interface TerminalOptions {
  readonly label: string;
  readonly link: SshLink;
  readonly slots: SessionSlots;
  /** What to run; undefined: the login shell. */
  readonly line: string | undefined;
  readonly size: { columns: number; rows: number };
  readonly onData: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal | undefined;
}

export async function openTerminal(options: TerminalOptions): Promise<PtySession> {
  const { signal } = options;
  const waiting = new AbortController();
  const stopWaiting = (): void => waiting.abort();
  if (signal?.aborted) throw new CancelledError();
  signal?.addEventListener('abort', stopWaiting, { once: true });
  let channel;
  try {
    channel = await options.slots.open('own', () => options.link.openTerminal(options.line, options.size), waiting.signal);
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
  const terminal = channel;
  let exitCode: number | null = null;
  terminal.on('data', options.onData);
  terminal.stderr.on('data', options.onData);
  terminal.on('error', () => undefined);
  terminal.on('exit', (code: number | null) => (exitCode = code));
  const dispose = (): void => {
    signal?.removeEventListener('abort', dispose);
    terminal.close();
  };
  const ended = new Promise<number | null>((resolve) => {
    const end = (): void => {
      signal?.removeEventListener('abort', dispose);
      resolve(exitCode);
    };
    terminal.on('close', end);
    void options.link.closed.then(end);
  });
  void ended.then(() => options.slots.release());
  signal?.addEventListener('abort', dispose, { once: true });
  if (signal?.aborted) dispose();
  return {
    write: (data) => void terminal.write(data),
    resize: ({ columns, rows }) => {
      terminal.setWindow(rows, columns, 0, 0);
    },
    ended,
    dispose,
  };
}
