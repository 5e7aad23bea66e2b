/**
 * A lock between processes of one user, held while a function runs.
 *
 * Rule: the lock is a file made with O_EXCL that names its holder (host, process, start). A lock is taken over only with
 * proof that its holder is gone: same host and boot, and no such process. A holder on another host is believed until its
 * heartbeat (the file's mtime, touched every few seconds) is `staleAfterMs` old.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { sleep, throwIfAborted } from './abort.ts';
import { HpcError, systemCodeOf } from './errors.ts';
import { newToken } from './ids.ts';
import { readTextIfThere } from './atomicFile.ts';

const heartbeatMs = 5_000;
const staleAfterMs = 60_000;

interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly token: string;
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { host, pid, token } = value as Partial<Record<keyof Holder, unknown>>;
    return typeof host === 'string' && typeof pid === 'number' && typeof token === 'string' ? { host, pid, token } : undefined;
  } catch {
    return undefined;
  }
}

function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

/** True when the lock's holder is proved gone. A file without a readable holder is a crash in its making: judged by its age. */
async function isAbandoned(file: string): Promise<boolean> {
  const text = await readTextIfThere(file);
  if (text === undefined) return false;
  const holder = parseHolder(text);
  if (holder?.host === os.hostname()) return !processIsAlive(holder.pid);
  try {
    const { mtimeMs } = await fs.stat(file);
    return Date.now() - mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

/** Removes an abandoned lock; the rename lets exactly one of several takers win. */
async function removeAbandoned(file: string): Promise<void> {
  const grave = `${file}.${newToken(4)}.stale`;
  try {
    await fs.rename(file, grave);
  } catch {
    return;
  }
  // Between the look and the rename another taker may have made a fresh lock: put a living one back.
  if (!(await isAbandoned(grave))) {
    await fs.link(grave, file).catch(() => undefined);
  }
  await fs.rm(grave, { force: true });
}

/** Runs `body` while holding the lock. Waits at most `timeoutMs` (default 30 s), then throws `cluster_timeout` naming the holder. */
export async function withFileLock<T>(file: string, body: () => Promise<T>, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  const token = newToken(8);
  await fs.mkdir(path.dirname(file), { recursive: true });
  for (;;) {
    throwIfAborted(options.signal);
    const own = `${file}.${token}`;
    await fs.writeFile(own, JSON.stringify({ host: os.hostname(), pid: process.pid, token }));
    try {
      // link() is atomic and, unlike O_EXCL, puts the file there with its holder already written.
      await fs.link(own, file);
      break;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    } finally {
      await fs.rm(own, { force: true });
    }
    if (await isAbandoned(file)) {
      await removeAbandoned(file);
      continue;
    }
    if (Date.now() > deadline) {
      const holder = parseHolder((await readTextIfThere(file)) ?? '');
      throw new HpcError('cluster_timeout', `Another process${holder ? ` (${holder.pid} on ${holder.host})` : ''} holds ${file}.`, {
        remediation: 'Wait for it to end, or end it, then try again.',
      });
    }
    await sleep(15 + Math.random() * 20, options.signal);
  }
  const heartbeat = setInterval(() => void fs.utimes(file, new Date(), new Date()).catch(() => undefined), heartbeatMs);
  heartbeat.unref();
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    const holder = parseHolder((await readTextIfThere(file)) ?? '');
    if (holder?.token === token) await fs.rm(file, { force: true });
  }
}
