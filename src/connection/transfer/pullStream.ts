/**
 * What the far side sends, between the transport that pushes it in and the reader that takes it out. The reader's progress
 * goes back as credits, and the far side never runs further ahead than its window: a slow disk here cannot fill the memory.
 */
import { HpcError } from '../../foundation/errors.ts';
import { BlockReader, damaged, unpackBlock } from './blocks.ts';
import { failureError } from './remoteProgram.ts';

const magic = Buffer.from('\nhpc-transfer-stream\n');
/** How much noise (a login banner) may come before the stream. */
const noiseLimit = 1_048_576;
const creditEveryBytes = 1_048_576;

export class PullStream {
  private readonly reader = new BlockReader();
  private readonly queue: { kind: number; data: Buffer; wireBytes: number }[] = [];
  private head: Buffer | undefined = Buffer.alloc(0);
  private failed: HpcError | undefined;
  private closed = false;
  private finished = false;
  private takenBytes = 0;
  private wakers: (() => void)[] = [];

  push(chunk: Uint8Array): void {
    try {
      let rest: Uint8Array = chunk;
      if (this.head) {
        this.head = Buffer.concat([this.head, chunk]);
        const start = this.head.indexOf(magic);
        if (start < 0) {
          if (this.head.length > noiseLimit) throw damaged();
          return;
        }
        rest = this.head.subarray(start + magic.length);
        this.head = undefined;
      }
      this.queue.push(...this.reader.push(rest));
    } catch (error) {
      this.failed = error instanceof HpcError ? error : damaged();
    }
    this.wake();
  }

  /** Nothing more will come. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  /** The bytes inside the blocks, up to the end mark; throws where the far side reports an error or the end mark is missing. */
  async *data(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const block = this.queue.shift();
        if (!block) {
          if (this.failed) throw this.failed;
          if (this.closed) {
            throw new HpcError('remote_command_failed', 'The transfer ended in the middle.', { remediation: 'Try again: finished files are kept and not sent twice.', retrySafe: true, details: { reason: 'cut_off' } });
          }
          await this.changed();
          continue;
        }
        const unpacked = await unpackBlock(block.kind, block.data);
        if (unpacked.kind === 'end') return;
        if (unpacked.kind === 'error') throw failureError(JSON.parse(unpacked.text), 'the far side');
        yield unpacked.data;
        this.takenBytes += block.wireBytes;
        this.wake();
      }
    } finally {
      this.finished = true;
      this.wake();
    }
  }

  /** How many bytes have been taken so far, each time it has grown enough; ends with the stream. */
  async *credits(): AsyncGenerator<number> {
    let told = 0;
    while (!this.finished && !this.closed) {
      if (this.takenBytes - told >= creditEveryBytes) {
        told = this.takenBytes;
        yield told;
      } else {
        await this.changed();
      }
    }
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => this.wakers.push(resolve));
  }

  private wake(): void {
    const wakers = this.wakers;
    this.wakers = [];
    for (const wake of wakers) wake();
  }
}
