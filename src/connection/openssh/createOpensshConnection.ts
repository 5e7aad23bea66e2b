/** A connection by the system's ssh program: whatever that can do (Kerberos, hardware keys, exotic configurations) works here too. */
import type { Connection } from '../port.ts';
import { createRemoteConnection, type RemoteConnectionDeps, type RemoteTransport } from '../remoteConnection.ts';
import type { SshTarget } from '../ssh/config.ts';
import { connectOpenssh, type OpensshMemory } from './connect.ts';

export interface OpensshConnectionDeps extends RemoteConnectionDeps {
  /** One sign-in for all sessions (a master). Not on Windows, whose OpenSSH has none. */
  readonly multiplex?: boolean;
}

/** Where each session is a sign-in of its own, fewer are kept. */
const fewShells = 2;

export function createOpensshTransport(target: SshTarget, deps: Pick<OpensshConnectionDeps, 'prompts' | 'log' | 'multiplex'>): RemoteTransport {
  const multiplex = deps.multiplex ?? process.platform !== 'win32';
  const memory: OpensshMemory = { folder: undefined, askpass: undefined, remembered: new Map(), count: 0 };
  return {
    connect: ({ signal, asked }) => connectOpenssh(target, { prompts: deps.prompts, log: deps.log, memory, signal, asked, multiplex }),
    ...(multiplex ? {} : { maxShells: fewShells }),
    dispose: () => {
      memory.askpass?.dispose();
      memory.folder?.dispose();
      memory.remembered.clear();
    },
  };
}

export function createOpensshConnection(target: SshTarget, deps: OpensshConnectionDeps): Connection {
  const log = deps.log.child('openssh');
  return createRemoteConnection(target, { ...deps, log }, createOpensshTransport(target, { ...deps, log }));
}
