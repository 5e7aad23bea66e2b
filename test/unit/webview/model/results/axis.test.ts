import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { axisOf, levelsOf, niceTicks } from '../../../../../webview/model/results/axis.ts';

const kind = (...values: unknown[]): string => axisOf('a', values).kind;

describe('The axis of a parameter (unit)', () => {
  it('is linear for numbers at steps, logarithmic for numbers by a factor', () => {
    assert.equal(kind(1, 2, 3, 4), 'linear');
    assert.equal(kind(1, 6, 12), 'linear');
    assert.equal(kind(0.1, 0.5, 0.9), 'linear');
    assert.equal(kind(-1, 0, 1), 'linear');
    assert.equal(kind(1, 5, 25), 'log');
    assert.equal(kind(1, 2, 4, 8, 16), 'log');
    assert.equal(kind(0.0001, 0.001, 0.01), 'log');
    assert.equal(kind(1, 100, 1000, 10_000), 'log');
    assert.equal(kind(1, 5, 15, 45), 'log');
    assert.equal(kind(1, 10_000), 'log');
    assert.equal(kind(1, 2), 'linear');
  });

  it('puts zero beside powers of ten at even distances, in order', () => {
    const axis = axisOf('alpha', [0.1, 0, 0.0001, 0.001]);
    assert.equal(axis.kind, 'category');
    assert.equal(axis.ordered, true);
    assert.deepEqual(axis.values, [0, 0.0001, 0.001, 0.1]);
    assert.equal(axis.at(0.0001), 1 / 3);
  });

  it('is a category for words, switches, lists and mixtures, in the order in which people sort', () => {
    assert.equal(kind('adam', 'sgd'), 'category');
    assert.deepEqual(axisOf('a', ['run10', 'run2', 'run1']).values, ['run1', 'run2', 'run10']);
    assert.equal(kind(true, false), 'category');
    assert.equal(kind(1, 'auto'), 'category');
    assert.equal(axisOf('a', [[1, 2], [2, 1]]).values.length, 2);
    assert.equal(axisOf('a', [[64, 64], [64, 64]]).flat, true);
    assert.equal(kind(Number.NaN, 1, 2), 'category');
  });

  it('is flat with one value or none', () => {
    assert.equal(axisOf('a', [3, 3]).flat, true);
    assert.equal(axisOf('a', [null, undefined]).flat, true);
    assert.equal(axisOf('a', []).at(1), undefined);
  });

  it('finds its place and back for every number', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 40 }), (values) => {
        const axis = axisOf('a', values);
        if (axis.flat || axis.kind === 'category') return;
        for (const value of values) {
          const at = axis.at(value);
          assert.ok(at !== undefined && at >= -1e-9 && at <= 1 + 1e-9, `${value} at ${at}`);
          const back = axis.valueAt(at) as number;
          assert.ok(Math.abs(back - value) <= 1e-6 * Math.max(Math.abs(value), 1e-9) + (axis.kind === 'linear' ? 1e-9 * 1e6 : 0), `${back} for ${value}`);
        }
        for (const { at } of axis.ticks) assert.ok(at >= -1e-6 && at <= 1 + 1e-6);
      }),
    );
  });

  it('has ticks at its values where they are few, at round numbers where they are many', () => {
    assert.deepEqual(axisOf('a', [1, 6, 12]).ticks.map(({ label }) => label), ['1', '6', '12']);
    assert.deepEqual(axisOf('a', Array.from({ length: 100 }, (_, index) => index)).ticks.map(({ label }) => label), ['0', '20', '40', '60', '80']);
    assert.deepEqual(niceTicks(0.21, 0.33, 4), [0.225, 0.25, 0.275, 0.3, 0.325]);
    assert.deepEqual(axisOf('a', Array.from({ length: 60 }, (_, index) => 10 ** (index / 10))).ticks.map(({ label }) => label), ['1', '10', '100', '1000', '10000', '100000']);
  });
});

describe('The levels of an axis (unit)', () => {
  it('are the values where they are few', () => {
    const raw = [1, 2, 1, 3];
    const { levels, of, binned } = levelsOf(axisOf('a', raw), raw, 4);
    assert.deepEqual(levels.map(({ label }) => label), ['1', '2', '3']);
    assert.equal(of(2), '2');
    assert.equal(of(9), undefined);
    assert.equal(binned, false);
  });

  it('are ranges with about as many points each where they are many', () => {
    const raw = Array.from({ length: 100 }, (_, index) => index);
    const { levels, of, binned } = levelsOf(axisOf('a', raw), raw, 4);
    assert.equal(binned, true);
    assert.equal(levels.length, 4);
    const counts = new Map<string, number>();
    for (const value of raw) counts.set(of(value) ?? '', (counts.get(of(value) ?? '') ?? 0) + 1);
    for (const count of counts.values()) assert.ok(count >= 20 && count <= 30, String(count));
  });

  it('hold every point whatever the numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 80 }), fc.integer({ min: 2, max: 12 }), (raw, most) => {
        const { levels, of } = levelsOf(axisOf('a', raw), raw, most);
        const keys = new Set(levels.map(({ key }) => key));
        assert.ok(levels.length <= Math.max(most, 1) || levels.length === new Set(raw).size);
        for (const value of raw) assert.ok(keys.has(of(value) ?? 'none'));
      }),
    );
  });

  it('keep the most frequent words and put the rest together', () => {
    const raw = ['a', 'a', 'b', 'b', 'c', 'd', 'e'];
    const { levels, of } = levelsOf(axisOf('a', raw), raw, 3);
    assert.deepEqual(levels.map(({ label }) => label), ['a', 'b', '+3']);
    assert.equal(of('e'), 'others');
  });
});
