/** The pipes of a child process as the byte half of a channel: back-pressure, draining, and the one end. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';

export interface ChildHandlers {
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
  /** Once, after the last byte. */
  readonly onEnd: (code: number | null, signal: NodeJS.Signals | null) => void;
}

export interface ChildPipes {
  /** Resolves when the bytes are taken. Never rejects. */
  readonly write: (data: Uint8Array) => Promise<void>;
  /** End of file. */
  readonly end: () => void;
  readonly close: () => void;
}

/** A child in the background may hold the streams for ever after the process has gone: then they are cut. */
export function attachChild(child: ChildProcessWithoutNullStreams, handlers: ChildHandlers, drainAfterExitMs: number): ChildPipes {
  let over = false;
  const end = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (over) return;
    over = true;
    handlers.onEnd(code, signal);
  };
  const close = (): void => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  child.stdout.on('data', handlers.onStdout);
  child.stderr.on('data', handlers.onStderr);
  child.stdin.on('error', () => undefined);
  child.once('exit', (code, signal) => {
    setTimeout(() => {
      close();
      end(code, signal);
    }, drainAfterExitMs).unref();
  });
  child.once('close', end);
  return {
    write: (data) =>
      new Promise<void>((written) => {
        // Not at once: a source without an end would leave no turn for the news that the child has ended.
        if (child.stdin.destroyed || child.stdin.writableEnded) setImmediate(written);
        else child.stdin.write(data, () => written());
      }),
    end: () => {
      child.stdin.end();
    },
    close,
  };
}
