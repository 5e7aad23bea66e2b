/**
 * What every transport with channels shares: `run`, `exec`, `environment`, their limits in time, and the counts.
 * A transport (ssh, local) brings a link that opens channels; this file decides what goes through them and what an end means.
 */
import { abortable, CancelledError } from '../foundation/abort.ts';
import { HpcError } from '../foundation/errors.ts';
import type { Log } from '../foundation/log.ts';
import type { ByteChannel, ChannelHandlers, OpenChannel } from './channel/byteChannel.ts';
import { SessionLimitError } from './channel/byteChannel.ts';
import type { FrameOutcome } from './channel/framedRun.ts';
import { createKeptShells, type KeptShells } from './channel/keptShells.ts';
import { runInOwnChannel } from './channel/ownChannel.ts';
import type { SessionSlots } from './channel/sessionSlots.ts';
import { createDeadline, type Deadline } from './deadline.ts';
import { environmentQuestion } from './environment.ts';
import { timedOut, unreachable, type Outcome } from './failure.ts';
import type { HostGate } from './hostGate.ts';
import type { Lifecycle, Link } from './lifecycle.ts';
import type { ConnectionStatistics, ExecOptions, ExecResult, RemoteCommand, RemoteEnvironment, StreamOptions } from './port.ts';

/** A link whose far side starts a line in its login shell. */
export interface ChannelLink extends Link {
  openChannel: OpenChannel;
}

export interface CommandConnectionOptions<L extends ChannelLink> {
  readonly label: string;
  readonly lifecycle: Lifecycle<L>;
  readonly gate: HostGate;
  readonly log: Log;
  /** Exchanges that opening a channel costs: 2 for ssh (open, exec). */
  readonly tripsToOpen: number;
  /** Most `sh` channels to keep open. */
  readonly maxShells?: number;
}

export interface CommandConnection<L extends ChannelLink> {
  readonly statistics: ConnectionStatistics;
  readonly run: (command: RemoteCommand, options?: ExecOptions) => Promise<ExecResult>;
  readonly exec: (command: RemoteCommand, options?: StreamOptions) => Promise<ExecResult>;
  readonly environment: (options?: ExecOptions) => Promise<RemoteEnvironment>;
  /** The sessions of the link, for a terminal, which takes one too. */
  slotsOf(link: L): SessionSlots;
  /** Ends the kept shells. The lifecycle is its owner's to end. */
  dispose(): void;
}

interface LinkChannels {
  readonly shells: KeptShells;
  readonly open: OpenChannel;
  readonly endGroup: (groupId: number) => void;
}

const defaultTimeoutMs = 60_000;
/**
 * Longer programs and inputs go through a channel of their own: an sh that is bash reads its program byte by byte, and the longer
 * it is the less the saved round trips weigh.
 */
const longestKeptProgram = 128 * 1024;

function programLength(command: RemoteCommand): number {
  const text = command.argv === undefined ? command.script.length : command.argv.reduce((sum, word) => sum + word.length + 3, 0);
  return text + (command.stdin?.length ?? 0);
}

