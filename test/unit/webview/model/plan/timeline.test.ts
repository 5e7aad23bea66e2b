import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { spanText, timeMarks } from '../../../../../webview/model/plan/duration.ts';
import { limitUses, timelineOf } from '../../../../../webview/model/plan/timeline.ts';
import type { WirePlan } from '../../../../../webview/protocol/plan.ts';

type Timing = WirePlan['timing'];
const timing = (some: Partial<Timing> = {}): Timing => ({ task_s: { p50: 60, p95: 100, source: 'history', samples: 9 }, time_limit_s: 600, spin_up_s: 10, queue_wait_s: { p50: 300, p95: 900, runs: 4 }, concurrent_tasks: null, ...some });
/** Waves of arrays, by their numbers of tasks. */
const arrays = (waves: readonly (readonly number[])[]): WirePlan['arrays'] => {
  let first = 0;
  return waves.flatMap((counts, wave) => counts.map((task_count, index) => {
    const array = { key: `w${wave}a${index}`, wave, first_task: first, task_count };
    first += task_count;
    return array;
  }));
};

describe('A plan as a picture (unit)', () => {
  it('waits, starts, runs, and begins a wave when the one before has ended', () => {
    const found = timelineOf({ arrays: arrays([[10, 10], [5]]), timing: timing() });
    assert.equal(found.scale, 'expected');
    assert.equal(found.waitS, 300);
    assert.deepEqual(found.waves.map(({ startS, endS, tasks }) => [startS, endS, tasks]), [[310, 370, 20], [380, 440, 5]]);
    assert.equal(found.lateS, 900 + 10 + 100 + 10 + 100);
    assert.equal(found.latestS, 10 + 600 + 10 + 600);
    assert.equal(found.mostTasks, 20);
  });

  it('runs in rounds where only so many tasks may run at once', () => {
    const [wave] = timelineOf({ arrays: arrays([[10, 3]]), timing: timing({ concurrent_tasks: 4 }) }).waves;
    assert.deepEqual(wave?.bars.map(({ rounds, startS, endS }) => [rounds, endS - startS]), [[3, 180], [1, 60]]);
    assert.equal(wave?.endS, 310 + 180);
  });

  it('goes by the time limit where nothing else is known, and only by order where that is not either', () => {
    const limited = timelineOf({ arrays: arrays([[2], [2]]), timing: timing({ task_s: null, queue_wait_s: null }) });
    assert.deepEqual([limited.scale, limited.waitS, limited.endS], ['limit', null, 10 + 600 + 10 + 600]);
    const unknown = timelineOf({ arrays: arrays([[2], [2]]), timing: timing({ task_s: null, time_limit_s: null }) });
    assert.deepEqual([unknown.scale, unknown.latestS, unknown.waves.map(({ startS, endS }) => [startS, endS])], ['order', null, [[0, 1], [1, 2]]]);
  });

  it('stacks arrays without gaps and never lets a wave begin before the one before has ended', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 }), fc.option(fc.integer({ min: 1, max: 50 })), (waves, concurrent_tasks) => {
        const found = timelineOf({ arrays: arrays(waves), timing: timing({ concurrent_tasks }) });
        found.waves.forEach((wave, index) => {
          let above = 0;
          for (const bar of wave.bars) {
            assert.equal(bar.above, above);
            above += bar.taskCount;
            assert.ok(bar.endS <= wave.endS && bar.startS === wave.startS && bar.lateS >= bar.endS);
          }
          assert.ok(index === 0 || wave.startS >= (found.waves[index - 1]?.endS ?? 0));
          assert.ok(wave.tasks <= found.mostTasks);
        });
      }),
    );
  });

  it('says what of each limit is used', () => {
    const uses = limitUses({ arrays: arrays([[500, 500], [200]]), total_tasks: 1200, limits: [{ name: 'maxElementsPerArray', value: 500, origin: 'slurm.conf' }, { name: 'maxConcurrentArrays', value: 2, origin: '' }, { name: 'maxSubmitJobs', value: 5000, origin: '' }, { name: 'other', value: 1, origin: '' }] });
    assert.deepEqual(uses.map(({ name, used, value }) => [name, used, value]), [['maxElementsPerArray', 500, 500], ['maxConcurrentArrays', 2, 2], ['maxSubmitJobs', 1200, 5000]]);
  });
});

describe('Spans of time (unit)', () => {
  it('are said with the two largest units that matter', () => {
    assert.deepEqual([0, 0.4, 45, 89, 90, 125, 600, 3599, 3600, 4200, 86_399, 90_000].map(spanText), ['0 s', '< 1 s', '45 s', '89 s', '1 min 30 s', '2 min 5 s', '10 min', '60 min', '1 h', '1 h 10 min', '24 h', '1 d 1 h']);
  });

  it('have round marks, few enough', () => {
    assert.deepEqual(timeMarks(3700, 6), [0, 900, 1800, 2700, 3600]);
    assert.deepEqual(timeMarks(0, 6), [0]);
    fc.assert(fc.property(fc.double({ min: 0.1, max: 1e8, noNaN: true }), (total) => {
      const marks = timeMarks(total, 8);
      assert.ok(marks.length >= 1 && marks.length <= 9 && (marks.at(-1) ?? 0) <= total);
    }));
  });
});
