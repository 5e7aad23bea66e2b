/**
 * One process's part in watching one cluster.
 *
 * Rules:
 * - The observer asks when the last answer is as old as its pace; whoever else asked in between (a refresh) saves it the question.
 * - A reader looks again a moment after the observer should have asked. Where nothing has come by then, it tries for the lease; so a
 *   dead observer is replaced within one interval and that moment.
 * - A reader asks for itself only where the observer lives but has not served it for a while: stuck, or unaware of its runs.
 * - After a failure the pause doubles, whatever others wish. An observer whose sign-in was refused makes room for one that may do better.
 */
import type { Clock } from '../../foundation/clock.ts';
import { HpcError } from '../../foundation/errors.ts';
import type { ObserverLease } from './observerLease.ts';

export interface WatchTick {
  /** How old an answer may be. */
  readonly intervalMs: number;
  /** When the runs of this process that are open were last heard of, the oldest of them; undefined: one never was. */
  readonly heardMs: number | undefined;
  /** The same, but since its submission for a run that was never heard of. */
  readonly waitingSinceMs: number;
  /** Workspace folders whose failed tasks this process submits again while it is the observer. */
  readonly retries: readonly string[];
}

export interface TickOutcome {
  readonly role: 'observer' | 'reader';
  readonly asked: boolean;
  /** Milliseconds until the next look. */
  readonly nextMs: number;
  readonly problem?: HpcError;
  /** Workspace folders whose failed tasks another process submits again. */
  readonly retriedElsewhere: readonly string[];
}

/** Answers that are nearly due count as due, so that ticks that come a little early are not for nothing. */
const early = 0.9;
const longestPauseMs = 15 * 60_000;

/** How long a reader waits for an observer that is due. */
export const graceMs = (intervalMs: number): number => Math.min(2_000, Math.max(250, intervalMs / 4));

/** From this age on, a reader that is not served asks for itself. */
const unservedMs = (intervalMs: number): number => 2 * intervalMs + 5_000;

export class ClusterWatch {
  private failures = 0;
  private pausedUntilMs = 0;
  private readingSinceMs: number | undefined;

  constructor(
    readonly lease: ObserverLease,
    private readonly clock: Clock,
  ) {}

  async tick(tick: WatchTick, ask: (freshMs: number) => Promise<void>): Promise<TickOutcome> {
    const nowMs = this.clock.now().getTime();
    const ageOf = (sinceMs: number | undefined): number => (sinceMs === undefined || sinceMs > nowMs ? Infinity : nowMs - sinceMs);
    if (await this.lease.take()) {
      this.readingSinceMs = undefined;
      return this.observe(tick, nowMs, ageOf(tick.heardMs), ask);
    }
    // However old the answer is: an observer that only just began is given its time.
    this.readingSinceMs ??= nowMs;
    return this.read(tick, nowMs, Math.min(ageOf(tick.waitingSinceMs), ageOf(this.readingSinceMs)), ask);
  }

  private async observe(tick: WatchTick, nowMs: number, ageMs: number, ask: (freshMs: number) => Promise<void>): Promise<TickOutcome> {
    const wish = await this.lease.wish();
    const paceMs = Math.min(tick.intervalMs, wish ?? tick.intervalMs);
    const tell = (nextMs: number): Promise<void> => this.lease.writeNote({ interval_ms: tick.intervalMs, next_at: new Date(this.clock.now().getTime() + nextMs).toISOString(), retries: [...tick.retries] });
    const dueMs = Math.max(ageMs < paceMs * early ? paceMs - ageMs : 0, this.pauseMs(nowMs));
    if (dueMs > 0) {
      await tell(dueMs);
      return { role: 'observer', asked: false, nextMs: dueMs, retriedElsewhere: [] };
    }
    await tell(paceMs);
    const problem = await this.attempt(ask, paceMs);
    const nextMs = problem ? this.pauseMs(this.clock.now().getTime()) : paceMs;
    if (problem?.details?.refused === true) await this.lease.yield();
    else await tell(nextMs);
    return { role: 'observer', asked: true, nextMs, ...(problem ? { problem } : {}), retriedElsewhere: [] };
  }

  private async read(tick: WatchTick, nowMs: number, ageMs: number, ask: (freshMs: number) => Promise<void>): Promise<TickOutcome> {
    const { intervalMs } = tick;
    const note = await this.lease.readNote();
    const retriedElsewhere = note?.retries ?? [];
    if (note !== undefined && note.interval_ms > intervalMs) await this.lease.leaveWish(intervalMs);
    // The observer waits on purpose, after failures: to ask beside it would undo that.
    const expectedMs = note === undefined ? 0 : Date.parse(note.next_at) - nowMs;
    const isWaitedFor = expectedMs > 0 && expectedMs <= longestPauseMs;
    const pauseMs = this.pauseMs(nowMs);
    if (ageMs < unservedMs(intervalMs) || isWaitedFor || pauseMs > 0) {
      return { role: 'reader', asked: false, nextMs: Math.max(pauseMs, ageMs < intervalMs ? intervalMs - ageMs : 0) + graceMs(intervalMs), retriedElsewhere };
    }
    const problem = await this.attempt(ask, intervalMs);
    return { role: 'reader', asked: true, nextMs: problem ? this.pauseMs(this.clock.now().getTime()) : intervalMs, ...(problem ? { problem } : {}), retriedElsewhere };
  }

  private pauseMs(nowMs: number): number {
    const leftMs = this.pausedUntilMs - nowMs;
    return leftMs > 0 && leftMs <= longestPauseMs ? leftMs : 0;
  }

  private async attempt(ask: (freshMs: number) => Promise<void>, paceMs: number): Promise<HpcError | undefined> {
    try {
      await ask(paceMs / 2);
      this.failures = 0;
      return undefined;
    } catch (error) {
      if (!HpcError.is(error)) throw error;
      this.failures += 1;
      this.pausedUntilMs = this.clock.now().getTime() + Math.min(longestPauseMs, paceMs * 2 ** Math.min(this.failures, 6));
      return error;
    }
  }
}
