/**
 * Fetches files from the far side in one exchange: the request says which files and what is already here, the answer is one
 * stream of what is new.
 *
 * Rules: the far side is not trusted. A name must be relative, stay below the local root, be one that was asked for and
 * promised in the listing; folders on the way must be real folders, not links; sizes and counts are limited and must be the
 * promised ones. A file appears by rename once it is whole; what is interrupted leaves the finished files and no rubbish.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Extract } from 'tar-stream';
import * as z from 'zod/mini';
import { CancelledError, throwIfAborted } from '../../foundation/abort.ts';
import { HpcError, messageOf, systemCodeOf } from '../../foundation/errors.ts';
import { newToken } from '../../foundation/ids.ts';
import type { Connection } from '../port.ts';
import { packBlocks, damaged } from './blocks.ts';
import { compilePattern, matcherOf } from './glob.ts';
import { PullStream } from './pullStream.ts';
import { openRemoteProgram } from './remoteProgram.ts';
import type { PullOptions, PullResult } from './transferOptions.ts';
import { isSafeRelativePath, modeBits, modeClassSchema } from './tree.ts';
import { createPacer } from './walk.ts';

const windowBytes = 16 * 1_048_576;
const defaultMaxFiles = 1_000_000;
const defaultMaxBytes = 100 * 1024 ** 3;

const listingSchema = z.object({
  missing: z.array(z.string()),
  passed: z.array(z.string()),
  unchanged: z.number(),
  bytes: z.number(),
  files: z.array(z.tuple([z.string(), z.number(), z.number(), modeClassSchema])),
});
type Listing = z.infer<typeof listingSchema>;

export async function pullTree(connection: Connection, options: PullOptions): Promise<PullResult> {
  const { signal } = options;
  throwIfAborted(signal);
  const files = options.files ?? [];
  const bad = files.find((name) => !isSafeRelativePath(name));
  if (bad !== undefined) throw new HpcError('spec_invalid', `${JSON.stringify(bad)} is not a path below the remote folder.`, { remediation: 'Use relative paths without `..`.' });
  const patterns = (options.patterns ?? []).map(compilePattern);
  const matches = matcherOf(patterns);
  const asked = new Set(files);
  const root = path.resolve(options.localRoot);
  fs.mkdirSync(root, { recursive: true });
  const limits = { maxFiles: options.maxFiles ?? defaultMaxFiles, maxBytes: options.maxBytes ?? defaultMaxBytes };
  const have = await localFiles(root, files, patterns.map(({ prefix }) => prefix), matches, signal);
  const request = {
    root: options.remoteRoot,
    files,
    patterns: patterns.map(({ regex, prefix }) => ({ regex, prefix })),
    have,
    ...limits,
  };
  const program = await openRemoteProgram(connection, options.runtimeDir, signal ? { signal } : {});
  const stream = new PullStream();
  const receiver = new Receiver(root, (name) => asked.has(name) || matches(name), limits, options);
  // The reader's own failure must end the exchange, or the far side waits for credit for ever.
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const received = receiver.receive(stream).catch((error: unknown) => {
      stop.abort();
      throw error;
    });
    received.catch(() => undefined);
    const ended = connection.exec({ argv: await program.argv('pull', [`window=${windowBytes}`]) }, {
      signal: stop.signal,
      timeoutMs: 24 * 3_600_000,
      onStdout: (chunk) => stream.push(chunk),
      input: requestThenCredits(request, stream),
    });
    const result = await Promise.all([received, ended.finally(() => stream.close())]).catch(async (error: unknown) => {
      throwIfAborted(signal);
      // The reader knows better why the exchange ended than the exchange that it ended.
      const own = await received.then(() => undefined, (reason: unknown) => reason);
      if (own !== undefined && !CancelledError.is(own)) {
        const { stderr } = await ended.catch(() => ({ stderr: '' }));
        throw HpcError.is(own) && own.details?.reason === 'cut_off' && !HpcError.is(error, 'remote_command_failed') ? error : withOutput(own, stderr);
      }
      throw error;
    });
    return result[0];
  } finally {
    signal?.removeEventListener('abort', onAbort);
    receiver.dispose();
  }
}

function withOutput(error: unknown, stderr: string): unknown {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (!HpcError.is(error) || error.details?.reason !== 'cut_off' || last === '') return error;
  return new HpcError(error.code, `${error.message} It said: ${last}`, { details: { ...error.details, stderr: stderr.slice(-2000) }, retrySafe: error.retrySafe, ...(error.remediation === undefined ? {} : { remediation: error.remediation }) });
}

async function* requestThenCredits(request: unknown, stream: PullStream): AsyncGenerator<Uint8Array> {
  // oxlint-disable-next-line typescript/require-await
  async function* text(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(JSON.stringify(request));
  }
  yield* packBlocks(text());
  for await (const taken of stream.credits()) yield Buffer.from(`${taken}\n`);
}

/** What lies here of the files in question: [size, mtime in microseconds]. */
async function localFiles(root: string, files: readonly string[], prefixes: readonly string[], matches: (name: string) => boolean, signal: AbortSignal | undefined): Promise<Record<string, [number, number]>> {
  const have: Record<string, [number, number]> = {};
  const pace = createPacer(signal);
  const look = (name: string): void => {
    const stats = fs.lstatSync(path.join(root, name), { throwIfNoEntry: false });
    if (stats?.isFile()) have[name] = [stats.size, Math.floor(stats.mtimeMs * 1000)];
  };
  for (const name of files) look(name);
  const stack = [...new Set(prefixes)];
  for (let folder = stack.pop(); folder !== undefined; folder = stack.pop()) {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      const waited = pace();
      if (waited) await waited;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) stack.push(name);
      else if (matches(name)) look(name);
    }
  }
  return have;
}

