import * as assert from 'node:assert/strict';
import * as z from 'zod/mini';
import type { ResultsTable } from '../../../../../src/operations/schemas.ts';
import { pauseMs, wireTableOf } from '../../../../../src/surfaces/vscode/dashboard/resultsWire.ts';
import { differenceOf } from '../../../../../webview/protocol/differences.ts';
import { wireTable } from '../../../../../webview/protocol/results.ts';

const row = (x: number, m: number | null, tasks: number[]): ResultsTable['rows'][number] => ({ parameters: { x, kind: 'a' }, metrics: { m }, tasks, whole: true, missing_tasks: [] });
const table = (rows: ResultsTable['rows']): ResultsTable => ({ run_id: 'r', parameters: ['x', 'kind'], metrics: ['m'], rows, notes: ['metric m is not finite in tasks 2: no mean at their grid points'], row_count: rows.length, task_count: rows.length, missing_task_ranges: '', files: { json: '/r/summary.json', csv: '/r/summary.csv' }, partial: false });
const at = new Date('2026-03-01T12:00:00Z');

describe('Results on their way to the page (unit)', () => {
  it('fit the protocol, whatever the numbers', () => {
    const wire = wireTableOf(table([row(1, 0.5, [0]), { ...row(2, null, [1, 2]), statistics: { m: { count: 2, std: 1, min: 0, max: 2 } } }]), at);
    assert.deepEqual(z.parse(wireTable, JSON.parse(JSON.stringify(wire))), wire);
  });

  it('differ only in the points that changed and those that came', () => {
    const before = wireTableOf(table([row(1, 0.5, [0]), row(2, 1, [1])]), at);
    const after = wireTableOf(table([row(3, 7, [2]), row(1, 0.5, [0]), row(2, 2, [1])]), at);
    assert.deepEqual(differenceOf(before, after).map((change) => change.at.join('/')), ['points/{"x":3,"kind":"a"}', 'points/{"x":2,"kind":"a"}/metrics/m']);
  });

  it('are read the rarer the longer it takes', () => {
    assert.equal(pauseMs(100), 15_000);
    assert.equal(pauseMs(30_000), 240_000);
  });
});
