/**
 * What every way over ssh shares: commands through channels, terminals, forwarded ports, one lifecycle. A transport brings `connect` only.
 * Rule: nothing here knows which program speaks the protocol.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../foundation/clock.ts';
import { systemClock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import { createCommandConnection, type ChannelLink } from './commandConnection.ts';
import { createHostGate, type HostGate } from './hostGate.ts';
import { createLifecycle, type LifecycleOptions } from './lifecycle.ts';
import type { Connection, ConnectionTarget, PromptPort, PtySession, TransportChoice } from './port.ts';
import { listenAndForward } from './portForward.ts';
import { openTerminal, type TerminalChannel, type TerminalRequest } from './terminal.ts';

export type SshTarget = Extract<ConnectionTarget, { kind: 'ssh' }>;

export interface RemoteLink extends ChannelLink {
  openTerminal(request: TerminalRequest): Promise<TerminalChannel>;
  connectTcp(host: string, port: number): Promise<Duplex>;
}

export interface RemoteConnectionDeps {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly clock?: Clock;
  readonly gate?: HostGate;
  /** For the jitter of pauses. */
  readonly random?: () => number;
}

export interface RemoteTransport {
  readonly connect: LifecycleOptions<RemoteLink>['connect'];
  /** Called once, at the end of the connection object. */
  readonly dispose: () => void;
  /** Most `sh` channels to keep, where each of them costs a sign-in of its own. */
  readonly maxShells?: number;
  readonly choice?: () => TransportChoice | undefined;
}

const asideWithinMs = 5_000;

export function labelOf(target: SshTarget): string {
  return `${target.user === undefined ? '' : `${target.user}@`}${target.host}${target.port === undefined ? '' : `:${target.port}`}`;
}

export function createRemoteConnection(target: SshTarget, deps: RemoteConnectionDeps & { readonly log: Log }, transport: RemoteTransport): Connection {
  const clock = deps.clock ?? systemClock;
  const label = labelOf(target);
  const { log } = deps;
  const lifecycle = createLifecycle<RemoteLink>({ label, clock, log, ...(deps.random ? { random: deps.random } : {}), connect: transport.connect });
  const commands = createCommandConnection({
    label,
    lifecycle,
    gate: deps.gate ?? createHostGate({ clock }),
    log,
    tripsToOpen: 2,
    ...(transport.maxShells === undefined ? {} : { maxShells: transport.maxShells }),
  });
  let disposed = false;

  return {
    kind: 'ssh',
    label,
    get choice() {
      return transport.choice?.();
    },
    get state() {
      return lifecycle.state;
    },
    onDidChangeState: lifecycle.onDidChangeState,
    get statistics() {
      return commands.statistics;
    },
    run: commands.run,
    exec: commands.exec,
    environment: commands.environment,
    async shell(options): Promise<PtySession> {
      const link = await lifecycle.acquire(options.signal);
      const { command, size, onData, signal } = options;
      const aside: TerminalRequest['aside'] = (beside) => commands.run(beside, { priority: 'interactive', timeoutMs: asideWithinMs });
      return await openTerminal({ label, slots: commands.slotsOf(link), signal, lost: link.closed, open: () => link.openTerminal({ command, size, onData, aside }) });
    },
    async forward(forwarded, options = {}) {
      await lifecycle.acquire(options.signal);
      return await listenAndForward({
        localPort: options.localPort,
        signal: options.signal,
        log,
        // Asked for each time: the forward outlives a connection that was lost and made again.
        connect: async () => await (await lifecycle.acquire()).connectTcp(forwarded.host, forwarded.port),
      });
    },
    reconnect: lifecycle.reconnect,
    dispose: () => {
      if (disposed) return;
      disposed = true;
      commands.dispose();
      lifecycle.dispose();
      transport.dispose();
    },
  };
}
