/**
 * One session of the ssh program as a channel.
 *
 * Rules:
 * - It counts as open when the far login shell has said a word of ours. A failure before that is `not sent` only where ssh's own log proves that
 *   no session was opened; anything else is told as an open channel that ended, so that nobody takes a command for not started that was.
 * - ssh ends with 255 for its own failures, for a far 255 and for a far signal alike: its log and its master tell which.
 * - ssh's own messages go to a file, so that the far side's stderr is the far side's.
 */
import { readFileSync, rmSync } from 'node:fs';
import { newToken } from '../../foundation/ids.ts';
import type { ByteChannel, ChannelEnd, ChannelHandlers } from '../channel/byteChannel.ts';
import { attachChild } from '../childChannel.ts';
import { endSsh, startSsh, type SshProgram } from './program.ts';

/** What a status of 255 was, and what it means for everything else. */
export interface SessionHost {
  readonly program: SshProgram;
  logFile(): string;
  /** The connection under the session: undefined while it stands, else why it does not. `log` is ssh's own. */
  lost(log: string): Promise<string | undefined>;
  /** What to fail with where `log` proves that no session was opened; undefined where it does not. */
  unopened(log: string): Promise<Error | undefined>;
  /** Resolves when the link is gone. */
  readonly closed: Promise<string>;
}

const drainAfterExitMs = 1_000;
/** After its end of file a session ends by itself, unless something in the background holds its streams. */
const closeAfterMs = 400;
/** Slow start-up files: then it is taken for open, and time limits are the caller's. */
const openWithinMs = 60_000;

export function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  } finally {
    rmSync(file, { force: true });
  }
}

interface Held {
  readonly stream: 'onStdout' | 'onStderr';
  readonly chunk: Buffer;
}

export function openSession(host: SessionHost, line: string, handlers: ChannelHandlers): Promise<ByteChannel> {
  const logFile = host.logFile();
  const mark = Buffer.from(`${newToken()}\n`);
  return new Promise((resolve, reject) => {
    const child = startSsh(host.program, logFile, ['-T'], `echo ${mark.toString().trim()}; ${line}`);
    let opened = false;
    let flowing = false;
    let over = false;
    let terminated = false;
    let held: Held[] = [];
    let before: Buffer = Buffer.alloc(0);
    let pendingEnd: ChannelEnd | undefined;

    const end = (how: ChannelEnd): void => {
      if (over) return;
      if (!flowing) {
        pendingEnd ??= how;
        return;
      }
      over = true;
      handlers.onEnd(how);
    };
    const pass = (stream: Held['stream'], chunk: Buffer): void => {
      if (chunk.length === 0 || over) return;
      if (flowing) handlers[stream](chunk);
      else held.push({ stream, chunk });
    };
    const channel: ByteChannel = {
      write: (data) => pipes.write(data),
      end: () => pipes.end(),
      // ssh has no word for a signal; the caller sends one by another shell.
      terminate: () => {
        terminated = true;
      },
      finish: () => {
        pipes.end();
        if (!terminated) setTimeout(() => endSsh(child), closeAfterMs).unref();
      },
      close: () => endSsh(child),
    };
    const open = (): void => {
      if (opened) return;
      opened = true;
      clearTimeout(timer);
      resolve(channel);
      // After whoever waits for the channel has begun to use it: what it says belongs to that.
      setImmediate(() => {
        flowing = true;
        for (const { stream, chunk } of held) handlers[stream](chunk);
        held = [];
        if (pendingEnd) end(pendingEnd);
      });
    };
    const timer = setTimeout(open, openWithinMs);
    timer.unref();

    const onStdout = (chunk: Buffer): void => {
      if (opened) {
        pass('onStdout', chunk);
        return;
      }
      before = Buffer.concat([before, chunk]);
      const at = before.indexOf(mark);
      if (at < 0) return;
      const rest = before.subarray(at + mark.length);
      before = Buffer.alloc(0);
      open();
      pass('onStdout', rest);
    };
    let lastErr = '';
    const onStderr = (chunk: Buffer): void => {
      lastErr = (lastErr + chunk.toString('latin1')).slice(-300);
      pass('onStderr', chunk);
    };
    const finish = async (code: number | null, signal: NodeJS.Signals | null): Promise<void> => {
      // This one of ssh's messages goes another way, and is the last that comes by it.
      const log = readLog(logFile) + (/Connection to \S+ closed by remote host\.\r?\n$/.exec(lastErr)?.[0] ?? '');
      if (code !== 255) {
        end(signal === null ? { exitCode: code } : { exitCode: null, lost: 'the ssh process of the session was ended' });
        if (!opened) held.unshift({ stream: 'onStdout', chunk: before });
        open();
        return;
      }
      const unopened = opened ? undefined : await host.unopened(log);
      if (unopened) {
        opened = true;
        clearTimeout(timer);
        reject(unopened);
        return;
      }
      const lost = await host.lost(log);
      end(lost === undefined ? { exitCode: null, signal: 'unknown' } : { exitCode: null, lost });
      if (!opened) held.unshift({ stream: 'onStdout', chunk: before });
      open();
    };
    const pipes = attachChild(child, { onStdout, onStderr, onEnd: (code, signal) => void finish(code, signal) }, drainAfterExitMs);
    child.once('error', (error) => {
      opened = true;
      clearTimeout(timer);
      reject(error);
    });
    // A master that hangs, or a dead network, never ends a session: losing the link does.
    void host.closed.then((reason) => {
      endSsh(child);
      end({ exitCode: null, lost: reason });
      open();
    });
  });
}
