/**
 * A throw-away sshd on a free loopback port, run by whoever runs the test and letting in only that user, with keys and files in a temporary
 * folder. What stands between client and server is `startTap`: it can cut or stall what passes.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import type { ConnectionTarget } from '../../../src/connection/port.ts';

export type SshTarget = Extract<ConnectionTarget, { kind: 'ssh' }>;

export interface TestSshd {
  readonly port: number;
  readonly folder: string;
  readonly user: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** An empty configuration, so that the one of whoever runs the test does not matter. */
  readonly sshConfigFile: string;
  readonly hostPublicKey: string;
  readonly target: SshTarget;
  readonly stop: () => Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits for a condition, looking again every few milliseconds. */
export async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, limitMs = 10_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function keygen(file: string, options: { type?: string; passphrase?: string } = {}): string {
  // One round of the key derivation: what opens it is the same at a hundred, and each costs seconds of computing.
  execFileSync('ssh-keygen', ['-q', '-a', '1', '-t', options.type ?? 'ed25519', '-N', options.passphrase ?? '', '-C', path.basename(file), '-f', file]);
  return fs.readFileSync(`${file}.pub`, 'utf8').trim();
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

export async function startSshd(options: { lines?: readonly string[]; authorized?: readonly string[]; hostKeyTypes?: readonly string[]; loginShell?: string; home?: Readonly<Record<string, string>> } = {}): Promise<TestSshd> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc agent sshd-'));
  fs.chmodSync(folder, 0o755);
  const at = (name: string): string => path.join(folder, name);
  const user = os.userInfo().username;
  const port = await freePort();
  const hostTypes = options.hostKeyTypes ?? ['ed25519'];
  const hostKeys = hostTypes.map((type) => keygen(at(`host_${type}`), { type }));
  const own = keygen(at('id_test'));
  fs.writeFileSync(at('authorized_keys'), [own, ...(options.authorized ?? [])].join('\n') + '\n');
  fs.writeFileSync(at('known_hosts'), hostKeys.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  fs.writeFileSync(at('ssh_config'), '');
  const home = at('home');
  fs.mkdirSync(home);
  for (const [name, text] of Object.entries(options.home ?? {})) fs.writeFileSync(path.join(home, name), text);
  // sshd hands the line to the account's shell; this hands it on to another one just so, with a home folder of our own.
  const shell = options.loginShell;
  fs.writeFileSync(at('login'), `#!/bin/sh\nHOME='${home}'; export HOME; cd\nif [ -n "$SSH_ORIGINAL_COMMAND" ]; then exec ${shell ?? '/bin/sh'} -c "$SSH_ORIGINAL_COMMAND"; else exec ${shell ?? '/bin/sh'} -l; fi\n`, { mode: 0o755 });
  const login = at('login');
  fs.writeFileSync(
    at('sshd_config'),
    [
      ...(options.lines ?? []),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      ...hostTypes.map((type) => `HostKey "${at(`host_${type}`)}"`),
      `AuthorizedKeysFile "${at('authorized_keys')}"`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      'AllowTcpForwarding yes',
      'MaxStartups 100',
      'LogLevel VERBOSE',
      ...(shell === undefined ? [] : [`ForceCommand exec '${login}'`]),
      '',
    ].join('\n'),
  );
  if (process.getuid?.() === 0) fs.mkdirSync('/run/sshd', { recursive: true });
  const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/sbin/sshd'].find((file) => fs.existsSync(file));
  if (sshd === undefined) throw new Error('This test needs sshd: install the package openssh-server.');
  const log = fs.openSync(at('log'), 'w');
  const child = spawn(sshd, ['-D', '-e', '-f', at('sshd_config')], { stdio: ['ignore', 'ignore', log] });
  fs.closeSync(log);
  await until('sshd answers', async () => {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${fs.readFileSync(at('log'), 'utf8')}`);
    return (await answers(port)) || undefined;
  });
  return {
    port,
    folder,
    user,
    keyFile: at('id_test'),
    knownHostsFile: at('known_hosts'),
    sshConfigFile: at('ssh_config'),
    hostPublicKey: hostKeys[0] ?? '',
    target: { kind: 'ssh', host: '127.0.0.1', port, user, identityFile: at('id_test'), sshConfigFile: at('ssh_config'), knownHostsFile: at('known_hosts') },
    async stop() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Tap {
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: number;
  /** Cuts all connections at once. */
  cut(): void;
  /** Lets nothing pass any more, without a word to either side. */
  stall(): void;
  /** Each piece is held back so long in each direction. */
  delayMs: number;
  /** Refuses new connections while true (accepts and closes). */
  refusing: boolean;
  readonly stop: () => Promise<void>;
}

export async function startTap(to: number): Promise<Tap> {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  let stalled = false;
  let taken = 0;
  const tap = {
    delayMs: 0,
    refusing: false,
    get taken() {
      return taken;
    },
  };
  const server = net.createServer((near) => {
    taken += 1;
    near.on('error', () => undefined);
    if (tap.refusing) {
      near.destroy();
      return;
    }
    const far = net.connect(to, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, into] of [[near, far], [far, near]] as const) {
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('data', (data) => {
        if (stalled) return;
        if (tap.delayMs === 0) into.write(data);
        else setTimeout(() => into.write(data), tap.delayMs);
      });
      from.on('close', () => {
        if (stalled) return;
        into.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  return Object.assign(tap, {
    port,
    cut,
    stall: () => {
      stalled = true;
    },
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  });
}
