import * as assert from 'node:assert/strict';
import * as z from 'zod/mini';
import type { FailuresOutput } from '../../../../../src/operations/failures.ts';
import type { ResourcesOutput } from '../../../../../src/operations/resources.ts';
import type { ResubmitOutput } from '../../../../../src/operations/resubmit.ts';
import { clusterShapeOf, freeOf, overviewReservationOf, overviewRunOf } from '../../../../../src/surfaces/vscode/dashboard/overviewShapes.ts';
import { failureGroupsOf, recordOf, resourceChanges, resourceRows, runShapeOf } from '../../../../../src/surfaces/vscode/dashboard/runShapes.ts';
import { overviewProtocol } from '../../../../../webview/protocol/overview.ts';
import { runProtocol } from '../../../../../webview/protocol/run.ts';
import { counts, run } from '../fixtures.ts';

type Group = FailuresOutput['clusters'][number];
const group = (some: Partial<Group>): Group => ({
  error_class: 'system_oom', category: 'system_oom', title: 'Out of memory', certainty: 'proved', message: 'MemoryError', fingerprint: 'MemoryError', count: 2, task_ids: [3, 4], task_ranges: '3-4', nodes: ['n1'], peak_rss_mib: 5700, culprit: null,
  evidence: [{ source: 'log', text: 'MemoryError', path: '/logs/3.err', line: 12 }, { source: 'task_events', text: 'status 137', path: null, line: null }], sample: '', sample_task_id: 3, sample_path: null, sample_line: null, suggested_fix: { action: 'increase-mem' }, advice: 'More memory.', ...some,
});
const found = (clusters: Group[]): FailuresOutput => ({ run_id: 'sweep-1', failed_count: 4, clusters, scheduler: 'slurm', auto_retry_policy: {}, auto_retry: false });
const proposal = (some: Partial<ResubmitOutput>): ResubmitOutput => ({ run_id: 'sweep-1', cluster: 'hoffman2', request_id: 'r', deduped: false, dry_run: true, attempt: null, task_count: 0, groups: [], blocked: [], new_job_ids: [], notes: [], headline: '', ...some });
const more = (task_ranges: string, memory: number): ResubmitOutput['groups'][number] => ({ failure_class: 'system_oom', title: 'Out of memory', count: 9, task_ranges, resources_before: { memory: 4096 }, resources: { memory }, change: 'memory 4G → 6.3G: the measured peak was 5.7G' });

describe('A run in the shapes of the page (unit)', () => {
  it('fits the protocol, with the arrays of its waves counted', () => {
    const shape = runShapeOf({ run: run(), eta_s: 60, eta_spread_s: 5, cost: { core_hours: 4, gpu_hours: null } });
    assert.deepEqual(z.parse(runProtocol.state, { run: shape, failures: null, record: null }).run, shape);
    assert.deepEqual([shape.waves[1]?.arrays, shape.open, shape.canResume, shape.eta_from], [1, true, false, shape.observed_at]);
    assert.equal(runShapeOf({ run: run({ lifecycle_state: 'unknown', counts: counts() }), eta_s: null, eta_spread_s: null, cost: { core_hours: 0, gpu_hours: null } }).canResume, true);
  });

  it('shows what a group would be given, and only for its own tasks', () => {
    const groups = failureGroupsOf(found([group({}), group({ fingerprint: 'other', task_ids: [7], task_ranges: '7', count: 1 })]), proposal({ groups: [more('3-4', 6451), more('7', 8192)] }));
    assert.deepEqual(groups.map((its) => [its.proposal?.count, its.proposal?.changes]), [[2, [{ name: 'memory', before: '4G', after: '6.3G' }]], [1, [{ name: 'memory', before: '4G', after: '8G' }]]]);
    assert.equal(groups[0]?.proposal?.because, 'the measured peak was 5.7G');
    assert.notEqual(groups[0]?.id, groups[1]?.id);
    assert.deepEqual(groups[0]?.evidence.map(({ place }) => place), ['/logs/3.err:12', null]);
    assert.equal(groups[0]?.find, 'MemoryError');
  });

  it('says why another try does not help, of the group that it is said of', () => {
    const blocked = (task_ranges: string): ResubmitOutput['blocked'][number] => ({ failure_class: 'system_oom', title: 'Out of memory', count: 1, task_ranges, reason: 'tried 3 times' });
    const groups = failureGroupsOf(found([group({}), group({ fingerprint: 'other', task_ids: [7], task_ranges: '7', count: 1 })]), proposal({ groups: [more('3-4', 6451)], blocked: [blocked('7')] }));
    assert.deepEqual(groups.map((its) => [its.proposal === null, its.blocked]), [[false, null], [true, 'tried 3 times']]);
    assert.deepEqual(failureGroupsOf(found([group({})]), undefined)[0]?.proposal, null);
  });

  it('writes resources as people do, and the difference line by line', () => {
    assert.deepEqual(resourceRows({ cpus: 2, memory: 6451, walltime: 5400, gpus: 1 }), [{ name: 'cores', value: '2' }, { name: 'memory', value: '6.3G' }, { name: 'time limit', value: '1:30:00' }, { name: 'GPUs', value: '1' }]);
    assert.deepEqual(resourceChanges({ memory: 512, cpus: 1 }, { memory: 768, cpus: 1, walltime: 60 }), [{ name: 'memory', before: '512M', after: '768M' }, { name: 'time limit', before: null, after: '0:01:00' }]);
  });

  it('tells what changed between attempts, and leaves out what did not', () => {
    const record = recordOf({
      run_id: 'sweep-1', executor: 'train.py', cmd_sha: 'a', submitted_at: '2026-03-01T12:00:00Z', hpc_agent_version: null, git_sha: null, git_changed_files: [], remote_path: '/s', state_dir: '/s', resources: {},
      attempts: [{ number: 2, submitted_at: '2026-03-01T12:00:00Z', automatic: true, task_count: 3, job_ids: ['9'], groups: [{ failure_class: 'system_oom', task_count: 2, resources: {}, change: 'memory 4G → 8G' }, { failure_class: null, task_count: 1, resources: {}, change: '' }] }],
    });
    assert.deepEqual(record.attempts[0]?.changes, [{ title: 'system oom', count: 2, change: 'memory 4G → 8G' }]);
  });
});

