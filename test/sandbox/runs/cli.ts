/**
 * The command line as a user has it: one bundled file, its own process, its own `HPC_AGENT_HOME`. Nothing of the product is
 * loaded into the test, so that a kill is a kill.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

export interface Envelope {
  readonly ok: boolean;
  readonly error_code?: string;
  readonly message?: string;
  readonly remediation?: string;
  readonly retry_safe?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Undefined where it was killed before it could answer. */
  readonly envelope: Envelope | undefined;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly ended: Promise<CliEnd>;
}

export class Cli {
  private constructor(
    private readonly directory: string,
    readonly home: string,
  ) {}

  /** Bundles `src/cli.ts` beside links to the product's assets, so that `dist/` is left alone. */
  static async build(): Promise<Cli> {
    const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-cli-'));
    await esbuild.build({ absWorkingDir: root, entryPoints: ['src/cli.ts'], outfile: path.join(directory, 'dist', 'cli.js'), bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'silent' });
    for (const name of ['templates', 'node_modules', 'package.json', 'schemas']) await fs.symlink(path.join(root, name), path.join(directory, name));
    const home = path.join(directory, 'home');
    await fs.mkdir(home);
    return new Cli(directory, home);
  }

  async dispose(): Promise<void> {
    await fs.rm(this.directory, { recursive: true, force: true });
  }

  /** The same program for another person or machine: a home of its own. */
  async withHome(name: string): Promise<Cli> {
    const home = path.join(this.directory, name);
    await fs.mkdir(home, { recursive: true });
    return new Cli(this.directory, home);
  }

  async writeClusters(clusters: Readonly<Record<string, unknown>>): Promise<void> {
    // JSON is YAML.
    await fs.writeFile(path.join(this.home, 'clusters.yaml'), JSON.stringify(clusters, undefined, 1));
  }

  start(words: readonly string[], options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }): RunningCli {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [path.join(this.directory, 'dist', 'cli.js'), ...words], {
      cwd: options.cwd,
      env: { ...process.env, HPC_AGENT_HOME: this.home, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(child, 'close').then(([code, signal]): CliEnd => {
      const line = stdout.split('\n').find((candidate) => candidate.startsWith('{"ok":'));
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, envelope: line === undefined ? undefined : (JSON.parse(line) as Envelope), stderr, elapsedMs: performance.now() - startedMs };
    });
    return { child, ended };
  }

  async run(words: readonly string[], options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }): Promise<CliEnd> {
    return this.start(words, options).ended;
  }

  /** For calls that must succeed: the data of the answer. */
  async data(words: readonly string[], options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }): Promise<Readonly<Record<string, unknown>>> {
    const { envelope, code, stderr } = await this.run(words, options);
    if (envelope?.ok !== true || !envelope.data) throw new Error(`hpc-agent ${words.join(' ')}: exit ${code}: ${JSON.stringify(envelope)}\n${stderr.slice(-3000)}`);
    return envelope.data;
  }
}

/** A workspace with a `tasks.py` of `total` tasks, each with one kwarg `x`. */
export async function makeWorkspace(directory: string, total: number, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const all: Readonly<Record<string, string>> = { '.hpc/tasks.py': `def total():\n    return ${total}\n\n\ndef resolve(i):\n    return {"x": i}\n`, ...files };
  for (const [name, text] of Object.entries(all)) {
    const file = path.join(directory, name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, text);
  }
  return directory;
}

/** Waits until `condition` gives a value, asking again and again; fails with `what` at the deadline. */
export async function eventually<T>(what: string, condition: () => Promise<T | undefined>, timeoutMs = 60_000, pauseMs = 200): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
