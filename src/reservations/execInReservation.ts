/**
 * Runs a command in a reservation, without the queue.
 *
 * Rules: a command has an id and is sent once; after a lost connection it is asked after by its id, never sent again. The command server
 * answers that it runs (its whole output comes), that it ended, or that it never came (then it is refused should it still
 * arrive). Where the server cannot be asked, or is another one by now, the answer is `unknown`, with the id to ask later.
 */
import { abortable, CancelledError, sleep, throwIfAborted } from '../foundation/abort.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { newToken } from '../foundation/ids.ts';
import { isEnvironmentName } from '../foundation/quoting.ts';
import { notEntered, openChannel } from './channelInto.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { ChannelLost, NotEntered, type CommandEnd, type HoldChannel } from './holdChannels.ts';
import { clusterOf } from './observe.ts';
import type { SoftwareOnWire } from './software.ts';

export interface CommandRequest {
  /** An argument vector, or the text of a shell program. */
  readonly command: { readonly argv: readonly string[] } | { readonly script: string; /** With the login shell's start-up files (`bash -lc`). */ readonly login?: boolean };
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly timeoutS?: number;
  /** Without the software and variables of the cluster's profile. */
  readonly bare?: boolean;
  /** Asks after an earlier command instead of running one. */
  readonly again?: string;
  readonly onStdout?: (chunk: Uint8Array) => void;
  readonly onStderr?: (chunk: Uint8Array) => void;
}

export interface CommandOutcome {
  readonly id: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended by us, or what is missing: `timeout`, `output was lost: …`. */
  readonly note: string | null;
  readonly elapsedS: number;
  readonly jobId: string;
  readonly node: string;
}

const reconnects = 3;

export async function execInReservation(nameOrId: string, request: CommandRequest, deps: ReservationDeps, call: CallOptions): Promise<CommandOutcome> {
  const lease = await deps.leases.require(nameOrId);
  const bad = Object.keys(request.env ?? {}).find((name) => !isEnvironmentName(name));
  if (bad !== undefined) throw new HpcError('spec_invalid', `${JSON.stringify(bad)} is not a name for an environment variable.`, { remediation: 'Use letters, digits and underscores, and do not begin with a digit.' });
  const session = await deps.session(await clusterOf(lease, deps));
  const id = request.again ?? newToken(10);
  // A login shell's start-up files are there instead of the profile's software: both at once would undo each other.
  const isBare = request.bare === true || request.again !== undefined || ('login' in request.command && request.command.login === true);
  const facts = isBare ? undefined : await session.facts({ signal: call.signal });
  const software = facts && (await deps.software.for(lease, request.cwd ?? facts.environment.home, session, facts));
  const run = new CommandRun(lease.name, id, request, software);
  let server: string | undefined;
  let lost: string | undefined;
  // After it was sent, the id is all that is asked for.
  let isSent = request.again !== undefined;
  for (let attempt = 0; attempt <= reconnects; attempt += 1) {
    if (isSent && call.signal.aborted && request.again === undefined) break;
    throwIfAborted(call.signal);
    let channel: HoldChannel;
    let hello: { readonly server: string; readonly job_id: string; readonly node: string };
    try {
      channel = await openChannel(lease, session, deps, call.signal);
      hello = await abortable(channel.hello, call.signal);
    } catch (error) {
      if (error instanceof NotEntered && !isSent) throw await notEntered(lease, error.message, deps, call);
      if (CancelledError.is(error) && isSent && request.again === undefined) {
        lost = `it was cancelled while the connection was lost${lost === undefined ? '' : ` (${lost})`}`;
        break;
      }
      if (CancelledError.is(error) || (HpcError.is(error) && !isSent)) throw error;
      if (!isSent && attempt === reconnects) throw await notEntered(lease, messageOf(error), deps, call);
      lost = messageOf(error);
      await pause(300 * (attempt + 1), call.signal);
      continue;
    }
    // Another server does not know what the first one did.
    if (server !== undefined && hello.server !== server) break;
    server = hello.server;
    const outcome = await run.over(channel, isSent, call.signal, () => (isSent = true));
    if (outcome.kind === 'ended') return { id, ...run.texts(), exitCode: outcome.end.rc, signal: outcome.end.signal, note: outcome.end.why, elapsedS: outcome.end.elapsed_s, jobId: hello.job_id, node: hello.node };
    if (outcome.kind === 'refused') throw new HpcError('remote_command_failed', `The command was refused by its node: ${outcome.error}.`, { details: { outcome: 'not_sent' } });
    if (outcome.kind === 'moved') {
      // Certainly not run: the job that holds now is asked from the beginning.
      // What else runs there goes on.
      channel.leave();
      isSent = false;
      server = undefined;
      lost = 'its job handed over, and the next one could not be entered';
      await pause(100 * (attempt + 1), call.signal);
      continue;
    }
    if (outcome.kind === 'absent') {
      if (request.again !== undefined) throw new HpcError('spec_invalid', `The reservation ${lease.name} knows no command ${id}: it never came, ended more than an hour ago, or ran in an earlier job.`, { remediation: 'Look at what the command was to leave behind.' });
      throw new HpcError('ssh_unreachable', `The connection was lost before the command reached ${lease.name}: it did not run (${lost ?? ''}).`, { remediation: 'Run it again.', details: { outcome: 'not_sent', exec_id: id } });
    }
    lost = outcome.error;
  }
  throw uncertain(lease.name, id, lost ?? 'the job that ran it was replaced by the next one');
}

