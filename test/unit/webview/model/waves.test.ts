import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { waveTimes } from '../../../../webview/model/waves.ts';
import { taskStates } from '../../../../webview/protocol/run.ts';

const state = (name: (typeof taskStates)[number]): number => taskStates.indexOf(name);
const columns = (tasks: readonly { readonly state: (typeof taskStates)[number]; readonly started?: number; readonly elapsed?: number }[]) => ({
  state: Uint8Array.from(tasks, (task) => state(task.state)),
  started: Float64Array.from(tasks, (task) => task.started ?? Number.NaN),
  elapsed: Float32Array.from(tasks, (task) => task.elapsed ?? Number.NaN),
});

describe('Waves over time (unit)', () => {
  it('knows nothing while no start is known', () => {
    assert.equal(waveTimes(columns([{ state: 'pending' }, { state: 'running' }]), [{ wave: 0, first_task: 0, task_count: 2 }], 100, 10), undefined);
  });

  it('shows how many ran when: the mean of each piece of time', () => {
    const times = waveTimes(columns([{ state: 'complete', started: 0, elapsed: 10 }, { state: 'complete', started: 5, elapsed: 5 }, { state: 'complete', started: 10, elapsed: 10 }]), [{ wave: 0, first_task: 0, task_count: 2 }, { wave: 1, first_task: 2, task_count: 1 }], 100, 4);
    assert.deepEqual([times?.from, times?.to, times?.bucketS], [0, 20, 5]);
    assert.deepEqual(times?.lanes.map(({ running }) => [...running]), [[1, 2, 0, 0], [0, 0, 1, 1]]);
    assert.deepEqual(times?.lanes.map(({ peak, started }) => [peak, started]), [[2, 2], [1, 1]]);
  });

  it('lets a running task run until now, and marks where tasks ended badly', () => {
    const times = waveTimes(columns([{ state: 'running', started: 0 }, { state: 'failed', started: 0, elapsed: 50 }, { state: 'cancelled', started: 0, elapsed: 1 }]), [{ wave: 0, first_task: 0, task_count: 3 }], 100, 10);
    assert.equal(times?.to, 100);
    assert.deepEqual([...(times?.lanes[0]?.failed ?? [])], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert.equal(times?.lanes[0]?.running[9], 1);
  });

  it('counts all the time that tasks ran, however it is cut', () => {
    const task = fc.record({ state: fc.constantFrom(...taskStates), started: fc.double({ min: 1.7e9, max: 1.7e9 + 1e5, noNaN: true }), elapsed: fc.double({ min: 0, max: 1e5, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(task, { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 200 }), (tasks, buckets) => {
        const all = columns(tasks);
        const times = waveTimes(all, [{ wave: 0, first_task: 0, task_count: tasks.length }], 1.7e9 + 3e5, buckets);
        const shown = (times?.lanes[0]?.running ?? new Float32Array()).reduce((sum, count) => sum + count * (times?.bucketS ?? 0), 0);
        const spent = all.elapsed.reduce((sum, elapsed) => sum + elapsed, 0);
        assert.ok(Math.abs(shown - spent) <= 1 + spent * 1e-4, `${shown} shown of ${spent} s`);
        assert.ok(times?.lanes[0]?.running.every((count) => count > -0.01 && count <= tasks.length + 0.01));
      }),
    );
  });
});
