/**
 * The client's side of the sandbox's ssh: configuration, keys, agents, one-time codes.
 *
 * Hard rule: the files are complete. A test that names `sshConfigFile` never touches the caller's own ~/.ssh.
 */
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './bed.ts';

export interface SshAccess {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly bastionPort: number;
  /** The main user, quiet bash. */
  readonly user: 'alice';
  readonly users: {
    readonly main: 'alice';
    readonly second: 'bob';
    readonly password: 'pwuser';
    readonly otp: 'otpuser';
    readonly tcsh: 'tcshuser';
    readonly noisy: 'noisyuser';
  };
  /** ed25519, no passphrase. */
  readonly identityFile: string;
  readonly rsaIdentityFile: string;
  readonly encryptedIdentityFile: string;
  readonly passphrase: string;
  readonly password: string;
  /** Base32, for `oneTimeCode`. */
  readonly otpSecret: string;
  readonly knownHostsFile: string;
  readonly sshConfigFile: string;
  readonly aliases: typeof aliases;
}

/** Host names of `sshConfigFile`. */
export const aliases = {
  plain: 'sandbox',
  viaBastion: 'sandbox-via-bastion',
  bastion: 'sandbox-bastion',
  second: 'sandbox-bob',
  password: 'sandbox-password',
  otp: 'sandbox-otp',
  tcsh: 'sandbox-tcsh',
  noisy: 'sandbox-noisy',
} as const;

const users = { main: 'alice', second: 'bob', password: 'pwuser', otp: 'otpuser', tcsh: 'tcshuser', noisy: 'noisyuser' } as const;

export function describeSsh(stateDirectory: string, ports: { readonly login: number; readonly bastion: number }): SshAccess {
  const key = (name: string): string => join(stateDirectory, 'keys', name);
  return {
    host: '127.0.0.1',
    port: ports.login,
    bastionPort: ports.bastion,
    user: users.main,
    users,
    identityFile: key('id_ed25519'),
    rsaIdentityFile: key('id_rsa'),
    encryptedIdentityFile: key('id_encrypted'),
    passphrase: 'battery staple',
    password: 'correct horse',
    otpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    knownHostsFile: key('known_hosts'),
    sshConfigFile: key('ssh_config'),
    aliases,
  };
}

export async function writeSshFiles(access: SshAccess): Promise<void> {
  const hostKey = async (name: string): Promise<string> =>
    (await readFile(join(access.knownHostsFile, '..', `host_${name}.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
  await replace(access.knownHostsFile, [
    `[127.0.0.1]:${access.port},login ${await hostKey('login')}`,
    `[127.0.0.1]:${access.bastionPort} ${await hostKey('bastion')}`,
    '',
  ].join('\n'));

  const direct = [`HostName 127.0.0.1`, `Port ${access.port}`];
  const blocks: readonly (readonly [string, string, readonly string[]])[] = [
    [aliases.plain, users.main, direct],
    [aliases.viaBastion, users.main, ['HostName login', `ProxyJump ${aliases.bastion}`]],
    [aliases.bastion, users.main, ['HostName 127.0.0.1', `Port ${access.bastionPort}`]],
    [aliases.second, users.second, direct],
    [aliases.password, users.password, [...direct, 'PubkeyAuthentication no']],
    [aliases.otp, users.otp, direct],
    [aliases.tcsh, users.tcsh, direct],
    [aliases.noisy, users.noisy, direct],
  ];
  const common = [
    'Host *',
    `  IdentityFile ${access.identityFile}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${access.knownHostsFile}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
  ];
  const hosts = blocks.map(([alias, user, lines]) => [`Host ${alias}`, ...[`User ${user}`, ...lines].map((line) => `  ${line}`), ''].join('\n'));
  await replace(access.sshConfigFile, [...hosts, ...common, ''].join('\n'));
}

async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** The time-based code (six digits, 30 s, SHA-1) that is valid at the moment. A server takes each code once. */
export function oneTimeCode(secretBase32: string, nowMs: number = Date.now()): string {
  const bits = [...secretBase32].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = (digest[19] ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

export interface Agent {
  /** For SSH_AUTH_SOCK. */
  readonly socketPath: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** An ssh-agent of its own that holds the given keys. */
export async function startAgent(access: SshAccess, keys: readonly string[] = [access.identityFile]): Promise<Agent> {
  const directory = await mkdtemp(join(tmpdir(), 'sandbox-agent-'));
  const socketPath = join(directory, 'socket');
  const agent = spawn('ssh-agent', ['-D', '-a', socketPath], { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = async (): Promise<void> => {
    if (agent.exitCode === null && agent.signalCode === null) {
      const gone = once(agent, 'exit');
      agent.kill();
      await gone;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    // Its first words come when the socket is there.
    await once(agent.stdout, 'data');
    const askpass = join(directory, 'askpass');
    await writeFile(askpass, '#!/bin/sh\nprintf "%s\\n" "$PASSPHRASE"\n', { mode: 0o700 });
    const env = { SSH_AUTH_SOCK: socketPath, SSH_ASKPASS: askpass, PASSPHRASE: access.passphrase, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
    for (const key of keys) {
      const added = await run('ssh-add', ['-q', key], { env });
      if (added.exitCode !== 0) throw new Error(`ssh-add ${key}: ${added.stderr.trim()}`);
    }
    return { socketPath, pid: agent.pid ?? -1, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
