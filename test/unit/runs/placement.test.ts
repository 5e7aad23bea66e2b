import assert from 'node:assert/strict';
import fc from 'fast-check';
import { arrayOfTask, currentArrays, isWhollySubmitted, lastAttemptNumber, rangesOf, resourcesOfTask, retriesIn, TaskList } from '../../../src/runs/placement.ts';
import type { Attempt, Sidecar, Submission } from '../../../src/runs/sidecar.ts';

const attempt = (number: number, tasks: [number, number][], jobId: string | null): Attempt => ({
  number, request_id: `r${number}`, at: '', automatic: false,
  groups: [{ failure_class: null, tasks, resources: { cpus: number }, change: '' }],
  arrays: [{ key: `r${number}w0a0`, wave: 0, group: 0, tasks, job_name: '', job_id: jobId }],
  combiner: { key: `r${number}c`, job_name: '', job_id: '1' },
});
const submission = (attempts: Attempt[]): Submission => ({
  token: '', run_name: '', workspace_id: '', scheduler: 'slurm', state_dir: '', max_concurrent: null, env: {}, logs: {}, combiners: [], attempts,
  arrays: [{ key: 'w0a0', wave: 0, first_task: 0, task_count: 5, job_name: '', job_id: '10' }, { key: 'w0a1', wave: 0, first_task: 5, task_count: 5, job_name: '', job_id: '11' }],
});

describe('which job a task is (unit)', () => {
  it('the array of its latest attempt, or of the one that is named', () => {
    const its = submission([attempt(2, [[1, 2], [7, 7]], '20'), attempt(3, [[7, 7]], null)]);
    assert.deepEqual([0, 2, 7, 8].map((task) => arrayOfTask(its, task)?.key), ['w0a0', 'r2w0a0', 'r3w0a0', 'w0a1']);
    assert.equal(arrayOfTask(its, 7, 1)?.key, 'w0a1');
    assert.equal(arrayOfTask(its, 8, 2), undefined);
    assert.equal(arrayOfTask(its, 10), undefined);
    assert.deepEqual(currentArrays(its).map(({ array, tasks }) => [array.key, tasks]), [['w0a0', [0, 3, 4]], ['w0a1', [5, 6, 8, 9]], ['r2w0a0', [1, 2]], ['r3w0a0', [7]]]);
    assert.deepEqual([0, 2, 7].map((task) => retriesIn(its, task)), [0, 1, 2]);
    assert.equal(isWhollySubmitted(its), false);
    const sidecar = { resources: { cpus: 1 }, extra: { submission: its } } as unknown as Sidecar;
    assert.deepEqual([0, 2, 7].map((task) => resourcesOfTask(sidecar, task).cpus), [1, 2, 3]);
  });

  it('the links of a chain hold their tasks together, until tasks of it are submitted again', () => {
    const hop = (number: number, of: string): NonNullable<Submission['hops']>[number] => ({ number, arrays: [{ key: `${of}h${number}`, of, job_name: '', job_id: `${number}` }] });
    const its: Submission = { ...submission([{ ...attempt(4, [[1, 1]], '40'), hops: [hop(5, 'r4w0a0')] }]), arrays: [{ key: 'w0a0', wave: 0, first_task: 0, task_count: 3, job_name: '', job_id: '10' }], hops: [hop(2, 'w0a0'), hop(3, 'w0a0')] };
    assert.deepEqual(currentArrays(its).map(({ array, tasks }) => [array.key, array.attempt, array.link, tasks]), [
      ['w0a0', 1, { index: 0, count: 3, first: 1 }, [0, 2]],
      ['w0a0h2', 2, { index: 1, count: 3, first: 1 }, [0, 2]],
      ['w0a0h3', 3, { index: 2, count: 3, first: 1 }, [0, 2]],
      ['r4w0a0', 4, { index: 0, count: 2, first: 4 }, [1]],
      ['r4w0a0h5', 5, { index: 1, count: 2, first: 4 }, [1]],
    ]);
    assert.deepEqual([lastAttemptNumber(its), retriesIn(its, 0), retriesIn(its, 1), isWhollySubmitted(its)], [5, 0, 1, true]);
  });

  it('ranges and positions are each other’s inverse', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)).map((ids) => ids.sort((a, b) => a - b)), (ids) => {
        const list = new TaskList(rangesOf(ids));
        assert.deepEqual([...list], ids);
        assert.equal(list.count, ids.length);
        ids.forEach((id, position) => assert.equal(list.positionOf(id), position));
        for (let id = 0; id <= 61; id += 1) if (!ids.includes(id)) assert.equal(list.positionOf(id), -1);
      }),
    );
  });
});
