import * as assert from 'node:assert/strict';
import { analyse, mostCoordinates, noChoices } from '../../../../../webview/model/results/choices.ts';
import type { Point } from '../../../../../webview/model/results/points.ts';
import { csvText } from '../../../../../webview/model/results/exportText.ts';
import { point } from './points.ts';

const tableOf = (points: readonly Point[], metrics = ['m']): Parameters<typeof analyse>[0] => ({ parameters: [...new Set(points.flatMap(({ parameters }) => Object.keys(parameters)))], metrics, points });
const seen = (points: readonly Point[], metrics?: string[]): ReturnType<typeof analyse> => analyse(tableOf(points, metrics), noChoices);

describe('Results of odd sweeps (unit)', () => {
  it('one task, and one parameter', () => {
    const one = seen([point({ x: 1 }, { m: 2 })]);
    assert.deepEqual([one.best.length, one.effects.length, one.heatMap, one.coordinates.length], [1, 0, undefined, 0]);
    const line = seen([1, 2, 3].map((x, task) => point({ x }, { m: x }, { task })));
    assert.deepEqual([line.effects.map(({ share }) => share), line.heatMap], [[1], undefined]);
  });

  it('numbers that are hardly there and numbers that hardly fit', () => {
    for (const size of [1e-300, 1, 1e300, 8e307]) {
      const points = [0, 1, 2, 3].map((task) => point({ x: task % 2, y: Math.floor(task / 2) }, { m: (task % 2 === 0 ? -1 : 1) * size }, { task }));
      const { effects, heatMap, coordinates } = seen(points);
      assert.deepEqual(effects.map(({ parameter, share }) => [parameter, Math.round((share ?? -1) * 1000)]), [['x', 1000], ['y', 0]], String(size));
      assert.deepEqual(effects[0]?.levels.map(({ mean }) => mean), [-size, size]);
      assert.deepEqual(effects[1]?.levels.map(({ mean }) => mean), [0, 0]);
      assert.ok(heatMap?.cells.every(({ value }) => Number.isFinite(value)));
      assert.deepEqual(points.map((its) => coordinates.at(-1)?.of(its)), [0, 1, 0, 1]);
    }
  });

  it('numbers between 1e-300 and 1e300 on one axis', () => {
    const { coordinates } = seen([1e-300, 1, 1e300].map((m, task) => point({ x: task }, { m }, { task })));
    assert.deepEqual(coordinates.at(-1)?.axis.kind, 'log');
    assert.ok(coordinates.at(-1)?.axis.ticks.every(({ at }) => at >= 0 && at <= 1));
  });

  it('points without the metric, and none with it', () => {
    const some = seen([point({ x: 1 }, { m: null }), point({ x: 2 }, {}), point({ x: 3 }, { m: 4 }, { task: 2 })]);
    assert.deepEqual([some.best.map(({ parameters }) => parameters.x), some.points.length], [[3], 3]);
    const none = seen([point({ x: 1 }, { m: null }), point({ x: 2 }, { m: null }, { task: 1 })]);
    assert.deepEqual([none.best, none.effects, none.heatMap], [[], [], undefined]);
  });

  it('sixty parameters: those that explain most are drawn, all are in the table', () => {
    const names = Array.from({ length: 60 }, (_, place) => `p${place}`);
    const points = Array.from({ length: 200 }, (_, task) => {
      const parameters = Object.fromEntries(names.map((name, place) => [name, (task * (place + 3)) % 67]));
      return point(parameters, { m: Number(parameters.p42) * 100 + Number(parameters.p7) }, { task });
    });
    const { coordinates, parameters, effects } = seen(points);
    assert.deepEqual([coordinates.length, parameters.length], [mostCoordinates + 1, 60]);
    assert.equal(effects[0]?.parameter, 'p42');
    assert.ok(coordinates.some(({ key }) => key === 'p42'));
  });

  it('an axis of five thousand values, of words and of numbers', () => {
    const points = Array.from({ length: 5000 }, (_, task) => point({ name: `run <b>${task}</b>\n😀`, x: task * 1.5, two: task % 2 }, { m: task }, { task }));
    const { effects, heatMap } = seen(points);
    assert.ok(effects.every(({ levels }) => levels.length <= 12));
    assert.ok((heatMap?.columns.length ?? 99) <= 24 && (heatMap?.rows.length ?? 99) <= 24);
    assert.equal(heatMap?.cells.reduce((sum, { count }) => sum + count, 0), 5000);
  });

  it('thirty thousand points', () => {
    const points = Array.from({ length: 30_000 }, (_, task) => point({ a: task % 2, b: task % 250, c: Math.floor(task / 500) % 60 }, { m: task % 97 }, { task }));
    const { effects, best, coordinates } = seen(points);
    assert.deepEqual([effects.length, best.length, coordinates.length], [3, 5, 4]);
  });

  it('words with line ends, quotes and commas survive the export', () => {
    const its = tableOf([point({ s: 'a,"b"\nc', t: '=1+1' }, { m: 1 })]);
    const csv = csvText(its.points, { parameters: its.parameters, metrics: its.metrics });
    assert.match(csv, /"a,""b""\nc"/);
  });
});
