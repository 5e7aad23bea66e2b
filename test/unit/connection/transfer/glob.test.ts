import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { compilePattern, matcherOf } from '../../../../src/connection/transfer/glob.ts';

describe('transfer patterns (unit)', () => {
  it('match as written', () => {
    const cases: readonly [string, string[], string[]][] = [
      ['results/**', ['results/a', 'results/a/b.json'], ['results', 'xresults/a', 'results2/a']],
      ['results/', ['results/a'], ['results']],
      ['**/metrics.json', ['metrics.json', 'a/b/metrics.json'], ['xmetrics.json', 'a/metrics.json.tmp']],
      ['logs/*.out', ['logs/1.out', 'logs/.out'], ['logs/a/1.out', 'logs/1.outx']],
      ['a?c/[xy]/[!z].t', ['abc/x/q.t'], ['ac/x/q.t', 'abc/z/q.t', 'abc/x/z.t', 'a/c/x/q.t']],
      ['a+(b).{c}$', ['a+(b).{c}$'], ['ab.c']],
      ['./ü \n.txt', ['ü \n.txt'], []],
    ];
    for (const [pattern, yes, no] of cases) {
      const matches = matcherOf([compilePattern(pattern)]);
      for (const name of yes) assert.ok(matches(name), `${pattern} matches ${name}`);
      for (const name of no) assert.ok(!matches(name), `${pattern} does not match ${name}`);
    }
    assert.deepEqual(['results/**', 'a/b/*.x', '*/b', 'file'].map((pattern) => compilePattern(pattern).prefix), ['results', 'a/b', '', '']);
  });

  it('mean the same to Python', function () {
    const part = fc.constantFrom('a', 'b', '/', '*', '**/', '?', '.', '[ab]', '[!a]', '+', '(', '\\', '-', 'ü', '\n', '{', '|');
    const samples = fc.sample(fc.tuple(fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')), fc.array(fc.constantFrom('a', 'b', '/', '.', 'ü', '\n', '+'), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))), 2000);
    const rows = samples.map(([pattern, name]) => [compilePattern(pattern).regex, name]);
    const python = JSON.parse(execFileSync('python3', ['-c', 'import sys,json,re\nprint(json.dumps([bool(re.compile(r,re.S).match(n)) for r,n in json.load(sys.stdin)]))'], { input: JSON.stringify(rows) }).toString()) as boolean[];
    samples.forEach(([pattern, name], i) => assert.equal(matcherOf([compilePattern(pattern)])(name), python[i], JSON.stringify([pattern, name])));
  });
});
