import assert from 'node:assert/strict';
import type { ResourcesOutput } from '../../../../../src/operations/resources.ts';
import { detailGroups, detailNodes } from '../../../../../src/surfaces/vscode/trees/clusterDetails.ts';
import { now } from '../fixtures.ts';

const node = (name: string, cpus_free: number, some: Partial<ResourcesOutput['nodes'][number]> = {}): ResourcesOutput['nodes'][number] => ({ name, state: 'mixed', raw_state: 'MIXED', reason: '', partitions: ['cpu'], cpus_total: 16, cpus_free, memory_mib: 65536, memory_free_mib: 32768, gpus: [], ...some });
const found: ResourcesOutput = {
  cluster: 'bed', scheduler: 'slurm', observed_at: now.toISOString(), cached: false, stale_reason: null, partitions: [], problems: [],
  nodes: [node('n2', 1), node('n10', 8), node('n1', 8), node('bad', 0, { state: 'down', raw_state: 'DOWN*', reason: '<b>fan</b>' })],
  limits: [{ what: 'jobs at once', value: '1000', source: 'the scheduler' }],
  queue: { running: 3, pending: 2, held: 1, cpus_in_use: 12 },
  waiting: [{ job_id: '77', indices: '[1-10]', name: 'run', partition: 'cpu', state: 'pending', reason: 'Priority', explanation: 'Others are before it', estimated_start: new Date(now.getTime() + 480_000).toISOString() }],
};
const rows = (group: string, given = found): readonly (readonly [string, string | undefined])[] => {
  const parent = detailGroups('bed').find(({ contextValue }) => contextValue === group);
  assert.ok(parent);
  return (detailNodes(parent, given, now) ?? []).map(({ label, description }) => [label, description]);
};

describe('What a cluster has, as rows (unit)', () => {
  it('lists nodes with most free first, and those that take nothing with why', () => {
    assert.deepEqual(rows('cluster-nodes').map(([label]) => label), ['n1', 'n10', 'n2', 'bad']);
    assert.deepEqual(rows('cluster-nodes')[0], ['n1', '8 of 16 cores free · 32 of 64 GiB']);
    assert.match(rows('cluster-nodes')[3]?.[1] ?? '', /^down · /);
  });

  it('never lists thousands', () => {
    const many = rows('cluster-nodes', { ...found, nodes: Array.from({ length: 1500 }, (_, index) => node(`n${index}`, 2)) });
    assert.equal(many.length, 41);
    assert.deepEqual(many.at(-1), ['1,460 more nodes', '2,920 cores free']);
  });

  it('says what waits and why, and what the limits are', () => {
    assert.deepEqual(rows('cluster-queue'), [['3 running', '2 waiting · 1 held · 12 cores in use'], ['77_[1-10]', 'Others are before it · may start in 8 min']]);
    assert.deepEqual(rows('cluster-limits'), [['jobs at once', '1000']]);
  });

  it('lets no remote text become HTML or markdown', () => {
    const parent = detailGroups('bed')[0];
    const bad = parent && detailNodes(parent, found, now)?.find(({ label }) => label === 'bad');
    assert.ok(bad?.tooltip?.includes('fan') && !bad.tooltip.includes('<b>'));
  });
});
