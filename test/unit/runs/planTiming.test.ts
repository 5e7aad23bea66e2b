import * as assert from 'node:assert/strict';
import { planTiming, type TimingFacts } from '../../../src/runs/planTiming.ts';
import { rollUp } from '../../../src/runs/runtimeQuantiles.ts';
import type { RuntimeSample } from '../../../src/runs/runtimes.ts';

function sample(run_id: string, task_id: number, seconds: number, queue_wait_sec: number | null, more: Partial<RuntimeSample> = {}): RuntimeSample {
  return { run_id, task_id, gpu_type: 'cpu', node: 'n1', cmd_sha: null, started_at: null, ended_at: null, elapsed_sec: seconds, exit_code: 0, walltime_requested_sec: null, peak_host_mem_mb: null, cpu_seconds_used: null, cpus_requested: 1, queue_wait_sec, ...more };
}

function timing(samples: readonly RuntimeSample[], some: Partial<TimingFacts> = {}): ReturnType<typeof planTiming> {
  return planTiming({ givenS: undefined, history: rollUp(samples), samples, gpuType: 'cpu', timeLimitS: 3600, spinUpS: 30, concurrentTasks: undefined, ...some });
}

describe('What is known about the time of a plan (unit)', () => {
  it('says nothing that nobody knows', () => {
    assert.deepEqual(timing([], { timeLimitS: undefined }), { task: null, timeLimitS: null, spinUpS: 30, queueWait: null, concurrentTasks: null });
  });

  it('goes by earlier tasks on the same kind of machine', () => {
    const samples = [...Array.from({ length: 9 }, (_, task) => sample('a', task, 10, 5)), sample('a', 9, 100, 5), sample('a', 10, 9999, 0, { gpu_type: 'a100' })];
    assert.deepEqual(timing(samples).task, { p50: 10, p95: 59, source: 'history', samples: 10 });
  });

  it('takes the word of whoever plans before what was measured', () => {
    assert.deepEqual(timing([sample('a', 0, 10, 5)], { givenS: 70 }).task, { p50: 70, p95: 70, source: 'given', samples: 0 });
  });

  it('takes the wait of the first task of each earlier run, not that of tasks submitted again', () => {
    const samples = [sample('a', 0, 10, 60), sample('a', 1, 10, 600), sample('b', 0, 10, 120), sample('b', 1, 10, 0, { attempt: 2 }), sample('c', 0, 10, null)];
    assert.deepEqual(timing(samples).queueWait, { p50: 90, p95: 117, runs: 2 });
  });
});
