import assert from 'node:assert/strict';
import fc from 'fast-check';
import { csvOf, expandTaskIds, parseCombined, tableOf, type Combined } from '../../../src/runs/resultsTable.ts';

const combined = (points: Readonly<Record<string, { params: Record<string, unknown>; metrics: Record<string, number | null>; tasks: string }>>): Combined => ({
  run_id: 'r',
  wave: null,
  task_ids: [],
  grid_points: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, point.metrics])),
  params: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, point.params])),
  grid_tasks: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, point.tasks])),
  errors: [],
});

/** RFC 4180, read by hand. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('results as a table (unit)', () => {
  it('task ids are unfolded; what is no id is nothing', () => {
    assert.deepEqual(expandTaskIds('3,7,12-14'), [3, 7, 12, 13, 14]);
    assert.deepEqual(expandTaskIds(''), []);
    assert.deepEqual(expandTaskIds('x,4,5-'), [4]);
  });

  it('rows stand in the order of their tasks, parameters in the order of the sweep', () => {
    const table = tableOf(combined({ late: { params: { b: 1, a: 2 }, metrics: { loss: 0.5 }, tasks: '2-3' }, early: { params: { a: 1, c: 9 }, metrics: { rmse: 1, loss: null }, tasks: '0,1' } }), ['c', 'b', 'gone']);
    assert.deepEqual(table.rows.map(({ tasks }) => tasks), [[0, 1], [2, 3]]);
    assert.deepEqual(table.parameters, ['c', 'b', 'a']);
    assert.deepEqual(table.metrics, ['loss', 'rmse']);
  });

  it('a metric without a mean keeps its column, after those that have one, and the notes are told', () => {
    const table = tableOf({ ...combined({ p: { params: { a: 1 }, metrics: { rmse: 1 }, tasks: '0' } }), notes: ['metric loss is not finite in tasks 0'], without_mean: ['loss', 'rmse'] }, []);
    assert.deepEqual(table.metrics, ['rmse', 'loss']);
    assert.deepEqual(table.notes, ['metric loss is not finite in tasks 0']);
    assert.deepEqual(readCsv(csvOf(table))[1], ['1', '1', '', '0']);
  });

  it('a row of several tasks says how far they lay apart, where the combiner does', () => {
    const text = (statistics: unknown): string => JSON.stringify({ ...combined({ p: { params: { a: 1 }, metrics: { m: 2 }, tasks: '0-2' }, q: { params: { a: 2 }, metrics: { m: 5 }, tasks: '3' } }), statistics });
    const spread = { count: 3, std: 1, min: 1, max: 3 };
    assert.deepEqual(tableOf(parseCombined(text({ p: { m: spread }, q: { m: { ...spread, count: 1 } } }), 'all.json'), []).rows.map(({ statistics }) => statistics), [{ m: spread }, undefined]);
    for (const foreign of [undefined, 'none', { p: { m: [1, 2] } }]) assert.equal(tableOf(parseCombined(text(foreign), 'all.json'), []).rows[0]?.statistics, undefined);
  });

  it('CSV: quotes, line breaks, missing values and equal names survive', () => {
    const table = tableOf(combined({ p: { params: { n: 'a "b", c\r\nd', list: [1, 2] }, metrics: { n: 1.5, empty: null }, tasks: '0' } }), []);
    const text = csvOf(table);
    assert.deepEqual(readCsv(text), [['n (parameter)', 'list', 'empty', 'n (metric)', 'tasks'], ['a "b", c\r\nd', '[1,2]', '', '1.5', '0']]);
  });

  it('CSV gives back every text and every number', () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), (text, number) => {
        const rows = readCsv(csvOf({ parameters: ['p'], metrics: ['m'], rows: [{ parameters: { p: text }, metrics: { m: number }, tasks: [0], whole: true, missing_tasks: [] }], notes: [] }));
        assert.equal(rows[1]?.[0], text);
        assert.equal(Number(rows[1]?.[1]), number === 0 ? 0 : number);
      }),
    );
  });
});
