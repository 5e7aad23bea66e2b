import assert from 'node:assert/strict';
import fc from 'fast-check';
import { didYouMean, editDistance, nearMisses } from '../../../src/cluster/nearMiss.ts';

describe('near misses (unit)', () => {
  it('counts edits, a swap as one', () => {
    assert.equal(editDistance('slurm', 'slrum'), 1);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('kitten', 'sitting'), 3);
  });
  it('is symmetric, and nothing only for equal words', () => {
    fc.assert(fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
    }));
  });
  it('overlooks dashes, underscores and case', () => assert.deepEqual(nearMisses('Max-Array-Size', ['max_array_size', 'max_walltime']), ['max_array_size']));
  it('offers nothing for a word that is far from all', () => assert.equal(didYouMean('zebra', ['slurm', 'sge']), ''));
  it('says it as a question', () => assert.equal(didYouMean('hofman2', ['hoffman2', 'discovery']), ' Did you mean "hoffman2"?'));
});
