/** ALIVE, DEAD with proof, UNKNOWN with the reason: from what each source said. */
import assert from 'node:assert/strict';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Lease, OwnFacts } from '../../../src/reservations/lease.ts';
import { isPlannedHop, judge, type Answers } from '../../../src/reservations/liveness.ts';
import type { HoldFolder } from '../../../src/reservations/remoteHold.ts';
import type { AccountingRow, QueueRow } from '../../../src/scheduler/port.ts';

const facts: OwnFacts = { schema: 1, cluster: 'bed', scheduler: 'slurm', origin: 'booked', token: '0123456789abcdef', state_dir: '/x', job_prefix: 'pool', resources: {}, nodes: 1, stage: 'booked', problem: null, release_after_idle_s: null, renew_before_s: null };
const lease = (own: Partial<OwnFacts> | null = {}, more: Partial<Lease> = {}): Lease => ({ id: 'h-pool', name: 'pool', host: 'h', job_id: '7', node: '', submitted_at: '', walltime_end: '', persistent: false, extras: own === null ? {} : { hpc_agent: { ...facts, ...own } }, ...more });
const row = (jobId: string, name: string, state: QueueRow['state'] = 'running'): QueueRow => ({ jobId, name, state, rawState: state.toUpperCase(), reason: '', node: 'n1' });
const ended = (jobId: string, name: string, state: AccountingRow['state'], exitCode: number | null = 0, signal: number | null = null): AccountingRow => ({ jobId, name, comment: '', state, rawState: state.toUpperCase(), exitCode, signal, elapsedS: 1, maxRssMiB: null, node: 'n1' });
const folder = (more: Partial<HoldFolder> = {}): HoldFolder => ({ directory: '/x', there: true, token: facts.token, current: null, released: null, renewal: null, receipts: { h0: { state: 'submitted', job_id: '7' } }, chain: [], jobs: [], ...more });
const said = <T>(value: T): { kind: 'said'; value: T } => ({ kind: 'said', value });
const queue = (...rows: QueueRow[]): Answers['queue'] => said({ rows, malformed: [] });
const accounting = (...rows: AccountingRow[]): Answers['accounting'] => said({ rows, malformed: [] });
const down = { kind: 'silent' as const, error: new HpcError('cluster_timeout', 'Unable to contact slurm controller') };
const notAsked = { kind: 'not-asked' as const };
const name = (hop: number): string => `pool-h${hop}-0123456789`;

describe('liveness of a reservation (unit)', () => {
  it('alive by name and token; the one that runs last holds, the next waits to take over', () => {
    const verdict = judge(lease(), { queue: queue(row('9', name(2), 'pending'), row('8', name(1)), row('7', name(0)), row('5', 'other')), accounting: notAsked, folder: said(folder()) });
    assert.ok(verdict.kind === 'alive');
    assert.deepEqual([verdict.job.jobId, verdict.successor?.jobId, verdict.phase], ['8', '9', 'starting']);
  });

  it('nobody answered, or not whole: unknown with the reason, never dead', () => {
    for (const [answers, reason] of [
      [{ queue: down, accounting: accounting(ended('7', name(0), 'completed')), folder: said(folder()) }, /queue could not be asked.*contact/],
      [{ queue: said({ rows: [], malformed: ['HPCQ|'] }), accounting: accounting(ended('7', name(0), 'completed')), folder: said(folder()) }, /cannot be read/],
      [{ queue: queue(), accounting: down, folder: said(folder()) }, /accounting could not be asked/],
      [{ queue: queue(), accounting: accounting(), folder: said(folder()) }, /knows nothing/],
      [{ queue: queue(), accounting: notAsked, folder: said(folder()) }, /no accounting/],
      [{ queue: queue(), accounting: accounting(ended('7', name(0), 'running')), folder: said(folder()) }, /RUNNING/],
      [{ queue: queue(), accounting: accounting(ended('7', 'somebody', 'completed')), folder: said(folder()) }, /another name/],
      [{ queue: queue(), accounting: accounting(), folder: said(folder({ receipts: { h0: { state: 'submitting' } } })) }, /not known whether the scheduler took h0/],
      [{ queue: queue(), accounting: notAsked, folder: down }, /no accounting/],
    ] as const) {
      const verdict = judge(lease(), answers);
      assert.ok(verdict.kind === 'unknown', JSON.stringify(verdict));
      assert.match(verdict.reason, reason);
    }
  });

  it('dead on proof only: accounting of the same id and name, or the job’s own word', () => {
    const byAccounting = judge(lease(), { queue: queue(row('8', 'other')), accounting: accounting(ended('7', name(0), 'timeout')), folder: said(folder()) });
    assert.ok(byAccounting.kind === 'dead' && byAccounting.proof.some((line) => line.includes('TIMEOUT')));
    const own = { job_id: '7', hop: 0, node: 'n1', nodes: '', started: 1, ends: 2, state: 'ended', reason: 'idle', last_used: 0, running: 0, busy: false, idle_since: 1, tmux: null, written: 2 };
    const byItself = judge(lease(), { queue: queue(), accounting: notAsked, folder: said(folder({ jobs: [own] })) });
    assert.ok(byItself.kind === 'dead' && byItself.proof.some((line) => line.includes('idle')));
    const refused = judge(lease({}, { job_id: '' }), { queue: queue(), accounting: notAsked, folder: said(folder({ receipts: { h0: { state: 'refused', err: 'Invalid account' } } })) });
    assert.ok(refused.kind === 'dead' && refused.proof.some((line) => line.includes('Invalid account')));
  });

  it('an id that was given out again is not the reservation', () => {
    const booked = judge(lease(), { queue: queue(row('7', 'somebody')), accounting: notAsked, folder: said(folder()) });
    assert.equal(booked.kind, 'unknown');
    const adopted = judge(lease({ origin: 'adopted', job_prefix: 'mine' }), { queue: queue(row('7', 'somebody'), row('9', 'mine')), accounting: notAsked, folder: notAsked });
    assert.equal(adopted.kind, 'unknown');
    assert.ok(adopted.kind === 'unknown' && adopted.evidence.some((line) => line.includes("another job's")));
  });

  it('scitex-hpc’s hop: status 138 is no failure, its successor of the same name is followed', () => {
    const foreign = lease(null, { persistent: true });
    const followed = judge(foreign, { queue: queue(row('12', 'pool'), row('11', 'pool')), accounting: notAsked, folder: notAsked });
    assert.ok(followed.kind === 'alive' && followed.job.jobId === '12');
    const lost = judge(foreign, { queue: queue(), accounting: accounting(ended('7', 'pool', 'failed', 138)), folder: notAsked });
    assert.ok(lost.kind === 'unknown' && lost.reason.includes('planned hop'));
    assert.equal(judge(lease(null), { queue: queue(), accounting: accounting(ended('7', 'pool', 'failed', 138)), folder: notAsked }).kind, 'dead');
    assert.equal(isPlannedHop(foreign, { exitCode: null, signal: 10 }), true);
  });
});
