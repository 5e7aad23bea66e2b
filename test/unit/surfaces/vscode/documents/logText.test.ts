import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { continues, emptyLog, firstOffset, hasEarlier, isFarBehind, logDocumentText, sizeWords, withEarlier, withPiece, type LogPiece, type LogState } from '../../../../../src/surfaces/vscode/documents/logText.ts';

const piece = (text: string, offset: number, some: Partial<LogPiece> = {}): LogPiece => {
  const end = offset + Buffer.byteLength(text);
  return { path: '/s/0.out', found: true, text, offset, size: end, next_offset: end, ended: false, ...some };
};
const shown = (state: LogState): string => logDocumentText(state, 'stdout');

describe('A followed log (unit)', () => {
  it('is the same whatever the pieces it came in, and knows where its first line begins', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a line\n', 'ü', 'tail', '\n', '🎉 '), { maxLength: 40 }), fc.array(fc.nat(9)), fc.nat(1), (words, sizes, skipped) => {
        const whole = words.join('');
        const characters = [...whole];
        let state = withPiece(emptyLog, piece('', skipped));
        let [at, offset] = [0, skipped];
        for (const size of [...sizes, characters.length]) {
          const text = characters.slice(at, at + size).join('');
          state = withPiece(state, piece(text, offset));
          at += size;
          offset += Buffer.byteLength(text);
        }
        assert.equal(firstOffset(state), skipped);
        assert.equal(state.chunks.map(({ text }) => text).join('') + state.rest, whole);
      }),
    );
  });

  it('begins again when the file is not the one it was', () => {
    const first = withPiece(emptyLog, piece('first attempt\n', 0));
    assert.equal(continues(first, piece('second', 0)), false);
    assert.equal(shown(withPiece(first, piece('second', 0))), 'second');
    // A new attempt may have written more already than the one before.
    const longer = piece('and goes on', 14, { path: '/s/0.second.out' });
    assert.equal(continues(first, longer), false);
    assert.equal(shown(withPiece(first, longer)), '⋯ 0.0 KiB before this\nand goes on');
  });

  it('stays bounded while it is followed, and its first line stays whole', () => {
    let state = emptyLog;
    let offset = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      const text = `${'x'.repeat(99)}\n`.repeat(2000);
      state = withPiece(state, piece(text, offset));
      offset += text.length;
    }
    const text = shown(state);
    assert.ok(text.length < 2_300_000 && text.length > 1_500_000, String(text.length));
    assert.match(text.slice(0, 200), /^⋯ 5\.\d MiB before this\nx{99}\n/);
    assert.ok(hasEarlier(state));
    assert.equal(firstOffset(state) % 100, 0);
  });

  it('is widened by what comes before, up to the beginning', () => {
    let state = withPiece(emptyLog, piece('three\nfour', 8));
    assert.equal(firstOffset(state), 8);
    state = withEarlier(state, piece('one\ntwo\n', 0, { size: 18 }));
    assert.equal(shown(state), 'one\ntwo\nthree\nfour');
    assert.equal(hasEarlier(state), false);
    // Followed on after that, as before.
    assert.equal(shown(withPiece(state, piece(' and five\n', 18))), 'one\ntwo\nthree\nfour and five\n');
    assert.equal(withEarlier(state, piece('again\n', 0)), state);
  });

  it('notices that far more was written than one reading brings', () => {
    assert.equal(isFarBehind(piece('x', 0, { size: 600_000, next_offset: 1 })), true);
    assert.equal(isFarBehind(piece('x', 0, { size: 60_000, next_offset: 1 })), false);
  });

  it('says how much is before the first line, and that nothing was written yet', () => {
    assert.equal(shown(withPiece(emptyLog, piece('tail', 20_480))), '⋯ 20.0 KiB before this\ntail');
    const none = (some: Partial<LogPiece>): string => logDocumentText(withPiece(emptyLog, piece('', 0, some)), 'stderr');
    assert.equal(none({ found: false }), 'The task has written no stderr yet (/s/0.out).\n');
    assert.equal(none({ ended: true }), 'The task has ended and wrote nothing to stderr.\n');
    assert.deepEqual([1024, 200 * 2 ** 20, 1023 * 2 ** 20].map(sizeWords), ['1.0 KiB', '200 MiB', '1.0 GiB']);
  });

  it('keeps what it has and says why it stopped when the cluster does not answer', () => {
    assert.equal(shown({ ...withPiece(emptyLog, piece('line\n', 0)), failure: 'no route\nto \u001b[31mhost' }), 'line\n── could not be read further: no route to host\n');
  });
});
