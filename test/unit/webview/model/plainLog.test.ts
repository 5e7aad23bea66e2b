import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { appendLog, emptyLog, linesOf, plainLine } from '../../../../webview/model/plainLog.ts';

const lines = (text: string): readonly string[] => linesOf(appendLog(emptyLog, text, 5000));

describe('A log as plain lines (unit)', () => {
  it('keeps HTML as the text that it is', () => {
    assert.deepEqual(lines('<img src=x onerror="x()">&amp;<script>\n'), ['<img src=x onerror="x()">&amp;<script>']);
  });

  it('takes colours, cursor moves and titles out, in all their forms', () => {
    assert.equal(plainLine('\u001b[1;31merror\u001b[0m \u001b[2K\u001b[38;5;196mred\u001b[m'), 'error red');
    assert.equal(plainLine('\u009b31mred\u009b0m'), 'red');
    assert.equal(plainLine('\u001b]0;title\u0007shown \u001b]2;other\u001b\\too'), 'shown too');
    assert.equal(plainLine('\u001b(B\u001b=a\u001bcb'), 'ab');
    assert.equal(plainLine('\u001bPq#0;2;0;0;0\u001b\\after'), 'after');
  });

  it('shows the words of a link, not where it goes', () => {
    assert.equal(plainLine('see \u001b]8;;https://example.org/x?y\u001b\\the page\u001b]8;;\u001b\\ for more'), 'see the page for more');
    assert.equal(plainLine('\u001b]8;id=1;file:///etc/passwd\u0007click\u001b]8;;\u0007'), 'click');
  });

  it('lets no text turn the direction of what follows', () => {
    assert.equal(plainLine('access \u202egpj.exe\u202c \u2066x\u2069 \u200eok\u200f'), 'access gpj.exe x ok');
  });

  it('shows what a progress bar wrote last, whether the line is ended or not', () => {
    assert.deepEqual(lines(' 10 %\r 60 %\r100 %\r\nnext\r 5 %'), ['100 %', ' 5 %']);
    assert.deepEqual(lines('windows\r\nlines\r\n'), ['windows', 'lines']);
  });

  it('keeps tabs, emoji and scripts of the world', () => {
    assert.equal(plainLine('a\tb 👩‍🔬 שלום 数据'), 'a\tb 👩‍🔬 שלום 数据');
  });

  it('cuts lines that no one reads, and drops the oldest lines', () => {
    assert.equal(plainLine('x'.repeat(10_000)).length, 4001);
    const log = appendLog(emptyLog, Array.from({ length: 30 }, (_, line) => `${line}\n`).join(''), 10);
    assert.deepEqual([log.lines[0], log.lines.length, log.dropped], ['20', 10, 20]);
    assert.equal(appendLog(log, 'x'.repeat(1_000_000), 10).rest.length, 65_536);
  });

  it('is the same in whatever pieces it came, and holds no control character', () => {
    const piece = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('\n', '\r', '\r\n', '\u001b[31m', '\u001b[0m', '\u001b]8;;http://a\u001b\\', '\u001b]0;t\u0007', '\u202e', '\u0000', '\b', '<b>', '\u001b'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(60), { maxLength: 6 }), (pieces, cuts) => {
        const text = pieces.join('');
        const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const log = places.slice(1).reduce((sofar, end, place) => appendLog(sofar, text.slice(places[place], end), 5000), emptyLog);
        assert.deepEqual(linesOf(log), lines(text));
        assert.ok(!/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(linesOf(log).join('')));
      }),
    );
  });
});
