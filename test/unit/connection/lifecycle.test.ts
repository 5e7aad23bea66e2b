import assert from 'node:assert/strict';
import fc from 'fast-check';
import { backoffMs } from '../../../src/connection/backoff.ts';
import { ConnectFailure } from '../../../src/connection/failure.ts';
import { createLifecycle, type Lifecycle, type Link } from '../../../src/connection/lifecycle.ts';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { silentLog } from '../../../src/foundation/log.ts';

interface TestLink extends Link {
  lose(reason: string): void;
  disposed: boolean;
}
function makeLink(neededPerson = false): TestLink {
  let lose: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => (lose = resolve));
  const link = { closed, neededPerson, lose, disposed: false, dispose: () => ((link.disposed = true), lose('disposed')) };
  return link;
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the life of a connection (unit)', () => {
  let nowMs: number;
  let attempts: { resolve: (link: TestLink) => void; reject: (error: Error) => void; signal: AbortSignal; asked: () => void }[];
  let lifecycle: Lifecycle<TestLink>;
  beforeEach(() => {
    nowMs = 0;
    attempts = [];
    lifecycle = createLifecycle<TestLink>({
      label: 'host',
      clock: { now: () => new Date(nowMs) },
      random: () => 0.5,
      log: silentLog,
      connect: ({ signal, asked }) => new Promise((resolve, reject) => attempts.push({ resolve, reject, signal, asked })),
    });
  });
  const last = (): NonNullable<(typeof attempts)[number]> => attempts[attempts.length - 1] ?? assert.fail('no attempt');
  const transport = new ConnectFailure('transport', 'refused there');

  it('is made once for all who wait', async () => {
    const both = Promise.all([lifecycle.acquire(), lifecycle.acquire()]);
    assert.equal(attempts.length, 1);
    const link = makeLink();
    last().resolve(link);
    assert.deepEqual(await both, [link, link]);
    assert.equal(await lifecycle.acquire(), link);
    assert.deepEqual([lifecycle.state.kind, lifecycle.connects], ['connected', 1]);
  });

  it('backs off after failures of the network, and begins anew after a steady connection', async () => {
    for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const trying = lifecycle.acquire();
      last().reject(transport);
      await assert.rejects(trying, (error) => HpcError.is(error, 'ssh_unreachable') && error.details?.retryAt === new Date(nowMs + pause * 1000).toISOString());
      const count = attempts.length;
      nowMs += pause * 1000 - 1;
      await assert.rejects(lifecycle.acquire(), (error) => HpcError.is(error, 'ssh_unreachable') && error.details?.outcome === 'not_sent');
      assert.equal(attempts.length, count);
      nowMs += 1;
    }
    const flapping = lifecycle.acquire();
    const brief = makeLink();
    last().resolve(brief);
    await flapping;
    nowMs += 1_000;
    brief.lose('gone');
    await settle();
    assert.ok(lifecycle.state.kind === 'broken');
    assert.equal(lifecycle.state.retryAt.getTime() - nowMs, 60_000, 'one that drops at once earns no trust');
    nowMs += 60_000;
    const steady = makeLink();
    const again = lifecycle.acquire();
    last().resolve(steady);
    await again;
    nowMs += 30_000;
    steady.lose('gone');
    await settle();
    assert.ok(lifecycle.state.kind === 'broken');
    assert.equal(lifecycle.state.retryAt.getTime() - nowMs, 1_000);
  });

  it('a clock that is set back, or that slept, does not keep it from trying', async () => {
    for (const jump of [-86_400_000, 86_400_000]) {
      const trying = lifecycle.acquire();
      last().reject(transport);
      await assert.rejects(trying);
      await assert.rejects(lifecycle.acquire(), /next attempt/);
      nowMs += jump;
    }
    const link = makeLink();
    const again = lifecycle.acquire();
    last().resolve(link);
    assert.equal(await again, link);
  });

  it('waits for a person after a refusal, after a question, and after losing what a person made', async () => {
    const refused = lifecycle.acquire();
    last().reject(new ConnectFailure('refused', 'no', 'do this'));
    await assert.rejects(refused, (error) => HpcError.is(error) && error.remediation === 'do this');
    nowMs += 1e9;
    await assert.rejects(lifecycle.acquire(), (error) => HpcError.is(error) && error.remediation === 'do this');
    assert.equal(attempts.length, 1);

    const asked = lifecycle.reconnect();
    last().asked();
    last().reject(transport);
    await assert.rejects(asked);
    assert.equal(lifecycle.state.kind, 'refused', 'the next attempt would ask again');

    const made = lifecycle.reconnect();
    const link = makeLink(true);
    last().resolve(link);
    await made;
    link.lose('gone');
    await settle();
    assert.equal(lifecycle.state.kind, 'refused');
    assert.equal(attempts.length, 3);
  });

  it('gives an attempt up when nobody waits for it any more', async () => {
    const controllers = [new AbortController(), new AbortController()];
    const waiting = controllers.map((controller) => lifecycle.acquire(controller.signal));
    controllers[0]?.abort();
    await assert.rejects(waiting[0] ?? Promise.resolve(), CancelledError);
    assert.equal(last().signal.aborted, false);
    controllers[1]?.abort();
    await assert.rejects(waiting[1] ?? Promise.resolve(), CancelledError);
    assert.equal(last().signal.aborted, true);
    const late = makeLink();
    last().resolve(late);
    await settle();
    assert.deepEqual([late.disposed, lifecycle.state.kind], [true, 'idle']);
  });

  it('ends everything when it is disposed', async () => {
    const waiting = lifecycle.acquire();
    lifecycle.dispose();
    const late = makeLink();
    last().resolve(late);
    await assert.rejects(waiting, (error) => HpcError.is(error, 'ssh_unreachable'));
    assert.deepEqual([late.disposed, lifecycle.state.kind], [true, 'closed']);
  });

  it('has pauses between four fifths and six fifths of 1, 2, 4, … 60 s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (failures, random) => {
        const base = Math.min(60, 2 ** (failures - 1)) * 1000;
        const pause = backoffMs(failures, () => random);
        assert.ok(pause >= base * 0.8 - 1 && pause <= base * 1.2 + 1);
      }),
    );
  });
});
