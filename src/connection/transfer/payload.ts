/**
 * The stream of a push: a tar of the plan, the files in the plan's order, and a trailer that says which of them did not keep
 * still while they were read (the far side drops those) and what the others' hashes must add up to.
 */
import { createHash, type Hash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { throwIfAborted } from '../../foundation/abort.ts';
import { HpcError, messageOf, systemCodeOf } from '../../foundation/errors.ts';
import { contentHash, type HashCache } from './hashCache.ts';
import type { Outgoing } from './pushPlan.ts';
import { tarHeader, tarMember, tarPadding } from './tarFormat.ts';
import { createPacer, type LocalFile } from './walk.ts';
import { modeBits } from './tree.ts';

/** Files up to this size are read at once. */
const smallBytes = 1_048_576;

export interface PushStream {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Filled while the stream is read: the content of every entry that was sent whole. */
  readonly contents: ReadonlyMap<string, string>;
  /** Files that changed while they were read. */
  readonly unsteady: ReadonlySet<string>;
  /** Why the stream ended early, if it did. */
  failure(): unknown;
}

function unreadable(file: LocalFile, error: unknown): HpcError {
  return new HpcError('config_invalid', `Cannot read ${file.path}: ${messageOf(error)}.`, {
    remediation: 'Make the file readable, or exclude it in .hpcignore. Nothing was changed on the far side.',
    cause: error,
  });
}

function isSteady(stats: fs.Stats, file: LocalFile): boolean {
  return stats.size === file.size && Math.floor(stats.mtimeMs * 1000) === file.mtimeUs;
}

export function createPushStream(
  localRoot: string,
  header: Readonly<Record<string, unknown>>,
  send: readonly Outgoing[],
  cache: HashCache,
  options: { signal?: AbortSignal; onBytes?: (bytes: number, filesDone: number) => void },
): PushStream {
  const contents = new Map<string, string>();
  const unsteady = new Set<string>();
  let failed: unknown;
  let bytes = 0;
  let filesDone = 0;
  const count = (more: number, done: boolean): void => {
    bytes += more;
    if (done) filesDone += 1;
    options.onBytes?.(bytes, filesDone);
  };

  const readSmall = (file: LocalFile): Buffer | undefined => {
    let fd: number | undefined;
    try {
      fd = fs.openSync(path.join(localRoot, file.path), 'r');
      if (!isSteady(fs.fstatSync(fd), file)) return undefined;
      const data = Buffer.allocUnsafe(file.size);
      let at = 0;
      while (at < file.size) {
        const read = fs.readSync(fd, data, at, file.size - at, at);
        if (read === 0) return undefined;
        at += read;
      }
      return data;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw unreadable(file, error);
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  };

  async function* large(file: LocalFile, hash: Hash): AsyncGenerator<Uint8Array, boolean> {
    let handle: fs.promises.FileHandle;
    try {
      handle = await fs.promises.open(path.join(localRoot, file.path), 'r');
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw unreadable(file, error);
      yield* zeros(file.size);
      return false;
    }
    try {
      let left = file.size;
      while (left > 0) {
        throwIfAborted(options.signal);
        const wanted = Math.min(left, smallBytes);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted);
        if (bytesRead === 0) {
          yield* zeros(left);
          return false;
        }
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        left -= bytesRead;
        yield chunk;
        count(bytesRead, false);
      }
      return isSteady(await handle.stat(), file);
    } finally {
      await handle.close();
    }
  }

  function* zeros(size: number): Generator<Uint8Array> {
    for (let left = size; left > 0; left -= smallBytes) yield Buffer.alloc(Math.min(left, smallBytes));
  }

  async function* members(): AsyncGenerator<Uint8Array> {
    const pace = createPacer(options.signal);
    yield tarMember('plan', Buffer.from(JSON.stringify(header)));
    const bad: number[] = [];
    for (const [index, { entry, source }] of send.entries()) {
      const waited = pace();
      if (waited) await waited;
      if (source.kind === 'link') {
        contents.set(entry.path, entry.content);
        count(0, true);
        continue;
      }
      yield tarHeader(entry.path, entry.size, { mode: modeBits[entry.mode], mtimeS: Math.max(0, Math.floor(entry.mtimeUs / 1e6)) });
      if (source.kind === 'memory') {
        contents.set(entry.path, entry.content);
        yield source.data;
        count(entry.size, true);
      } else {
        const { file } = source;
        const startedAt = Date.now();
        let hash: string | undefined;
        if (file.size <= smallBytes) {
          const data = readSmall(file);
          if (data) hash = contentHash(data);
          yield data ?? Buffer.alloc(file.size);
          count(file.size, true);
        } else {
          const digest = createHash('sha256');
          if (yield* large(file, digest)) hash = digest.digest('hex').slice(0, 32);
          count(0, true);
        }
        if (hash === undefined) {
          unsteady.add(file.path);
          bad.push(index);
        } else {
          contents.set(file.path, hash);
          cache.remember(file, hash, startedAt);
        }
      }
      if (entry.size % 512 !== 0) yield tarPadding(entry.size);
    }
    const sent = new Set(bad);
    const joined = send.filter((_, index) => !sent.has(index)).map(({ entry }) => contents.get(entry.path) ?? '');
    yield tarMember('trailer', Buffer.from(JSON.stringify({ bad, check: createHash('sha256').update(joined.join('\n')).digest('hex') })));
    yield Buffer.alloc(1024);
  }

  return { contents, unsteady, failure: () => failed, chunks: guarded(members(), (error) => (failed = error)) };
}

async function* guarded(chunks: AsyncIterable<Uint8Array>, onError: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** The blocks up to where their making fails: the far side then sees a stream without its end mark and drops it. */
export async function* untilFailure(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* blocks;
  } catch {
    // The one who asked for the stream finds the reason in `failure()`.
  }
}
