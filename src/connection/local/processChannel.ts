/** A channel whose far end is a process of this machine, in a process group of its own so that all of it can be ended. */
import { spawn } from 'node:child_process';
import * as os from 'node:os';
import type { ByteChannel, ChannelEnd, ChannelHandlers } from '../channel/byteChannel.ts';

/** What the editor puts into its own processes' environment and a user's program must not inherit. */
const ofTheEditor = /^(ELECTRON_|VSCODE_)/;
const killAfterMs = 2_000;
const drainAfterExitMs = 200;

export function localEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && !ofTheEditor.test(entry[0])));
}

export function openProcessChannel(line: string, handlers: ChannelHandlers): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', line], { detached: true, cwd: os.homedir(), env: localEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    let over = false;
    const end = (how: ChannelEnd): void => {
      if (over) return;
      over = true;
      handlers.onEnd(how);
    };
    const closeStreams = (): void => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const signalGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // Already gone.
      }
    };
    child.stdout.on('data', handlers.onStdout);
    child.stderr.on('data', handlers.onStderr);
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => {
      reject(error);
      end({ exitCode: null, lost: error.message });
    });
    const result = (code: number | null, signal: NodeJS.Signals | null): ChannelEnd => (signal === null ? { exitCode: code } : { exitCode: null, signal });
    // `close` waits for the streams, which a child in the background may hold for ever.
    child.once('exit', (code, signal) => {
      setTimeout(() => {
        closeStreams();
        end(result(code, signal));
      }, drainAfterExitMs).unref();
    });
    child.once('close', (code, signal) => end(result(code, signal)));
    child.once('spawn', () =>
      resolve({
        write: (data) =>
          new Promise<void>((written) => {
            if (child.stdin.destroyed || child.stdin.writableEnded) written();
            else child.stdin.write(data, () => written());
          }),
        end: () => {
          child.stdin.end();
        },
        terminate: () => {
          signalGroup('SIGTERM');
          // The group may outlive its leader, so it is signalled whether or not that has ended.
          setTimeout(() => signalGroup('SIGKILL'), killAfterMs).unref();
        },
        finish: () => {
          child.stdin.end();
        },
        close: closeStreams,
      }),
    );
  });
}
