/** One established ssh connection, jump hosts included, as the link that commands go through. */
import type { Client, ClientChannel } from 'ssh2';
import { messageOf } from '../../foundation/errors.ts';
import { SessionLimitError, type ByteChannel, type ChannelEnd, type ChannelHandlers } from '../channel/byteChannel.ts';
import { commandText } from '../channel/frame.ts';
import { programLine } from '../channel/loginLine.ts';
import type { RemoteLink } from '../remoteConnection.ts';
import type { TerminalChannel } from '../terminal.ts';

const farewellMs = 1_000;

/** `clients`: jump hosts first, the target last; each is signed in. */
export function createSshLink(clients: readonly Client[], neededPerson: boolean): RemoteLink {
  const target = clients[clients.length - 1];
  if (!target) throw new Error('no client');
  /** Ends of channels that are open: a dead network never closes them, so losing the link does. */
  const open = new Set<(end: ChannelEnd) => void>();
  let lost: string | undefined;
  let tell: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => (tell = resolve));

  const endAll = (): void => {
    for (const client of [...clients].reverse()) {
      client.end();
      setTimeout(() => client.destroy(), farewellMs).unref();
    }
  };
  const lose = (reason: string): void => {
    if (lost !== undefined) return;
    lost = reason;
    tell(reason);
    for (const end of [...open]) end({ exitCode: null, lost: reason });
    endAll();
  };
  for (const client of clients) {
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return;
      lose(error.level === 'client-timeout' ? 'the host does not answer any more' : error.message);
    });
    client.on('close', () => lose(client === target ? 'the host closed the connection' : 'a jump host closed the connection'));
  }

  const session = (start: (done: (error: Error | undefined, channel: ClientChannel) => void) => void): Promise<ClientChannel> =>
    new Promise((resolve, reject) => {
      if (lost !== undefined) {
        reject(new Error(`the connection was lost: ${lost}`));
        return;
      }
      void closed.then((reason) => reject(new Error(`the connection was lost: ${reason}`)));
      try {
        start((error, channel) => {
          // ssh2 puts the number of the reason on failures to open, and on no others.
          if (error) reject('reason' in error ? new SessionLimitError(messageOf(error)) : error);
          else resolve(channel);
        });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });

  return {
    closed,
    neededPerson,
    async openChannel(line, handlers) {
      const channel = await session((done) => target.exec(line, done));
      return attach(channel, handlers, open, () => lost);
    },
    async openTerminal({ command, size, onData }) {
      const pty = { rows: size.rows, cols: size.columns, term: 'xterm-256color' };
      const channel = await session((done) => (command === undefined ? target.shell(pty, done) : target.exec(programLine(commandText(command)).line, { pty }, done)));
      return attachTerminal(channel, onData);
    },
    connectTcp: (host, port) => session((done) => target.forwardOut('127.0.0.1', 0, host, port, done)),
    dispose: () => lose('it was closed here'),
  };
}

function attachTerminal(terminal: ClientChannel, onData: (chunk: Uint8Array) => void): TerminalChannel {
  let exitCode: number | null = null;
  terminal.on('data', onData);
  terminal.stderr.on('data', onData);
  terminal.on('error', () => undefined);
  terminal.on('exit', (code: number | null) => (exitCode = code));
  return {
    write: (data) => void terminal.write(data),
    resize: ({ columns, rows }) => terminal.setWindow(rows, columns, 0, 0),
    close: () => terminal.close(),
    ended: new Promise((resolve) => terminal.on('close', () => resolve(exitCode))),
  };
}

function attach(channel: ClientChannel, handlers: ChannelHandlers, open: Set<(end: ChannelEnd) => void>, lost: () => string | undefined): ByteChannel {
  let exit: ChannelEnd | undefined;
  let over = false;
  let finishing = false;
  let release: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (release = resolve));
  const end = (how: ChannelEnd): void => {
    if (over) return;
    over = true;
    open.delete(end);
    release();
    handlers.onEnd(how);
  };
  open.add(end);
  channel.on('data', handlers.onStdout);
  channel.stderr.on('data', handlers.onStderr);
  channel.on('error', () => undefined);
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = signal === undefined ? { exitCode: code } : { exitCode: null, signal };
    // A child in the background may hold the streams, and with them the channel, for ever.
    if (finishing) channel.close();
  });
  channel.on('close', () => {
    const reason = lost();
    end(exit ?? { exitCode: null, lost: reason ?? 'the server closed the channel' });
  });
  return {
    write: (data) =>
      new Promise<void>((resolve) => {
        if (over || !channel.writable) {
          resolve();
          return;
        }
        channel.write(data, () => resolve());
        void ended.then(resolve);
      }),
    end: () => {
      if (!over) channel.end();
    },
    terminate: () => {
      // Servers before OpenSSH 7.9 ignore it; the caller has another way.
      if (!over) channel.signal('TERM');
    },
    finish: () => {
      finishing = true;
      if (!over) channel.end();
      if (exit) channel.close();
    },
    close: () => channel.close(),
  };
}
