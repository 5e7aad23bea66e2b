/** A workspace on disk with a frozen run, and the real dispatcher run in it by a real Python. */
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalPythonJson, type PythonObject } from '../../../src/executors/pythonJson.ts';
import { freezeParams } from '../../../src/executors/paramsFile.ts';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const runtimeDirectory = path.join(repository, 'templates', 'runtime');
/** Set HPC_TEST_PYTHON to try another version. */
export const python = process.env.HPC_TEST_PYTHON ?? 'python3';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  readonly runId?: string;
  readonly executor?: string;
  readonly resultDir?: string;
  readonly extra?: Record<string, unknown>;
  readonly sidecar?: Record<string, unknown>;
  /** Leave away the index, or all frozen parameters. */
  readonly frozen?: 'full' | 'without index' | 'none';
}

export function start(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Started {
  const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, ended };
}

/** Waits until `condition` holds; fails after 15 s, saying for what it waited. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export class TaskBed {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc task bed '));
  readonly stateDirectory = path.join(this.directory, 'state');

  constructor() {
    fs.mkdirSync(path.join(this.directory, '.hpc', 'runs'), { recursive: true });
  }

  dispose(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  file(...names: string[]): string {
    return path.join(this.directory, ...names);
  }

  read(...names: string[]): string {
    return fs.readFileSync(this.file(...names), 'utf8');
  }

  has(...names: string[]): boolean {
    return fs.existsSync(this.file(...names));
  }

  write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(this.file(name)), { recursive: true });
    fs.writeFileSync(this.file(name), text);
  }

  /** Freezes a run of these tasks; the sidecar's cmd_sha. */
  freeze(tasks: readonly PythonObject[], options: RunOptions = {}): string {
    const runId = options.runId ?? 'r1';
    const { params, index, cmdSha } = freezeParams(tasks.map(canonicalPythonJson));
    if (options.frozen !== 'none') this.write(`.hpc/runs/${runId}.params.jsonl`, params);
    if ((options.frozen ?? 'full') === 'full') fs.writeFileSync(this.file(`.hpc/runs/${runId}.params.idx`), index);
    const sidecar = {
      sidecar_schema_version: 2,
      run_id: runId,
      cmd_sha: cmdSha,
      task_count: tasks.length,
      executor: options.executor ?? `echo '{"n_samples":1}' > "$RESULT_DIR/metrics.json"`,
      result_dir_template: options.resultDir ?? 'results/{task_id}',
      ...(options.extra && { extra: options.extra }),
      ...options.sidecar,
    };
    this.write(`.hpc/runs/${runId}.json`, JSON.stringify(sidecar));
    return cmdSha;
  }

  start(task: number | string, env: NodeJS.ProcessEnv = {}): Started {
    return start([python, '-B', '-S', '-E', path.join(runtimeDirectory, '_hpc_dispatch.py')], this.directory, {
      PATH: process.env.PATH,
      HOME: this.directory,
      HPC_RUN_ID: 'r1',
      HPC_TASK_ID: String(task),
      HPC_STATE_DIR: this.stateDirectory,
      ...env,
    });
  }

  async run(task: number | string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return await this.start(task, env).ended;
  }

  async combine(...args: string[]): Promise<Ended> {
    return await start([python, '-B', path.join(runtimeDirectory, '_hpc_combiner.py'), '--settle', '0', ...args], this.directory, { PATH: process.env.PATH, HPC_RUN_ID: 'r1' }).ended;
  }

  events(): Record<string, unknown>[] {
    const directory = path.join(this.stateDirectory, 'events');
    if (!fs.existsSync(directory)) return [];
    return fs.readdirSync(directory).flatMap((name) =>
      fs
        .readFileSync(path.join(directory, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  }
}
