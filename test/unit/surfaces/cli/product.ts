/** The command line as it ships, bundled once per test process into a temporary folder, and ways to run it. */
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import type { Envelope } from '../../../../src/operations/envelope.ts';

let built: Promise<string> | undefined;

/** The path of the program. Both it and the folder vanish with this process. */
export function cliProgram(): Promise<string> {
  built ??= (async () => {
    const product = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-cli-'));
    process.once('exit', () => fs.rmSync(product, { recursive: true, force: true }));
    for (const name of ['src', 'node_modules', 'templates', 'schemas', 'package.json']) if (fs.existsSync(name)) fs.symlinkSync(path.resolve(name), path.join(product, name));
    // The build itself, at another place: what is tested is what ships, and dist/ is left to whoever is using it.
    fs.copyFileSync('esbuild.mjs', path.join(product, 'esbuild.mjs'));
    await promisify(execFile)(process.execPath, [path.join(product, 'esbuild.mjs')]);
    return path.join(product, 'dist', 'cli.js');
  })();
  return built;
}

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one line of standard output; throws where it is not one line of JSON. */
  envelope(): Envelope;
  /** The data of an answer that must be ok. */
  data<T = Record<string, never>>(): T;
}

export interface Desk {
  readonly folder: string;
  /** The workspace, in a folder whose name has spaces and both kinds of quotes. */
  readonly workspace: string;
  /** HPC_AGENT_HOME. */
  readonly home: string;
  /** HOME, so that nothing of whoever runs the test is read or written. */
  readonly userHome: string;
  readonly env: NodeJS.ProcessEnv;
  write(name: string, text: string): void;
  start(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<ChildProcessWithoutNullStreams>;
  run(words: readonly string[], options?: { stdin?: string; env?: NodeJS.ProcessEnv }): Promise<Answer>;
  remove(): void;
}

export function makeDesk(): Desk {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-desk-')));
  const at = (name: string): string => {
    fs.mkdirSync(path.join(folder, name), { recursive: true });
    return path.join(folder, name);
  };
  const workspace = at(`it's "my" work space`);
  const [home, userHome] = [at('agent home'), at('user')];
  const env = { ...process.env, HOME: userHome, HPC_AGENT_HOME: home, SSH_AUTH_SOCK: '', HPC_AGENT_BACKGROUND_DIR: undefined };
  const start = async (words: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<ChildProcessWithoutNullStreams> => spawn(process.execPath, [await cliProgram(), ...words], { cwd: workspace, env: { ...env, ...more } });
  return {
    folder,
    workspace,
    home,
    userHome,
    env,
    write: (name, text) => {
      fs.mkdirSync(path.dirname(path.join(workspace, name)), { recursive: true });
      fs.writeFileSync(path.join(workspace, name), text);
    },
    start,
    run: async (words, options = {}) => {
      const child = await start(words, options.env);
      child.stdin.on('error', () => undefined);
      child.stdin.end(options.stdin ?? '');
      return answerOf(child, words);
    },
    remove: () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
  };
}

export async function answerOf(child: ChildProcessWithoutNullStreams, words: readonly string[] = []): Promise<Answer> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const envelope = (): Envelope => {
    if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`hpc-agent ${words.join(' ')}: not one line but ${JSON.stringify(stdout)} (${code})\n${stderr}`);
    return JSON.parse(stdout) as Envelope;
  };
  return {
    code,
    stdout,
    stderr,
    envelope,
    data: <T>() => {
      const found = envelope();
      if (!found.ok) throw new Error(`hpc-agent ${words.join(' ')}: ${JSON.stringify(found)}\n${stderr}`);
      return found.data as T;
    },
  };
}

/** Waits for a condition, looking again every few milliseconds; the test's own time limit ends a wait in vain. */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
