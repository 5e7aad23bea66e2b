/** A connection over ssh2. Rule: ssh2 is loaded at the first command, and nothing is kept on disk but host keys that a person trusted. */
import type { Clock } from '../../foundation/clock.ts';
import { systemClock } from '../../foundation/clock.ts';
import type { Log } from '../../foundation/log.ts';
import { commandText } from '../channel/frame.ts';
import { programLine } from '../channel/loginLine.ts';
import { createCommandConnection } from '../commandConnection.ts';
import { createHostGate, type HostGate } from '../hostGate.ts';
import { createLifecycle } from '../lifecycle.ts';
import { listenAndForward } from '../portForward.ts';
import type { Connection, PromptPort, PtySession } from '../port.ts';
import type { SshTarget } from './config.ts';
import { connectSsh, type SshMemory } from './connect.ts';
import type { SshLink } from './link.ts';
import { openTerminal } from './terminal.ts';

export interface SshConnectionDeps {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly clock?: Clock;
  readonly gate?: HostGate;
  /** For the jitter of pauses. */
  readonly random?: () => number;
}

export function createSshConnection(target: SshTarget, deps: SshConnectionDeps): Connection {
  const clock = deps.clock ?? systemClock;
  const label = `${target.user === undefined ? '' : `${target.user}@`}${target.host}${target.port === undefined ? '' : `:${target.port}`}`;
  const log = deps.log.child('ssh');
  const memory: SshMemory = { openedKeys: new Map(), hostKeysAcceptedOnce: new Set() };
  const lifecycle = createLifecycle<SshLink>({
    label,
    clock,
    log,
    ...(deps.random ? { random: deps.random } : {}),
    connect: ({ signal, asked }) => connectSsh(target, { prompts: deps.prompts, log, memory, signal, asked }),
  });
  const commands = createCommandConnection({ label, lifecycle, gate: deps.gate ?? createHostGate({ clock }), log, tripsToOpen: 2 });

  return {
    kind: 'ssh',
    label,
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
      const line = options.command === undefined ? undefined : programLine(commandText(options.command)).line;
      return await openTerminal({ label, link, slots: commands.slotsOf(link), line, size: options.size, onData: options.onData, signal: options.signal });
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
      commands.dispose();
      lifecycle.dispose();
      memory.openedKeys.clear();
    },
  };
}
