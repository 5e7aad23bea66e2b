/** Lease files: the other product's form, locks, damage. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { leaseDirectory, leaseId, LeaseStore, ownFacts, parseLease, withOwnFacts, type Lease, type OwnFacts } from '../../../src/reservations/lease.ts';

/** As scitex-hpc 0.8.1 wrote it. */
const recorded = `{
  "extras": {},
  "host": "spartan",
  "id": "spartan-head-spartan",
  "job_id": "24158160",
  "name": "head-spartan",
  "node": "",
  "persistent": true,
  "submitted_at": "2026-11-22T05:04:59+00:00",
  "walltime_end": ""
}
`;

export const facts: OwnFacts = { schema: 1, cluster: 'bed', scheduler: 'slurm', origin: 'booked', token: '0123456789abcdef', state_dir: '/h/.hpc-agent/reservations/x', job_prefix: 'pool', resources: {}, nodes: 1, stage: 'booked', problem: null, release_after_idle_s: null, renew_before_s: null };
const lease = (more: Partial<Lease> = {}): Lease => ({ id: 'h-pool', name: 'pool', host: 'h', job_id: '7', node: 'n1', submitted_at: '', walltime_end: '', persistent: false, extras: { hpc_agent: facts }, ...more });

describe('leases (unit)', () => {
  let directory: string;
  let store: LeaseStore;
  beforeEach(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-leases-'));
    store = new LeaseStore(directory);
  });
  afterEach(() => fs.rm(directory, { recursive: true, force: true }));

  it('a lease of the other product is read, and written back byte for byte apart from what changed', async () => {
    const file = path.join(directory, 'spartan-head-spartan.json');
    await fs.writeFile(file, recorded);
    const found = await store.require('head-spartan');
    assert.deepEqual([found.id, found.job_id, found.persistent, ownFacts(found)], ['spartan-head-spartan', '24158160', true, undefined]);
    await store.update(found.id, (now) => ({ ...now, node: 'bm021' }));
    assert.equal((await fs.readFile(file, 'utf8')).trimEnd(), recorded.replace('"node": ""', '"node": "bm021"').trimEnd());
  });

  it('keeps keys that it does not know, at any depth', async () => {
    const foreign = fc.dictionary(fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(foreign, foreign, async (top, extras) => {
        const value = { ...top, ...lease(), extras: { ...extras, hpc_agent: { ...extras, ...facts } } };
        await fs.writeFile(store.fileOf('h-pool'), JSON.stringify(value));
        await store.update('h-pool', (now) => withOwnFacts({ ...now, node: 'n2' }, { ...(ownFacts(now) ?? facts), stage: 'releasing' }));
        assert.deepEqual(JSON.parse(await fs.readFile(store.fileOf('h-pool'), 'utf8')), JSON.parse(JSON.stringify({ ...value, node: 'n2', extras: { ...value.extras, hpc_agent: { ...value.extras.hpc_agent, stage: 'releasing' } } })));
      }),
      { numRuns: 60 },
    );
  });

  it('a torn or foreign file is told, left alone, and hides no other', async () => {
    const whole = JSON.stringify(lease());
    await fs.writeFile(path.join(directory, 'good.json'), JSON.stringify(lease({ id: 'good', name: 'good' })));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.integer({ min: 0, max: whole.length - 1 }).map((end) => whole.slice(0, end)), fc.string(), fc.json()), async (text) => {
        await fs.writeFile(path.join(directory, 'odd.json'), text);
        const { leases, problems } = await store.list();
        assert.ok(leases.some(({ id }) => id === 'good'));
        assert.equal(leases.length + problems.length, 2);
        assert.equal(await fs.readFile(path.join(directory, 'odd.json'), 'utf8'), text);
      }),
      { numRuns: 80 },
    );
    assert.equal(parseLease('{"id": 1}'), undefined);
  });

  it('many writers at once lose nothing', async () => {
    await store.create(lease({ extras: { count: 0 } }));
    await Promise.all(Array.from({ length: 20 }, () => new LeaseStore(directory).update('h-pool', (now) => ({ ...now, extras: { ...now.extras, count: Number(now.extras.count) + 1 } }))));
    assert.equal((await store.require('pool')).extras.count, 20);
  });

  it('of two that book one name at once one succeeds; a file of another booking is not removed', async () => {
    const made = await Promise.all([1, 2, 3].map(() => store.create(lease())));
    assert.equal(made.filter(Boolean).length, 1);
    await store.remove(lease({ extras: { hpc_agent: { ...facts, token: 'another' } } }));
    assert.equal((await store.list()).leases.length, 1);
    await store.remove(lease());
    assert.equal((await store.list()).leases.length, 0);
  });

  it('ids and folder are the other product’s', () => {
    assert.equal(leaseId('spartan', 'head-spartan'), 'spartan-head-spartan');
    assert.equal(leaseId('spartan', 'spartan-dev'), 'spartan-dev');
    assert.equal(leaseId('h', 'h'), 'h');
    assert.equal(leaseId('h', 'a  b'), 'h-a--b');
    assert.equal(leaseId('alice@h.example', 'a b/c'), 'alice@h.example-a-b-c');
    assert.equal(leaseDirectory('/home/a', {}), '/home/a/.scitex/hpc/leases');
    assert.equal(leaseDirectory('/home/a', { SCITEX_HPC_LEASE_DIR: '/x' }), '/x');
  });
});
