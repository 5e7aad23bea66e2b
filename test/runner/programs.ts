/**
 * Starts programs, each in a process group of its own.
 *
 * Rule: what was started here is ended here, the whole group by its number, when the signal aborts and when the program is
 * over: a program that leaves something behind in its group is found out.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import * as fs from 'node:fs';
import { reapedSeconds } from './processors.ts';

export interface ProgramEnd {
  /** The exit status; -1 when a signal ended it or it could not be started. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  /** The last part of both outputs. */
  readonly tail: string;
  /** Whether processes of its group outlived it. They are ended by now. */
  readonly leftovers: boolean;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly logFile: string;
  /** Called with the started process, for its messages. */
  readonly onStart?: (child: ChildProcess, end: () => void) => void;
  readonly ipc?: boolean;
  readonly onOutput?: (chunk: Buffer) => void;
  readonly spent?: (seconds: number) => void;
}

const tailBytes = 20_000;
const graceMs = 10_000;

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

async function endGroup(group: number): Promise<void> {
  const deadline = Date.now() + graceMs;
  if (!signalGroup(group, 'SIGTERM')) return;
  while (signalGroup(group, 0) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  signalGroup(group, 'SIGKILL');
}

export async function runProgram(command: string, args: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const stdio: StdioOptions = options.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'];
  const log = fs.createWriteStream(options.logFile, { flags: 'a' });
  let tail = '';
  const keep = (chunk: Buffer): void => {
    tail = (tail + chunk.toString()).slice(-tailBytes);
    log.write(chunk);
    options.onOutput?.(chunk);
  };
  const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, detached: true, stdio });
  const group = child.pid;
  let ending: Promise<void> | undefined;
  const end = (): void => {
    if (group !== undefined) ending ??= endGroup(group);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  options.signal.addEventListener('abort', end, { once: true });
  if (options.signal.aborted) end();
  options.onStart?.(child, end);
  // Not `close`: a process left behind may hold the pipes open for ever.
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('error', (error) => {
      keep(Buffer.from(`${command}: ${error.message}\n`));
      resolve([-1, null]);
    });
    child.on('exit', (...how) => {
      options.spent?.(reapedSeconds());
      resolve(how);
    });
  });
  options.signal.removeEventListener('abort', end);
  const leftovers = group !== undefined && ending === undefined && (await outlived(group));
  if (leftovers) end();
  await ending;
  // What was written last may still be in the pipe.
  await new Promise<void>((resolve) => setImmediate(resolve));
  child.stdout?.destroy();
  child.stderr?.destroy();
  await new Promise<void>((resolve) => log.end(resolve));
  return { code: code ?? -1, signal, tail, leftovers };
}

/** Children of a program end a moment after it. */
async function outlived(group: number): Promise<boolean> {
  const deadline = Date.now() + 3000;
  while (signalGroup(group, 0)) {
    if (Date.now() > deadline) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
