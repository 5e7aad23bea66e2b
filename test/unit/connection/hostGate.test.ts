import assert from 'node:assert/strict';
import { createHostGate } from '../../../src/connection/hostGate.ts';
import type { Priority } from '../../../src/connection/port.ts';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';

function fakeClock(): { now(): Date; move(ms: number): void } {
  let at = 0;
  return { now: () => new Date(at), move: (ms) => void (at += ms) };
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('host gate (unit)', () => {
  const clock = fakeClock();
  /** Enters with a body that ends when told. */
  function entering(gate: ReturnType<typeof createHostGate>, log: string[]): (name: string, priority: Priority, signal?: AbortSignal) => { end: () => void; done: Promise<void> } {
    return (name, priority, signal) => {
      let end: () => void = () => undefined;
      const body = new Promise<void>((resolve) => (end = resolve));
      const done = gate.enter({ priority, ...(signal ? { signal } : {}) }, async () => {
        log.push(name);
        await body;
      });
      done.catch(() => undefined);
      return { end, done };
    };
  }

  it('bounds what runs, keeps a reserve for clicks, and lets them go first', async () => {
    const log: string[] = [];
    const gate = createHostGate({ clock, concurrency: 2, interactiveReserve: 1 });
    const enter = entering(gate, log);
    const first = enter('n1', 'normal');
    const others = [enter('n2', 'normal'), enter('b1', 'background'), enter('n3', 'normal'), enter('i1', 'interactive'), enter('i2', 'interactive')];
    await settle();
    assert.deepEqual(log, ['n1', 'n2', 'i1'], 'two, and one in the reserve');
    first.end();
    await settle();
    assert.deepEqual(log.slice(3), ['i2']);
    for (const entry of others) entry.end();
    await Promise.all(others.map((entry) => entry.done));
    assert.deepEqual(log.slice(4), ['n3', 'b1']);
    assert.deepEqual([gate.active, gate.queued], [0, 0]);
  });

  it('bounds what waits', async () => {
    const log: string[] = [];
    const gate = createHostGate({ clock, concurrency: 1, interactiveReserve: 0, maxQueued: 2 });
    const enter = entering(gate, log);
    const entries = [enter('n1', 'normal'), enter('b1', 'background'), enter('b2', 'background')];
    await assert.rejects(enter('n2', 'normal').done, (error) => HpcError.is(error, 'scheduler_throttled') && error.details?.outcome === 'not_sent');
    entries.push(enter('i1', 'interactive'));
    await assert.rejects(entries[2]?.done ?? Promise.resolve(), (error) => HpcError.is(error, 'scheduler_throttled'));
    for (const entry of entries) entry.end();
    await entries[3]?.done;
    await entries[1]?.done;
    assert.deepEqual(log, ['n1', 'i1', 'b1']);
  });

  it('forgets who gives up', async () => {
    const log: string[] = [];
    const gate = createHostGate({ clock, concurrency: 1, interactiveReserve: 0 });
    const enter = entering(gate, log);
    const controller = new AbortController();
    const first = enter('one', 'normal');
    const second = enter('two', 'normal', controller.signal);
    controller.abort();
    await assert.rejects(second.done, CancelledError);
    first.end();
    await first.done;
    assert.deepEqual([log, gate.active, gate.queued], [['one'], 0, 0]);
  });

  it('leaves a host alone that does not answer, then asks once', async () => {
    const gate = createHostGate({ clock, breakAfter: 2, breakForMs: 1_000 });
    const miss = (): Promise<void> => gate.enter({ priority: 'normal' }, () => Promise.reject(new HpcError('cluster_timeout', 'no reply')));
    const ok = (): Promise<string> => gate.enter({ priority: 'normal' }, () => Promise.resolve('reply'));
    await assert.rejects(miss());
    assert.equal(await ok(), 'reply', 'a reply in between starts the count anew');
    await assert.rejects(miss());
    await assert.rejects(miss());
    await assert.rejects(ok(), (error) => HpcError.is(error, 'ssh_unreachable') && error.details?.outcome === 'not_sent');
    clock.move(1_000);
    const probes = await Promise.allSettled([miss(), ok()]);
    assert.deepEqual(probes.map((probe) => probe.status), ['rejected', 'rejected'], 'one probe at a time');
    await assert.rejects(ok(), /left alone/);
    clock.move(1_000);
    assert.equal(await ok(), 'reply');
    assert.equal(await ok(), 'reply');
    await assert.rejects(miss());
    await assert.rejects(miss());
    await assert.rejects(ok(), /left alone/);
    clock.move(-86_400_000);
    assert.equal(await ok(), 'reply', 'a clock that is set back a day does not close the door for a day');
  });
});