interface PendingFile {
  readonly name: string;
  readonly temporary: string;
  readonly mtimeUs: number;
  readonly size: number;
}

class Receiver {
  private readonly realRoot: string;
  private readonly goodFolders = new Set<string>();
  private pending: PendingFile | undefined;
  private readonly pulled: string[] = [];
  private readonly skipped: { path: string; message: string }[] = [];
  private pulledBytes = 0;

  constructor(
    root: string,
    private readonly wanted: (name: string) => boolean,
    private readonly limits: { readonly maxFiles: number; readonly maxBytes: number },
    private readonly options: PullOptions,
  ) {
    this.realRoot = fs.realpathSync(root);
  }

  async receive(stream: PullStream): Promise<PullResult> {
    const { extract } = await import('tar-stream');
    const unpack = extract();
    let cut: Error | undefined;
    const feed = this.feed(stream, unpack).catch((error: unknown) => {
      cut = error instanceof Error ? error : damaged();
      // Ended rather than destroyed: the files that came whole before the break are still taken out.
      unpack.end(undefined);
    });
    try {
      return await this.takeOut(unpack, feed, () => cut);
    } catch (error) {
      unpack.destroy();
      throw cut ?? (HpcError.is(error) || CancelledError.is(error) ? error : damaged());
    }
  }

  private async takeOut(unpack: Extract, feed: Promise<void>, cut: () => Error | undefined): Promise<PullResult> {
    let listing: Listing | undefined;
    let next = 0;
    for await (const entry of unpack) {
      const { name, type, size = 0 } = entry.header;
      if (type !== 'file') throw refused(name, `is a ${type ?? 'member of an unknown kind'}`);
      if (!listing) {
        if (name !== 'listing') throw damaged();
        listing = this.checkListing(await textOf(entry, 1024 ** 3));
        this.progress(listing);
      } else if (this.pending) {
        if (name !== 'verdict' || size > 16) throw damaged();
        this.settle((await textOf(entry, 16)) === 'good');
        this.progress(listing);
      } else {
        const promised = listing.files[next];
        next += 1;
        if (promised?.[0] !== name || promised[1] !== size) throw refused(name, 'was not promised in the listing');
        await this.store(entry, name, size, promised[2], modeBits[promised[3]]);
      }
    }
    await feed;
    if (cut() !== undefined) throw damaged();
    if (next !== listing?.files.length || this.pending) throw damaged();
    const passed = listing.passed.map((name) => ({ path: name, message: 'It is a symbolic link, not a file, or its name is not UTF-8.' }));
    return { pulled: this.pulled, pulledBytes: this.pulledBytes, unchangedFiles: listing.unchanged, missing: listing.missing, skipped: [...passed, ...this.skipped] };
  }

  /** Removes what has not become a file. */
  dispose(): void {
    if (this.pending) fs.rmSync(this.pending.temporary, { force: true });
    this.pending = undefined;
  }

