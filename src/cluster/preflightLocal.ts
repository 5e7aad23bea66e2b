/** What preflight can find out on this computer: keys, the agent, and whether a port answers. */
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { CancelledError } from '../foundation/abort.ts';
import { systemCodeOf } from '../foundation/errors.ts';

export type AgentAnswer = { readonly kind: 'keys'; readonly count: number } | { readonly kind: 'unset' } | { readonly kind: 'dead'; readonly reason: string };

/** Connects, exchanges at most one message, and always closes. */
function dial<T>(target: net.NetConnectOpts, timeoutMs: number, signal: AbortSignal | undefined, onConnect: (socket: net.Socket, done: (value: T) => void) => void, onFailure: (reason: string) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new CancelledError());
      return;
    }
    const socket = net.connect(target);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      // A late error of a closing socket has nobody to listen to it.
      socket.on('error', () => undefined);
      socket.destroy();
      settle();
    };
    const done = (value: T): void => finish(() => resolve(value));
    const onAbort = (): void => finish(() => reject(new CancelledError()));
    const timer = setTimeout(() => done(onFailure(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => done(onFailure(systemCodeOf(error) ?? error.message)));
    socket.on('connect', () => onConnect(socket, done));
  });
}

/** Undefined when the port takes a connection, else why not (`ECONNREFUSED`, `no answer within 3 s`). */
export function probeTcp(host: string, port: number, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<string | undefined> {
  return dial<string | undefined>({ host, port }, options.timeoutMs ?? 3000, options.signal, (_socket, done) => done(undefined), (reason) => reason);
}

/** How many keys the agent holds. Asks nothing else of it. */
export async function askAgent(env: Readonly<Record<string, string | undefined>>, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<AgentAnswer> {
  const socketPath = env.SSH_AUTH_SOCK ?? (process.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : undefined);
  if (socketPath === undefined || socketPath === '') return { kind: 'unset' };
  return dial<AgentAnswer>(
    { path: socketPath },
    options.timeoutMs ?? 2000,
    options.signal,
    (socket, done) => {
      let reply = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        reply = Buffer.concat([reply, chunk]);
        // length (4), type 12 = identities answer (1), number of keys (4)
        if (reply.length < 5) return;
        if (reply[4] !== 12) done({ kind: 'dead', reason: 'it refused to list its keys' });
        else if (reply.length >= 9) done({ kind: 'keys', count: reply.readUInt32BE(5) });
      });
      socket.on('close', () => done({ kind: 'dead', reason: 'it closed the connection' }));
      socket.write(Buffer.from([0, 0, 0, 1, 11]));
    },
    (reason) => ({ kind: 'dead', reason }),
  );
}

/** Private keys that ssh would try by itself, and the profile's own. */
export async function findKeyFiles(home: string, identityFile: string | undefined): Promise<readonly string[]> {
  const usual = ['id_ed25519', 'id_ecdsa', 'id_rsa', 'id_ed25519_sk', 'id_ecdsa_sk'].map((name) => path.join(home, '.ssh', name));
  const candidates = identityFile === undefined ? usual : [identityFile, ...usual];
  const there = await Promise.all(candidates.map((file) => fs.access(file).then(() => true, () => false)));
  return candidates.filter((_file, index) => there[index]);
}
