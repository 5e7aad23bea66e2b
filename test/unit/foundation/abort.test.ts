import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { abortable, CancelledError, sleep, throwIfAborted } from '../../../src/foundation/abort.ts';

const isCancelled = (error: unknown): boolean => CancelledError.is(error);

describe('abort (unit)', () => {
  it('ends a sleep at once, before and during it, and leaves no listener behind', async () => {
    const controller = new AbortController();
    const waiting = sleep(3_600_000, controller.signal);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
    controller.abort();
    await assert.rejects(waiting, isCancelled);
    await assert.rejects(sleep(3_600_000, controller.signal), isCancelled);
    const calm = new AbortController();
    await sleep(1, calm.signal);
    assert.equal(getEventListeners(calm.signal, 'abort').length, 0);
  });

  it('lets a promise win or the abort, whichever comes first, without an unhandled rejection', async () => {
    const controller = new AbortController();
    assert.equal(await abortable(Promise.resolve(7), controller.signal), 7);
    assert.equal(await abortable(Promise.resolve(8), undefined), 8);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    let fail: (error: Error) => void = () => undefined;
    const waiting = abortable(new Promise((_, reject) => (fail = reject)), controller.signal);
    controller.abort();
    await assert.rejects(waiting, isCancelled);
    fail(new Error('too late'));
    await assert.rejects(abortable(Promise.reject(new Error('already aborted')), controller.signal), isCancelled);
    await assert.rejects(abortable(Promise.reject(new Error('own')), new AbortController().signal), /own/);
  });

  it('knows a cancellation by its class and by the name that Node gives it', () => {
    assert.ok(CancelledError.is(new CancelledError()) && CancelledError.is(new DOMException('x', 'AbortError')));
    assert.ok(!CancelledError.is(new Error('AbortError')) && !CancelledError.is(undefined));
    throwIfAborted(undefined);
    throwIfAborted(new AbortController().signal);
    assert.throws(() => throwIfAborted(AbortSignal.abort()), isCancelled);
  });
});
