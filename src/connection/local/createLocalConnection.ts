/**
 * This machine as a far side: the same programs through the same frames, over pipes instead of a network.
 * POSIX hosts only, since the programs are sh; on Windows every command says so.
 */
import * as os from 'node:os';
import * as net from 'node:net';
import { once } from 'node:events';
import type { Clock } from '../../foundation/clock.ts';
import { HpcError } from '../../foundation/errors.ts';
import type { Log } from '../../foundation/log.ts';
import { createCommandConnection, type ChannelLink } from '../commandConnection.ts';
import { commandText } from '../channel/frame.ts';
import type { HostGate } from '../hostGate.ts';
import { createLifecycle } from '../lifecycle.ts';
import { listenAndForward } from '../portForward.ts';
import type { Connection } from '../port.ts';
import { ConnectFailure } from '../failure.ts';
import { openProcessChannel } from './processChannel.ts';
import { openLocalPty } from './pty.ts';

export interface LocalConnectionDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly gate: HostGate;
  readonly platform?: NodeJS.Platform;
}

export function createLocalConnection(deps: LocalConnectionDeps): Connection {
  const label = os.hostname();
  const log = deps.log.child('local');
  const platform = deps.platform ?? process.platform;
  const lifecycle = createLifecycle<ChannelLink>({
    label,
    clock: deps.clock,
    log,
    connect: () => {
      if (platform === 'win32') {
        return Promise.reject(new ConnectFailure('refused', 'commands cannot run on this machine itself under Windows.', 'Use a cluster over ssh, or open the folder in WSL.'));
      }
      let closed: (reason: string) => void = () => undefined;
      return Promise.resolve({
        neededPerson: false,
        closed: new Promise<string>((resolve) => (closed = resolve)),
        openChannel: openProcessChannel,
        dispose: () => closed('it was closed here'),
      });
    },
  });
  const commands = createCommandConnection({ label, lifecycle, gate: deps.gate, log, tripsToOpen: 0 });

  return {
    kind: 'local',
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
    async shell(options) {
      const { python, variables } = await commands.environment(options.signal ? { signal: options.signal } : {});
      const argv = options.command ? ['/bin/sh', '-c', commandText(options.command)] : [variables.SHELL ?? '/bin/sh', '-l'];
      return await openLocalPty({ python, argv, size: options.size, onData: options.onData, signal: options.signal });
    },
    async forward(target, options = {}) {
      await lifecycle.acquire(options.signal);
      return await listenAndForward({
        localPort: options.localPort,
        signal: options.signal,
        log,
        connect: async () => {
          const socket = net.connect(target.port, target.host);
          try {
            await once(socket, 'connect');
          } catch (error) {
            throw new HpcError('ssh_unreachable', `${target.host}:${target.port} cannot be reached from this machine.`, { cause: error, details: { outcome: 'not_sent' } });
          }
          return socket;
        },
      });
    },
    reconnect: lifecycle.reconnect,
    dispose: () => {
      commands.dispose();
      lifecycle.dispose();
    },
  };
}
