/** Runs the machinery in `cluster/bed` and other programs; the one place where the sandbox's processes are started. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + the signal's number is not used: a program that a signal ended has -1. */
  readonly exitCode: number;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const child = spawn(program, args, { env: { ...process.env, ...options.env }, ...(options.signal && { signal: options.signal }) });
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, stderr, exitCode };
}

const bedProgram = fileURLToPath(new URL('cluster/bed', import.meta.url));

export type Bed = (args: readonly string[], options?: RunOptions) => Promise<CommandResult>;

export function bedAt(stateDirectory: string): Bed {
  return (args, options = {}) => run('bash', [bedProgram, ...args], { ...options, env: { ...options.env, STATE: stateDirectory } });
}

/** For verbs that must succeed. */
export async function must(bed: Bed, args: readonly string[], options?: RunOptions): Promise<string> {
  const result = await bed(args, options);
  if (result.exitCode !== 0) throw new Error(`the sandbox could not do "${args.join(' ')}": ${(result.stderr + result.stdout).trim()}`);
  return result.stdout;
}
