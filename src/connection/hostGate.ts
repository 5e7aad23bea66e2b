/**
 * The door to one host, shared by everything that talks to it.
 *
 * Capacity and rules:
 * - At most `concurrency` commands at a time (default 4), and `interactiveReserve` more (default 2) that only interactive ones
 *   may take, so that a click is answered while polls and copies run.
 * - Waiting commands go interactive before normal before background; first come, first served within a class.
 * - At most `maxQueued` wait (default 256); one more fails at once with `scheduler_throttled`: a queue that only grows is a defect,
 *   and waiting longer would hide it. An interactive command is let in by turning away the newest background one.
 * - Circuit breaker: after `breakAfter` replies in a row that did not come (default 5), the host is left alone for `breakForMs`
 *   (default 30 s): commands fail at once. Then one is let through as a probe; its reply closes the breaker, its failure opens it anew.
 */
import { CancelledError } from '../foundation/abort.ts';
import type { Clock } from '../foundation/clock.ts';
import { HpcError } from '../foundation/errors.ts';
import type { Priority } from './port.ts';

export interface HostGateOptions {
  readonly clock: Clock;
  readonly concurrency?: number;
  readonly interactiveReserve?: number;
  readonly maxQueued?: number;
  readonly breakAfter?: number;
  readonly breakForMs?: number;
}

export interface HostGate {
  /** Runs `body` when it is its turn. Only what is thrown by `body` as `cluster_timeout` counts as a missing reply. */
  enter<T>(options: { priority: Priority; signal?: AbortSignal }, body: () => Promise<T>): Promise<T>;
  readonly active: number;
  readonly queued: number;
}

interface Waiting {
  readonly priority: Priority;
  admit(): void;
  refuse(error: Error): void;
}

const order: readonly Priority[] = ['interactive', 'normal', 'background'];

export function createHostGate(options: HostGateOptions): HostGate {
  const concurrency = options.concurrency ?? 4;
  const ceiling = concurrency + (options.interactiveReserve ?? 2);
  const maxQueued = options.maxQueued ?? 256;
  const breakAfter = options.breakAfter ?? 5;
  const breakForMs = options.breakForMs ?? 30_000;
  const queues: Record<Priority, Waiting[]> = { interactive: [], normal: [], background: [] };
  let active = 0;
  let misses = 0;
  let openUntil: Date | undefined;
  let probing = false;

  const queued = (): number => order.reduce((sum, priority) => sum + queues[priority].length, 0);
  const mayStart = (priority: Priority): boolean => active < (priority === 'interactive' ? ceiling : concurrency);

  const admitNext = (): void => {
    for (const priority of order) {
      while (queues[priority].length > 0 && mayStart(priority)) {
        active += 1;
        queues[priority].shift()?.admit();
      }
    }
  };

  const throttled = (): HpcError =>
    new HpcError('scheduler_throttled', `Too many commands wait for this host (${maxQueued}).`, {
      remediation: 'Wait for the running ones to end.',
      details: { outcome: 'not_sent' },
    });

  const wait = (priority: Priority, signal: AbortSignal | undefined): Promise<void> => {
    if (queued() >= maxQueued) {
      const turnedAway = priority === 'interactive' ? queues.background.pop() : undefined;
      if (!turnedAway) return Promise.reject(throttled());
      turnedAway.refuse(throttled());
    }
    return new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        priority,
        admit: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      const onAbort = (): void => {
        const index = queues[priority].indexOf(waiting);
        if (index >= 0) queues[priority].splice(index, 1);
        reject(new CancelledError());
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queues[priority].push(waiting);
    });
  };

  /** True when this command is the breaker's probe. Throws while the breaker is open. */
  const passBreaker = (): boolean => {
    if (!openUntil) return false;
    const leftMs = openUntil.getTime() - options.clock.now().getTime();
    // More than the whole pause: the clock was set back since.
    if ((leftMs > 0 && leftMs <= breakForMs) || probing) {
      throw new HpcError('ssh_unreachable', `The host has not answered ${misses} times in a row; it is left alone until ${openUntil.toISOString()}.`, {
        remediation: 'Check that the host is well; then try again.',
        details: { outcome: 'not_sent', retryAt: openUntil.toISOString() },
      });
    }
    probing = true;
    return true;
  };

  return {
    get active() {
      return active;
    },
    get queued() {
      return queued();
    },
    async enter(entry, body) {
      if (entry.signal?.aborted) throw new CancelledError();
      const probe = passBreaker();
      let admitted = false;
      try {
        if (mayStart(entry.priority) && queues[entry.priority].length === 0) active += 1;
        else await wait(entry.priority, entry.signal);
        admitted = true;
        const value = await body();
        misses = 0;
        openUntil = undefined;
        return value;
      } catch (error) {
        if (admitted && HpcError.is(error, 'cluster_timeout')) {
          misses += 1;
          if (misses >= breakAfter) openUntil = new Date(options.clock.now().getTime() + breakForMs);
        }
        throw error;
      } finally {
        if (probe) probing = false;
        if (admitted) {
          active -= 1;
          admitNext();
        }
      }
    },
  };
}
