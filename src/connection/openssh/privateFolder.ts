/**
 * A folder of our own for one connection: control socket, askpass program, the ssh configuration that is ours.
 *
 * Rules: only its owner may enter it; its path is short enough for a socket (104 bytes, of which ssh takes 17 for a temporary name); it is on a
 * file system that takes sockets and runs programs. What a killed process has left behind is removed by the next one.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { rmSync } from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemCodeOf } from '../../foundation/errors.ts';
import type { Disposable } from '../../foundation/disposable.ts';

export interface PrivateFolder extends Disposable {
  readonly path: string;
  /** Whether a control socket fits into it. */
  readonly takesSockets: boolean;
  file(name: string): string;
}

export interface FolderSurroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly temporary: string;
  readonly platform: NodeJS.Platform;
}

const longestSocketPath = 103;
const addedBySsh = 17;
const nameOf = /^[0-9a-f]{12}$/;
export const controlName = 'control';

/** The places to try, best first. */
export function folderCandidates(around: FolderSurroundings): string[] {
  const { env, home, temporary, platform } = around;
  const user = platform === 'win32' ? 'own' : String(os.userInfo().uid);
  return [
    ...(env.XDG_RUNTIME_DIR?.startsWith('/') ? [path.join(env.XDG_RUNTIME_DIR, 'hpc-agent')] : []),
    path.join(env.HPC_AGENT_HOME ?? path.join(home, '.hpc-agent'), 'ssh'),
    path.join(temporary, `hpc-agent-ssh-${user}`),
    ...(platform === 'win32' ? [] : [`/tmp/hpc-agent-ssh-${user}`]),
  ];
}

export function fitsSocket(folder: string, platform: NodeJS.Platform): boolean {
  return platform === 'win32' || Buffer.byteLength(path.join(folder, '0'.repeat(12), `${controlName}99`)) + addedBySsh <= longestSocketPath;
}

async function prepare(base: string, platform: NodeJS.Platform): Promise<void> {
  await fs.mkdir(base, { recursive: true, mode: 0o700 });
  if (platform === 'win32') return;
  const found = await fs.lstat(base);
  if (!found.isDirectory() || found.uid !== os.userInfo().uid) throw new Error(`${base} is not a folder of this user`);
  if ((found.mode & 0o077) !== 0) await fs.chmod(base, 0o700);
}

/** A socket can be made there, and a program run: some sites mount such folders without. */
async function isUsable(folder: string, platform: NodeJS.Platform): Promise<boolean> {
  if (platform === 'win32') return true;
  const probe = path.join(folder, 'probe');
  await fs.writeFile(probe, '#!/bin/sh\n', { mode: 0o700 });
  try {
    await fs.access(probe, fs.constants.X_OK);
  } finally {
    await fs.rm(probe, { force: true });
  }
  return await new Promise<boolean>((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(probe, () => server.close(() => resolve(true)));
  });
}

export async function makePrivateFolder(given: Partial<FolderSurroundings> = {}): Promise<PrivateFolder> {
  const around: FolderSurroundings = { env: process.env, home: os.homedir(), temporary: os.tmpdir(), platform: process.platform, ...given };
  const failures: string[] = [];
  const candidates = folderCandidates(around);
  // Without a fitting one the rest still works, one ssh process for each session.
  for (const base of [...candidates.filter((folder) => fitsSocket(folder, around.platform)), ...candidates.filter((folder) => !fitsSocket(folder, around.platform))]) {
    const fits = fitsSocket(base, around.platform);
    const folder = path.join(base, randomBytes(6).toString('hex'));
    try {
      await prepare(base, around.platform);
      await sweep(base);
      await fs.mkdir(folder, { mode: 0o700 });
      await fs.writeFile(path.join(folder, 'pid'), String(process.pid));
      if (fits && !(await isUsable(folder, around.platform))) throw new Error('no socket can be made there');
      return { path: folder, takesSockets: fits && around.platform !== 'win32', file: (name) => path.join(folder, name), dispose: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) };
    } catch (error) {
      failures.push(`${base}: ${error instanceof Error ? error.message : String(error)}`);
      await fs.rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  throw new Error(`no private folder can be made (${failures.join('; ')})`);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

/** Removes folders whose process has ended. Whatever stands in the way, the next one tries again. */
export async function sweep(base: string): Promise<void> {
  for (const name of await fs.readdir(base).catch(() => [])) {
    if (!nameOf.test(name)) continue;
    const folder = path.join(base, name);
    const pid = Number(await fs.readFile(path.join(folder, 'pid'), 'utf8').catch(() => ''));
    // Without a number it may just be in the making.
    if (!Number.isInteger(pid) || pid <= 0 || isRunning(pid)) continue;
    await fs.rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