describe('The overview in the shapes of the page (unit)', () => {
  const resources = (some: Partial<ResourcesOutput>): ResourcesOutput => ({ cluster: 'c', scheduler: 'slurm', observed_at: '2026-03-01T12:00:00Z', cached: false, stale_reason: null, partitions: [], nodes: [], limits: [], queue: { running: 1, pending: 2, held: 3, cpus_in_use: null }, waiting: [], problems: [], ...some });
  const node = (name: string, state: 'free' | 'down', free: number): ResourcesOutput['nodes'][number] => ({ name, state, raw_state: state, reason: '', partitions: ['cpu', 'gpu'], cpus_total: 16, cpus_free: free, memory_mib: null, memory_free_mib: null, gpus: [{ type: 'a100', total: 2, free: 1 }] });
  const partition = (name: string, cpus: number): ResourcesOutput['partitions'][number] => ({ name, is_default: false, up: true, max_walltime_s: null, default_walltime_s: null, nodes: cpus / 16, cpus_total: cpus, cpus_free: 8, memory_mib_per_node: null, gpus: [{ type: 'a100', total: 4, free: 2 }] });

  it('counts nodes once, whatever partitions they are in, and nothing free on one that is down', () => {
    const free = freeOf(resources({ nodes: [node('n1', 'free', 10), node('n2', 'down', 16)], partitions: [partition('cpu', 32), partition('gpu', 32)] }));
    assert.deepEqual([free.cpus_total, free.cpus_free, free.nodes, free.gpus], [32, 10, 2, [{ type: 'a100', total: 4, free: 1 }]]);
    assert.deepEqual([free.mine_running, free.mine_pending], [1, 5]);
  });

  it('takes the largest partition where the site shows no nodes', () => {
    const free = freeOf(resources({ partitions: [partition('debug', 16), partition('all', 64)] }));
    assert.deepEqual([free.cpus_total, free.nodes, free.gpus], [64, 4, [{ type: 'a100', total: 4, free: 2 }]]);
    assert.equal(freeOf(resources({})).cpus_total, 0);
  });

  it('fits the protocol, for a run whose cost is not added up yet too', () => {
    const state = {
      loaded: true, failure: null, clusterProblems: [], ended: 0,
      clusters: [clusterShapeOf({ name: 'bed', scheduler: 'slurm', connection: 'ssh', target: 'alice@bed', state: 'refused', state_reason: 'no key' } as Parameters<typeof clusterShapeOf>[0], undefined, false, undefined)],
      runs: [overviewRunOf(run(), undefined), overviewRunOf(run(), { eta_s: 5, eta_spread_s: 2, cost: { core_hours: 1, gpu_hours: 0.5 } })],
      reservations: [],
    };
    assert.deepEqual(z.parse(overviewProtocol.state, state), state);
    assert.deepEqual(state.runs.map(({ cost, eta_s, hasFailures }) => [cost, eta_s, hasFailures]), [[null, null, true], [{ core_hours: 1, gpu_hours: 0.5 }, 5, true]]);
  });

  it('offers a terminal only in a reservation that is alive and held', () => {
    const reservation = (some: object): Parameters<typeof overviewReservationOf>[0] => ({ id: 'x', name: 'pool', cluster: null, host: 'bed', node: 'n1', liveness: 'alive', phase: 'held', persistent: false, ends_at: null, submitted_at: '', idle_s: null, observed_at: null, node_hours: null, attention: [], ...some }) as unknown as Parameters<typeof overviewReservationOf>[0];
    assert.deepEqual([reservation({}), reservation({ phase: 'queued' }), reservation({ liveness: 'gone' })].map((its) => overviewReservationOf(its).held), [true, false, false]);
    assert.equal(overviewReservationOf(reservation({})).cluster, 'bed');
  });
});
