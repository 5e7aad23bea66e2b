/** Private key files: their public half, without a passphrase where that can be had. `openKey.ts` opens them. */
import { readFile } from 'node:fs/promises';
import { messageOf, systemCodeOf } from '../../foundation/errors.ts';

export interface KeyFile {
  readonly file: string;
  /** The blob of the public half; undefined where it can only be had with the passphrase. */
  readonly publicKey: Buffer | undefined;
  /** Undefined where there is no private key in the file (a `.pub` file whose other half is in the agent). */
  readonly privateText: Buffer | undefined;
  readonly encrypted: boolean;
}

export type KeyFileAnswer = KeyFile | { readonly file: string; readonly absent: true } | { readonly file: string; readonly unusable: string };

/** The public blob in the clear part of an `openssh-key-v1` file. */
export function publicHalfOf(text: string): { publicKey: Buffer; encrypted: boolean } | undefined {
  const match = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  if (!match?.[1]) return undefined;
  const data = Buffer.from(match[1], 'base64');
  const magic = 'openssh-key-v1\0';
  if (data.toString('latin1', 0, magic.length) !== magic) return undefined;
  let at = magic.length;
  const next = (): Buffer | undefined => {
    if (at + 4 > data.length) return undefined;
    const length = data.readUInt32BE(at);
    const value = data.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return value.length === length ? value : undefined;
  };
  const cipher = next()?.toString('latin1');
  next(); // the key derivation's name
  next(); // and its parameters
  at += 4; // the number of keys, always one
  const publicKey = next();
  return cipher === undefined || publicKey === undefined ? undefined : { publicKey, encrypted: cipher !== 'none' };
}

/** `ssh-ed25519 AAAA… comment` */
function publicLine(text: string): Buffer | undefined {
  const match = /^(?:ssh|ecdsa|sk)-\S+\s+([A-Za-z0-9+/=]+)/.exec(text.trim());
  return match?.[1] ? Buffer.from(match[1], 'base64') : undefined;
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

export async function readKeyFile(file: string): Promise<KeyFileAnswer> {
  try {
    const bytes = await readIfThere(file);
    const beside = publicLine((await readIfThere(`${file}.pub`).catch(() => undefined))?.toString('latin1') ?? '');
    if (bytes === undefined) return beside ? { file, publicKey: beside, privateText: undefined, encrypted: false } : { file, absent: true };
    const text = bytes.toString('latin1');
    const itself = publicLine(text);
    if (itself) return { file, publicKey: itself, privateText: undefined, encrypted: false };
    const half = publicHalfOf(text);
    if (half) return { file, publicKey: half.publicKey, privateText: bytes, encrypted: half.encrypted };
    const key = await (await import('./openKey.ts')).openPrivateKey(bytes, undefined);
    if (!(key instanceof Error)) return { file, publicKey: key.publicKey, privateText: bytes, encrypted: false };
    if (/encrypted|passphrase/i.test(key.message)) return { file, publicKey: beside, privateText: bytes, encrypted: true };
    return { file, unusable: key.message };
  } catch (error) {
    return { file, unusable: messageOf(error) };
  }
}
