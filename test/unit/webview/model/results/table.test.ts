import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { csvText, jsonText } from '../../../../../webview/model/results/exportText.ts';
import { numberText, percentText, rangesText } from '../../../../../webview/model/results/numbers.ts';
import { nextOrder, ordered } from '../../../../../webview/model/results/order.ts';
import { brushAt, brushed, coordinatesOf, movedBrush, placesOf, type Brushes } from '../../../../../webview/model/results/parallel.ts';
import { parseQuery } from '../../../../../webview/model/results/query.ts';
import { rowWindow, scrollFor } from '../../../../../webview/model/results/rowWindow.ts';
import { axisOf } from '../../../../../webview/model/results/axis.ts';
import { grid, point, spread } from './points.ts';

const columns = { parameters: ['alpha', 'horizon', 'method'], metrics: ['rmse', 'mae'] };
const points = [
  point({ alpha: 0.1, horizon: 1, method: 'ridge' }, { rmse: 0.3, mae: 0.2 }, { task: 0 }),
  point({ alpha: 1, horizon: 6, method: 'ridge' }, { rmse: 0.9, mae: null }, { task: 1 }),
  point({ alpha: 10, horizon: 12, method: 'k nn' }, { rmse: 1.7, mae: 1.1 }, { task: 2 }),
];
const kept = (text: string): readonly unknown[] => points.filter(parseQuery(text, columns).holds).map(({ tasks }) => tasks[0]);

