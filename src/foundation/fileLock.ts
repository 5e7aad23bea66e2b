/**
 * A lock between processes of one user, held while a function runs.
 *
 * Rule: the lock is a file, made in one step with its holder's name in it (host, boot, process and when that began). A lock is
 * taken over only with proof that its holder is gone: on the same host another boot, no such process, or one that began at
 * another time. A holder on another host is believed until its heartbeat (the file's mtime, touched every few seconds) is
 * `staleAfterMs` old. Taking over is itself guarded: two takers could otherwise remove each other's fresh lock.
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

const guardStaleAfterMs = 10_000;
/** How often an abandoned lock is gone for in one attempt, before the attempt counts as lost to somebody else. */
const takings = 5;

interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly token: string;
  /** Boot and process namespace; where a process number means something. Missing where the system does not tell. */
  readonly boot?: string;
  /** When the process began, as the system counts. */
  readonly start?: string;
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { host, pid, token, boot, start } = value as Partial<Record<keyof Holder, unknown>>;
    if (typeof host !== 'string' || typeof pid !== 'number' || typeof token !== 'string') return undefined;
    return { host, pid, token, ...(typeof boot === 'string' ? { boot } : {}), ...(typeof start === 'string' ? { start } : {}) };
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string | undefined> {
  try {
    const [boot, namespace] = await Promise.all([fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8'), fs.readlink('/proc/self/ns/pid')]);
    return `${boot.trim()} ${namespace}`;
  } catch {
    return undefined;
  }
}

async function processStart(pid: number): Promise<string | undefined> {
  try {
    // The name, in parentheses, may hold anything; the start is the 20th word after it.
    return (await fs.readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')[19];
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

async function isOlderThan(file: string, ageMs: number): Promise<boolean> {
  try {
    return Date.now() - (await fs.stat(file)).mtimeMs > ageMs;
  } catch {
    return false;
  }
}

/** True when the lock's holder is proved gone. A file without a readable holder is a crash in its making: judged by its age. */
async function isAbandoned(file: string): Promise<boolean> {
  const text = await readTextIfThere(file);
  if (text === undefined) return false;
  const holder = parseHolder(text);
  if (holder?.host !== os.hostname()) return isOlderThan(file, staleAfterMs);
  const boot = await bootId();
  if (holder.boot !== undefined && boot !== undefined && holder.boot !== boot) {
    // The same host after a reboot, or a container beside this one: only the former is proof.
    return holder.boot.split(' ')[0] !== boot.split(' ')[0] || isOlderThan(file, staleAfterMs);
  }
  if (!processIsAlive(holder.pid)) return true;
  if (holder.start === undefined) return false;
  const start = await processStart(holder.pid);
  return start !== undefined && start !== holder.start;
}

/** Removes an abandoned lock. Only whoever made the guard looks again and removes; a guard left by a crash is removed by its age. */
async function removeAbandoned(file: string): Promise<void> {
  const guard = `${file}.taking`;
  try {
    await fs.mkdir(guard);
  } catch {
    if (await isOlderThan(guard, guardStaleAfterMs)) await fs.rmdir(guard).catch(() => undefined);
    return;
  }
  try {
    if (await isAbandoned(file)) await fs.rm(file, { force: true });
  } finally {
    await fs.rmdir(guard).catch(() => undefined);
  }
}

/** A lock that is held until it is released, or until its process ends. */
export interface FileLock {
  /** False where somebody took it over, as after a long sleep of this machine: another host saw no heartbeat. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** Whether the file is there now with this text, and was not before. */
async function placed(file: string, own: string, text: string): Promise<boolean> {
  await fs.writeFile(own, text);
  try {
    // link() is atomic and, unlike O_EXCL, puts the file there with its holder already written.
    await fs.link(own, file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await fs.rm(own, { force: true });
  }
}

/** Whether somebody who is still there holds it. Only looks: nobody has to wait for the answer. */
export async function isLocked(file: string): Promise<boolean> {
  return (await readTextIfThere(file)) !== undefined && !(await isAbandoned(file));
}

/** The lock if it is free, or its holder proved gone; undefined where somebody else holds it. Does not wait. */
export async function tryFileLock(file: string): Promise<FileLock | undefined> {
  const token = newToken(8);
  const [boot, start] = await Promise.all([bootId(), processStart(process.pid)]);
  const holderText = JSON.stringify({ host: os.hostname(), pid: process.pid, token, boot, start });
  await fs.mkdir(path.dirname(file), { recursive: true });
  for (let attempt = 0; !(await placed(file, `${file}.${token}`, holderText)); attempt += 1) {
    if (attempt >= takings || !(await isAbandoned(file))) return undefined;
    await removeAbandoned(file);
    // Another taker may be at it: a short wait instead of a busy loop.
    await sleep(2);
  }
  const heartbeat = setInterval(() => void fs.utimes(file, new Date(), new Date()).catch(() => undefined), heartbeatMs);
  heartbeat.unref();
  const isHeld = async (): Promise<boolean> => parseHolder((await readTextIfThere(file)) ?? '')?.token === token;
  return {
    isHeld,
    release: async () => {
      clearInterval(heartbeat);
      if (await isHeld()) await fs.rm(file, { force: true });
    },
  };
}

/** Runs `body` while holding the lock. Waits at most `timeoutMs` (default 30 s), then throws `cluster_timeout` naming the holder. */
export async function withFileLock<T>(file: string, body: () => Promise<T>, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  let lock: FileLock | undefined;
  for (;;) {
    throwIfAborted(options.signal);
    lock = await tryFileLock(file);
    if (lock) break;
    if (Date.now() > deadline) {
      const holder = parseHolder((await readTextIfThere(file)) ?? '');
      throw new HpcError('cluster_timeout', `Another process${holder ? ` (${holder.pid} on ${holder.host})` : ''} holds ${file}.`, {
        remediation: 'Wait for it to end, or end it, then try again.',
      });
    }
    await sleep(15 + Math.random() * 20, options.signal);
  }
  try {
    return await body();
  } finally {
    await lock.release();
  }
}
