import assert from 'node:assert/strict';
import { createConnectionPool, targetKey } from '../../../src/connection/pool.ts';
import type { HostGate } from '../../../src/connection/hostGate.ts';
import type { Connection } from '../../../src/connection/port.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { createFakeConnection } from '../../contract/connection/fakeConnection.ts';

describe('pool of connections (unit)', () => {
  it('shares one connection per target and one gate per host, and owns them', async () => {
    const made: { connection: Connection; gate: HostGate | undefined }[] = [];
    const pool = createConnectionPool({
      log: silentLog,
      prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') },
      open: (_, deps) => {
        const connection = createFakeConnection({ reply: () => ({}) });
        made.push({ connection, gate: deps.gate });
        return connection;
      },
    });
    const alice = pool.get({ kind: 'ssh', host: 'h', user: 'alice' });
    assert.equal(pool.get({ kind: 'ssh', user: 'alice', host: 'h' }), alice, 'whatever the order of the keys');
    const bob = pool.get({ kind: 'ssh', host: 'H', user: 'bob' });
    assert.notEqual(bob, alice);
    assert.equal(made[0]?.gate, made[1]?.gate);
    assert.notEqual(made[0]?.gate, (pool.get({ kind: 'local' }), made[2]?.gate));
    assert.notEqual(targetKey({ kind: 'ssh', host: 'h' }), targetKey({ kind: 'ssh', host: 'h', port: 22 }));

    pool.release({ kind: 'ssh', host: 'h', user: 'alice' });
    assert.equal(alice.state.kind, 'closed');
    const next = pool.get({ kind: 'ssh', host: 'h', user: 'alice' });
    assert.notEqual(next, alice);
    await next.run({ argv: ['true'] });
    pool.dispose();
    assert.deepEqual(made.map(({ connection }) => connection.state.kind), ['closed', 'closed', 'closed', 'closed']);
    assert.throws(() => pool.get({ kind: 'local' }));
  });
});
