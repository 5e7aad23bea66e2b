/** Starts one of this folder's programs as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';

export function start(program: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, program), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** Resolves with the first thing it prints. */
export async function says(child: ChildProcess): Promise<string> {
  if (!child.stdout) return '';
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString();
}
