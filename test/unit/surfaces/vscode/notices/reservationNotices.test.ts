import assert from 'node:assert/strict';
import type { ReservationShape } from '../../../../../src/operations/reservations/wire.ts';
import { isHeld, reservationNoticesOf } from '../../../../../src/surfaces/vscode/notices/reservationNotices.ts';
import { ago, now } from '../fixtures.ts';

const inMinutes = (minutes: number): string => new Date(now.getTime() + minutes * 60_000).toISOString();
const hop: ReservationShape['hops'][number] = { job_id: '7', hop: 0, node: 'bm022', started_at: ago(7200), ended_at: null, reason: null, gap_s: null, queue_wait_s: 3 };
const held: ReservationShape = {
  id: 'spartan-dev', name: 'dev', cluster: 'spartan', host: 'spartan', origin: 'booked', liveness: 'alive', phase: 'held', because: '', evidence: [], observed_at: ago(12), job_id: '7', node: 'bm022', persistent: false, submitted_at: ago(7300),
  ends_at: inMinutes(180), left_s: 10_800, successor_job_id: null, renewal_problem: null, nodes: 2, node_hours: 4, running_commands: 0, last_used_at: ago(60), idle_s: 60, release_after_idle_s: null, attention: [], tmux_server: null, state_dir: '/x', hops: [hop],
};
const told = (change: Partial<ReservationShape>): readonly string[] => reservationNoticesOf({ ...held, ...change }, now).map(({ event, text }) => `${event} ${text}`);

describe('What is told of a reservation (unit)', () => {
  it('nothing of one that is in use, waits, or is not known', () => {
    for (const change of [{}, { phase: 'queued' as const, idle_s: 9000 }, { liveness: 'unknown' as const, phase: null }, { liveness: 'unseen' as const, phase: null }]) assert.deepEqual(told(change), []);
    assert.deepEqual([isHeld(held), isHeld({ ...held, liveness: 'unknown' }), isHeld({ ...held, liveness: 'dead' })], [true, true, false]);
  });

  it('its end, with the reason and what it cost; not to who released it', () => {
    const dead = (reason: string | null): readonly string[] => told({ liveness: 'dead', phase: null, because: 'accounting says NODE_FAIL', hops: [{ ...hop, reason }] });
    assert.deepEqual(dead('released'), []);
    assert.deepEqual(dead('walltime'), ['ended:7 dev on spartan has ended with its time. It held for 4 node-hours.']);
    assert.match(dead('idle')[0] ?? '', /gave itself back/);
    assert.match(dead(null)[0] ?? '', /has ended: accounting says NODE_FAIL/);
  });

  it('that it ends soon, by the clock of this moment, unless it renews itself or was short from the start', () => {
    assert.deepEqual(told({ ends_at: inMinutes(10), left_s: 10_800 }), ['expires:7 dev on spartan ends in 10 min, and what runs in it with it.']);
    assert.deepEqual(told({ ends_at: inMinutes(10), persistent: true }), []);
    assert.deepEqual(told({ ends_at: inMinutes(10), hops: [{ ...hop, started_at: ago(60) }] }), []);
    assert.deepEqual(told({ ends_at: inMinutes(-1) }), []);
  });

  it('that it costs for nothing, once for each time that it was left alone; that it could not renew itself', () => {
    const [idle] = told({ idle_s: 5400, last_used_at: '2026-01-01T00:00:00.000Z' });
    assert.equal(idle, 'idle:2026-01-01T00:00:00.000Z dev on spartan has been idle for 1 h 30 min: 3 node-hours for nothing so far, and it is not released by itself.');
    assert.deepEqual(told({ idle_s: 5400, release_after_idle_s: 7200 }), []);
    assert.match(told({ renewal_problem: 'refused: no submit host', persistent: true })[0] ?? '', /^renewal:7 .*could not renew itself \(refused: no submit host\)/);
  });
});
