/** The published hpc-agent, each version in a folder of its own below `.test-cache`, made once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runPython(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn('python3', args, { env: { ...env, PYTHONDONTWRITEBYTECODE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const parts: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  child.stdout.on('data', (chunk: Buffer) => parts.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => parts.stderr.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}

/** A half-done folder never bears the final name. */
export async function installPublished(version: string): Promise<string> {
  const folder = path.join(root, '.test-cache', `hpc-agent-${version}`);
  if (await fs.stat(folder).then(() => true, () => false)) return folder;
  const half = `${folder}.${process.pid}`;
  await fs.mkdir(path.dirname(folder), { recursive: true });
  const end = await runPython(['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', half, `hpc-agent==${version}`], process.env);
  if (end.code !== 0) {
    await fs.rm(half, { recursive: true, force: true });
    throw new Error(`pip install hpc-agent==${version} ended with ${end.code}:\n${end.stderr.slice(-2000)}`);
  }
  await fs.rename(half, folder);
  return folder;
}

export interface Answer {
  readonly answer: unknown;
  readonly warnings: readonly string[];
  readonly said: string;
}

/** One step of `exchange.py`; its home and its journal are below `home`, so nothing of the user's is read or written. */
export async function exchange(folder: string, home: string, journal: string, step: 'read' | 'ingest' | 'append' | 'write', ask: Readonly<Record<string, string>>): Promise<Answer> {
  const env = { ...process.env, HOME: home, PYTHONPATH: folder, HPC_JOURNAL_DIR: journal, PYTHONIOENCODING: 'utf-8', PYTHONUTF8: '1' };
  const end = await runPython([path.join(import.meta.dirname, 'exchange.py'), step, JSON.stringify(ask)], env);
  if (end.code !== 0) throw new Error(`hpc-agent's ${step} ended with ${end.code}:\n${end.stderr.slice(-3000)}`);
  return JSON.parse(end.stdout) as Answer;
}
