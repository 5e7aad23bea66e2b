import assert from 'node:assert/strict';
import { etaOf } from '../../../src/runs/eta.ts';
import type { TaskState, TaskView } from '../../../src/runs/mergeTaskStates.ts';
import { rollUp } from '../../../src/runs/runtimeQuantiles.ts';
import { countStates, type RunView } from '../../../src/runs/runView.ts';

const of = (state: TaskState, elapsedS: number | null = null): TaskView => ({ state, attempt: 1, job: null, node: null, exitCode: null, elapsedS, peakRssMiB: null, startedAtS: null, spentS: 0, evidence: '' });
const times = (count: number, one: TaskView): TaskView[] => Array.from({ length: count }, () => one);
const view = (...tasks: TaskView[]): Pick<RunView, 'tasks' | 'counts' | 'sidecar'> => ({ tasks, counts: countStates(tasks), sidecar: { sidecar_schema_version: 2, run_id: 'r', cmd_sha: '', submitted_at: '', executor: '', result_dir_template: '', task_count: tasks.length } });
const history = rollUp([50, 60, 70].map((elapsed_sec, task_id) => ({ run_id: 'x', task_id, gpu_type: 'cpu', node: '', cmd_sha: null, started_at: null, ended_at: null, elapsed_sec, exit_code: 0, walltime_requested_sec: null, peak_host_mem_mb: null, cpu_seconds_used: null, cpus_requested: 1 })));

describe('the time to the end of a run', () => {
  it('is not known while nothing runs, or where nothing was ever measured', () => {
    assert.equal(etaOf(view(of('pending')), history), null);
    assert.equal(etaOf(view(of('complete', 5)), history), null);
    assert.equal(etaOf(view(of('running'), of('pending')), rollUp([])), null);
  });
  it('goes by earlier runs at first, by its own tasks as soon as three are done', () => {
    assert.equal(etaOf(view(of('running')), history)?.s, 69);
    assert.equal(etaOf(view(of('running'), ...times(2, of('complete', 500))), history)?.s, 69);
    assert.equal(etaOf(view(of('running'), ...times(3, of('complete', 500))), history)?.s, 500);
  });
  it('counts the rounds that are left at the present width', () => {
    const done = times(3, of('complete', 100));
    assert.equal(etaOf(view(...done, ...times(2, of('running')), ...times(4, of('pending'))), history)?.s, 300);
    assert.equal(etaOf(view(...done, ...times(2, of('running')), ...times(5, of('pending'))), history)?.s, 400);
  });
  it('tells how far off it may be only as far as measured times differ, and more for more rounds', () => {
    assert.equal(etaOf(view(of('running'), ...times(3, of('complete', 500))), history)?.spreadS, 0);
    assert.equal(etaOf(view(of('running')), history)?.spreadS, 9);
    assert.equal(etaOf(view(of('running'), ...times(3, of('pending'))), history)?.spreadS, 18);
  });
});
