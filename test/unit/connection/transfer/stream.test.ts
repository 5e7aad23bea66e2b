import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { blockBytes, BlockReader, packBlocks, unpackBlock } from '../../../../src/connection/transfer/blocks.ts';
import { tarHeader, tarPadding } from '../../../../src/connection/transfer/tarFormat.ts';

// oxlint-disable-next-line typescript/require-await
async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function unpackAll(wire: Uint8Array, piece: number): Promise<{ data: Buffer; ended: boolean }> {
  const reader = new BlockReader();
  const parts: Uint8Array[] = [];
  let ended = false;
  for (let at = 0; at < wire.length; at += piece) {
    for (const { kind, data } of reader.push(wire.subarray(at, at + piece))) {
      const block = await unpackBlock(kind, data);
      if (block.kind === 'data') parts.push(block.data);
      else ended = true;
    }
  }
  return { data: Buffer.concat(parts), ended };
}

describe('transfer streams (unit)', () => {
  it('blocks give back the bytes, however the wire cuts them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(0, 1, 513, 70_000, blockBytes, blockBytes + 1), fc.boolean()), { maxLength: 6 }), fc.integer({ min: 1000, max: 400_000 }), async (specs, piece) => {
        const chunks = specs.map(([size, random]) => (random ? randomBytes(size) : Buffer.alloc(size, 'text ')));
        const wire: Uint8Array[] = [];
        for await (const block of packBlocks(each(chunks))) wire.push(block);
        const { data, ended } = await unpackAll(Buffer.concat(wire), piece);
        assert.ok(ended);
        assert.ok(data.equals(Buffer.concat(chunks)));
      }),
      { numRuns: 40 },
    );
  });

  it('text shrinks, noise costs next to nothing, and a source that fails leaves no end mark', async () => {
    const size = async (chunk: Uint8Array): Promise<number> => {
      let total = 0;
      for await (const block of packBlocks(each([chunk]))) total += block.length;
      return total;
    };
    assert.ok((await size(Buffer.alloc(1_000_000, 'some text '))) < 20_000);
    assert.ok((await size(randomBytes(1_000_000))) < 1_000_100);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* each([Buffer.from('abc')]);
      throw new Error('source');
    }
    const kinds: (number | undefined)[] = [];
    await assert.rejects(async () => {
      for await (const block of packBlocks(failing())) kinds.push(block[0]);
    }, /source/);
    assert.ok(!kinds.includes(2));
  });

  it('a block that claims too much, or unpacks to too much, is refused', async () => {
    assert.throws(() => new BlockReader().push(Buffer.from([1, 0xff, 0xff, 0xff, 0xff])), (error) => HpcError.is(error, 'remote_command_failed'));
    const { deflateRawSync } = await import('node:zlib');
    await assert.rejects(unpackBlock(1, deflateRawSync(Buffer.alloc(64 * 1_048_576))), (error) => HpcError.is(error, 'remote_command_failed'));
    await assert.rejects(unpackBlock(9, Buffer.alloc(0)), (error) => HpcError.is(error, 'remote_command_failed'));
  });

  it('headers are what a tar reader expects, for long and foreign names too', async () => {
    const names = ['a', 'x'.repeat(99), 'x'.repeat(100), `${'d/'.repeat(80)}ü`, 'new\nline', '日本/語'];
    const unpack = extract();
    const seen: [string, string][] = [];
    const done = (async (): Promise<void> => {
      for await (const entry of unpack) {
        let text = '';
        for await (const chunk of entry) text += String(chunk);
        seen.push([entry.header.name, text]);
      }
    })();
    for (const [index, name] of names.entries()) {
      const data = Buffer.from(`content ${index}`);
      unpack.write(Buffer.concat([tarHeader(name, data.length), data, tarPadding(data.length)]));
    }
    unpack.end(Buffer.alloc(1024));
    await done;
    assert.deepEqual(seen, names.map((name, index) => [name, `content ${index}`]));
  });
});
