/**
 * When a connection is made, and when it is not. Knows nothing of ssh, so that a test can drive it with a clock.
 *
 * Rules:
 * - One attempt at a time, shared by everybody who waits for it; it is given up only when nobody waits any more.
 * - A transport failure (`broken`) is followed by a pause (`backoff.ts`); commands before its end fail at once and say when.
 *   The pause grows until a connection has lasted `steadyMs`, so that a host which accepts and drops is not hammered.
 * - A refusal (`refused`) is final until a person asks again. So is the loss of a connection that a person's answer made:
 *   reconnecting would ask again.
 */
import { CancelledError } from '../foundation/abort.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Disposable } from '../foundation/disposable.ts';
import { messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/log.ts';
import { backoffMs } from './backoff.ts';
import { ConnectFailure, unreachable } from './failure.ts';
import type { ConnectionState } from './port.ts';

export interface Link extends Disposable {
  /** Resolves with the reason when the link is gone. */
  readonly closed: Promise<string>;
  /** Making it again would ask a person again. */
  readonly neededPerson: boolean;
}

export interface LifecycleOptions<L extends Link> {
  readonly label: string;
  /** Makes one attempt. Throws ConnectFailure. `asked` is to be called before a question is put to a person. */
  readonly connect: (attempt: { signal: AbortSignal; asked: () => void }) => Promise<L>;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly log: Log;
}

export interface Lifecycle<L extends Link> extends Disposable {
  readonly state: ConnectionState;
  readonly connects: number;
  readonly onDidChangeState: (listener: (state: ConnectionState) => void) => Disposable;
  /** The link, made where there is none. */
  readonly acquire: (signal?: AbortSignal) => Promise<L>;
  /** Gives up a link that works no more although it stands; the next command makes another at once. */
  readonly recycle: (link: L) => void;
  readonly reconnect: (signal?: AbortSignal) => Promise<void>;
}

const steadyMs = 30_000;
const tryAgain = 'Use "reconnect" when you are ready to sign in again.';

export function createLifecycle<L extends Link>(options: LifecycleOptions<L>): Lifecycle<L> {
  const { label, clock, log } = options;
  const random = options.random ?? Math.random;
  const listeners = new Set<(state: ConnectionState) => void>();
  let state: ConnectionState = { kind: 'idle' };
  let remediation: string | undefined;
  let link: L | undefined;
  let attempt: { promise: Promise<L>; controller: AbortController; waiting: number } | undefined;
  let failures = 0;
  let pauseMs = 0;
  let connects = 0;

  const enter = (next: ConnectionState): void => {
    state = next;
    log.debug('state', { kind: next.kind, ...('reason' in next ? { reason: next.reason } : {}) });
    for (const listener of [...listeners]) {
      try {
        listener(next);
      } catch (error) {
        log.error('a listener of the connection state failed', { error });
      }
    }
  };
  const isClosed = (): boolean => state.kind === 'closed';

  const fail = (failure: ConnectFailure): void => {
    remediation = failure.remediation;
    if (failure.kind === 'refused') {
      enter({ kind: 'refused', reason: failure.message });
      return;
    }
    failures += 1;
    pauseMs = backoffMs(failures, random);
    enter({ kind: 'broken', reason: failure.message, retryAt: new Date(clock.now().getTime() + pauseMs) });
  };

  const watch = (made: L, since: Date): void => {
    void made.closed.then((reason) => {
      if (link !== made || isClosed()) return;
      link = undefined;
      if (clock.now().getTime() - since.getTime() >= steadyMs) failures = 0;
      fail(
        made.neededPerson
          ? new ConnectFailure('refused', `The connection was lost (${reason}), and signing in again needs your answer.`, tryAgain)
          : new ConnectFailure('transport', `The connection was lost: ${reason}`, 'It is made again by itself; check the network if this goes on.'),
      );
    });
  };

  const start = (): NonNullable<typeof attempt> => {
    const controller = new AbortController();
    const before = state;
    let asked = false;
    enter({ kind: 'connecting' });
    const promise = (async (): Promise<L> => {
      try {
        const made = await options.connect({ signal: controller.signal, asked: () => (asked = true) });
        if (isClosed() || controller.signal.aborted) {
          made.dispose();
          throw new CancelledError();
        }
        connects += 1;
        link = made;
        const since = clock.now();
        enter({ kind: 'connected', since });
        watch(made, since);
        return made;
      } catch (error) {
        if (isClosed()) throw unreachable(label, 'the connection was closed.', { outcome: 'not_sent' });
        if (controller.signal.aborted) {
          enter(before.kind === 'connecting' ? { kind: 'idle' } : before);
          throw new CancelledError();
        }
        let failure = error instanceof ConnectFailure ? error : new ConnectFailure('transport', messageOf(error));
        if (asked && failure.kind === 'transport') failure = new ConnectFailure('refused', failure.message, tryAgain);
        fail(failure);
        throw unreachable(label, failure.message, {
          outcome: 'not_sent',
          remediation: failure.remediation,
          retryAt: state.kind === 'broken' ? state.retryAt : undefined,
          cause: error,
        });
      } finally {
        attempt = undefined;
      }
    })();
    promise.catch(() => undefined);
    return { promise, controller, waiting: 0 };
  };

  const join = async (signal: AbortSignal | undefined): Promise<L> => {
    if (signal?.aborted) throw new CancelledError();
    if (!attempt) {
      const fresh = start();
      // An attempt may fail before its promise was kept here.
      if (state.kind === 'connecting') attempt = fresh;
      fresh.waiting += 1;
      return await waitFor(fresh, signal);
    }
    attempt.waiting += 1;
    return await waitFor(attempt, signal);
  };

  const waitFor = (joined: NonNullable<typeof attempt>, signal: AbortSignal | undefined): Promise<L> =>
    new Promise<L>((resolve, reject) => {
      const onAbort = (): void => {
        joined.waiting -= 1;
        if (joined.waiting === 0) joined.controller.abort();
        reject(new CancelledError());
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      joined.promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', onAbort));
    });

  const acquire = async (signal?: AbortSignal): Promise<L> => {
    if (link) return link;
    switch (state.kind) {
      case 'closed':
        throw unreachable(label, 'the connection was closed.', { outcome: 'not_sent' });
      case 'refused':
        throw unreachable(label, state.reason, { outcome: 'not_sent', remediation: remediation ?? tryAgain, details: { refused: true } });
      case 'broken': {
        const leftMs = state.retryAt.getTime() - clock.now().getTime();
        // More than the whole pause: the clock was set back since.
        if (leftMs > 0 && leftMs <= pauseMs) {
          throw unreachable(label, `${state.reason} The next attempt is at ${state.retryAt.toISOString()}.`, { outcome: 'not_sent', remediation, retryAt: state.retryAt });
        }
        return await join(signal);
      }
      default:
        return await join(signal);
    }
  };

  return {
    get state() {
      return state;
    },
    get connects() {
      return connects;
    },
    onDidChangeState: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    acquire,
    recycle: (old) => {
      if (link !== old) return;
      link = undefined;
      enter({ kind: 'idle' });
      old.dispose();
    },
    reconnect: async (signal) => {
      if (isClosed()) throw unreachable(label, 'the connection was closed.', { outcome: 'not_sent' });
      failures = 0;
      const old = link;
      link = undefined;
      old?.dispose();
      await join(signal);
    },
    dispose: () => {
      if (isClosed()) return;
      enter({ kind: 'closed' });
      attempt?.controller.abort();
      const old = link;
      link = undefined;
      old?.dispose();
      listeners.clear();
    },
  };
}
