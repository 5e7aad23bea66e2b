import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { emptyLog, logDocumentText, readable, withPiece, type LogPiece } from '../../../../../src/surfaces/vscode/documents/logText.ts';

const piece = (text: string, offset: number, some: Partial<LogPiece> = {}): LogPiece => ({ path: '/s/0.out', found: true, text, offset, next_offset: offset + text.length, ended: false, ...some });

describe('A followed log (unit)', () => {
  it('is the same whatever the pieces it came in', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.nat(20)), (whole, sizes) => {
        let state = emptyLog;
        let at = 0;
        for (const size of [...sizes, whole.length]) {
          const text = whole.slice(at, at + size);
          state = withPiece(state, piece(text, at));
          at += text.length;
        }
        assert.equal(state.text, whole);
      }),
    );
  });

  it('begins again when the file is not the one it was', () => {
    const state = withPiece(withPiece(emptyLog, piece('first attempt', 0)), piece('second', 0));
    assert.equal(state.text, 'second');
  });

  it('says how much is before the first line, and that nothing was written yet', () => {
    assert.match(logDocumentText(withPiece(emptyLog, piece('tail', 20_480)), 'stdout', true), /^… 20 KiB before this\ntail$/);
    assert.equal(logDocumentText(withPiece(emptyLog, piece('', 0, { found: false })), 'stderr', true), 'The task has written no stderr yet (/s/0.out).\n');
    assert.equal(logDocumentText(withPiece(emptyLog, piece('', 0, { ended: true })), 'stderr', true), 'The task has ended and wrote nothing to stderr.\n');
  });

  it('keeps what it has and says why it stopped when the cluster does not answer', () => {
    const text = logDocumentText({ ...withPiece(emptyLog, piece('line\n', 0)), failure: 'no route to host' }, 'stdout', true);
    assert.equal(text, 'line\n\n── could not be read further: no route to host\n');
  });

  it('leaves out colours and what a progress bar overwrote', () => {
    assert.equal(readable('\u001b[32mok\u001b[0m\n10 %\r20 %\r100 %\r\ndone'), 'ok\n100 %\ndone');
  });
});
