/** The ways over ssh, for the suites that ask the same of each of them. */
import { createOpensshConnection } from '../../../src/connection/openssh/createOpensshConnection.ts';
import type { Connection } from '../../../src/connection/port.ts';
import type { RemoteConnectionDeps } from '../../../src/connection/remoteConnection.ts';
import { createSshConnection } from '../../../src/connection/ssh/createSshConnection.ts';
import type { SshTarget } from './sshd.ts';

export interface SshPlace {
  readonly name: string;
  readonly open: (target: SshTarget, deps: RemoteConnectionDeps) => Connection;
  /** Host keys that an authority vouches for can be checked. */
  readonly certificates: boolean;
  /** Every session is a sign-in of its own. */
  readonly signsInForEach: boolean;
}

export const sshPlaces: readonly SshPlace[] = [
  { name: 'ssh', open: createSshConnection, certificates: false, signsInForEach: false },
  { name: 'openssh', open: (target, deps) => createOpensshConnection(target, { ...deps, multiplex: true }), certificates: true, signsInForEach: false },
  { name: 'openssh without a master', open: (target, deps) => createOpensshConnection(target, { ...deps, multiplex: false }), certificates: true, signsInForEach: true },
];