describe('The filter of the table (unit)', () => {
  it('takes comparisons, lists and words, all of which must hold', () => {
    assert.deepEqual(kept(''), [0, 1, 2]);
    assert.deepEqual(kept('alpha<=1'), [0, 1]);
    assert.deepEqual(kept('alpha <= 1 rmse>0.5'), [1]);
    assert.deepEqual(kept('horizon=6,12'), [1, 2]);
    assert.deepEqual(kept('horizon!=6'), [0, 2]);
    assert.deepEqual(kept('method="k nn"'), [2]);
    assert.deepEqual(kept('method:RIDGE'), [0, 1]);
    assert.deepEqual(kept('nn'), [2]);
    assert.deepEqual(kept('mae=null'), [1]);
    assert.deepEqual(kept('mae<5'), [0, 2], 'what has no number is not below anything');
  });

  it('takes the beginning of a name where it fits only one', () => {
    assert.deepEqual(kept('hor=1'), [0]);
    assert.deepEqual(parseQuery('m=1', columns).problem, { kind: 'ambiguous', text: 'm', names: ['method', 'mae'] });
  });

  it('says what it cannot understand, and hides nothing for it', () => {
    assert.deepEqual(parseQuery('gamma=1', columns).problem, { kind: 'unknown', text: 'gamma', names: [] });
    assert.deepEqual(parseQuery('alpha<', columns).problem, { kind: 'incomplete', text: 'alpha<', names: [] });
    for (const text of ['alpha<=1 =5', '"', 'alpha=1 !']) assert.equal(parseQuery(text, columns).problem?.kind, 'unreadable', text);
    assert.deepEqual(kept('gamma=1'), [0, 1, 2]);
    assert.equal(parseQuery('alpha<=1', columns).problem, undefined);
  });

  it('ends and throws nothing whatever is typed', () => {
    fc.assert(fc.property(fc.string(), (text) => void points.filter(parseQuery(text, columns).holds)));
    fc.assert(fc.property(fc.stringMatching(/^[a-z<>=!:",\s0-9]{0,24}$/), (text) => void points.filter(parseQuery(text, columns).holds)));
  });
});

describe('The order of the table (unit)', () => {
  it('puts what has no value last in both directions', () => {
    const by = (descending: boolean): readonly unknown[] => ordered(points, { kind: 'metric', name: 'mae', descending }).map(({ tasks }) => tasks[0]);
    assert.deepEqual(by(false), [0, 2, 1]);
    assert.deepEqual(by(true), [2, 0, 1]);
  });

  it('goes from the first direction over the other to none', () => {
    const pressed = { kind: 'metric', name: 'rmse' } as const;
    const first = nextOrder(undefined, pressed, false);
    const second = nextOrder(first, pressed, false);
    assert.deepEqual([first, second, nextOrder(second, pressed, false)], [{ ...pressed, descending: false }, { ...pressed, descending: true }, undefined]);
  });
});

describe('The rows that are drawn (unit)', () => {
  it('cover what is visible and keep the space of the others', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(500_000), fc.integer({ min: 1, max: 900 }), (rows, scrollTop, view) => {
        const { first, end, before, after } = rowWindow(rows, 24, scrollTop, view);
        assert.equal(before + (end - first) * 24 + after, rows * 24);
        if (scrollTop < rows * 24) assert.ok(first * 24 <= scrollTop && end * 24 >= Math.min(rows * 24, scrollTop + view));
        assert.ok(end - first <= Math.ceil(view / 24) + 17);
      }),
    );
  });

  it('scroll only as far as a row needs', () => {
    assert.equal(scrollFor(0, 24, 100, 240), 0);
    assert.equal(scrollFor(5, 24, 100, 240), undefined);
    assert.equal(scrollFor(20, 24, 0, 240), 264);
  });
});

describe('Parallel coordinates (unit)', () => {
  const all = grid({ a: [1, 2, 3, 4], method: ['x', 'y'], same: [1] }, ({ a }) => a * a);

  it('has an axis for what varies and one for the metric', () => {
    assert.deepEqual(coordinatesOf(all, ['a', 'method', 'same'], 'm').map(({ key }) => key), ['a', 'method', 'metric:m']);
  });

  it('chooses the points inside every brush', () => {
    const coordinates = coordinatesOf(all, ['a', 'method'], 'm');
    const chosen = (brushes: Brushes): number => brushed(all, coordinates, brushes).length;
    assert.equal(chosen({}), 8);
    assert.equal(chosen({ a: { from: 2, to: 3 } }), 4);
    assert.equal(chosen({ a: { from: 2, to: 3 }, method: { from: 'x', to: 'x' } }), 2);
    assert.equal(chosen({ 'metric:m': { from: null, to: 4 } }), 4);
    assert.equal(chosen({ gone: { from: 1, to: 2 } }), 8, 'a brush on an axis that is no more chooses nothing away');
  });

  it('keeps a brush by values, so that a longer axis does not move it', () => {
    const brush = brushAt([0.25, 0.75], axisOf('a', [0, 5, 10]));
    assert.deepEqual(brush, { from: 2.5, to: 7.5 });
    assert.deepEqual(placesOf(brush, axisOf('a', [0, 10, 20])), [0.125, 0.375]);
    assert.equal(brushAt([0, 1], axisOf('a', [0, 10])), undefined);
    assert.deepEqual(brushAt([0.5, 1], axisOf('a', [0, 10])), { from: 5, to: null });
  });

  it('takes whole categories, the nearest where a brush holds none', () => {
    const axis = axisOf('a', ['x', 'y', 'z']);
    assert.deepEqual(brushAt([0.4, 0.6], axis), { from: 'y', to: 'y' });
    assert.deepEqual(brushAt([0.1, 0.2], axis), { from: 'x', to: 'x' });
    assert.deepEqual(brushAt([0.4, 1], axis), { from: 'y', to: null });
  });

  it('moves an end by a value at a key, and never past the other', () => {
    const axis = axisOf('a', [1, 2, 3, 4]);
    const one = movedBrush(undefined, axis, 'low', 1);
    assert.deepEqual(placesOf(one, axis), [1 / 3, 1]);
    const two = movedBrush(one, axis, 'high', -1);
    assert.deepEqual(placesOf(two, axis)?.map((place) => Math.round(place * 3)), [1, 2]);
    assert.deepEqual(placesOf(movedBrush(two, axis, 'low', 9), axis)?.map((place) => Math.round(place * 3)), [2, 2]);
    assert.equal(movedBrush(one, axis, 'low', -5), undefined);
  });
});

describe('What is exported and shown (unit)', () => {
  it('writes CSV with every digit, quoted where it must be, and the spread of repetitions', () => {
    const text = csvText([point({ a: 0.1 + 0.2, note: 'say "hi", twice' }, { m: 1 / 3, b: null }, { spread: { m: spread(3, 0.5) }, tasks: [3, 4] })], { parameters: ['a', 'note'], metrics: ['m', 'b'] });
    assert.equal(text, 'a,note,m,b,m std,m count,whole,tasks\r\n0.30000000000000004,"say ""hi"", twice",0.3333333333333333,,0.5,3,true,3 4\r\n');
  });

  it('tells a parameter and a metric of one name apart', () => {
    assert.match(csvText([point({ loss: 'mse' }, { loss: 1 })], { parameters: ['loss'], metrics: ['loss'] }), /^loss \(parameter\),loss \(metric\),/);
  });

  it('writes JSON that is read back', () => {
    const read = JSON.parse(jsonText([point({ a: 1 }, { m: null })], { run_id: 'r' })) as { run_id: string; points: unknown[] };
    assert.equal(read.run_id, 'r');
    assert.deepEqual(read.points, [{ parameters: { a: 1 }, metrics: { m: null }, spread: {}, tasks: [0], missing_tasks: [], whole: true }]);
  });

  it('shows numbers short', () => {
    assert.deepEqual([0, 1, 0.123456, -2.5, 1e7, 1.5e-7, 123456, null].map((value) => numberText(value)), ['0', '1', '0.1235', '−2.5', '1e7', '1.5e−7', '123456', '–']);
    assert.deepEqual([0, 6.7e-31, 0.004, 0.0345, 0.5, 1, -0.031].map(percentText), ['0 %', '≈ 0 %', '0.4 %', '3.5 %', '50 %', '100 %', '−3.1 %']);
    assert.equal(rangesText([4, 1, 2, 3, 9]), '1–4, 9');
  });
});