export function createCommandConnection<L extends ChannelLink>(options: CommandConnectionOptions<L>): CommandConnection<L> {
  const { label, lifecycle, gate, log } = options;
  const channelsByLink = new WeakMap<L, LinkChannels>();
  const recycled = new WeakSet<L>();
  let current: KeptShells | undefined;
  let environment: Promise<RemoteEnvironment> | undefined;
  let environmentOf: L | undefined;
  const counts = { roundTrips: 0, bytesSent: 0, bytesReceived: 0 };

  /** The link's opener with the bytes counted. */
  const counting = (link: L, trips: number): OpenChannel => async (line, handlers) => {
    counts.roundTrips += trips;
    counts.bytesSent += line.length;
    const counted: ChannelHandlers = {
      onStdout: (chunk) => ((counts.bytesReceived += chunk.length), handlers.onStdout(chunk)),
      onStderr: (chunk) => ((counts.bytesReceived += chunk.length), handlers.onStderr(chunk)),
      onEnd: (end) => handlers.onEnd(end),
    };
    const channel = await link.openChannel(line, counted);
    return {
      write: (data) => ((counts.bytesSent += data.length), channel.write(data)),
      end: () => channel.end(),
      terminate: () => channel.terminate(),
      finish: () => channel.finish(),
      close: () => channel.close(),
    } satisfies ByteChannel;
  };

  const channelsOf = (link: L): LinkChannels => {
    let found = channelsByLink.get(link);
    if (!found) {
      const open = counting(link, options.tripsToOpen);
      // Nobody waits for it.
      const openAhead = counting(link, 0);
      const endGroup = (groupId: number): void => {
        // Where the server ignores a signal request on a channel, another shell can still send it. Best effort: nobody waits for it.
        run({ argv: ['kill', '-TERM', `-${groupId}`] }, { timeoutMs: 10_000, priority: 'interactive' }).catch(() => undefined);
      };
      const onStuck = (): void => {
        if (link.neededPerson) return;
        log.warn('the server still holds the sessions of commands that were given up; connecting anew');
        recycled.add(link);
        lifecycle.recycle(link);
      };
      const shells = createKeptShells({ open, openAhead, endGroup, onStuck, ...(options.maxShells === undefined ? {} : { maxShells: options.maxShells }) });
      found = { shells, open, endGroup };
      channelsByLink.set(link, found);
      current = shells;
      void link.closed.then(() => shells.dispose());
    }
    return found;
  };

  const finish = (outcome: FrameOutcome): ExecResult => {
    if (outcome.kind === 'complete') return outcome.result;
    const { end } = outcome;
    if (end.lost !== undefined) throw unreachable(label, `the connection was lost while the command ran: ${end.lost}`, { outcome: 'unknown', remediation: 'Look at the effects of the command before running it again.' });
    if (end.signal !== undefined && outcome.begun) return { ...outcome.result, exitCode: null };
    if (!outcome.begun) {
      throw unreachable(label, `the login shell did not start sh${outcome.noise === '' ? '' : `; it said: ${outcome.noise.slice(-500)}`}`, {
        outcome: 'unknown',
        remediation: 'Check that the account may log in (a restricted shell cannot be used), and that its start-up files do not end the shell (`exit` in .bashrc: write `return`), start another program or wait for input when no terminal is there.',
      });
    }
    throw unreachable(label, `the far shell ended before the command's end (exit ${end.exitCode ?? 'unknown'}).`, { outcome: 'unknown', remediation: 'The host may have ended it: look there for limits on processes or memory.' });
  };

  /** The parts that `run` and `exec` share: link, time limit, gate, and which error an early end is. */
  const attempt = async (commandOptions: ExecOptions, body: (link: L, deadline: Deadline, onSent: () => void, outcome: () => Outcome) => Promise<ExecResult>): Promise<ExecResult> => {
    const link = await lifecycle.acquire(commandOptions.signal);
    const timeoutMs = commandOptions.timeoutMs ?? defaultTimeoutMs;
    const deadline = createDeadline(timeoutMs, commandOptions.signal);
    let sent = false;
    const outcome = (): Outcome => (sent ? 'unknown' : 'not_sent');
    try {
      return await body(link, deadline, () => (sent = true), outcome);
    } catch (error) {
      // The link was given up by ourselves, and the command has not been sent: it goes over the next one.
      if (!sent && recycled.has(link) && !deadline.signal.aborted) return await attempt(commandOptions, body);
      if (CancelledError.is(error)) {
        if (deadline.timedOut) throw timedOut(label, timeoutMs, outcome(), sent ? 'the command did not end' : 'no session became free');
        if (commandOptions.signal?.aborted) throw error;
        throw unreachable(label, 'the connection ended while the command waited.', { outcome: outcome() });
      }
      if (error instanceof HpcError) throw error;
      if (error instanceof SessionLimitError) {
        throw unreachable(label, `the server allows no session: ${error.message}`, { outcome: 'not_sent', remediation: 'Ask the site whether commands may be run over ssh (MaxSessions, ForceCommand).', cause: error });
      }
      // What the input stream threw is its caller's.
      if (sent) throw error;
      throw unreachable(label, error instanceof Error ? error.message : String(error), { outcome: outcome(), cause: error });
    } finally {
      deadline.dispose();
    }
  };

  /** A reply that does not come counts for the gate's breaker, so the limit is judged inside the gate. */
  const gated = <T>(commandOptions: ExecOptions, deadline: Deadline, outcome: () => Outcome, body: () => Promise<T>): Promise<T> =>
    gate.enter({ priority: commandOptions.priority ?? 'normal', signal: deadline.signal }, async () => {
      try {
        return await body();
      } catch (error) {
        if (CancelledError.is(error) && deadline.timedOut) throw timedOut(label, commandOptions.timeoutMs ?? defaultTimeoutMs, outcome(), 'the command did not end');
        throw error;
      }
    });

  const exec = (command: RemoteCommand, streamOptions: StreamOptions = {}): Promise<ExecResult> => {
    if (streamOptions.input && command.stdin !== undefined) throw new HpcError('spec_invalid', 'A command takes either `stdin` or `input`, not both.');
    return attempt(streamOptions, async (link, deadline, onSent, outcome) => {
      const { shells, open, endGroup } = channelsOf(link);
      // The gate guards the start only: a stream may last for hours, and the number of sessions bounds it already.
      let leaveGate: () => void = () => undefined;
      const started = new Promise<void>((resolve) => (leaveGate = resolve));
      const entered = new Promise<void>((resolve, reject) => {
        gated(streamOptions, deadline, outcome, () => (resolve(), started)).catch(reject);
      });
      await entered;
      try {
        const ended = await runInOwnChannel(command, {
          open,
          lend: (handlers, signal) => shells.lend(handlers, signal),
          slots: shells.slots,
          input: streamOptions.input,
          signal: deadline.signal,
          onStdout: streamOptions.onStdout,
          onStderr: streamOptions.onStderr,
          endGroup,
          onSent: (trips) => {
            onSent();
            leaveGate();
            counts.roundTrips += trips;
          },
        });
        return finish(ended);
      } finally {
        leaveGate();
      }
    });
  };

  const run = (command: RemoteCommand, runOptions: ExecOptions = {}): Promise<ExecResult> => {
    if (programLength(command) > longestKeptProgram) return exec(command, runOptions);
    return attempt(runOptions, (link, deadline, onSent, outcome) =>
      gated(runOptions, deadline, outcome, async () => {
        const ended = await channelsOf(link).shells.run(command, deadline.signal, () => {
          counts.roundTrips += 1;
          onSent();
        });
        if (ended.kind === 'cut') log.debug('a kept shell ended under its program', { end: ended.end });
        return finish(ended);
      }),
    );
  };

  return {
    get statistics() {
      return { ...counts, connects: lifecycle.connects };
    },
    slotsOf: (link) => channelsOf(link).shells.slots,
    run: async (command, runOptions) => await run(command, runOptions),
    exec: async (command, streamOptions) => await exec(command, streamOptions),
    environment: async (environmentOptions = {}) => {
      const link = await lifecycle.acquire(environmentOptions.signal);
      if (!environment || environmentOf !== link) {
        environmentOf = link;
        const question = environmentQuestion();
        // Shared by all who ask, so that one who gives up does not take it from the others.
        const { signal: _, ...shared } = environmentOptions;
        const asked = run(question.command, shared).then((result) => question.parse(result));
        environment = asked;
        asked.catch(() => {
          if (environment === asked) environment = undefined;
        });
      }
      return await abortable(environment, environmentOptions.signal);
    },
    dispose: () => current?.dispose(),
  };
}
