/** A connection over ssh2. Rule: ssh2 is loaded at the first command, and nothing is kept on disk but host keys that a person trusted. */
import type { Connection } from '../port.ts';
import { createRemoteConnection, type RemoteConnectionDeps, type RemoteTransport } from '../remoteConnection.ts';
import type { SshTarget } from './config.ts';
import { connectSsh, type SshMemory } from './connect.ts';

export type SshConnectionDeps = RemoteConnectionDeps;

export function createSshTransport(target: SshTarget, deps: Pick<SshConnectionDeps, 'prompts' | 'log'>): RemoteTransport {
  const memory: SshMemory = { openedKeys: new Map(), hostKeysAcceptedOnce: new Set() };
  return {
    connect: ({ signal, asked }) => connectSsh(target, { prompts: deps.prompts, log: deps.log, memory, signal, asked }),
    dispose: () => memory.openedKeys.clear(),
  };
}

export function createSshConnection(target: SshTarget, deps: SshConnectionDeps): Connection {
  const log = deps.log.child('ssh');
  return createRemoteConnection(target, { ...deps, log }, createSshTransport(target, { prompts: deps.prompts, log }));
}
