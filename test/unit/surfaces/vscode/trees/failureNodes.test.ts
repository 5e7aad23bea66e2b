import assert from 'node:assert/strict';
import type { FailuresOutput } from '../../../../../src/operations/failures.ts';
import { failureGroupNodes, failuresKey, failuresNode, isFailuresNode } from '../../../../../src/surfaces/vscode/trees/failureNodes.ts';
import { counts, run } from '../fixtures.ts';

type Group = FailuresOutput['clusters'][number];

function group(some: Partial<Group> = {}): Group {
  return {
    error_class: 'python_traceback',
    category: 'python_traceback',
    title: 'Error in the program',
    certainty: 'proved',
    message: 'ValueError: bad [link](command:x) $(zap)',
    fingerprint: 'ValueError: bad',
    count: 900,
    task_ids: [4, 5],
    task_ranges: '4-5',
    nodes: ['n1'],
    peak_rss_mib: 12,
    culprit: { file: 'train.py', line: 41, function: 'main', is_users_code: true },
    evidence: [{ source: 'log', text: 'ValueError: bad', path: '/s/w0a0.9_5.err', line: 8 }],
    sample: 'ValueError: bad',
    sample_task_id: 4,
    sample_path: '/s/w0a0.9_5.err',
    sample_line: 1,
    suggested_fix: { action: 'user-debug' },
    advice: 'Correct the program.',
    ...some,
  };
}
const failures = (clusters: readonly Group[], some: Partial<FailuresOutput> = {}): FailuresOutput => ({ run_id: 'sweep-1', failed_count: 900, clusters: [...clusters], scheduler: 'slurm', auto_retry_policy: {}, auto_retry: false, ...some });

describe('Failures in the Runs tree (unit)', () => {
  const parent = failuresNode(run(), '/w')[0] ?? assert.fail();

  it('are offered where something failed, and asked for only when opened', () => {
    assert.ok(isFailuresNode(parent));
    assert.deepEqual([parent.label, parent.children], ['Why they failed', 'lazy']);
    assert.deepEqual(failuresNode(run({ attention: [] }), '/w'), []);
    assert.deepEqual(failuresNode(run({ attention: [{ kind: 'submission', message: 'x', task_ids: [] }] }), '/w'), []);
    assert.equal(failuresNode(run({ attention: [{ kind: 'timeout', message: 'x', task_ids: [1] }] }), '/w').length, 1);
  });

  it('are one row for each way, which opens the log at its line', () => {
    const [node] = failureGroupNodes(parent, failures([group()]));
    assert.deepEqual([node?.label, node?.description, node?.command], ['Error in the program (900)', 'ValueError: bad [link](command:x) $(zap) · train.py:41', 'hpc-agent.showLog']);
    assert.deepEqual(node?.subject, { kind: 'task', folder: '/w', runId: 'sweep-1', taskId: 4, stream: 'stderr', find: 'ValueError: bad', failure: 'ValueError: bad' });
    const [cut] = failureGroupNodes(parent, failures([group({ sample_path: '/s/w0a0.9_5.out', evidence: [{ source: 'log', text: 'a long line…', path: '/s/w0a0.9_5.out', line: 8 }] })]));
    assert.deepEqual(cut?.subject.kind === 'task' && [cut.subject.stream, cut.subject.find], ['stdout', 'a long line']);
    const [none] = failureGroupNodes(parent, failures([group({ evidence: [{ source: 'accounting', text: 'TIMEOUT', path: null, line: null }] })]));
    assert.equal(none?.subject.kind === 'task' && none.subject.find, undefined);
  });

  it('never let text of a log become a link or a command', () => {
    const [node] = failureGroupNodes(parent, failures([group({ message: 'x `](command:y)', evidence: [{ source: 'log', text: '[a](command:z) $(zap)', path: null, line: null }] })]));
    assert.doesNotMatch(node?.tooltip ?? '', /[^\\]\]\(command:z/);
    assert.doesNotMatch(node?.tooltip ?? '', /[^\\]\$\(zap\)/);
  });

  it('keep their ids, and keep two ways apart that look alike', () => {
    const ids = failureGroupNodes(parent, failures([group(), group({ count: 1 }), group({ error_class: 'unknown' })])).map(({ id }) => id);
    assert.equal(new Set(ids).size, 3);
    assert.equal(failureGroupNodes(parent, failures([group({ count: 901, message: 'ValueError: bad 7' })]))[0]?.id, ids[0]);
  });

  it('say when there are none after all', () => {
    assert.deepEqual(failureGroupNodes(parent, failures([], { note: 'No task of this run has failed.' })).map(({ label }) => label), ['No task of this run has failed.']);
  });

  it('are asked for again only when more failed', () => {
    assert.equal(failuresKey(run()), failuresKey(run({ counts: counts({ complete: 701, running: 199, pending: 297, failed: 3 }) })));
    assert.notEqual(failuresKey(run()), failuresKey(run({ counts: counts({ complete: 700, running: 199, pending: 297, failed: 4 }) })));
  });
});
