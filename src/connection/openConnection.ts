/** The connection of a target, whatever its transport. Which program speaks ssh is decided anew at each attempt, where the profile leaves it open. */
import { systemClock, type Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import { chooseTransport, type ChoiceDeps } from './chooseTransport.ts';
import { createHostGate, type HostGate } from './hostGate.ts';
import { createLocalConnection } from './local/createLocalConnection.ts';
import { createOpensshTransport } from './openssh/createOpensshConnection.ts';
import type { Connection, ConnectionTarget, PromptPort, TransportChoice } from './port.ts';
import { createRemoteConnection, type SshTarget } from './remoteConnection.ts';
import { createSshTransport } from './ssh/createSshConnection.ts';

export interface ConnectionDeps {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly clock?: Clock;
  /** Shared by everything that talks to that host; one of its own where none is given. */
  readonly gate?: HostGate;
  readonly choice?: ChoiceDeps;
}

export function openConnection(target: ConnectionTarget, deps: ConnectionDeps): Connection {
  const clock = deps.clock ?? systemClock;
  const gate = deps.gate ?? createHostGate({ clock });
  const log = deps.log.child('connection');
  return target.kind === 'local' ? createLocalConnection({ log, clock, gate }) : openRemote(target, { ...deps, clock, gate, log: log.child('ssh') });
}

function openRemote(target: SshTarget, deps: ConnectionDeps): Connection {
  const transports = { ssh: createSshTransport(target, deps), openssh: createOpensshTransport(target, deps) } as const;
  let choice: TransportChoice | undefined;
  return createRemoteConnection(target, deps, {
    choice: () => choice,
    // Where it may become the system's ssh without a master, each kept shell would be a sign-in.
    ...(transports.openssh.maxShells === undefined || target.transport === 'ssh' ? {} : { maxShells: transports.openssh.maxShells }),
    connect: async (attempt) => {
      choice = await chooseTransport(target, deps.choice, attempt.signal);
      deps.log.info('transport', { transport: choice.transport, reason: choice.reason });
      return await transports[choice.transport].connect(attempt);
    },
    dispose: () => {
      transports.ssh.dispose();
      transports.openssh.dispose();
    },
  });
}
