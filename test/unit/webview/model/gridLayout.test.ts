import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { byAxes, byIndex, suggestedAxes, type GridLayout } from '../../../../webview/model/gridLayout.ts';
import type { ParameterColumn } from '../../../../webview/protocol/run.ts';

const column = (name: string, values: unknown[], index: readonly number[]): ParameterColumn => ({ name, values, index: Uint32Array.from(index) });

/** Every task has a cell of its own, and the cell knows it. */
function isWhole(layout: GridLayout, total: number): void {
  assert.equal(layout.cellOf.length, total);
  assert.equal(layout.taskOf.length, layout.columns * layout.rows);
  assert.equal(new Set(layout.cellOf).size, total);
  layout.cellOf.forEach((cell, task) => assert.equal(layout.taskOf[cell], task));
  assert.equal(layout.taskOf.filter((task) => task >= 0).length, total);
}

describe('Where the cells of the tasks are (unit)', () => {
  it('by index: every task once, whatever their number and the shape', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.double({ min: 0.05, max: 30, noNaN: true }), (total, aspect) => {
        const layout = byIndex(total, aspect);
        isWhole(layout, total);
        assert.ok(layout.rows * layout.columns - total < Math.max(layout.columns, 2));
      }),
    );
  });

  it('by index: rows that people can count with', () => {
    assert.equal(byIndex(100_000, 2).columns, 500);
    assert.equal(byIndex(7, 1).columns, 7);
    assert.equal(byIndex(1, 1).columns, 1);
  });

  it('by two parameters: every task once, also where tasks share a place or places stay empty', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { minLength: 1, maxLength: 300 }), fc.constantFrom('both', 'across', 'down'), (width, height, tasks, which) => {
        const x = column('x', Array.from({ length: width }, (_, place) => place), tasks.map(([at]) => at % width));
        const y = column('y', Array.from({ length: height }, (_, place) => `v${place}`), tasks.map(([, at]) => at % height));
        isWhole(byAxes(tasks.length, which === 'down' ? undefined : x, which === 'across' ? undefined : y), tasks.length);
      }),
    );
  });

  it('by two parameters: numbers in the order of their size, words in that of the alphabet, seeds in a block', () => {
    const total = 8;
    const layout = byAxes(total, column('alpha', [10, 2], [0, 0, 1, 1, 0, 0, 1, 1]), column('model', ['svm', 'knn'], [0, 0, 0, 0, 1, 1, 1, 1]));
    assert.deepEqual(layout.across, { name: 'alpha', labels: ['2', '10'], span: 2 });
    assert.deepEqual(layout.down, { name: 'model', labels: ['knn', 'svm'], span: 1 });
    // Row knn: alpha 2 (tasks 6, 7), alpha 10 (4, 5).
    assert.deepEqual([...layout.taskOf], [6, 7, 4, 5, 2, 3, 0, 1]);
  });

  it('is never larger than a canvas: neighbouring values share a place where there are too many', () => {
    const own = (total: number): number[] => Array.from({ length: total }, (_, task) => task);
    const drawable = ({ columns, rows }: GridLayout): void => assert.ok(columns * rows <= 4_000_000 && columns <= 8192 && rows <= 8192, `${columns} × ${rows}`);
    const both = byAxes(5000, column('x', own(5000), own(5000)), column('y', own(5000), own(5000)));
    isWhole(both, 5000);
    drawable(both);
    assert.match(both.across?.labels[0] ?? '', /^0 … \d+$/);
    const one = byAxes(20_000, column('x', own(20_000), own(20_000)), undefined);
    isWhole(one, 20_000);
    drawable(one);
  });

  it('is never larger than a canvas where nearly all tasks share one place', () => {
    // One parameter at a time: all others stay at their default.
    const total = 6000;
    const x = column('x', Array.from({ length: 500 }, (_, place) => place), Array.from({ length: total }, (_, task) => (task < 500 ? task : 0)));
    const y = column('y', Array.from({ length: 500 }, (_, place) => place), Array.from({ length: total }, (_, task) => (task >= 500 && task < 1000 ? task - 500 : 0)));
    const layout = byAxes(total, x, y);
    isWhole(layout, total);
    assert.ok(layout.columns * layout.rows <= 4_000_000, `${layout.columns} × ${layout.rows}`);
  });

  it('puts neighbours together where values were taken by chance, so that cells are not dots far apart', () => {
    const own = Array.from({ length: 500 }, (_, task) => task);
    const layout = byAxes(500, column('x', own.map((value) => value * 0.37), own), column('y', own.map((value) => ((value * 7919) % 500) * 1e-3), own));
    isWhole(layout, 500);
    assert.ok(layout.columns * layout.rows <= 50_000, `${layout.columns} × ${layout.rows}`);
  });

  it('labels paths by what tells them apart', () => {
    const layout = byAxes(2, column('file', ['/data/set one/a.csv', '/data/set one/b.csv'], [0, 1]), column('model', ['knn', 'svm'], [0, 1]));
    assert.deepEqual([layout.across?.labels, layout.down?.labels], [['…a.csv', '…b.csv'], ['knn', 'svm']]);
  });

  it('suggests the two parameters with the most values that do not name every task', () => {
    const index = Array.from({ length: 60 }, () => 0);
    const of = (name: string, count: number): ParameterColumn => column(name, Array.from({ length: count }, (_, place) => place), index);
    assert.deepEqual(suggestedAxes([of('one', 1), of('seed', 3), of('alpha', 5), of('name', 60), of('horizon', 4)], 60), { across: 'alpha', down: 'horizon' });
    assert.equal(suggestedAxes([of('one', 1), of('alpha', 5)], 60), undefined);
    assert.equal(suggestedAxes([], 1), undefined);
  });
});
