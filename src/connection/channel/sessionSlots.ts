/**
 * How many sessions one connection may have open at a time.
 *
 * sshd's MaxSessions (10 by default, 1 or 2 on some sites) is not announced: it shows only when opening one more fails. Rule: a failure
 * while others are open lowers the capacity to what is open and queues the opener; it fails a command only where nothing is open at all.
 * What was open at once may be so again: a refusal below that only says that sshd has not yet noticed an end, and is tried again for some seconds.
 * sshd frees a session when its process ends, not when its channel is closed. Where all that are left are held by processes that were given up
 * and would not end, `onStuck` is told: only another connection helps.
 */
import { CancelledError, sleep } from '../../foundation/abort.ts';
import { SessionLimitError } from './byteChannel.ts';

/** A shell that is kept, or a session of a command's own. */
export type SessionKind = 'kept' | 'own';

interface Waiter {
  readonly kind: SessionKind;
  admit(): void;
}

export interface SessionSlots {
  readonly capacity: number;
  /** How many more sessions may be opened, as far as is known. */
  readonly free: number;
  /** How many commands wait for a session of their own. */
  readonly ownWaiting: number;
  /** Opens with `open` when there is room. Call `release` once for each success, when the session has really ended. */
  open<T>(kind: SessionKind, open: () => Promise<T>, signal: AbortSignal): Promise<T>;
  release(): void;
  /** One of the open sessions has been given up, but its process may go on and hold the session. */
  linger(): void;
  /** That one has ended too; instead of `release`. */
  releaseLingering(): void;
}

const stuckAfterMs = 2_000;
const mostRefusals = 5;
/** With pauses of at most a second. */
const mostRefusalsBelowPeak = 15;
const forgetLimitAfterMs = 60_000;

export function createSessionSlots(options: { capacity?: number; /** Asked to end an idle session because somebody waits. */ makeRoom: () => void; onStuck: () => void }): SessionSlots {
  let capacity = options.capacity ?? 10;
  let taken = 0;
  let openNow = 0;
  let mostOpen = 0;
  let lastRelease = 0;
  let loweredAt = 0;
  let lingering = 0;
  let stuckTimer: NodeJS.Timeout | undefined;
  const waiting: Waiter[] = [];

  const admit = (): void => {
    while (taken < capacity && waiting.length > 0) {
      taken += 1;
      waiting.shift()?.admit();
    }
  };

  const isStuck = (): boolean => waiting.length > 0 && lingering > 0 && taken >= capacity && taken <= lingering;
  const watchForStuck = (): void => {
    if (stuckTimer !== undefined || !isStuck()) return;
    stuckTimer = setTimeout(() => {
      stuckTimer = undefined;
      if (isStuck()) options.onStuck();
    }, stuckAfterMs);
    stuckTimer.unref();
  };

  const take = (kind: SessionKind, signal: AbortSignal, first: boolean): Promise<void> => {
    if (signal.aborted) return Promise.reject(new CancelledError());
    // A limit may have been seen by mistake (a session that was just ending): look again now and then.
    if (taken >= capacity && loweredAt > 0 && Date.now() - loweredAt > forgetLimitAfterMs) {
      capacity += 1;
      loweredAt = Date.now();
    }
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
      admit();
      watchForStuck();
    });
  };

  const release = (): void => {
    lastRelease = Date.now();
    taken -= 1;
    openNow -= 1;
    admit();
  };

  return {
    get capacity() {
      return capacity;
    },
    get free() {
      return Math.max(0, capacity - taken);
    },
    get ownWaiting() {
      return waiting.filter((waiter) => waiter.kind === 'own').length;
    },
    async open(kind, open, signal) {
      let refusals = 0;
      for (;;) {
        await take(kind, signal, refusals > 0);
        try {
          const opened = await open();
          openNow += 1;
          mostOpen = Math.max(mostOpen, openNow);
          return opened;
        } catch (error) {
          taken -= 1;
          if (!(error instanceof SessionLimitError)) {
            admit();
            throw error;
          }
          refusals += 1;
          // sshd may count a session for a moment after its end: that is no limit. Nor is it one where nothing of ours is open at all.
          const justEnded = refusals <= mostRefusals && Date.now() - lastRelease < 1_000 + 100 * refusals;
          const isBelowPeak = taken < mostOpen && refusals <= mostRefusalsBelowPeak;
          if (justEnded || isBelowPeak || taken === 0) {
            if (refusals > mostRefusals && !isBelowPeak) {
              admit();
              throw error;
            }
            await sleep(Math.min(1_000, 25 * 2 ** refusals), signal);
          } else {
            // What is being opened meanwhile may succeed: if not, it says so itself.
            capacity = Math.max(1, taken);
            loweredAt = Date.now();
          }
          watchForStuck();
        }
      }
    },
    release,
    linger() {
      lingering += 1;
      watchForStuck();
    },
    releaseLingering() {
      lingering -= 1;
      release();
    },
  };
}
