import assert from 'node:assert/strict';
import type { EfficiencyOutput } from '../../../../../src/operations/efficiency.ts';
import { isUsageNode, usageKey, usageNode, usageRows } from '../../../../../src/surfaces/vscode/trees/usageNodes.ts';
import { counts, run } from '../fixtures.ts';

type Group = EfficiencyOutput['groups'][number];
const group = (some: Partial<Group> = {}): Group => ({
  tasks: 900, cpu_efficiency: 0.53, memory_efficiency: 0.15, walltime_efficiency: 0.5, gpu_efficiency: 0.2, peak_gpu_mib: 3000, core_hours: 1, used_core_hours: 1, peak_rss_mib: 1229,
  median_rss_mib: 900, longest_s: 300, median_s: 100, advice: ['Asked 8G, 2G would do.'], attempt: 1, task_ranges: '0-899', resources: {}, ...some,
});
const found = (groups: readonly Group[], note?: string): EfficiencyOutput => ({ run_id: 'sweep-1', total_tasks: 1200, overall: null, groups: [...groups], ...(note === undefined ? {} : { note }) });

describe('What a run used, in the Runs tree (unit)', () => {
  const parent = usageNode(run(), '/w')[0] ?? assert.fail();

  it('is offered where tasks have ended, and asked for only when opened and again when more have', () => {
    assert.ok(isUsageNode(parent));
    assert.equal(parent.children, 'lazy');
    assert.deepEqual(usageNode(run({ counts: counts({ pending: 1200 }) }), '/w'), []);
    assert.notEqual(usageKey(run({ counts: counts({ complete: 1 }) })), usageKey(run({ counts: counts({ complete: 2 }) })));
  });

  it('is a row for each group of tasks that were given the same, with what would do below it', () => {
    const [one] = usageRows(parent, found([group()]));
    assert.deepEqual([one?.label, one?.description], ['900 ended', 'cores busy 53 % · memory 15 %, at most 1.2 GiB · GPUs busy 20 %, at most 2.9 GiB · longest 5 min (50 % of the limit)']);
    const below = (node: typeof one): readonly string[] => (Array.isArray(node?.children) ? node.children.map(({ label }: { label: string }) => label) : []);
    assert.deepEqual(below(one), ['Asked 8G, 2G would do.']);
    const two = usageRows(parent, found([group(), group({ attempt: 2, task_ranges: '3', gpu_efficiency: null, memory_efficiency: null, walltime_efficiency: null, cpu_efficiency: null, advice: [] })]));
    assert.deepEqual(two.map(({ label }) => label), ['First submission, tasks 0-899', 'Attempt 2, tasks 3']);
    assert.deepEqual([two[1]?.description, below(two[1])], ['memory at most 1.2 GiB · longest 5 min', ['What was asked for fits']]);
    assert.equal(new Set(two.flatMap((node) => [node.id, ...(Array.isArray(node.children) ? node.children.map(({ id }: { id: string }) => id) : [])])).size, 4);
    assert.deepEqual(usageRows(parent, found([], 'No task has ended.')).map(({ label }) => label), ['No task has ended.']);
  });
});
