/** One signal for the two ways a wait ends early: the caller's abort and the time limit. Rule: dispose it, or its timer lives on. */
import { CancelledError } from '../foundation/abort.ts';
import type { Disposable } from '../foundation/disposable.ts';

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  readonly timedOut: boolean;
  /** Rejects with what `failure` makes (a timeout) or CancelledError as soon as the wait must end; else gives the promise's value. */
  race<T>(promise: Promise<T>, failure: () => Error): Promise<T>;
}

export function createDeadline(timeoutMs: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  let timedOut = false;
  const onOuter = (): void => controller.abort();
  const timer = setTimeout(() => {
    timedOut = true;
    controller.abort();
  }, timeoutMs);
  if (outer?.aborted) controller.abort();
  else outer?.addEventListener('abort', onOuter, { once: true });
  const { signal } = controller;
  return {
    signal,
    get timedOut() {
      return timedOut;
    },
    race: <T>(promise: Promise<T>, failure: () => Error): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const onAbort = (): void => reject(timedOut ? failure() : new CancelledError());
        if (signal.aborted) {
          promise.catch(() => undefined);
          onAbort();
          return;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        promise.then(resolve, (error: unknown) => {
          // A wait that was given our signal fails as cancelled at the time limit too: tell the two apart.
          reject(CancelledError.is(error) && timedOut ? failure() : (error as Error));
        }).finally(() => signal.removeEventListener('abort', onAbort));
      }),
    dispose: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onOuter);
    },
  };
}
