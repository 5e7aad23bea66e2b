/** What a connection over ssh does when the network fails it. */
import assert from 'node:assert/strict';
import { silentLog } from '../../../src/foundation/log.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Connection, PromptPort } from '../../../src/connection/port.ts';
import { sshPlaces } from './sshPlaces.ts';
import { freePort, startSshd, startTap, until, type Tap, type TestSshd } from './sshd.ts';

const nobody: PromptPort = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') };

function unreachable(outcome: 'not_sent' | 'unknown') {
  return (error: unknown): boolean => {
    assert.ok(HpcError.is(error, 'ssh_unreachable'), String(error));
    assert.equal(error.details?.outcome, outcome, error.message);
    return true;
  };
}

for (const place of sshPlaces) describe(`${place.name} (integration): when the network fails`, () => {
  let sshd: TestSshd;
  let tap: Tap;
  let now: number;
  let connection: Connection;
  before(async () => {
    sshd = await startSshd({ lines: ['Banner /etc/passwd'] });
  });
  after(() => sshd.stop());
  beforeEach(async () => {
    tap = await startTap(sshd.port);
    now = Date.parse('2026-01-01T00:00:00Z');
    connection = place.open(
      // Through the tap the host is known by the port of its sshd.
      { ...sshd.target, port: tap.port, knownHostsFile: `${sshd.knownHostsFile}.${tap.port}`, keepaliveIntervalMs: 200, connectTimeoutMs: 15_000 },
      { prompts: nobody, log: silentLog, clock: { now: () => new Date(now) }, random: () => 0.5 },
    );
    const { readFileSync, writeFileSync } = await import('node:fs');
    writeFileSync(`${sshd.knownHostsFile}.${tap.port}`, readFileSync(sshd.knownHostsFile, 'utf8').replaceAll(`:${sshd.port} `, `:${tap.port} `));
  });
  afterEach(async () => {
    connection.dispose();
    await tap.stop();
  });

  it('rejects what runs when it drops in the middle, backs off, and comes back', async () => {
    await connection.run({ argv: ['true'] });
    const running = [connection.run({ script: 'echo begun; sleep 600' }), connection.exec({ script: 'echo begun; sleep 601' }, { onStdout: () => begun() })];
    let begun: () => void = () => undefined;
    await new Promise<void>((resolve) => (begun = resolve));
    tap.cut();
    for (const command of running) await assert.rejects(command, unreachable('unknown'));
    assert.equal(connection.state.kind, 'broken');
    const taken = tap.taken;
    await assert.rejects(connection.run({ argv: ['true'] }), (error) => unreachable('not_sent')(error) && (error as Error).message.includes('2026-01-01T00:00:01'));
    assert.equal(tap.taken, taken, 'nothing is tried before its time');
    now += 1_001;
    assert.equal((await connection.run({ argv: ['echo', 'back'] })).stdout, 'back\n');
    await connection.run({ script: "kill $(ps -eo pid,args | sed -n 's/^ *\\([0-9]*\\) sleep 60[01]$/\\1/p')" });
  });

  it('waits longer each time, and at once when a person asks', async () => {
    tap.refusing = true;
    const pauses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      await assert.rejects(connection.run({ argv: ['true'] }), unreachable('not_sent'));
      const { state } = connection;
      assert.ok(state.kind === 'broken', state.kind);
      pauses.push((state.retryAt.getTime() - now) / 1000);
      now = state.retryAt.getTime();
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    await assert.rejects(connection.run({ argv: ['true'] }), unreachable('not_sent'));
    tap.refusing = false;
    await connection.reconnect();
    assert.equal((await connection.run({ argv: ['echo', 'in'] })).stdout, 'in\n');
  });

  it('notices a network that stalls', async () => {
    await connection.run({ argv: ['true'] });
    tap.stall();
    await assert.rejects(connection.run({ argv: ['true'] }, { timeoutMs: 15_000 }), unreachable('unknown'));
    assert.equal(connection.state.kind, 'broken');
  });

  it('is given up by whoever waits for it', async () => {
    tap.stall();
    const controller = new AbortController();
    const running = connection.run({ argv: ['true'] }, { signal: controller.signal });
    await until('the connection is tried', () => tap.taken > 0);
    controller.abort();
    await assert.rejects(running, { name: 'CancelledError' });
    await until('the attempt is over', () => connection.state.kind === 'idle');
  });

  it('says which port refuses', async () => {
    const port = await freePort();
    const closed = place.open({ ...sshd.target, port }, { prompts: nobody, log: silentLog });
    await assert.rejects(closed.run({ argv: ['true'] }), (error) => unreachable('not_sent')(error) && (error as Error).message.includes(`127.0.0.1:${port} refuses`));
    closed.dispose();
  });

  it('needs one round trip for a warm program on a slow line', async () => {
    await connection.run({ argv: ['true'] });
    tap.delayMs = 30;
    const before = connection.statistics.roundTrips;
    for (let i = 0; i < 3; i += 1) await connection.run({ argv: ['true'] });
    assert.equal(connection.statistics.roundTrips - before, 3);
  });
});
