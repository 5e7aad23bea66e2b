/** A `ProxyCommand` as a stream. The command is the user's own, from their ssh configuration, and is read by the system's shell as ssh does. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { sshEnvironment } from '../childEnvironment.ts';
import { expandTokens, type TokenValues } from './expand.ts';

export function openProxyCommand(command: string, values: TokenValues): Duplex {
  const child = spawn(expandTokens(command, values), { shell: true, env: sshEnvironment(), stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.on('error', (error) => stream.destroy(error));
  child.on('exit', () => setTimeout(() => stream.destroy(), 100).unref());
  stream.on('close', () => child.kill());
  return stream;
}
