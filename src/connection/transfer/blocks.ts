/**
 * The wire form of a transfer: blocks of [kind: 1 byte][length: 4 bytes][bytes], kind 0 as they are, 1 deflated, 2 the end,
 * 3 an error as JSON. Each block is compressed by itself, so that several are compressed at once, data that does not shrink
 * costs next to nothing, and nothing larger than a block is ever held.
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { HpcError } from '../../foundation/errors.ts';

const deflate = promisify<Uint8Array, { level: number }, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw);

export const blockBytes = 262_144;
const jobsInFlight = 3;
/** After a block that did not shrink, so many are sent as they are before the next try. */
const storedRun = 16;
const maximumBlock = 16 * 1_048_576;

export type Block = { readonly kind: 'data'; readonly data: Uint8Array } | { readonly kind: 'end' } | { readonly kind: 'error'; readonly text: string };

function frame(kind: number, data: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(data.length + 5);
  block[0] = kind;
  block.writeUInt32BE(data.length, 1);
  block.set(data, 5);
  return block;
}

/** Ends every stream; alone, it is a stream of nothing. */
export const endBlock: Uint8Array = frame(2, new Uint8Array(0));

async function* inBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (size + rest.length >= blockBytes) {
      const part = rest.subarray(0, blockBytes - size);
      yield parts.length === 0 ? part : Buffer.concat([...parts, part]);
      parts = [];
      size = 0;
      rest = rest.subarray(part.length);
    }
    if (rest.length > 0) parts.push(rest);
    size += rest.length;
  }
  if (size > 0) yield Buffer.concat(parts);
}

async function* next(queue: Promise<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  const block = queue.shift();
  if (block) yield await block;
}

/** The chunks as blocks, without the end mark when the chunks end with an exception. */
export async function* packBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const queue: Promise<Uint8Array>[] = [];
  let stored = 0;
  for await (const data of inBlocks(chunks)) {
    if (stored > 0) {
      stored -= 1;
      queue.push(Promise.resolve(frame(0, data)));
    } else {
      const job = deflate(data, { level: 1 }).then((packed) => {
        if (packed.length < data.length * 0.9) return frame(1, packed);
        stored = storedRun;
        return frame(0, data);
      });
      // Whoever stops reading early must not leave a rejection that nobody handles.
      job.catch(() => undefined);
      queue.push(job);
    }
    if (queue.length >= jobsInFlight) yield* next(queue);
  }
  while (queue.length > 0) yield* next(queue);
  yield endBlock;
}

/** Cuts what arrives into blocks. */
export class BlockReader {
  private buffered = Buffer.alloc(0);

  /** The raw blocks that the chunk completes, with their size on the wire. */
  push(chunk: Uint8Array): { kind: number; data: Buffer; wireBytes: number }[] {
    this.buffered = this.buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.buffered, chunk]);
    const blocks: { kind: number; data: Buffer; wireBytes: number }[] = [];
    while (this.buffered.length >= 5) {
      const length = this.buffered.readUInt32BE(1);
      if (length > maximumBlock) throw damaged();
      if (this.buffered.length < 5 + length) break;
      blocks.push({ kind: this.buffered[0] ?? 0, data: this.buffered.subarray(5, 5 + length), wireBytes: length + 5 });
      this.buffered = this.buffered.subarray(5 + length);
    }
    return blocks;
  }
}

export async function unpackBlock(kind: number, data: Uint8Array): Promise<Block> {
  if (kind === 0) return { kind: 'data', data };
  // A block never unpacks to more than its sender may put in: a small block cannot fill the memory.
  if (kind === 1) {
    try {
      return { kind: 'data', data: await inflate(data, { maxOutputLength: maximumBlock }) };
    } catch {
      throw damaged();
    }
  }
  if (kind === 2) return { kind: 'end' };
  if (kind === 3) return { kind: 'error', text: Buffer.from(data).toString('utf8') };
  throw damaged();
}

export function damaged(): HpcError {
  return new HpcError('remote_command_failed', 'The stream from the far side is damaged.', {
    remediation: 'Try again. If it happens again, look at what the login shell prints: nothing may write into the stream.',
    retrySafe: true,
    details: { reason: 'corrupt' },
  });
}
