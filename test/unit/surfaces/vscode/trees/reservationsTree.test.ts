import assert from 'node:assert/strict';
import type { ReservationShape } from '../../../../../src/operations/reservations/wire.ts';
import { reservationNodes } from '../../../../../src/surfaces/vscode/trees/reservationsTree.ts';
import { ago, now } from '../fixtures.ts';

const held: ReservationShape = {
  id: 'spartan-dev', name: 'dev', cluster: 'spartan', host: 'spartan', origin: 'booked', liveness: 'alive', phase: 'held', because: '', evidence: ['the queue lists job 7 (dev-h0-0123456789) RUNNING on bm022'], observed_at: ago(12),
  job_id: '7', node: 'bm022', persistent: false, submitted_at: ago(4000), ends_at: new Date(now.getTime() + 3 * 3_600_000).toISOString(), left_s: 10_800, successor_job_id: null, renewal_problem: null, nodes: 1, node_hours: 1.1, running_commands: 0, last_used_at: ago(2400),
  idle_s: 2400, release_after_idle_s: null, attention: [], tmux_server: null, state_dir: '/x', hops: [],
};

describe('The Reservations tree (unit)', () => {
  it('says state, node, time left and idleness, and to a screen reader how old that is', () => {
    const [node] = reservationNodes([held], [], now);
    assert.equal(node?.description, 'spartan · bm022 · alive · 3 h left · idle 40 min');
    assert.match(node.spoken ?? '', /dev, .*seen 12 s ago/);
    assert.equal(node.contextValue, 'reservation.alive.held');
    assert.deepEqual(node.subject, { kind: 'reservation', id: 'spartan-dev' });
  });

  it('unknown is shown as unknown with its reason, never as ended; what never was looked at says so', () => {
    const [unknown, unseen, dead] = reservationNodes(
      [
        { ...held, liveness: 'unknown', phase: null, because: 'the queue could not be asked: *timeout*' },
        { ...held, id: 'b', liveness: 'unseen', phase: null, observed_at: null },
        { ...held, id: 'c', liveness: 'dead', phase: null, because: 'accounting says TIMEOUT' },
      ],
      [],
      now,
    );
    assert.deepEqual([unknown?.description, unseen?.description, dead?.description], ['spartan · bm022 · not known', 'spartan · bm022 · not looked at yet', 'spartan · bm022 · ended']);
    assert.match(unknown?.tooltip ?? '', /could not be asked: \\\*timeout\\\*/);
    assert.deepEqual([unknown?.icon?.id, dead?.icon?.id], ['question', 'circle-slash']);
    assert.match(dead?.tooltip ?? '', /TIMEOUT/);
  });

  it('what needs a person changes the icon; a damaged lease file is a row that opens it', () => {
    const [costly, torn] = reservationNodes([{ ...held, attention: ['idle for 40 min, 0.7 node-hours of nothing'] }], [{ file: '/h/leases/odd.json', message: 'torn' }], now);
    assert.equal(costly?.icon?.id, 'warning');
    assert.match(costly.tooltip ?? '', /0\\?\.7 node\\?-hours/);
    assert.deepEqual([torn?.label, torn?.subject], ['odd.json', { kind: 'file', file: '/h/leases/odd.json', line: null }]);
  });
});
