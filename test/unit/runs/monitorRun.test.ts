/** Watching a run: what a network that is away, a computer that sleeps and a clock that is set right do to it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { monitorRun, type MonitorOutcome } from '../../../src/runs/monitorRun.ts';
import { endEvent, makePlace, queueRow, startEvent, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';
const away = '!slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n';
const dayMs = 86_400_000;

describe('watching a run (unit)', function () {
  this.timeout(60_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    await place.writeRun({ run_id: runId, task_count: 2 }, [{ wave: 0, first: 0, count: 2, jobId: '10' }]);
    await place.says('squeue', queueRow('10_[1-2]', 'RUNNING', 'node1'));
  });
  afterEach(() => place.dispose());

  const squeue = (text: string): void => fs.writeFileSync(path.join(place.directory, 'bin', 'squeue.says'), text);
  /** Both tasks end on the cluster, and its combiner did its work. */
  const end = (): void => {
    fs.appendFileSync(path.join(place.remoteRoot, '.hpc', 'state', runId, 'events', 'node1.jsonl'), [0, 1].map((task) => startEvent('10', task, task + 1) + endEvent('10', task, task + 1)).join(''));
    fs.mkdirSync(path.join(place.remoteRoot, '_combiner', runId), { recursive: true });
    fs.writeFileSync(path.join(place.remoteRoot, '_combiner', runId, 'wave_0.json'), '{}');
    squeue('');
  };
  /** `after(look)` says what happens, and how far the clock goes, between one look and the next. */
  const watch = async (after: (look: number, words: string) => number, budgetMs = 600_000): Promise<MonitorOutcome> => {
    let looks = 0;
    const progress = ({ message = '' }: { readonly message?: string }): void => place.setNow(place.nowMs() + after((looks += 1), message));
    return monitorRun(runId, { pollIntervalMs: 1, budgetMs }, place.deps, { ...place.call, progress });
  };

  it('a cluster that is away for less than two minutes is waited for, however often it was asked', async () => {
    const { view, ticks } = await watch((look) => {
      squeue(look < 20 ? away : queueRow('10_[1-2]', 'RUNNING', 'node1'));
      if (look === 21) end();
      return 3_000;
    });
    assert.deepEqual([view.lifecycle, view.counts.complete, ticks], ['complete', 2, 22]);
  });

  it('one that stays away is told', async () => {
    let looks = 0;
    await assert.rejects(
      watch((look) => {
        looks = look;
        squeue(away);
        return 30_000;
      }),
      (error) => HpcError.is(error, 'cluster_timeout'),
    );
    assert.equal(looks, 6, 'five looks without an answer are a moment');
  });

  it('asleep for a day: the network takes a moment, nothing is said to be gone, and the watch goes on', async () => {
    const said: string[] = [];
    const { view, elapsedMs, ended } = await watch((look, words) => {
      said.push(words);
      squeue(look >= 2 && look < 9 ? away : queueRow('10_[1-2]', 'RUNNING', 'node1'));
      if (look === 10) end();
      return look === 2 ? dayMs : 2_000;
    });
    assert.deepEqual([view.lifecycle, ended], ['complete', true]);
    assert.ok(elapsedMs < 60_000, `the day counts as ${elapsedMs} ms of watching`);
    assert.deepEqual([...new Set(said)], ['2 running', '2 done']);
  });

  it('asleep while its jobs ended and left the queue: what they reported counts, not that they are gone', async () => {
    const { view } = await watch((look) => {
      if (look !== 1) return 2_000;
      end();
      return dayMs;
    });
    assert.deepEqual([view.counts.complete, view.counts.lost, view.counts.unknown], [2, 0, 0]);
  });

  it('a clock that is set back a day does not lengthen the watch, nor does one that goes on shorten it', async () => {
    for (const jump of [-dayMs, dayMs]) {
      const { ticks, ended } = await watch((look) => (look === 1 ? jump : 60_000), 180_000);
      assert.deepEqual([ticks, ended], [5, false]);
    }
  });
});