  private async feed(stream: PullStream, unpack: Extract): Promise<void> {
    for await (const chunk of stream.data()) {
      if (unpack.destroyed) return;
      if (unpack.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) continue;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          unpack.off('drain', go);
          unpack.off('close', go);
          resolve();
        };
        unpack.on('drain', go);
        unpack.on('close', go);
      });
    }
    unpack.end(undefined);
  }

  private checkListing(text: string): Listing {
    const parsed = listingSchema.safeParse(JSON.parse(text));
    if (!parsed.success) throw damaged();
    const listing = parsed.data;
    const total = listing.files.reduce((sum, [, size]) => sum + size, 0);
    if (listing.files.length > this.limits.maxFiles || total > this.limits.maxBytes) {
      throw new HpcError('spec_invalid', `${listing.files.length} files of ${total} bytes match, more than the limit.`, { remediation: 'Narrow the patterns, or raise the limit.', details: { reason: 'too_many' } });
    }
    for (const [name, size] of listing.files) {
      if (!isSafeRelativePath(name)) throw refused(name, 'leads out of the folder');
      if (!this.wanted(name)) throw refused(name, 'was not asked for');
      if (!Number.isSafeInteger(size) || size < 0) throw damaged();
    }
    return listing;
  }

  /** The folder of a file, made where missing; a link on the way is refused. */
  private folder(name: string): string {
    let folder = this.realRoot;
    for (const part of name.split('/').slice(0, -1)) {
      folder = path.join(folder, part);
      if (this.goodFolders.has(folder)) continue;
      const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
      if (!stats) fs.mkdirSync(folder);
      else if (!stats.isDirectory()) throw refused(name, `would be written through ${folder}, which is not a folder`);
      this.goodFolders.add(folder);
    }
    return folder;
  }

  private async store(entry: AsyncIterable<unknown>, name: string, size: number, mtimeUs: number, mode: number): Promise<void> {
    throwIfAborted(this.options.signal);
    const folder = this.folder(name);
    const temporary = path.join(folder, `.${path.basename(name).slice(0, 100)}.${newToken(4)}.pull`);
    this.pending = { name, temporary, mtimeUs, size };
    let fd: number | undefined;
    try {
      fd = fs.openSync(temporary, 'wx', mode);
      let written = 0;
      for await (const piece of entry) {
        const chunk = piece as Uint8Array;
        for (let at = 0; at < chunk.length; ) at += fs.writeSync(fd, chunk, at);
        written += chunk.length;
      }
      if (written !== size) throw damaged();
      fs.futimesSync(fd, mtimeUs / 1e6, mtimeUs / 1e6);
    } catch (error) {
      if (systemCodeOf(error) === undefined) throw error;
      throw new HpcError('config_invalid', `Cannot write ${path.join(this.realRoot, name)}: ${messageOf(error)}.`, {
        remediation: systemCodeOf(error) === 'ENOSPC' ? 'The disk is full: make room, then try again. Finished files are kept.' : 'Check that the folder may be written.',
        cause: error,
      });
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  }

  private settle(good: boolean): void {
    const { pending } = this;
    if (!pending) return;
    if (good) {
      const target = path.join(this.realRoot, pending.name);
      if (fs.lstatSync(target, { throwIfNoEntry: false })?.isDirectory()) throw refused(pending.name, 'stands where a local folder is');
      fs.renameSync(pending.temporary, target);
      this.pulled.push(pending.name);
      this.pulledBytes += pending.size;
    } else {
      fs.rmSync(pending.temporary, { force: true });
      this.skipped.push({ path: pending.name, message: 'It changed or could not be read on the far side.' });
    }
    this.pending = undefined;
  }

  private progress(listing: Listing): void {
    this.options.onProgress?.({ message: `Fetching ${listing.files.length} files`, done: this.pulledBytes, total: listing.bytes, filesDone: this.pulled.length + this.skipped.length, filesTotal: listing.files.length });
  }
}

function refused(name: string, why: string): HpcError {
  return new HpcError('remote_command_failed', `The far side sent ${JSON.stringify(name)}, which ${why}; the rest was refused.`, {
    remediation: 'Do not trust this host before you know why it sends files that nobody asked for.',
    details: { reason: 'refused_member', path: name },
  });
}

async function textOf(entry: AsyncIterable<unknown>, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of entry) {
    parts.push(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
    if (size > limit) throw damaged();
  }
  return Buffer.concat(parts).toString('utf8');
}
