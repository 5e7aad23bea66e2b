/**
 * Hashes of local files, remembered by path, size, times and inode, so that an unchanged tree is not read again.
 *
 * Rule: a remembered hash is believed only when the file was already at rest when it was read: a file changed in the same
 * tick of the clock as it was hashed looks unchanged afterwards.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeFileAtomic } from '../../foundation/atomicFile.ts';
import { sha256Hex } from '../../foundation/ids.ts';
import { entryRowSchema, entryFromRow, rowFromEntry, type TreeEntry } from './tree.ts';
import type { LocalFile } from './walk.ts';

const restMs = 100;
const cacheSchema = z.object({ version: z.literal(1), files: z.record(z.string(), z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.string()])) });
type Row = [size: number, mtimeUs: number, ctimeUs: number, inode: number, hashedAtMs: number, hash: string];

export interface HashCache {
  /** The hash of the file as it lies there, if it is known. */
  known(file: LocalFile): string | undefined;
  remember(file: LocalFile, hash: string, startedAtMs: number): void;
  /** Writes the cache if it changed, without what is no longer in the tree. */
  save(files: ReadonlyMap<string, LocalFile>): Promise<void>;
}

async function readJson<T>(file: string, schema: { safeParse(value: unknown): { success: boolean; data?: T } }): Promise<T | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse((await readTextIfThere(file)) ?? 'null'));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // A cache that cannot be read is no cache.
    return undefined;
  }
}

export async function openHashCache(cacheDir: string, localRoot: string): Promise<HashCache> {
  const file = path.join(cacheDir, `hashes-${sha256Hex(path.resolve(localRoot)).slice(0, 16)}.json`);
  const rows = new Map<string, Row>(Object.entries((await readJson(file, cacheSchema))?.files ?? {}));
  let dirty = false;
  return {
    known: ({ path: name, size, mtimeUs, ctimeUs, inode }) => {
      const row = rows.get(name);
      if (row?.[0] !== size || row[1] !== mtimeUs || row[2] !== ctimeUs || row[3] !== inode) return undefined;
      return Math.max(mtimeUs, ctimeUs) / 1000 < row[4] - restMs ? row[5] : undefined;
    },
    remember: (entry, hash, startedAtMs) => {
      rows.set(entry.path, [entry.size, entry.mtimeUs, entry.ctimeUs, entry.inode, startedAtMs, hash]);
      dirty = true;
    },
    save: async (files) => {
      if (!dirty) return;
      const kept = Object.fromEntries([...rows].filter(([name]) => files.has(name)));
      await writeFileAtomic(file, JSON.stringify({ version: 1, files: kept }));
      dirty = false;
    },
  };
}

/** The hash that goes into manifests, of bytes at hand. */
export function contentHash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 32);
}

/** The hash of a local file, read in pieces. */
export async function hashFile(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1_048_576, ...(signal ? { signal } : {}) })) hash.update(chunk as Uint8Array);
  return hash.digest('hex').slice(0, 32);
}

const baseSchema = z.object({ version: z.literal(1), generation: z.string(), entries: z.array(entryRowSchema) });

export interface RemoteBase {
  readonly generation: string;
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

/** What the far side held after the last push, kept here by generation so that it need not be sent again. */
export interface BaseCache {
  read(): Promise<RemoteBase | undefined>;
  write(base: RemoteBase): Promise<void>;
}

export function openBaseCache(cacheDir: string, label: string, remoteRoot: string): BaseCache {
  const file = path.join(cacheDir, `pushed-${sha256Hex(`${label}\0${remoteRoot}`).slice(0, 16)}.json`);
  return {
    read: async () => {
      const value = await readJson(file, baseSchema);
      return value && { generation: value.generation, entries: new Map(value.entries.map((row) => [row[0], entryFromRow(row)])) };
    },
    write: async ({ generation, entries }) => writeFileAtomic(file, JSON.stringify({ version: 1, generation, entries: [...entries.values()].map(rowFromEntry) })),
  };
}
