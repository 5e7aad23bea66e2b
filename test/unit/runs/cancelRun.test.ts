import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { cancelRun } from '../../../src/runs/cancelRun.ts';
import { tasksOfFailure } from '../../../src/runs/failureSelection.ts';
import { runState } from '../../../src/runs/listRuns.ts';
import { reconcileRun } from '../../../src/runs/reconcileRun.ts';
import { rangesOf } from '../../../src/runs/placement.ts';
import type { RunView } from '../../../src/runs/runView.ts';
import { readSidecar, writeSidecar, type Attempt } from '../../../src/runs/sidecar.ts';
import { endEvent, makePlace, queueRow as rowOf, startEvent, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';

/** A row under the name of its array: an id alone does not make a job ours. */
const names: Readonly<Record<string, string>> = { 10: 'run-w0a0-0123456789', 11: 'run-w0a1-0123456789', 12: 'run-w1a0-0123456789', 20: 'run-r2w0a0-0123456789', 21: 'run-r2w0a1-0123456789' };
const queueRow = (id: string, state: string, node = '', reason = 'None', name = names[id.slice(0, 2)]): string => rowOf(id, state, node, reason, name);

describe('cancelling (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    // Wave 0: jobs 10 (tasks 0-3) and 11 (tasks 4-7); wave 1: job 12 (tasks 8-9), waiting. Tasks 0 and 1 are done.
    await place.writeRun({ run_id: runId, task_count: 10 }, [{ wave: 0, first: 0, count: 4, jobId: '10' }, { wave: 0, first: 4, count: 4, jobId: '11' }, { wave: 1, first: 8, count: 2, jobId: '12' }]);
    const events = path.join(place.remoteRoot, '.hpc', 'state', runId, 'events', 'node1.jsonl');
    await fs.writeFile(events, startEvent('10', 0, 1) + endEvent('10', 0, 1) + startEvent('10', 1, 2) + endEvent('10', 1, 2));
    await place.says('squeue', queueRow('10_3', 'RUNNING', 'node1') + queueRow('10_4', 'RUNNING', 'node1') + queueRow('11_[1-4]', 'PENDING', '', 'Resources') + queueRow('12_[1-2]', 'PENDING', '', 'Dependency'));
  });
  afterEach(() => place.dispose());

  const cancel = async (selection: { taskIds?: number[]; wave?: number }): Promise<{ cancelledTasks: number; alreadyEnded: number; line: string; wish: unknown }> => {
    const { cancelledTasks, alreadyEnded } = await cancelRun({ runId, ...selection }, place.deps, place.call);
    const record = await place.deps.journal.read(place.experimentDir, runId);
    return { cancelledTasks, alreadyEnded, line: (await place.scancelled()).join('\n'), wish: record?.cancel_requested?.tasks };
  };

  it('the whole run: its arrays and its combiners, and no other job', async () => {
    await place.says('squeue', queueRow('10_[3-4]', 'PENDING') + queueRow('11_[1-4]', 'PENDING') + queueRow('12_[1-2]', 'PENDING') + queueRow('77_[1-9]', 'PENDING', '', 'None', 'somebody-elses'));
    assert.deepEqual(await cancel({}), { cancelledTasks: 8, alreadyEnded: 2, line: '10 11 12 900010 900012', wish: 'all' });
  });

  it('never a job that got the id of one which the controller forgot', async () => {
    await place.says('squeue', queueRow('10_[3-4]', 'PENDING') + queueRow('11_[1-4]', 'RUNNING', 'node1', 'None', 'another-run') + queueRow('12_[1-2]', 'PENDING'));
    assert.deepEqual(await cancel({}), { cancelledTasks: 8, alreadyEnded: 2, line: '10 12 900010 900012', wish: 'all' });
  });

  it('never a job that got the id of a combiner of the run', async () => {
    await place.says('squeue', queueRow('10_[3-4]', 'PENDING') + rowOf('900010', 'RUNNING', 'node1', 'None', 'another-run') + rowOf('900012', 'PENDING', '', 'Dependency', 'run-w1c-0123456789'));
    assert.equal((await cancel({})).line, '10 900012');
  });

  it('a wave: its unfinished arrays, whole; later waves go on', async () => {
    assert.deepEqual(await cancel({ wave: 0 }), { cancelledTasks: 6, alreadyEnded: 2, line: '10 11', wish: [[2, 7]] });
  });

  it('tasks: only their elements, counted from 1 in their array', async () => {
    assert.deepEqual(await cancel({ taskIds: [0, 3, 5, 6, 9] }), { cancelledTasks: 4, alreadyEnded: 1, line: '10_[4] 11_[2-3] 12_[2]', wish: [[3, 3], [5, 6], [9, 9]] });
  });

  it('the last unfinished tasks of an array: the array as a whole', async () => {
    assert.equal((await cancel({ taskIds: [2, 3] })).line, '10');
  });

  it('wishes add up, and a task that then leaves the queue was cancelled', async () => {
    await cancel({ taskIds: [4] });
    assert.deepEqual((await cancel({ taskIds: [6, 7] })).wish, [[4, 4], [6, 7]]);
  });

  it('a failure group, by its class or fingerprint: what is tried again because of it, and nothing else', async () => {
    const sidecar = (await readSidecar(place.experimentDir, runId)) ?? assert.fail();
    const submission = sidecar.extra?.submission ?? assert.fail();
    const array = (key: string, group: number, task: number, job: string): Attempt['arrays'][number] => ({ key, wave: 0, group, tasks: [[task, task]], job_name: names[job] ?? '', job_id: job });
    const attempt: Attempt = {
      number: 2, request_id: 'r', at: '2026-01-02T00:00:00Z', automatic: true,
      groups: [{ failure_class: 'system_oom', tasks: [[2, 2]], fingerprints: { 'scheduler:system_oom': [[2, 2]] }, resources: {}, change: '' }, { failure_class: 'walltime', tasks: [[3, 3]], resources: {}, change: '' }],
      arrays: [array('r2w0a0', 0, 2, '20'), array('r2w0a1', 1, 3, '21')],
      combiner: { key: 'r2c', job_name: 'run-r2c-0123456789', job_id: '900020' },
    };
    await writeSidecar(place.experimentDir, { ...sidecar, extra: { ...sidecar.extra, submission: { ...submission, attempts: [attempt] } } });
    await place.says('squeue', queueRow('20_1', 'RUNNING', 'node1') + queueRow('21_1', 'PENDING', '', 'Priority') + queueRow('11_[1-4]', 'PENDING', '', 'Resources') + queueRow('12_[1-2]', 'PENDING', '', 'Dependency'));
    const group = (name: string): Promise<readonly number[]> => tasksOfFailure(runId, name, place.deps, place.call);
    assert.deepEqual([await group('system_oom'), await group('scheduler:system_oom'), await group('walltime')], [[2], [2], [3]]);
    await assert.rejects(group('segfault'), (error) => HpcError.is(error, 'spec_invalid') && (error.remediation ?? '').includes('system_oom, walltime'));
    assert.deepEqual(await cancel({ taskIds: [...(await group('system_oom'))] }), { cancelledTasks: 1, alreadyEnded: 0, line: '20', wish: [[2, 2]] });
  });

  it('what had failed before the whole run was cancelled stays failed', async () => {
    await fs.appendFile(path.join(place.remoteRoot, '.hpc', 'state', runId, 'events', 'node1.jsonl'), startEvent('10', 2, 3) + endEvent('10', 2, 3, undefined, 'failed', 1));
    for (let times = 0; times < 2; times += 1) {
      await cancel({});
      await place.says('squeue', '');
      place.setNow(place.nowMs() + 5_000);
    }
    const view = await runState(runId, { refresh: true }, place.deps, place.call);
    assert.deepEqual([view.counts.complete, view.counts.failed, view.counts.cancelled, view.tasks[2]?.state, view.lifecycle], [2, 1, 7, 'failed', 'cancelled']);
  });

  it('the wish is recorded before the scheduler is asked, so it is there when the scheduler fails', async () => {
    await fs.writeFile(path.join(place.directory, 'bin', 'scancel.says'), '!scancel: error: Unable to contact slurm controller (connect failure)\n');
    await assert.rejects(cancel({ taskIds: [2] }), (error) => HpcError.is(error, 'cluster_timeout'));
    assert.deepEqual((await place.deps.journal.read(place.experimentDir, runId))?.cancel_requested?.tasks, [[2, 2]]);
  });

  it('tasks and waves that the run does not have are refused, and nothing is cancelled', async () => {
    for (const selection of [{ taskIds: [10] }, { wave: 2 }]) await assert.rejects(cancel(selection), (error) => HpcError.is(error, 'spec_invalid'));
    assert.deepEqual(await place.scancelled(), []);
  });

  it('what has ended is left alone: nothing is asked of the scheduler', async () => {
    assert.deepEqual(await cancel({ taskIds: [0, 1] }), { cancelledTasks: 0, alreadyEnded: 2, line: '', wish: [] });
  });

  describe('a submission that stopped on its way', () => {
    const stopped = '20260102-000000-abcdef02';
    const receipt = (key: string, content: Record<string, unknown>): Promise<void> => fs.writeFile(path.join(place.remoteRoot, '.hpc', 'state', stopped, 'receipts', `${key}.json`), JSON.stringify({ key, at: 1_767_340_000, ...content }));
    const read = (): Promise<RunView> => runState(stopped, { refresh: false }, place.deps, place.call);
    beforeEach(async () => {
      await place.writeRun({ run_id: stopped, task_count: 4 }, [{ wave: 0, first: 0, count: 2, jobId: '10' }, { wave: 0, first: 2, count: 2, jobId: null }]);
      await fs.mkdir(path.join(place.remoteRoot, '.hpc', 'state', stopped, 'receipts'));
      await fs.writeFile(path.join(place.remoteRoot, '.hpc', 'state', stopped, 'token'), '0123456789abcdef');
      await receipt('w0a0', { state: 'submitted', job_id: '10' });
      await place.says('squeue', queueRow('10_[1-2]', 'PENDING'));
    });

    it('a job that the scheduler may have taken is not called cancelled while nobody can say; it is, once it is found', async () => {
      await receipt('w0a1', { state: 'submitting', rc: 1, err: 'Socket timed out on send/recv operation' });
      await place.says('sacct', '!sacct: error: Problem talking to the database: Connection refused\n');
      await assert.rejects(cancelRun({ runId: stopped }, place.deps, place.call), (error) => HpcError.is(error, 'cluster_timeout') && error.retrySafe && /w0a1.*may start yet.*2 tasks \(10\)/.test(error.message));
      assert.deepEqual(await place.scancelled(), ['10']);
      assert.deepEqual((await place.deps.journal.read(place.experimentDir, stopped))?.cancel_requested?.tasks, [[0, 1]]);
      assert.notEqual((await read()).lifecycle, 'cancelled');

      await place.says('squeue', queueRow('11_[1-2]', 'PENDING'));
      place.setNow(place.nowMs() + 5_000);
      const { cancelledTasks, jobs } = await cancelRun({ runId: stopped }, place.deps, place.call);
      assert.deepEqual([cancelledTasks, jobs], [2, ['11']]);
    });

    it('what was refused is never submitted any more: its tasks are cancelled, not waiting', async () => {
      await receipt('w0a1', { state: 'refused', rc: 1, err: 'sbatch: error: Invalid account' });
      await cancelRun({ runId: stopped }, place.deps, place.call);
      await place.says('squeue', '');
      const view = await read();
      assert.deepEqual(view.tasks.slice(2).map(({ state, evidence }) => [state, evidence]), [['cancelled', 'was never submitted; the run was cancelled'], ['cancelled', 'was never submitted; the run was cancelled']]);
    });

    it('tasks without a job are not called cancelled: the submission, when it is finished, would start them', async () => {
      await receipt('w0a1', { state: 'throttled', rc: 1, err: 'AssocMaxSubmitJobLimit' });
      await assert.rejects(cancelRun({ runId: stopped, taskIds: [1, 2, 3] }, place.deps, place.call), (error) => HpcError.is(error, 'spec_invalid') && error.message.includes('2-3 are not submitted yet'));
      assert.deepEqual(await place.scancelled(), []);
    });

    it('why it stopped is still said after a reconcile', async () => {
      await receipt('w0a1', { state: 'refused', rc: 1, err: 'sbatch: error: Invalid account' });
      await place.deps.journal.update(place.experimentDir, stopped, (record) => ({ ...record, submit_problem: 'sbatch: Invalid account' }));
      await reconcileRun(stopped, place.deps, place.call);
      assert.equal((await place.deps.journal.read(place.experimentDir, stopped))?.submit_problem, 'sbatch: Invalid account');
      // It was only not known what became of it, and now it is.
      await receipt('w0a1', { state: 'refused', rc: null, err: 'not found in the queue nor in accounting' });
      await reconcileRun(stopped, place.deps, place.call);
      assert.equal((await place.deps.journal.read(place.experimentDir, stopped))?.submit_problem, null);
    });
  });

  it('ranges hold exactly the ids', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)), (ids) => {
        const sorted = [...ids].sort((a, b) => a - b);
        const ranges = rangesOf(sorted);
        assert.deepEqual(ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, offset) => first + offset)), sorted);
        for (const [index, [first]] of ranges.entries()) if (index > 0) assert.ok(first > (ranges[index - 1]?.[1] ?? 0) + 1);
      }),
    );
  });
});