/** Ends with the signal: whoever waits looks at it, and knows what was sent. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal).catch(() => undefined);
}

function uncertain(name: string, id: string, why: string): HpcError {
  return new HpcError('cluster_timeout', `It is not known what became of the command in ${name}: ${why}. It was not started again.`, {
    remediation: `Ask later with \`hpc-agent reservation exec ${name} --again ${id}\`, or look at what it leaves behind.`,
    details: { outcome: 'unknown', exec_id: id },
    retrySafe: false,
  });
}

type RunOutcome = { readonly kind: 'ended'; readonly end: CommandEnd } | { readonly kind: 'refused'; readonly error: string } | { readonly kind: 'absent' } | { readonly kind: 'moved' } | { readonly kind: 'lost'; readonly error: string };

/** One command over as many channels as it takes. Output that came before is not handed on a second time. */
class CommandRun {
  private readonly taken = { out: [] as Buffer[], err: [] as Buffer[] };
  private readonly handed = { out: 0, err: 0 };
  private readonly id: string;
  private readonly request: CommandRequest;
  private readonly software: SoftwareOnWire | undefined;

  private readonly name: string;

  constructor(name: string, id: string, request: CommandRequest, software: SoftwareOnWire | undefined) {
    this.name = name;
    this.id = id;
    this.request = request;
    this.software = software;
  }

  texts(): { stdout: string; stderr: string } {
    return { stdout: Buffer.concat(this.taken.out).toString('utf8'), stderr: Buffer.concat(this.taken.err).toString('utf8') };
  }

  async over(channel: HoldChannel, again: boolean, signal: AbortSignal, onSent: () => void): Promise<RunOutcome> {
    // The server tells from the beginning.
    this.taken.out = [];
    this.taken.err = [];
    const seen = { out: 0, err: 0 };
    let cancelTimer: NodeJS.Timeout | undefined;
    let cancel = (): void => undefined;
    try {
      const outcome = await new Promise<RunOutcome>((resolve) => {
        cancel = (): void => {
          try {
            channel.send({ op: 'cancel', id: this.id });
          } catch {
            // The channel is over: its end tells.
          }
          cancelTimer = setTimeout(() => resolve({ kind: 'lost', error: 'the command did not end when it was asked to' }), 10_000);
        };
        try {
          channel.send(again ? { op: 'attach', id: this.id } : this.wire(), {
            onLost: (error) => resolve({ kind: 'lost', error: error.message }),
            onEvent: (event) => {
              if (event.e === 'out' || event.e === 'err') this.take(event.e, Buffer.from(event.d, 'base64'), seen);
              else if (event.e === 'end') resolve({ kind: 'ended', end: event });
              else if (event.e === 'refused') resolve({ kind: 'refused', error: event.error });
              else if (event.e === 'absent' || event.e === 'moved') resolve({ kind: event.e });
            },
          });
        } catch (error) {
          if (!(error instanceof ChannelLost)) throw error;
          resolve({ kind: 'lost', error: error.message });
          return;
        }
        onSent();
        if (signal.aborted) cancel();
        else signal.addEventListener('abort', cancel, { once: true });
      });
      // Whoever gave up is told when it is not certain that the command did, too.
      if (signal.aborted && outcome.kind !== 'lost') throw new CancelledError();
      if (signal.aborted && outcome.kind === 'lost') throw uncertain(this.name, this.id, `it was cancelled, but ${outcome.error}`);
      return outcome;
    } finally {
      clearTimeout(cancelTimer);
      signal.removeEventListener('abort', cancel);
      channel.forget(this.id);
    }
  }

  private take(stream: 'out' | 'err', chunk: Buffer, seen: { out: number; err: number }): void {
    const listener = stream === 'out' ? this.request.onStdout : this.request.onStderr;
    if (listener) {
      const fresh = chunk.subarray(Math.max(0, Math.min(chunk.length, this.handed[stream] - seen[stream])));
      seen[stream] += chunk.length;
      this.handed[stream] = Math.max(this.handed[stream], seen[stream]);
      if (fresh.length > 0) listener(fresh);
    } else this.taken[stream].push(chunk);
  }

  private wire(): Readonly<Record<string, unknown>> & { readonly id: string } {
    const { command, cwd, env, stdin, timeoutS } = this.request;
    return { op: 'exec', id: this.id, ...command, ...(this.software === undefined ? {} : { software: this.software }), ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }), ...(stdin === undefined ? {} : { stdin }), ...(timeoutS === undefined ? {} : { timeout_s: timeoutS }) };
  }
}
