import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { countIndices, formatIndexRanges, includesIndex, indicesOf, normalizeRanges, parseIndexRanges, rangesOf, splitByCount, splitByLength, subtractRanges, tryParseIndexList } from '../../../src/scheduler/indexRanges.ts';

const indexSets = fc.uniqueArray(fc.nat({ max: 300 }), { minLength: 1, maxLength: 60 });
const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

describe('indexRanges', () => {
  it('reads what schedulers print', () => {
    const read = (text: string): unknown => {
      const list = tryParseIndexList(text);
      return list && [formatIndexRanges(list.ranges), list.maxConcurrent, list.truncated];
    };
    assert.deepEqual(read('3,7,12-14'), ['3,7,12-14', undefined, false]);
    assert.deepEqual(read('5-100%4'), ['5-100', 4, false]);
    assert.deepEqual(read('1-9:2'), ['1,3,5,7,9', undefined, false]);
    assert.deepEqual(read('11-98:3%4'), [formatIndexRanges(rangesOf(Array.from({ length: 30 }, (_, i) => 11 + 3 * i))), 4, false]);
    assert.deepEqual(read('14-12'), undefined);
    assert.deepEqual(read(''), undefined);
    assert.deepEqual(read('1,,2'), undefined);
    assert.deepEqual(read('1-4:0'), undefined);
    assert.deepEqual(read('1-x'), undefined);
  });

  it('keeps only the certain part of a list that was cut short, and says so', () => {
    for (const [text, expected] of [['1,3,5,...', '1,3,5'], ['1,3,5...', '1,3'], ['1,3,5-1...', '1,3'], ['1,3,5-...', '1,3'], ['1,3,5,...%4', '1,3,5'], ['...', ''], ['1...', '']] as const) {
      const list = tryParseIndexList(text);
      assert.ok(list, text);
      assert.equal(list.truncated, true, text);
      assert.equal(formatIndexRanges(list.ranges), expected, text);
    }
  });

  it('writes and reads back any set', () => {
    fc.assert(
      fc.property(indexSets, (indices) => {
        const ranges = rangesOf(indices);
        assert.deepEqual([...indicesOf(ranges)], sorted(indices));
        assert.equal(countIndices(ranges), indices.length);
        assert.deepEqual(parseIndexRanges(formatIndexRanges(ranges)), ranges);
        assert.deepEqual(normalizeRanges([...ranges].reverse()), ranges);
        for (let index = 0; index <= 300; index += 37) assert.equal(includesIndex(ranges, index), indices.includes(index));
      }),
    );
  });

  it('splits without losing or doubling an index', () => {
    fc.assert(
      fc.property(indexSets, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 12, max: 80 }), (indices, count, length) => {
        const ranges = rangesOf(indices);
        const byCount = splitByCount(ranges, count);
        assert.ok(byCount.every((part, position) => countIndices(part) === count || (position === byCount.length - 1 && countIndices(part) > 0 && countIndices(part) < count)));
        assert.deepEqual(byCount.flatMap((part) => [...indicesOf(part)]), sorted(indices));
        const byLength = splitByLength(ranges, length);
        assert.ok(byLength.every((part) => formatIndexRanges(part).length <= length));
        assert.deepEqual(byLength.flat(), ranges);
      }),
    );
  });

  it('subtracts', () => {
    fc.assert(
      fc.property(indexSets, indexSets, (from, taken) => {
        assert.deepEqual([...indicesOf(subtractRanges(rangesOf(from), rangesOf(taken)))], sorted(from.filter((index) => !taken.includes(index))));
      }),
    );
  });

  it('refuses what is no list, with an example of one', () => {
    for (const text of ['', 'a', '1;2', '5-3', '1,...', '1-99999999999999999999']) {
      assert.throws(() => parseIndexRanges(text), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.remediation?.includes('3,7,12-14') === true, text);
    }
    assert.deepEqual(parseIndexRanges(' 1, 2 ,4 '), [{ first: 1, last: 2 }, { first: 4, last: 4 }]);
  });
});
