import assert from 'node:assert/strict';
import { costOf } from '../../../src/runs/costOfRun.ts';
import type { RunView } from '../../../src/runs/runView.ts';
import { foldEvents, type TaskEvent } from '../../../src/runs/taskEvents.ts';

const task = (over: Partial<RunView['tasks'][number]>): RunView['tasks'][number] => ({ state: 'complete', attempt: 1, job: null, node: null, exitCode: 0, elapsedS: null, peakRssMiB: null, startedAtS: null, spentS: 0, evidence: '', ...over });

function sidecar(resources: object, retried: object = {}): RunView['sidecar'] {
  const attempt = { number: 2, at: '', groups: [{ tasks: [[1, 1]], resources: retried }] };
  return { resources, submitted_at: '', extra: { submission: { attempts: [attempt] } } } as unknown as RunView['sidecar'];
}

describe('What a run has cost (unit)', () => {
  it('counts ended tries of all attempts, and what runs until now, by what was given', () => {
    const tasks = [task({ spentS: 3600 }), task({ attempt: 2, spentS: 1800, state: 'running', startedAtS: 1000 }), task({ state: 'pending' })];
    assert.deepEqual(costOf({ tasks, sidecar: sidecar({ cpus: 2 }, { cpus: 4 }) }, 1000 + 1800), { core_hours: 2 + 4, gpu_hours: null });
  });

  it('counts what runs no longer than since it was submitted, whatever the node’s clock says', () => {
    const submitted = { ...sidecar({ cpus: 1 }), submitted_at: '2026-01-02T10:00:00Z' };
    const nowS = Date.parse('2026-01-02T11:00:00Z') / 1000;
    const cost = (startedAtS: number): number => costOf({ tasks: [task({ state: 'running', startedAtS })], sidecar: submitted }, nowS).core_hours;
    assert.deepEqual([cost(nowS - 1800), cost(nowS - 6 * 3600), cost(nowS + 5 * 3600)], [0.5, 1, 0]);
  });

  it('counts GPUs only where some were asked for, and 0 of them as 0', () => {
    assert.deepEqual(costOf({ tasks: [task({ spentS: 7200 })], sidecar: sidecar({ gpus: 2 }) }, 0), { core_hours: 2, gpu_hours: 4 });
    assert.deepEqual(costOf({ tasks: [], sidecar: sidecar({ gpus: 1 }) }, 0), { core_hours: 0, gpu_hours: 0 });
  });

  it('adds up the tries of a task from its events', () => {
    const event = (e: 'start' | 'end', a: number, t: number, el?: number): TaskEvent => ({ e, i: 0, a, t, el, node: 'n1' });
    const { histories } = foldEvents([event('start', 1, 0), event('end', 1, 10, 10), event('start', 2, 20), event('end', 2, 25, 5)], 1);
    assert.equal(histories[0]?.spentS, 15);
    assert.equal(histories[0]?.start?.t, 20);
  });
});
