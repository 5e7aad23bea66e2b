import assert from 'node:assert/strict';
import fc from 'fast-check';
import { estimateWall, planArrays } from '../../../src/runs/planArrays.ts';

describe('planArrays (unit)', () => {
  it('cuts 1,200 tasks under an index limit of 1000 into two even arrays of one wave', () => {
    const arrays = planArrays(1200, { maxElementsPerArray: 1000, maxConcurrentArrays: 2 });
    assert.deepEqual(arrays, [
      { key: 'w0a0', wave: 0, firstTask: 0, taskCount: 600 },
      { key: 'w0a1', wave: 0, firstTask: 600, taskCount: 600 },
    ]);
  });

  it('puts what may not be queued together into later waves', () => {
    const arrays = planArrays(1200, { maxElementsPerArray: 250, maxConcurrentArrays: 2 });
    assert.deepEqual(arrays.map(({ key, wave, taskCount }) => [key, wave, taskCount]), [['w0a0', 0, 240], ['w0a1', 0, 240], ['w1a0', 1, 240], ['w1a1', 1, 240], ['w2a0', 2, 240]]);
  });

  it('covers every task exactly once, within every limit, under unique keys', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 1200 }), fc.integer({ min: 1, max: 12 }), (total, size, width) => {
        const arrays = planArrays(total, { maxElementsPerArray: size, maxConcurrentArrays: width });
        let next = 0;
        for (const array of arrays) {
          assert.equal(array.firstTask, next);
          assert.ok(array.taskCount >= 1 && array.taskCount <= size);
          next += array.taskCount;
        }
        assert.equal(next, total);
        assert.equal(new Set(arrays.map(({ key }) => key)).size, arrays.length);
        assert.ok(arrays.length <= Math.ceil(total / size));
        const inWave = new Map<number, number>();
        for (const { wave } of arrays) inWave.set(wave, (inWave.get(wave) ?? 0) + 1);
        assert.ok([...inWave.values()].every((count) => count <= width));
      }),
    );
  });

  it('refuses a sweep without tasks', () => {
    assert.throws(() => planArrays(0, { maxElementsPerArray: 10, maxConcurrentArrays: 1 }), { name: 'HpcError', code: 'spec_invalid' });
  });

  it('estimates n waves of spin-up and rounds, and says so when the duration is not known', () => {
    const arrays = planArrays(100, { maxElementsPerArray: 25, maxConcurrentArrays: 2 });
    assert.equal(estimateWall(arrays, 300, 60, undefined).totalS, 2 * (300 + 60));
    assert.equal(estimateWall(arrays, 300, 60, 10).totalS, 2 * (300 + 3 * 60));
    assert.equal(estimateWall(arrays, 300, undefined, 10).totalS, null);
  });
});
