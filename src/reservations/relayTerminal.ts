/**
 * A terminal that the holding job itself opens on its node and carries over the same way as commands: no scheduler and no sshd of the
 * node has a part in it, so that it works wherever commands do.
 *
 * Rule: a terminal is opened once. Where it is not certain whether it was, it is closed with its channel, and the next one is another;
 * what survives is the tmux session in it.
 */
import type { PtySession } from '../connection/port.ts';
import type { ClusterSession } from '../cluster/session.ts';
import { abortable, CancelledError, sleep, throwIfAborted } from '../foundation/abort.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { newToken } from '../foundation/ids.ts';
import { channelKey, notEntered, openChannel } from './channelInto.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { NotEntered, type HoldChannel } from './holdChannels.ts';
import type { Lease } from './lease.ts';
import type { SoftwareOnWire } from './software.ts';

export interface TerminalView {
  readonly size: { readonly columns: number; readonly rows: number };
  readonly onData: (chunk: Uint8Array) => void;
}

/** How a terminal ended that did not end by itself. */
export interface TerminalEnd {
  readonly why: string;
  /** Whether what ran in it is still there, and seen again when it is opened anew. */
  readonly survives: boolean;
}

export interface AttachedTerminal extends PtySession {
  /** Whether what runs there goes on when the terminal is closed. */
  readonly survives: boolean;
  /** Known when `ended` gave no exit status. */
  endedBecause(): TerminalEnd | undefined;
}

export interface TerminalWish {
  readonly software: SoftwareOnWire;
  readonly cwd: string;
  /** Instead of a shell. */
  readonly command?: readonly string[];
}

const attempts = 4;
/** Of the hello of a job that opens terminals. */
const terminalVersion = 2;

export async function openRelayTerminal(lease: Lease, wish: TerminalWish, view: TerminalView, session: ClusterSession, deps: ReservationDeps, call: CallOptions): Promise<AttachedTerminal> {
  let why = 'its job handed over, and the next one could not be entered';
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    throwIfAborted(call.signal);
    if (attempt > 0) await sleep(200 * attempt, call.signal);
    const id = newToken(10);
    const key = channelKey(lease, session, ` terminal ${id}`);
    try {
      const channel = await openChannel(lease, session, deps, call.signal, ` terminal ${id}`);
      const { version } = await abortable(channel.hello, call.signal);
      if (version < terminalVersion) throw new HpcError('spec_invalid', `No terminal can be opened in ${lease.name}: it was booked with an earlier version of this product.`, { remediation: 'Release it and book it again; commands run in it as it is.' });
      const terminal = new RelayTerminal(id, channel, view, () => deps.channels.drop(key));
      const outcome = await terminal.open(wish, call.signal);
      if (outcome === 'opened') return terminal;
      why = outcome.why;
      deps.channels.drop(key);
      if (outcome.kind === 'refused') throw new HpcError('remote_command_failed', `No terminal can be opened in ${lease.name}: ${why}.`, { remediation: 'Run a command instead: `hpc-agent reservation exec`.' });
    } catch (error) {
      deps.channels.drop(key);
      if (error instanceof NotEntered) throw await notEntered(lease, error.message, deps, call);
      if (HpcError.is(error) || CancelledError.is(error)) throw error;
      why = messageOf(error);
    }
  }
  throw await notEntered(lease, why, deps, call);
}

type Opening = 'opened' | { readonly kind: 'moved' | 'refused' | 'lost'; readonly why: string };

class RelayTerminal implements AttachedTerminal {
  readonly ended: Promise<number | null>;
  survives = false;
  private end: TerminalEnd | undefined;
  private settle: (code: number | null) => void = () => undefined;
  private isOver = false;
  private readonly id: string;
  private readonly channel: HoldChannel;
  private readonly view: TerminalView;
  private readonly drop: () => void;

  constructor(id: string, channel: HoldChannel, view: TerminalView, drop: () => void) {
    this.id = id;
    this.channel = channel;
    this.view = view;
    this.drop = drop;
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  open({ software, cwd, command }: TerminalWish, signal: AbortSignal): Promise<Opening> {
    return new Promise((resolve) => {
      const onAbort = (): void => this.dispose();
      signal.addEventListener('abort', onAbort, { once: true });
      void this.ended.then(() => signal.removeEventListener('abort', onAbort));
      const begin = { op: 'terminal', id: this.id, ...this.view.size, software, cwd, ...(command === undefined ? {} : { argv: command }) };
      this.channel.send(begin, {
        onLost: (error) => {
          resolve({ kind: 'lost', why: error.message });
          this.finish(null, { why: `the connection was lost (${error.message})`, survives: this.survives });
        },
        onEvent: (event) => {
          if (event.e === 'begun') {
            this.survives = event.survives;
            resolve('opened');
          } else if (event.e === 'out') this.view.onData(Buffer.from(event.d, 'base64'));
          else if (event.e === 'end') this.finish(event.why === null ? (event.rc ?? 128 + (event.signal ?? 0)) : null, event.why === null ? undefined : { why: event.why, survives: false });
          else if (event.e === 'moved') resolve({ kind: 'moved', why: 'its job handed over, and the next one could not be entered' });
          else if (event.e === 'refused') resolve({ kind: 'refused', why: event.error });
        },
      });
    });
  }

  write(data: string | Uint8Array): void {
    this.send({ op: 'type', id: this.id, d: Buffer.from(data).toString('base64') });
  }

  resize(size: { columns: number; rows: number }): void {
    this.send({ op: 'resize', id: this.id, columns: size.columns, rows: size.rows });
  }

  endedBecause(): TerminalEnd | undefined {
    return this.end;
  }

  dispose(): void {
    this.finish(null, undefined);
  }

  private send(request: Readonly<Record<string, unknown>> & { readonly id: string }): void {
    // What is typed into a terminal that is over goes nowhere, as with any other.
    if (!this.isOver && !this.channel.isOver) this.channel.send(request);
  }

  private finish(code: number | null, end: TerminalEnd | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.end = end;
    this.settle(code);
    this.drop();
  }
}
