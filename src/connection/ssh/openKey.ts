/**
 * Opens private key files. An encrypted one is opened in a thread of its own: what derives its key is seconds of JavaScript on purpose, in which an
 * editor or a server would stand still.
 *
 * Rule: this file is its own thread's program (it is loaded with `await import` alone, so that a bundle keeps it apart); where no thread can be
 * had, the key is opened here. The passphrase and the key stay in this process's memory.
 */
import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ParsedKey } from 'ssh2';
import { messageOf } from '../../foundation/errors.ts';

export interface OpenedKey {
  /** The blob of the public half. */
  readonly publicKey: Buffer;
  /** Without a hash, the one that the key's type has. */
  sign(data: Buffer, hash?: string): Buffer;
}

interface Task {
  readonly hpcAgent: 'open-key';
  readonly text: Uint8Array;
  readonly passphrase: string;
}

/** The parts of an opened key that can be sent from thread to thread. */
type Opened = { readonly type: string; readonly publicKey: Uint8Array; readonly pem: string } | { readonly failure: string };

/** Ed25519 has its hash within. */
const hashes: Readonly<Record<string, string | null>> = { 'ssh-ed25519': null, 'ecdsa-sha2-nistp256': 'sha256', 'ecdsa-sha2-nistp384': 'sha384', 'ecdsa-sha2-nistp521': 'sha512' };

export async function openPrivateKey(text: Buffer, passphrase: string | undefined): Promise<OpenedKey | Error> {
  const opened = passphrase === undefined ? await parse(text, undefined) : await inThread(text, passphrase);
  if ('failure' in opened) return new Error(opened.failure);
  const { type, publicKey, pem } = opened;
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    return new Error(messageOf(error));
  }
  return { publicKey: Buffer.from(publicKey), sign: (data, hash) => sign(type === 'ssh-ed25519' ? null : (hash ?? hashes[type] ?? 'sha1'), data, key) };
}

async function parse(text: Uint8Array, passphrase: string | undefined): Promise<Opened> {
  const { utils } = (await import('ssh2')).default;
  const parsed: ParsedKey | ParsedKey[] | Error = utils.parseKey(Buffer.from(text), passphrase);
  const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed;
  if (key === undefined) return { failure: 'The file holds no key.' };
  if (key instanceof Error) return { failure: key.message };
  if (!key.isPrivateKey()) return { failure: 'The file holds no private key.' };
  return { type: key.type, publicKey: key.getPublicSSH(), pem: key.getPrivatePEM() };
}

async function inThread(text: Buffer, passphrase: string): Promise<Opened> {
  const task: Task = { hpcAgent: 'open-key', text, passphrase };
  const answer = await new Promise<Opened | undefined>((resolve) => {
    try {
      const worker = new Worker(new URL(import.meta.url), { workerData: task });
      worker.once('message', (opened: Opened) => resolve(opened));
      worker.once('error', () => resolve(undefined));
      worker.once('exit', () => resolve(undefined));
    } catch {
      resolve(undefined);
    }
  });
  return answer ?? parse(text, passphrase);
}

if (!isMainThread && (workerData as Partial<Task> | null)?.hpcAgent === 'open-key') {
  const { text, passphrase } = workerData as Task;
  parentPort?.postMessage(await parse(text, passphrase).catch((error: unknown): Opened => ({ failure: messageOf(error) })));
}
