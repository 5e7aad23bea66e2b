/**
 * How many sessions one connection may have open at a time.
 *
 * sshd's MaxSessions (10 by default, 1 or 2 on some sites) is not announced: it shows only when opening one more fails. Rule: a failure
 * while others are open lowers the capacity to what is open and queues the opener; it fails a command only where nothing is open at all.
 */
import { CancelledError } from '../../foundation/abort.ts';
import { SessionLimitError } from './byteChannel.ts';

/** A shell that is kept, or a session of a command's own. */
export type SessionKind = 'kept' | 'own';

interface Waiter {
  readonly kind: SessionKind;
  admit(): void;
}

export interface SessionSlots {
  readonly capacity: number;
  /** How many commands wait for a session of their own. */
  readonly ownWaiting: number;
  /** Opens with `open` when there is room. Call `release` once for each success, when the session has really ended. */
  open<T>(kind: SessionKind, open: () => Promise<T>, signal: AbortSignal): Promise<T>;
  release(): void;
}

export function createSessionSlots(options: { capacity?: number; /** Asked to end an idle session because somebody waits. */ makeRoom: () => void }): SessionSlots {
  let capacity = options.capacity ?? 10;
  let taken = 0;
  let confirmed = 0;
  const waiting: Waiter[] = [];

  const admit = (): void => {
    while (taken < capacity && waiting.length > 0) {
      taken += 1;
      waiting.shift()?.admit();
    }
  };

  const take = (kind: SessionKind, signal: AbortSignal, first: boolean): Promise<void> => {
    if (signal.aborted) return Promise.reject(new CancelledError());
    if (taken < capacity && waiting.length === 0) {
      taken += 1;
      return Promise.resolve();
    }
    return new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        const index = waiting.indexOf(waiter);
        if (index >= 0) waiting.splice(index, 1);
        reject(new CancelledError());
      };
      const waiter: Waiter = {
        kind,
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (first) waiting.unshift(waiter);
      else waiting.push(waiter);
      if (kind === 'own') options.makeRoom();
    });
  };

  return {
    get capacity() {
      return capacity;
    },
    get ownWaiting() {
      return waiting.filter((waiter) => waiter.kind === 'own').length;
    },
    async open(kind, open, signal) {
      let refusals = 0;
      for (;;) {
        await take(kind, signal, refusals > 0);
        try {
          const value = await open();
          confirmed += 1;
          return value;
        } catch (error) {
          taken -= 1;
          if (!(error instanceof SessionLimitError)) {
            admit();
            throw error;
          }
          refusals += 1;
          // Nothing of ours is open or being opened: the server refuses sessions as such. Once more, as one of ours may just be ending there.
          if (taken === 0 && refusals > 1) {
            admit();
            throw error;
          }
          capacity = Math.max(1, confirmed);
        }
      }
    },
    release() {
      confirmed -= 1;
      taken -= 1;
      admit();
    },
  };
}
