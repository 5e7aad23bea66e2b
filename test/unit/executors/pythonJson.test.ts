import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { canonicalPythonJson, compareCodePoints, parsePythonJson, plainValue, PythonFloat, type PythonValue } from '../../../src/executors/pythonJson.ts';
import { pythonList, pythonLiteral } from '../../../src/executors/pythonLiteral.ts';

const fixtures = path.join(path.dirname(fileURLToPath(import.meta.url)), 'fixtures');

function python(program: string, input: string): string {
  const result = spawnSync('python3', ['-c', program], { input, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, PYTHONIOENCODING: 'utf-8' } });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

/** Any value that Python's JSON can hold, lone surrogates and odd floats included. */
const double = fc.oneof(fc.double(), fc.double({ noNaN: true, min: -1e20, max: 1e20 }), fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n / 1000));
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((n) => String.fromCharCode(n)) }));
const { value } = fc.letrec<{ value: PythonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), text, fc.maxSafeInteger(), fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).filter((n) => !Number.isSafeInteger(Number(n))), double.map((n) => (Number.isInteger(n) ? new PythonFloat(n) : n))),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5 }) as fc.Arbitrary<PythonValue>,
  ),
}));

describe('Python’s JSON', () => {
  it('golden vectors: what Python printed is read and printed again to the byte; live Python prints the same', () => {
    const golden = fs.readFileSync(path.join(fixtures, 'python-json.json'), 'utf8');
    assert.equal(python(fs.readFileSync(path.join(fixtures, 'make_python_json.py'), 'utf8'), ''), golden);
    const lines = JSON.parse(golden) as string[];
    assert.ok(lines.length > 50);
    for (const line of lines) assert.equal(canonicalPythonJson(parsePythonJson(line)), line);
  });

  it('equals json.dumps of live Python for any value', () => {
    const lines = fc.sample(value, { numRuns: 3000, seed: 7 }).map(canonicalPythonJson);
    // Python reads what we printed and prints it its own way.
    const out = python('import json,sys\nfor line in sys.stdin.buffer:\n    print(json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")))', lines.join('\n'));
    const theirs = out.trimEnd().split('\n');
    assert.equal(theirs.length, lines.length);
    lines.forEach((line, i) => assert.equal(line, theirs[i]));
  });

  it('prints floats as repr() does, for any bits', () => {
    const samples = fc.sample(fc.uint8Array({ minLength: 8, maxLength: 8 }), { numRuns: 5000, seed: 11 });
    const ours = samples.map((bytes) => canonicalPythonJson(new PythonFloat(Buffer.from(bytes).readDoubleBE())));
    const theirs = python('import json,struct,sys\nfor line in sys.stdin:\n    print(json.dumps(struct.unpack(">d", bytes.fromhex(line.strip()))[0]))', samples.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n'));
    assert.deepEqual(ours, theirs.trimEnd().split('\n'));
  });

  it('reads back what it prints', () => {
    fc.assert(fc.property(value, (sample) => {
      const line = canonicalPythonJson(sample);
      assert.equal(canonicalPythonJson(parsePythonJson(line)), line);
    }));
  });

  it('refuses what is no JSON and what is not exact', () => {
    for (const bad of ['', '{', '[1,]', '{"a"}', '{"a":1,}', '01', '1.', '.5', 'nan', "'a'", '1 2', '"\n"', '{a:1}', '[1 2]', '--1', '"\\x41"']) assert.throws(() => parsePythonJson(bad), SyntaxError, bad);
    assert.throws(() => canonicalPythonJson(2 ** 60), /too large to be exact/);
    assert.deepEqual(plainValue(parsePythonJson('{"a":[1.0,12345678901234567890]}')), { a: [1, '12345678901234567890'] });
    assert.deepEqual(['\uffff', '\u{1f600}', 'a'].sort(compareCodePoints), ['a', '\uffff', '\u{1f600}']);
  });

  it('literals are read back by Python with value and type', () => {
    const samples = fc.sample(value, { numRuns: 1500, seed: 3 });
    const source = `import json\nVALUES = [\n${samples.map((sample) => `${pythonLiteral(sample)},\n`).join('')}]\nfor v in VALUES:\n    print(json.dumps(v, sort_keys=True, separators=(",", ":")))`;
    const out = python('import sys\nexec(compile(sys.stdin.buffer.read(), "x", "exec"))', source).trimEnd().split('\n');
    samples.forEach((sample, i) => assert.equal(out[i], canonicalPythonJson(sample)));
  });

  it('lists of whole numbers in equal steps become ranges with the same values', () => {
    assert.equal(pythonList([0, 1, 2, 3, 4, 5], '', 88), 'range(6)');
    assert.equal(pythonList([10, 8, 6, 4, 2, 0], '', 88), 'range(10, -2, -2)');
    assert.equal(pythonList([0, 1, 2, 3, 4, new PythonFloat(5)], '', 88), '[0, 1, 2, 3, 4, 5.0]');
    assert.equal(pythonList([1, 2], '', 88), '[1, 2]');
  });
});
