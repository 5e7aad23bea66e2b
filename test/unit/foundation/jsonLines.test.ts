import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { appendJsonLine, parseJsonLines, readJsonLines } from '../../../src/foundation/jsonLines.ts';

describe('jsonLines (unit)', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-lines-'));
    file = path.join(folder, 'sub', 'journal.jsonl');
  });
  beforeEach(() => fs.rmSync(file, { force: true }));
  after(() => fs.rmSync(folder, { recursive: true }));

  it('gives back what was appended; a missing file holds nothing', async () => {
    assert.deepEqual(await readJsonLines(file), { values: [], skipped: 0, completeBytes: 0 });
    for (const value of [{ a: 'ü\n' }, [1], 'text', null]) await appendJsonLine(file, value);
    const { values, skipped, completeBytes } = await readJsonLines(file);
    assert.deepEqual(values, [{ a: 'ü\n' }, [1], 'text', null]);
    assert.deepEqual([skipped, completeBytes], [0, fs.statSync(file).size]);
  });

  it('cut anywhere, costs only the line that was cut, also for what is appended afterwards', async () => {
    const value = fc.record({ kind: fc.string(), n: fc.integer(), text: fc.string({ unit: 'grapheme' }) }, { noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 6 }), fc.nat(), value, async (lines, at, next) => {
        const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
        const cut = bytes.subarray(0, at % (bytes.length + 1));
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, cut);
        const complete = cut.toString('latin1').split('\n').length - 1;
        const read = await readJsonLines(file);
        assert.deepEqual(read.values.slice(0, complete), lines.slice(0, complete));
        assert.ok(read.values.length <= complete + 1 && read.skipped <= 1);
        assert.equal(read.completeBytes, cut.lastIndexOf(0x0a) + 1);
        await appendJsonLine(file, next);
        const after = await readJsonLines(file);
        assert.deepEqual(after.values.at(-1), next);
        assert.deepEqual(after.values.slice(0, complete), lines.slice(0, complete));
      }),
      { numRuns: 60 },
    );
  });

  it('skips foreign lines and counts them; empty lines do not count', () => {
    const { values, skipped, completeBytes } = parseJsonLines('{"a":1}\nnot json\n\n{"b":2}\r\n{"torn":');
    assert.deepEqual([values, skipped, completeBytes], [[{ a: 1 }, { b: 2 }], 1, 27]);
  });

  it('appends of several at once do not mix', async () => {
    const text = 'x'.repeat(5000);
    await Promise.all(Array.from({ length: 40 }, (_, i) => appendJsonLine(file, { i, text })));
    const { values, skipped } = await readJsonLines(file);
    assert.equal(skipped, 0);
    assert.deepEqual(values.map((value) => (value as { i: number }).i).sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i));
  });
});
