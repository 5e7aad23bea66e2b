import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import fc from 'fast-check';
import { adviseMemory, efficiencyOf, type MeasuredTask } from '../../../src/runs/efficiency.ts';
import { requireRun } from '../../../src/runs/listRuns.ts';
import { measureRun } from '../../../src/runs/measureRun.ts';
import { efficiencyLines } from '../../../src/surfaces/cli/efficiencyLines.ts';
import { makePlace } from './place.ts';

const task = (more: Partial<MeasuredTask> = {}): MeasuredTask => ({ task: 0, elapsedS: 100, cpuS: 95, peakMiB: 1000, endedWell: true, ...more });

describe('efficiency', function () {
  this.timeout(30_000);

  it('compares what was used with what was asked', () => {
    const found = efficiencyOf([task(), task({ elapsedS: 300, cpuS: 105, peakMiB: 1229 })], { cpus: 4, memoryMiB: 8192, walltimeS: 86_400 });
    assert.equal(found.cpu, 200 / 1600);
    assert.equal(found.memory, 1229 / 8192);
    assert.equal(found.longestS, 300);
    assert.deepEqual(found.advice, [
      'Asked 8G of memory, used at most 1.2G: 2G would do.',
      'Asked 4 cores, kept 0.5 busy on average: 1 would do.',
      'Asked 24.0 h of time, the longest task took 5 min: 10 min would do, and shorter limits start sooner.',
    ]);
  });
  it('says that a limit was all but reached, and gives no advice to shrink by killed tasks', () => {
    const close = efficiencyOf([task({ peakMiB: 4000, elapsedS: 95 })], { memoryMiB: 4096, walltimeS: 100 });
    assert.match(close.advice.join(' '), /Memory was all but used up.*more time/);
    assert.deepEqual(efficiencyOf([task({ endedWell: false })], { memoryMiB: 8192, walltimeS: 86_400 }).advice, []);
  });
  it('weighs the GPUs by time, where they were measured', () => {
    const found = efficiencyOf([task({ elapsedS: 300, gpu: 0.1, gpuPeakMiB: 900 }), task({ elapsedS: 100, gpu: 0.5, gpuPeakMiB: 2000 }), task({ elapsedS: 5, gpu: null })], { gpus: 2 });
    assert.deepEqual([found.gpu, found.gpuPeakMiB], [0.2, 2000]);
    assert.match(found.advice.join(' '), /The GPUs were busy 20 % of the time.*fewer would do/);
    assert.deepEqual([efficiencyOf([task()], { gpus: 1 }).gpu, efficiencyOf([task({ gpu: 0.9, gpuPeakMiB: 1 })], { gpus: 1 }).advice], [null, []]);
  });
  it('says nothing of what was not measured', () => {
    const found = efficiencyOf([task({ cpuS: null, peakMiB: null })], {});
    assert.deepEqual([found.cpu, found.memory, found.walltime, found.usedCoreHours, found.advice], [null, null, null, null, []]);
    assert.equal(efficiencyOf([], { memoryMiB: 1 }).tasks, 0);
    // One task without a figure does not make the others look idle.
    assert.equal(efficiencyOf([task({ cpuS: 100 }), task({ cpuS: null })], {}).cpu, 1);
  });
  it('never advises less than the peak', () => {
    fc.assert(fc.property(fc.double({ min: 0.1, max: 4e6, noNaN: true }), (peak) => adviseMemory(peak) >= peak * 1.2));
  });

  it('keeps attempts apart that were given other resources', async () => {
    const place = await makePlace();
    try {
      const written = await place.writeRun({ run_id: 'r', task_count: 3, resources: { memoryMiB: 1024, cpus: 1 } }, [{ wave: 0, first: 0, count: 3, jobId: '7' }]);
      const file = path.join(place.experimentDir, '.hpc', 'runs', 'r.json');
      const sidecar = structuredClone(written);
      const attempt = { number: 2, request_id: 'q', at: '2026-01-02T11:00:00Z', automatic: false, groups: [{ failure_class: 'system_oom', tasks: [[1, 1]], resources: { memoryMiB: 4096, cpus: 1 }, change: '' }], arrays: [], combiner: { key: 'c', job_name: 'c', job_id: '9' } };
      await fs.writeFile(file, JSON.stringify({ ...sidecar, extra: { submission: { ...sidecar.extra?.submission, attempts: [attempt] } } }));
      const folder = path.join(place.deps.journal.observationDirectory(place.experimentDir, 'r'), 'events');
      await fs.mkdir(folder, { recursive: true });
      const end = (i: number, a: number, rc: number, rss: number): string => `${JSON.stringify({ e: 'end', i, a, t: 1_767_350_000 + a, j: null, rc, s: null, el: 100, rss, cpu: 50, o: rc === 0 ? 'done' : 'failed' })}\n`;
      await fs.writeFile(path.join(folder, 'n1.jsonl'), end(0, 1, 0, 500) + end(1, 1, 9, 1023) + end(2, 1, 0, 400) + end(1, 2, 0, 1800));
      const { overall, groups } = await measureRun(await requireRun('r', place.deps), place.deps);
      assert.deepEqual(groups.map(({ attempt: number, taskRanges, resources, efficiency: { tasks, peakMiB } }) => [number, taskRanges, resources.memoryMiB, tasks, peakMiB]), [[1, '0-2', 1024, 3, 1023], [2, '1', 4096, 1, 1800]]);
      assert.deepEqual([overall.tasks, overall.cpu], [4, 0.5]);
    } finally {
      await place.dispose();
    }
  });

  it('is told in lines', () => {
    const measured = { tasks: 2, cpu_efficiency: 0.5, gpu_efficiency: null, peak_gpu_mib: null, core_hours: 0.2, used_core_hours: 0.1, peak_rss_mib: 1229, median_rss_mib: 1000, longest_s: 300, median_s: 100 };
    const lines = efficiencyLines({ run_id: 'r', total_tasks: 4, overall: measured, groups: [{ ...measured, memory_efficiency: 0.15, walltime_efficiency: null, advice: ['2G would do.'], attempt: 1, task_ranges: '0-1', resources: { memory: 8192 } }] });
    assert.match(lines, /^r: 2 ended attempts of 4 tasks; cores busy 50 %, 0\.20 core-hours of which 0\.10 were used\n/);
    assert.match(lines, /memory 8\.0G, at most 1\.2G used \(15 %\)/);
    assert.match(lines, /→ 2G would do\./);
    assert.equal(efficiencyLines({ run_id: 'r', total_tasks: 4, overall: null, groups: [], note: 'Nothing yet.' }), 'r: Nothing yet.');
  });
});
