/** What both sides of a transfer say about a file. */
import * as z from 'zod/mini';

/** `f` a file, `l` a symbolic link. */
export type EntryKind = 'f' | 'l';

/**
 * The part of a file's mode that travels: `x` executable, `p` private to its owner, `q` both, `r` neither. The far side's
 * umask decides the rest, so that a project folder's group keeps its access.
 */
export type ModeClass = 'r' | 'x' | 'p' | 'q';

/** A file as it was pushed. Paths are relative, with `/`. */
export interface TreeEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  /** Microseconds; -1 where it does not matter (files made in memory). */
  readonly mtimeUs: number;
  readonly mode: ModeClass;
  /** The first 32 digits of the SHA-256 of a file, the target of a link. */
  readonly content: string;
}

export const modeClassSchema = z.enum(['r', 'x', 'p', 'q']);

/** An entry as an array: trees are long and their field names would be most of the message. */
export const entryRowSchema = z.tuple([z.string(), z.enum(['f', 'l']), z.number(), z.number(), modeClassSchema, z.string()]);
export type EntryRow = z.infer<typeof entryRowSchema>;

export function entryFromRow([path, kind, size, mtimeUs, mode, content]: EntryRow): TreeEntry {
  return { path, kind, size, mtimeUs, mode, content };
}

export function rowFromEntry(entry: TreeEntry): EntryRow {
  return [entry.path, entry.kind, entry.size, entry.mtimeUs, entry.mode, entry.content];
}

export function modeClassOf(mode: number): ModeClass {
  // Windows has no such bits and reports 0666 or 0444 for everything.
  const executable = (mode & 0o100) !== 0;
  if ((mode & 0o077) !== 0) return executable ? 'x' : 'r';
  return executable ? 'q' : 'p';
}

export const modeBits: Readonly<Record<ModeClass, number>> = { r: 0o666, x: 0o777, p: 0o600, q: 0o700 };

/** True for a relative path that cannot lead out of its root, on POSIX and on Windows. */
export function isSafeRelativePath(path: string): boolean {
  if (path === '' || path.includes('\0') || path.startsWith('/')) return false;
  if (process.platform === 'win32' && (path.includes('\\') || path.includes(':'))) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Ours, on the far side: never pushed from a tree, never deleted, never listed. */
export function isOwnState(path: string): boolean {
  return /^\.hpc\/(state|runs|staging|cache|manifest|owner\.json|transfer\.lock)([./]|$)/.test(path);
}
