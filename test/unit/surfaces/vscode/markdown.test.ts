import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { codeBlock, codeSpan, escapeMarkdown, table } from '../../../../src/surfaces/vscode/markdown.ts';

/** What a renderer shows of our escaped text: backslashes and entities undone. */
function shown(markdown: string): string {
  return markdown.replace(/\\([^\w\s]|_)/g, '$1').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

describe('Text of the far side in markdown (unit)', () => {
  it('shows exactly the characters of the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.equal(shown(escapeMarkdown(text)), text.replace(/\p{Cc}+/gu, ' '))));
  });

  it('leaves no links, icons, markup or headings', () => {
    for (const text of ['[x](command:evil)', '![i](http://e/x.png)', '<a href="x">y</a>', '$(zap)', '**b** _i_ `c`', 'http://e.example', 'www.e.example', 'a@b.example']) {
      assert.doesNotMatch(escapeMarkdown(text), /(?<!\\)[[\]`*_@]|<|(?<!\\)\$\(|[^\\]:\/\/|www\./, text);
    }
    assert.deepEqual(['# h', '- l', '1. l', '=== x'].map(escapeMarkdown), ['\\# h', '\\- l', '1\\. l', '\\=== x']);
  });

  it('leaves ordinary words as they are', () => {
    assert.equal(escapeMarkdown('co2-forecast (24 tasks): 3.5 GiB, exit 0:125'), 'co2-forecast (24 tasks): 3.5 GiB, exit 0:125');
  });

  it('keeps code inside its span and its block', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('`', 'a', ' ', '\n') }), (text) => {
        const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
        const fence = /^`*/.exec(codeSpan(text))?.[0].length ?? 0;
        assert.ok(text === '' || fence > longest);
        assert.ok(!text.split('\n').includes(codeBlock(text).split('\n').at(-1) ?? ''));
      }),
    );
  });

  it('lines up tables also as plain text, whatever is in the cells', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (rows) => {
        const lines = table(['name', 'value'], rows, new Set([1])).split('\n');
        assert.equal(lines.length, rows.length + 2);
        assert.equal(new Set(lines.map((line) => line.length)).size, 1);
        assert.ok(lines.every((line) => (line.match(/(?<!\\)(?:\\\\)*\|/g) ?? []).length === 3));
      }),
    );
  });
});
