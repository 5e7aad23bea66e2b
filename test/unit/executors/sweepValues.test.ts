import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { canonicalPythonJson } from '../../../src/executors/pythonJson.ts';
import { parseSweep, parseSweepValues, type SweepValuesOptions } from '../../../src/executors/sweepValues.ts';

const json = (text: string, options?: SweepValuesOptions): string => canonicalPythonJson(parseSweepValues(text, options));

describe('values of a parameter', () => {
  const good: [string, string][] = [
    ['1,5,25', '[1,5,25]'],
    ['  7 ', '[7]'],
    ['1.0, 2.50,1e-4,-0.5,+3', '[1.0,2.5,0.0001,-0.5,3]'],
    ['0:1:0.1', '[0.0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0]'],
    ['0:1:0.333333333333', '[0.0,0.333333333333,0.666666666666,0.999999999999]'],
    ['0:0.9999999999:0.3333333333333', '[0.0,0.3333333333333,0.6666666666666,0.9999999999999]'],
    ['1:5', '[1,2,3,4,5]'],
    ['5:1', '[5,4,3,2,1]'],
    ['10:0:-5', '[10,5,0]'],
    ['0:10:3', '[0,3,6,9]'],
    ['-1:1:0.5', '[-1.0,-0.5,0.0,0.5,1.0]'],
    ['1e-3:3e-3:1e-3', '[0.001,0.002,0.003]'],
    ['3:3', '[3]'],
    ['range(3)', '[0,1,2]'],
    ['range(1,10,4)', '[1,5,9]'],
    ['range(5,0,-2)', '[5,3,1]'],
    ['linspace(0,1,5)', '[0.0,0.25,0.5,0.75,1.0]'],
    ['linspace(0,1,4)', '[0.0,0.3333333333333333,0.6666666666666666,1.0]'],
    ['logspace(1e-4,1,5)', '[0.0001,0.001,0.01,0.1,1.0]'],
    ['log(1, 1000, 4), 5', '[1.0,10.0,100.0,1000.0,5]'],
    ['logspace(1,2,3)', '[1.0,1.41421356237,2.0]'],
    ['ridge,knn', '["ridge","knn"]'],
    [`"a, b",'it''s'`.replace("''", "\\'"), '["a, b","it\'s"]'],
    ['"1","true",""', '["1","true",""]'],
    ['true,False,null,None', '[true,false,null,null]'],
    ['[1, 1.0, "x", null, [2]]', '[1,1.0,"x",null,[2]]'],
    ['[1,2],[3,4]', '[[1,2],[3,4]]'],
    ['{"a": 1},{"a": 2}', '[{"a":1},{"a":2}]'],
    ['007, 1.2.3, data/x.csv, a-b', '["007","1.2.3","data/x.csv","a-b"]'],
    ['9007199254740993', '[9007199254740993]'],
    ['nan,inf', '[NaN,Infinity]'],
    ["don't", '["don\'t"]'],
    ['2020-01-30..2020-02-02', '["2020-01-30","2020-01-31","2020-02-01","2020-02-02"]'],
  ];
  for (const [text, expected] of good) it(text, () => assert.equal(json(text), expected));

  it('windows of dates tile the range; strides give whole windows', () => {
    const windows = (text: string): [string, string][] => {
      const { values, spread } = parseSweep(text);
      assert.ok(spread);
      return (values as unknown as { start: string; end: string }[]).map(({ start, end }) => [start, end]);
    };
    const thirty = windows('2020-01-01..2020-12-31/30d');
    assert.equal(thirty.length, 13);
    assert.deepEqual(thirty[0], ['2020-01-01', '2020-01-31']);
    assert.deepEqual(thirty[12], ['2020-12-26', '2021-01-01']);
    for (let i = 1; i < thirty.length; i++) assert.equal(thirty[i]?.[0], thirty[i - 1]?.[1]);
    assert.deepEqual(windows('2020-01-31..2020-04-29/1m'), [['2020-01-31', '2020-02-29'], ['2020-02-29', '2020-03-31'], ['2020-03-31', '2020-04-30']]);
    assert.deepEqual(windows('2020-01-01..2020-02-11/28d@14d'), [['2020-01-01', '2020-01-29'], ['2020-01-15', '2020-02-12']]);
    assert.equal(windows('2019-01-01..2020-12-31/1y').length, 2);
  });

  it('chunks cover all rows once', () => {
    assert.deepEqual(parseSweep('chunks(rows=10, size=4)'), {
      spread: true,
      values: [{ chunk_id: 0, total_chunks: 3, start: 0, end: 4 }, { chunk_id: 1, total_chunks: 3, start: 4, end: 8 }, { chunk_id: 2, total_chunks: 3, start: 8, end: 10 }],
    });
    assert.equal(parseSweepValues('chunks(rows=10000,count=32)').length, 32);
  });

  it('reads lists and columns from files', () => {
    const files: Record<string, string> = { 'a.txt': '# seeds\n1\r\n\n2.0\n"03"\n', 'b.csv': '\uFEFFname,alpha\n"x, y",0.1\nz,0.2\n' };
    const readFile = (name: string): string => {
      const text = files[name];
      if (text === undefined) throw new Error('no such file');
      return text;
    };
    assert.equal(json('@a.txt', { readFile }), '[1,2.0,"03"]');
    assert.equal(json('@b.csv:alpha,5', { readFile }), '[0.1,0.2,5]');
    assert.equal(json('@b.csv:name', { readFile }), '["x, y","z"]');
    assert.throws(() => json('@b.csv:beta', { readFile }), /no column "beta"; there are: name, alpha/);
    assert.throws(() => json('@c.txt', { readFile }), /Cannot read c\.txt: no such file/);
    assert.throws(() => json('@a.txt'), /cannot be read from a file here/);
  });

  const bad: [string, number, RegExp][] = [
    ['', 0, /at least one/],
    ['1,,2', 2, /missing/],
    ['1,', 2, /missing/],
    ['"abc', 0, /not closed/],
    ['1,(2', 2, /not closed/],
    ['1)', 1, /closes nothing/],
    ['"a" b', 3, /comma is missing/],
    ['0:1:0', 4, /must not be 0/],
    ['0:1:-0.1', 4, /leads away/],
    ['0:1:2:3', 0, /start:end/],
    ['5, 0:1:0.x', 7, /must be a number/],
    ['linspace(0,1)', 0, /three numbers/],
    ['1, logspace(0,1,3)', 12, /above 0/],
    ['linspace(0,1,2.5)', 13, /whole number/],
    ['range(0.5)', 6, /whole numbers/],
    ['range(3,1)', 0, /empty/],
    ['frob(1)', 0, /no frob/],
    ['0:1:1e-9', 0, /1,000,000 is the most/],
    ['chunks(rows=10)', 0, /size/],
    ['chunks(rows=10,size=0)', 20, /from 1 up/],
    ['2020-02-30..2020-03-01/1d', 0, /not a date/],
    ['2020-03-01..2020-02-01/1d', 12, /before the start/],
    ['2020-03-01..2020-03-05/0d', 23, /A window/],
    ['2020-03-01..2020-03-05/9d@1d', 23, /longer/],
    ['1, chunks(rows=4,size=2)', 0, /mixed/],
    ['[1, 2', 0, /not closed/],
    ['[1, x]', 0, /not JSON/],
    ['[]', 0, /empty/],
  ];
  for (const [text, position, message] of bad) {
    it(`refuses ${JSON.stringify(text)} at ${position}`, () => {
      assert.throws(() => parseSweepValues(text), (error: unknown) => {
        assert.ok(HpcError.is(error, 'spec_invalid'), String(error));
        assert.match(error.message, message);
        assert.equal(error.details?.position, position);
        return true;
      });
    });
  }

  it('ranges of decimals are exact and hold both ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 6 }), (start, step, count, scale) => {
        const text = (value: number): string => (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(scale + 1, '0').replace(new RegExp(`(\\d{${scale}})$`), '.$1');
        const values = parseSweepValues(`${text(start)}:${text(start + step * count)}:${text(step)}`);
        assert.equal(values.length, count + 1);
        const expected = Array.from({ length: count + 1 }, (_, i) => Number(text(start + step * i)));
        assert.deepEqual(JSON.parse(JSON.stringify(values)), JSON.parse(JSON.stringify(expected)));
      }),
    );
  });

  it('never throws anything but the typed error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.,:-+e()[]{}"\'@=/ rangelogspce\\') }), (text) => {
        try {
          assert.ok(parseSweepValues(text).length > 0);
        } catch (error) {
          assert.ok(HpcError.is(error, 'spec_invalid'), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
