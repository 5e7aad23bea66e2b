import * as assert from 'node:assert/strict';
import { queueNowOf } from '../../../../../src/surfaces/vscode/dashboard/planQueue.ts';

type Found = Parameters<typeof queueNowOf>[0];
const partition = (name: string, is_default: boolean): Found['partitions'][number] => ({ name, is_default, up: true, max_walltime_s: null, default_walltime_s: null, nodes: 4, cpus_total: 64, cpus_free: 10, memory_mib_per_node: null, gpus: [] });
const waits = (name: string, estimated_start: string | null, state: 'pending' | 'held' = 'pending'): Found['waiting'][number] => ({ job_id: '1', indices: null, name: 'x', partition: name, state, reason: '', explanation: '', estimated_start });
const found = (some: Partial<Found>): Found => ({ partitions: [partition('cpu', true), partition('gpu', false)], waiting: [], observed_at: '2026-03-01T12:00:00Z', stale_reason: null, ...some });

describe('The queue of a plan as it is now (unit)', () => {
  it('is that of the partition that is asked for, else of the cluster’s own choice', () => {
    assert.equal(queueNowOf(found({}), undefined)?.partition, 'cpu');
    assert.equal(queueNowOf(found({}), 'gpu')?.partition, 'gpu');
    assert.equal(queueNowOf(found({}), 'long'), null);
    assert.equal(queueNowOf(found({ partitions: [partition('this host', false)] }), undefined)?.cpus_free, 10);
  });

  it('tells when the scheduler expects to start the last of ours that wait there', () => {
    const queue = queueNowOf(found({ waiting: [waits('cpu', '2026-03-01T12:30:00Z'), waits('cpu', '2026-03-01T12:10:00Z'), waits('cpu', null), waits('gpu', '2026-03-02T00:00:00Z'), waits('cpu', null, 'held')] }), undefined);
    assert.deepEqual([queue?.waiting, queue?.last_start], [3, '2026-03-01T12:30:00Z']);
    assert.equal(queueNowOf(found({}), undefined)?.last_start, null);
  });

  it('says nothing of what is stale', () => {
    assert.equal(queueNowOf(found({ stale_reason: 'no connection' }), undefined), null);
  });
});
