/**
 * Kept channels into reservations: JSON lines to and from the command server in the holding job (`hpc_hold.py`), many commands at once
 * over one channel, so that a command costs one round trip and no scheduler.
 *
 * Rule: a channel knows nothing of retries. When it ends, everything open on it ends with `ChannelLost`, and whoever asked decides by the
 * command's id what became of it.
 */
import type { Connection, RemoteCommand } from '../connection/port.ts';
import { CancelledError } from '../foundation/abort.ts';
import type { Disposable } from '../foundation/disposable.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import * as z from 'zod/mini';

const eventSchema = z.discriminatedUnion('e', [
  z.object({ e: z.literal('hello'), job_id: z.string(), node: z.string(), server: z.string(), version: z._default(z.number(), 1) }),
  z.object({ e: z.literal('closed'), why: z.string() }),
  /** Another job holds from now on: what comes later is asked there. What was sent is still answered. */
  z.object({ e: z.literal('leaving') }),
  z.object({ e: z.literal('begun'), id: z.string(), pid: z.number(), survives: z._default(z.boolean(), false) }),
  z.object({ e: z.literal('out'), id: z.string(), d: z.string() }),
  z.object({ e: z.literal('err'), id: z.string(), d: z.string() }),
  z.object({ e: z.literal('end'), id: z.string(), rc: z.nullable(z.number()), signal: z.nullable(z.number()), why: z.nullable(z.string()), elapsed_s: z.number() }),
  z.object({ e: z.literal('refused'), id: z.string(), error: z.string() }),
  z.object({ e: z.literal('absent'), id: z.string() }),
  /** It did not run: another job holds from now on. */
  z.object({ e: z.literal('moved'), id: z.string() }),
]);
export type HoldEvent = z.output<typeof eventSchema>;
type CommandEvent = Extract<HoldEvent, { id: string }>;
export type CommandEnd = Extract<HoldEvent, { e: 'end' }>;

/** The channel is gone; what ran over it may go on. */
export class ChannelLost extends Error {
  override readonly name = 'ChannelLost';
}
/** No job holds the reservation, or its node cannot be reached: nothing was sent. */
export class NotEntered extends Error {
  override readonly name = 'NotEntered';
}

interface Open {
  readonly onEvent: (event: CommandEvent) => void;
  readonly onLost: (error: Error) => void;
}

const idleMs = 60_000;
/** Timers take no more. */
const forever = 2_147_483_647;

export class HoldChannel implements Disposable {
  readonly hello: Promise<Extract<HoldEvent, { e: 'hello' }>>;
  isOver = false;
  /** Takes nothing new: what is open on it goes on. */
  isLeaving = false;
  private readonly open = new Map<string, Open>();
  private readonly waiting: Uint8Array[] = [];
  private readonly stop = new AbortController();
  private wake: () => void = () => undefined;
  private inputOver = false;
  private rest = '';
  private idle: NodeJS.Timeout | undefined;
  private greet: (hello: Extract<HoldEvent, { e: 'hello' }>) => void = () => undefined;
  private refuse: (error: Error) => void = () => undefined;

  constructor(connection: Connection, command: RemoteCommand) {
    this.hello = new Promise((resolve, reject) => {
      this.greet = resolve;
      this.refuse = reject;
    });
    // Whoever asks for it sees the failure; without an asker there is nobody to tell.
    this.hello.catch(() => undefined);
    const decoder = new TextDecoder();
    connection
      .exec(command, { input: this.input(), onStdout: (chunk) => this.read(decoder.decode(chunk, { stream: true })), signal: this.stop.signal, timeoutMs: forever, priority: 'interactive' })
      .then(
        ({ exitCode, stderr }) => this.end(new ChannelLost(`the way into the job ended (exit status ${exitCode ?? 'none'})${stderr.trim() === '' ? '' : `: ${stderr.trim().split('\n').at(-1) ?? ''}`}`)),
        (error: unknown) => this.end(HpcError.is(error) && error.details?.outcome === 'not_sent' ? error : CancelledError.is(error) ? new ChannelLost('the channel was closed') : new ChannelLost(messageOf(error))),
      );
  }

  /** Sends one request about a command; events about its id go to `listener` until its end. */
  send(request: Readonly<Record<string, unknown>> & { readonly id: string }, listener?: Open): void {
    if (this.isOver) throw new ChannelLost('the channel is over');
    if (listener) this.open.set(request.id, listener);
    clearTimeout(this.idle);
    this.waiting.push(Buffer.from(`${JSON.stringify(request)}\n`));
    this.wake();
  }

  forget(id: string): void {
    this.open.delete(id);
    if (this.isLeaving) this.leave();
    else this.rearm();
  }

  /** For what comes next there is a better way: this one ends with what is open on it. */
  leave(): void {
    this.isLeaving = true;
    if (this.open.size === 0) this.dispose();
  }

  dispose(): void {
    this.inputOver = true;
    this.wake();
    this.stop.abort();
    this.end(new ChannelLost('the channel was closed'));
  }

  private rearm(): void {
    clearTimeout(this.idle);
    if (this.open.size > 0 || this.isOver) return;
    this.idle = setTimeout(() => this.dispose(), idleMs);
    this.idle.unref();
  }

  private async *input(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.waiting.splice(0);
      if (next.length > 0) yield Buffer.concat(next);
      else if (this.inputOver) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      // A site's wrapper may print a word of its own.
      if (!line.startsWith('{')) continue;
      let event: HoldEvent | undefined;
      try {
        event = eventSchema.parse(JSON.parse(line));
      } catch {
        continue;
      }
      this.take(event);
    }
  }

  private take(event: HoldEvent): void {
    if (event.e === 'hello') {
      this.greet(event);
      this.rearm();
    } else if (event.e === 'closed') {
      this.end(new NotEntered(event.why));
      this.stop.abort();
    } else if (event.e === 'leaving') {
      this.leave();
    } else {
      this.open.get(event.id)?.onEvent(event);
      if (event.e === 'end' || event.e === 'refused' || event.e === 'absent' || event.e === 'moved') this.forget(event.id);
    }
  }

  private end(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.idle);
    this.inputOver = true;
    this.wake();
    this.refuse(error);
    const open = [...this.open.values()];
    this.open.clear();
    for (const { onLost } of open) onLost(error);
  }
}

/** One channel per reservation and holding job, made when first needed. */
export class HoldChannels implements Disposable {
  private readonly channels = new Map<string, HoldChannel>();

  get(key: string, make: () => HoldChannel): HoldChannel {
    const known = this.channels.get(key);
    if (known && !known.isOver && !known.isLeaving) return known;
    const made = make();
    this.channels.set(key, made);
    return made;
  }

  drop(key: string): void {
    this.channels.get(key)?.dispose();
    this.channels.delete(key);
  }

  dispose(): void {
    for (const channel of this.channels.values()) channel.dispose();
    this.channels.clear();
  }
}
