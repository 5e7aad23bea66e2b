import assert from 'node:assert/strict';
import { newToken, sha256Hex, timestampId } from '../../../src/foundation/ids.ts';

describe('ids (unit)', () => {
  it('makes tokens of the asked length that do not repeat', () => {
    const tokens = new Set(Array.from({ length: 1000 }, () => newToken(8)));
    assert.equal(tokens.size, 1000);
    for (const token of tokens) assert.match(token, /^[0-9a-f]{16}$/);
    assert.equal(newToken().length, 32);
  });

  it('hashes text as its UTF-8 bytes', () => {
    assert.equal(sha256Hex(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(sha256Hex('ü'), sha256Hex(Buffer.from([0xc3, 0xbc])));
  });

  it('writes times in UTC, so that run ids sort by time', () => {
    assert.equal(timestampId(new Date('2024-02-03T04:05:06.789Z')), '20240203-040506');
  });
});
