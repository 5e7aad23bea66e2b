import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import fc from 'fast-check';
import { applyDifference, textHash } from '../../../src/runs/lineDifference.ts';

const runtime = path.resolve(import.meta.dirname, '../../../templates/runtime');

/** What hpc_remote.py makes of pairs of texts. */
function differences(pairs: readonly (readonly [string, string])[]): { parts: unknown[]; hash: string }[] {
  const program = `import json,sys; sys.path.insert(0, ${JSON.stringify(runtime)}); sys.dont_write_bytecode = True\nimport hpc_remote as r\nprint(json.dumps([{"parts": r.difference(a, b), "hash": r.text_hash(b)} for a, b in json.load(sys.stdin)]))`;
  const result = spawnSync('python3', ['-c', program], { input: JSON.stringify(pairs), encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout) as { parts: unknown[]; hash: string }[];
}

describe('lineDifference (unit)', () => {
  it('rebuilds what the remote program sends, for any two texts', () => {
    const line = fc.oneof(fc.constantFrom('a|1', 'b|2', 'END', ''), fc.string({ unit: 'grapheme' }).filter((text) => !/[\n\ud800-\udfff]/.test(text)));
    const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
    const pairs = fc.sample(fc.tuple(text, text), 300);
    differences(pairs).forEach(({ parts, hash }, index) => {
      const [old = '', fresh = ''] = pairs[index] ?? [];
      assert.equal(applyDifference(old, parts, hash), fresh);
    });
  });

  it('grows with what changed, not with what is there', () => {
    const rows = Array.from({ length: 5000 }, (_, index) => `1234_${index}|RUNNING|node${index % 7}`);
    const changed = rows.with(17, '1234_17|COMPLETED|node3');
    const [found] = differences([[rows.join('\n'), changed.join('\n')]]);
    assert.ok(JSON.stringify(found?.parts).length < 100);
  });

  it('refuses what does not fit the text that is held', () => {
    assert.equal(applyDifference('a\nb', [[0, 3]], textHash('a\nb')), undefined);
    assert.equal(applyDifference('a\nb', [[0, 2]], 'wrong'), undefined);
    assert.equal(applyDifference('a\nb', [{}], textHash('')), undefined);
  });
});
