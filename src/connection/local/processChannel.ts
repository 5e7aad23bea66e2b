/** A channel whose far end is a process of this machine, in a process group of its own so that all of it can be ended. */
import { spawn } from 'node:child_process';
import * as os from 'node:os';
import type { ByteChannel, ChannelHandlers } from '../channel/byteChannel.ts';
import { attachChild } from '../childChannel.ts';
import { localEnvironment } from '../childEnvironment.ts';

const killAfterMs = 2_000;
const drainAfterExitMs = 200;

export function openProcessChannel(line: string, handlers: ChannelHandlers): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', line], { detached: true, cwd: os.homedir(), env: localEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    const signalGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // Already gone.
      }
    };
    let failed = false;
    const pipes = attachChild(
      child,
      {
        onStdout: handlers.onStdout,
        onStderr: handlers.onStderr,
        onEnd: (code, signal) => {
          if (!failed) handlers.onEnd(signal === null ? { exitCode: code } : { exitCode: null, signal });
        },
      },
      drainAfterExitMs,
    );
    child.once('error', (error) => {
      reject(error);
      if (failed) return;
      failed = true;
      handlers.onEnd({ exitCode: null, lost: error.message });
    });
    child.once('spawn', () =>
      resolve({
        write: pipes.write,
        end: pipes.end,
        terminate: () => {
          signalGroup('SIGTERM');
          // The group may outlive its leader, so it is signalled whether or not that has ended.
          setTimeout(() => signalGroup('SIGKILL'), killAfterMs).unref();
        },
        finish: pipes.end,
        close: pipes.close,
      }),
    );
  });
}
