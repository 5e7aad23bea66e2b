import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { plainLine, plainText } from '../../../../../src/surfaces/vscode/documents/terminalText.ts';

describe('What a program wrote for a terminal (unit)', () => {
  it('loses its colours, titles and links, and what a progress bar overwrote', () => {
    assert.equal(plainText('\u001b[32mok\u001b[0m\n10 %\r20 %\r100 %\r\ndone'), 'ok\n100 %\ndone');
    assert.equal(plainLine('\u001b]0;title\u0007a \u001b]8;;https://example.org\u001b\\link\u001b]8;;\u001b\\ b'), 'a link b');
    assert.equal(plainLine('\u001b(Bplain\u001b=\u009b1mx'), 'plainx');
    assert.equal(plainLine('wrogn\b\bng'), 'wrong');
  });

  it('shows what cannot be seen, and leaves HTML as it is', () => {
    assert.equal(plainLine('<img src=x onerror=alert(1)>'), '<img src=x onerror=alert(1)>');
    assert.equal(plainLine('a\u0000b\u0007c\u007f\u202ed\u2028e'), 'a␀b␇c␡⟨U+202E⟩d⟨U+2028⟩e');
  });

  it('ends a sequence that nothing ends with its line', () => {
    assert.equal(plainText('before \u001b]0;never ended\nnext line'), 'before \nnext line');
    assert.equal(plainText('cut \u001b['), 'cut ');
  });

  it('leaves no control character in any text, nor changes one without any', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\u001b', '[', ']', '0', 'm', '\r', '\b', '\n', '\u0007', '\\', '\u009b', '\u0000', '\u202e') }), (text) => {
        assert.doesNotMatch(plainText(text), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '<', '\t', '\n', 'é') }), (text) => assert.equal(plainText(text), text)));
  });

  it('takes a line of megabytes, with and without what a terminal would do with it', () => {
    const long = 'x'.repeat(3_000_000);
    assert.equal(plainLine(`${long}\u0007`).length, long.length + 1);
    assert.equal(plainLine('12 %|###|\r'.repeat(300_000)), '12 %|###|');
    assert.equal(plainLine('\u001b]0;'.repeat(300_000)).length, 0);
    assert.equal(plainLine(`\u001b[${'1;'.repeat(1_000_000)}m`), '');
  });
});
