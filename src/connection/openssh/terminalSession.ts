/**
 * A terminal through the ssh program, without a terminal on this side. ssh can tell the far one no size then, so the far side is told by `stty`: at the
 * start in the terminal itself, later by a command beside it. Rule: what is typed after a change of size waits for it.
 */
import { newToken } from '../../foundation/ids.ts';
import { quoteWord } from '../../foundation/quoting.ts';
import { commandText } from '../channel/frame.ts';
import { programLine } from '../channel/loginLine.ts';
import { attachChild } from '../childChannel.ts';
import type { TerminalChannel, TerminalRequest, TerminalSize } from '../terminal.ts';
import { endSsh, startSsh } from './program.ts';
import { readLog, type SessionHost } from './session.ts';

export function openTerminalSession(host: SessionHost, request: TerminalRequest): Promise<TerminalChannel> {
  const nonce = newToken();
  const { rows, columns } = request.size;
  const program = [
    `stty rows ${rows} cols ${columns} 2>/dev/null`,
    `printf '%s%s\\n' ${nonce} "$(tty)"`,
    request.command === undefined ? 'exec "${SHELL:-/bin/sh}" -l' : commandText(request.command),
  ].join('\n');
  const logFile = host.logFile();
  return new Promise((resolve, reject) => {
    const child = startSsh({ ...host.program, environment: { ...host.program.environment, TERM: 'xterm-256color' } }, logFile, ['-tt'], programLine(program).line);
    let terminal: string | undefined;
    let before: Buffer = Buffer.alloc(0);
    let tellEnd: (code: number | null) => void = () => undefined;
    const ended = new Promise<number | null>((done) => (tellEnd = done));
    let queue: Promise<unknown> = Promise.resolve();

    const resize = async (size: TerminalSize): Promise<void> => {
      // Where it cannot be told, the terminal keeps its size.
      if (terminal !== undefined) await request.aside({ script: `stty rows ${size.rows} cols ${size.columns} <${quoteWord(terminal)}` }).catch(() => undefined);
    };
    const channel: TerminalChannel = {
      write: (data) => {
        queue = queue.then(() => pipes.write(typeof data === 'string' ? Buffer.from(data) : data));
      },
      resize: (size) => {
        queue = queue.then(() => Promise.race([resize(size), ended]));
      },
      close: () => endSsh(child),
      ended,
    };
    const onStdout = (chunk: Buffer): void => {
      if (terminal !== undefined) {
        request.onData(chunk);
        return;
      }
      before = Buffer.concat([before, chunk]);
      const at = before.indexOf(nonce);
      const newline = at < 0 ? -1 : before.indexOf(0x0a, at);
      if (newline < 0) return;
      const name = before.toString('utf8', at + nonce.length, newline).trim();
      terminal = name.startsWith('/') ? name : '';
      if (terminal === '') terminal = undefined;
      // What start-up files printed comes first, as it would in a terminal.
      for (const part of [before.subarray(0, at), before.subarray(newline + 1)]) if (part.length > 0) request.onData(part);
      before = Buffer.alloc(0);
      terminal ??= '/dev/null';
      resolve(channel);
    };
    const pipes = attachChild(
      child,
      {
        onStdout,
        onStderr: request.onData,
        onEnd: (code, signal) => {
          const log = readLog(logFile);
          if (terminal === undefined) {
            void host.unopened(log).then((failure) => reject(failure ?? new Error(`${before.toString('utf8')}\n${log}`.trim().slice(-500) || 'it ended at once')));
            tellEnd(null);
            return;
          }
          if (code !== 255 || signal !== null) tellEnd(signal === null ? code : null);
          else void host.lost(log).then((lost) => tellEnd(lost === undefined ? 255 : null));
        },
      },
      1_000,
    );
    child.once('error', reject);
    void host.closed.then(() => endSsh(child));
  });
}
