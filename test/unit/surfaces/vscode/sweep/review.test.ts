import assert from 'node:assert/strict';
import { HpcError } from '../../../../../src/foundation/errors.ts';
import { emptyDraft } from '../../../../../src/surfaces/vscode/sweep/draft.ts';
import { costWords, reviewRows, shapeWords } from '../../../../../src/surfaces/vscode/sweep/review.ts';
import { ago, plan } from '../fixtures.ts';

describe('The review before a submission (unit)', () => {
  it('offers to submit first, with the cost', () => {
    const [first] = reviewRows(plan(), emptyDraft);
    assert.deepEqual(first, { label: 'Submit 24 tasks to hoffman2', icon: 'rocket', description: 'at most 12 core-hours · about 10 min', action: 'submit' });
  });

  it('offers the earlier run before submitting the same again', () => {
    const rows = reviewRows(plan({ prior_run: { run_id: 'r', lifecycle_state: 'complete', submitted_at: ago(9), complete: 24, total_tasks: 24 } }), emptyDraft);
    assert.deepEqual(rows.slice(0, 2).map(({ action }) => action), ['earlier', 'submitNew']);
    assert.ok(rows.every(({ action }) => action !== 'submit'));
  });

  it('cannot be submitted when the plan failed', () => {
    const rows = reviewRows(plan({ verdict: 'fail', findings: [{ severity: 'error', code: 'x', message: 'No time limit', suggested_fix: 'Give one.' }] }), emptyDraft);
    assert.ok(rows.every(({ action }) => action !== 'submit' && action !== 'submitNew'));
    assert.ok(rows.some(({ label, detail }) => label === 'No time limit' && detail === 'Give one.'));
  });

  it('shows why there is no plan, with a way on', () => {
    const rows = reviewRows(new HpcError('ssh_unreachable', 'hoffman2 does not answer.', { remediation: 'Check the network.' }), emptyDraft);
    assert.deepEqual(rows.map(({ action }) => action), ['none', 'retry', 'back']);
    assert.equal(rows[0]?.detail, 'Check the network.');
  });

  it('words shape and cost', () => {
    assert.equal(shapeWords({ total_tasks: 1200, arrays: [{ key: 'a', wave: 0, first_task: 0, task_count: 600 }, { key: 'b', wave: 1, first_task: 600, task_count: 600 }], waves: 2 }), '1,200 tasks in 2 arrays, 2 waves');
    assert.equal(costWords({ max_core_hours: null, max_node_hours: 0.25, est_wall_s: null }), 'at most 0.25 node-hours');
    assert.equal(costWords({ max_core_hours: null, max_node_hours: null, est_wall_s: null }), '');
  });
});
