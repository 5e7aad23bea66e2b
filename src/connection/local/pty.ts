/**
 * A terminal on this machine without a native module: Python's `pty` makes it and passes the bytes on.
 * New sizes go over a pipe of their own (file descriptor 3), so that they cannot mix with what is typed.
 */
import { spawn } from 'node:child_process';
import * as os from 'node:os';
import type { Writable } from 'node:stream';
import { HpcError } from '../../foundation/errors.ts';
import type { PtySession } from '../port.ts';
import { localEnvironment } from '../childEnvironment.ts';

const relay = `
import fcntl, os, pty, select, signal, struct, sys, termios
columns, rows = int(sys.argv[1]), int(sys.argv[2])
pid, master = pty.fork()
if pid == 0:
    os.close(3)
    os.execvp(sys.argv[3], sys.argv[3:])
def resize(columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
resize(columns, rows)
def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]
watched, sizes = [0, 3, master], b''
while True:
    ready = select.select(watched, [], [])[0]
    # A size that was given before something was typed holds when it is read.
    if 3 in ready:
        data = os.read(3, 4096)
        if not data:
            watched.remove(3)
        sizes += data
        while b'\\n' in sizes:
            line, sizes = sizes.split(b'\\n', 1)
            resize(*[int(n) for n in line.split()])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b''
        if not data:
            break
        write_all(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if data:
            write_all(master, data)
        else:
            os.kill(pid, signal.SIGHUP)
            watched.remove(0)
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 255)
`;

export interface LocalPtyOptions {
  readonly python: string | undefined;
  readonly argv: readonly string[];
  readonly size: { columns: number; rows: number };
  readonly onData: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal | undefined;
}

export function openLocalPty(options: LocalPtyOptions): Promise<PtySession> {
  if (options.python === undefined) {
    return Promise.reject(
      new HpcError('config_invalid', 'A terminal on this machine needs Python 3.6 or newer, and none was found.', { remediation: 'Install python3, or use the terminal of the editor.' }),
    );
  }
  const { python, size } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-S', '-c', relay, String(size.columns), String(size.rows), ...options.argv], {
      cwd: os.homedir(),
      env: { TERM: 'xterm-256color', ...localEnvironment() },
      stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    });
    const stdin = child.stdin!;
    const sizes = child.stdio[3] as Writable;
    for (const stream of [stdin, sizes]) stream.on('error', () => undefined);
    child.stdout?.on('data', options.onData);
    const ended = new Promise<number | null>((finish) => child.once('close', (code) => finish(code === 255 ? null : code)));
    const dispose = (): void => {
      options.signal?.removeEventListener('abort', dispose);
      // The relay hangs up on its child at the end of its input.
      stdin.end();
    };
    child.once('error', reject);
    child.once('spawn', () => {
      options.signal?.addEventListener('abort', dispose, { once: true });
      if (options.signal?.aborted) dispose();
      resolve({
        write: (data) => void stdin.write(data),
        resize: (next) => void sizes.write(`${next.columns} ${next.rows}\n`),
        ended,
        dispose,
      });
    });
  });
}
