/** Names and tokens that go into file names, job names and messages. */
import { randomBytes, createHash } from 'node:crypto';

/** A string type that cannot be mixed up with another one. */
export type Brand<Name extends string> = string & { readonly __brand: Name };

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A random token of lower-case hexadecimal digits. */
export function newToken(bytes = 16): string {
  return randomBytes(bytes).toString('hex');
}

/** `YYYYMMDD-HHMMSS` in UTC: the first part of a run id. */
export function timestampId(at: Date): string {
  return at.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
}
