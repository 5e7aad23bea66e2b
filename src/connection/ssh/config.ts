/**
 * What `~/.ssh/config` says of a host, with the target's own values on top.
 *
 * Rule: where there is an ssh program, it is asked (`ssh -G`), since only it knows all of its grammar (Match, Include, canonical names);
 * the `ssh-config` package stands in where there is none. Host names that could be read as options are refused.
 */
import { execFile } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import { readTextIfThere } from '../../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../../foundation/errors.ts';
import { sshEnvironment } from '../childEnvironment.ts';
import type { ConnectionTarget } from '../port.ts';
import { expandPath } from './expand.ts';

export type SshTarget = Extract<ConnectionTarget, { kind: 'ssh' }>;

export interface SshSettings {
  /** As asked for. */
  readonly alias: string;
  readonly host: string;
  readonly user: string;
  readonly port: number;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Path of the agent's socket or pipe; undefined: none. */
  readonly agent: string | undefined;
  readonly proxyJump: string | undefined;
  readonly proxyCommand: string | undefined;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly hostKeyAlias: string | undefined;
  readonly connectTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCount: number;
  /** ssh's names of methods, in order, without those that are switched off. */
  readonly authentications: readonly string[];
}

/** Raw settings: lower-case names, each with its values in order. */
export type RawSettings = ReadonlyMap<string, readonly string[]>;

const defaultConnectTimeoutMs = 20_000;
const defaultKeepaliveMs = 15_000;
const defaultIdentities = ['id_rsa', 'id_ecdsa', 'id_ed25519'];

/** `ssh -G` prints one `name value` a line. */
export function parseSettings(text: string): RawSettings {
  const settings = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf(' ');
    if (at <= 0) continue;
    const name = line.slice(0, at).toLowerCase();
    settings.set(name, [...(settings.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  return settings;
}

/** `ssh -G` prints several paths in one line, unquoted: a new one begins where a word looks like the beginning of a path. */
export function splitPaths(text: string): string[] {
  const paths: string[] = [];
  for (const word of text.split(' ')) {
    if (paths.length === 0 || /^([/~%]|\$\{|[A-Za-z]:[\\/]|\\\\|__PROGRAMDATA__|none$)/.test(word)) paths.push(word);
    else paths[paths.length - 1] = `${paths[paths.length - 1] ?? ''} ${word}`;
  }
  return paths.map((entry) => entry.replace(/^"(.*)"$/, '$1')).filter((entry) => entry !== '' && entry !== 'none');
}

function optional(values: readonly string[] | undefined): string | undefined {
  const value = values?.[0];
  return value === undefined || value === '' || value.toLowerCase() === 'none' ? undefined : value;
}

/** `ConnectTimeout`-like values: seconds, or `1m30s`. */
function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const units: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
  if (!/^(\d+[smhdw]?)+$/i.test(text)) return undefined;
  return [...text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 1), 0);
}

const isOff = (values: readonly string[] | undefined): boolean => /^(no|false)$/i.test(values?.[0] ?? '');
const isOn = (values: readonly string[] | undefined): boolean => /^(yes|true)$/i.test(values?.[0] ?? '');

export interface HostSurroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly userName: string;
}

export function settingsOf(target: SshTarget, raw: RawSettings, around: HostSurroundings): SshSettings {
  const host = optional(raw.get('hostname')) ?? target.host;
  const user = target.user ?? optional(raw.get('user')) ?? around.userName;
  const port = target.port ?? (Number(raw.get('port')?.[0] ?? 22) || 22);
  const values = { alias: target.host, host, user, port };
  const expand = (text: string): string => expandPath(text, values, around.env);
  const sshFolder = path.join(around.home, '.ssh');

  const configured = (raw.get('identityfile') ?? []).filter((file) => file.toLowerCase() !== 'none').map((file) => expand(file.replace(/^"(.*)"$/, '$1')));
  const identityFiles = target.identityFile !== undefined ? [expand(target.identityFile)] : raw.has('identityfile') ? configured : defaultIdentities.map((name) => path.join(sshFolder, name));

  const preferred = optional(raw.get('preferredauthentications'))?.split(',') ?? ['publickey', 'keyboard-interactive', 'password'];
  const switchedOff = new Set([
    ...(isOff(raw.get('pubkeyauthentication')) ? ['publickey'] : []),
    ...(isOff(raw.get('kbdinteractiveauthentication') ?? raw.get('challengeresponseauthentication')) ? ['keyboard-interactive'] : []),
    ...(isOff(raw.get('passwordauthentication')) ? ['password'] : []),
    // Nothing may be asked in batch mode.
    ...(isOn(raw.get('batchmode')) ? ['keyboard-interactive', 'password'] : []),
  ]);
  const intervalS = seconds(optional(raw.get('serveraliveinterval')));
  const timeoutS = seconds(optional(raw.get('connecttimeout')));
  const proxyCommand = optional(raw.get('proxycommand'));

  return {
    ...values,
    identityFiles,
    identitiesOnly: target.identityFile !== undefined || isOn(raw.get('identitiesonly')),
    agent: agentOf(raw.get('identityagent')?.[0], around, expand),
    proxyJump: target.proxyJump !== undefined ? optional([target.proxyJump]) : optional(raw.get('proxyjump')),
    proxyCommand: target.proxyJump === undefined ? proxyCommand : undefined,
    userKnownHostsFiles:
      target.knownHostsFile !== undefined ? [expand(target.knownHostsFile)] : raw.has('userknownhostsfile') ? splitPaths(raw.get('userknownhostsfile')?.[0] ?? '').map(expand) : [path.join(sshFolder, 'known_hosts'), path.join(sshFolder, 'known_hosts2')],
    globalKnownHostsFiles: target.knownHostsFile !== undefined ? [] : splitPaths(raw.get('globalknownhostsfile')?.[0] ?? (around.platform === 'win32' ? '' : '/etc/ssh/ssh_known_hosts')).map((file) => expand(file.replace('__PROGRAMDATA__', around.env.ProgramData ?? ''))),
    hostKeyAlias: optional(raw.get('hostkeyalias')),
    connectTimeoutMs: target.connectTimeoutMs ?? (timeoutS !== undefined && timeoutS > 0 ? timeoutS * 1000 : defaultConnectTimeoutMs),
    keepaliveIntervalMs: target.keepaliveIntervalMs ?? (intervalS !== undefined && intervalS > 0 ? intervalS * 1000 : defaultKeepaliveMs),
    keepaliveCount: Number(raw.get('serveralivecountmax')?.[0] ?? 3) || 3,
    authentications: preferred.map((name) => name.trim()).filter((name) => !switchedOff.has(name)),
  };
}

function agentOf(configured: string | undefined, around: HostSurroundings, expand: (text: string) => string): string | undefined {
  const fromEnvironment = around.env.SSH_AUTH_SOCK;
  if (configured === undefined || configured === 'SSH_AUTH_SOCK') {
    if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
    return around.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : undefined;
  }
  if (configured.toLowerCase() === 'none') return undefined;
  if (configured.startsWith('$') && !configured.startsWith('${')) return around.env[configured.slice(1)];
  return expand(configured.replace(/^"(.*)"$/, '$1'));
}

function refuseOddNames(target: SshTarget): void {
  for (const [what, value] of [['host', target.host], ['user', target.user]] as const) {
    if (value !== undefined && (value === '' || value.startsWith('-') || /[\s\0-\x1f'"`$;&|<>()]/.test(value))) {
      throw new HpcError('config_invalid', `${JSON.stringify(value)} cannot be a ${what} name for ssh.`, { remediation: `Correct the ${what} in the cluster's profile.` });
    }
  }
}

/** Asks the ssh program; undefined where there is none. */
async function askSsh(target: SshTarget, signal: AbortSignal | undefined): Promise<string | undefined> {
  const options = [
    ...(target.sshConfigFile === undefined ? [] : ['-F', target.sshConfigFile]),
    ...(target.user === undefined ? [] : ['-l', target.user]),
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
  ];
  return await new Promise((resolve, reject) => {
    execFile('ssh', ['-G', ...options, '--', target.host], { encoding: 'utf8', env: sshEnvironment(), timeout: 10_000, windowsHide: true, ...(signal ? { signal } : {}) }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (systemCodeOf(error) === 'ENOENT' || /unknown option|illegal option/i.test(stderr)) resolve(undefined);
      else {
        reject(
          new HpcError('config_invalid', `ssh cannot read its configuration for ${target.host}: ${stderr.trim().slice(0, 500) || error.message}`, {
            remediation: `Correct ${target.sshConfigFile ?? '~/.ssh/config'}; "ssh -G ${target.host}" shows the same message.`,
            cause: error,
          }),
        );
      }
    });
  });
}

async function readConfigFile(target: SshTarget, home: string): Promise<RawSettings> {
  const text = await readTextIfThere(target.sshConfigFile ?? path.join(home, '.ssh', 'config'));
  if (text === undefined) return new Map();
  const { default: sshConfig } = await import('ssh-config');
  const computed = sshConfig.parse(text).compute({ Host: target.host, ...(target.user === undefined ? {} : { User: target.user }) });
  return new Map(Object.entries(computed).map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value : [value]]));
}

export interface ResolvedHost {
  readonly settings: SshSettings;
  /** As `ssh -G` prints them; undefined where there is no ssh program. */
  readonly printed: RawSettings | undefined;
}

export async function resolveSshSettings(target: SshTarget, options: ResolveOptions = {}): Promise<SshSettings> {
  return (await resolveHost(target, options)).settings;
}

export interface ResolveOptions {
  readonly signal?: AbortSignal;
  readonly around?: Partial<HostSurroundings>;
  readonly useSshProgram?: boolean;
}

export async function resolveHost(target: SshTarget, options: ResolveOptions = {}): Promise<ResolvedHost> {
  refuseOddNames(target);
  const around: HostSurroundings = {
    env: process.env,
    platform: process.platform,
    home: os.homedir(),
    userName: os.userInfo().username,
    ...options.around,
  };
  const printed = options.useSshProgram === false ? undefined : await askSsh(target, options.signal);
  const raw = printed === undefined ? await readConfigFile(target, around.home) : parseSettings(printed);
  return { settings: settingsOf(target, raw, around), printed: printed === undefined ? undefined : raw };
}

/** `user@host:port`, `[v6]:port`, `ssh://…`: one stop of a ProxyJump. */
export function parseJump(text: string): { host: string; user?: string; port?: number } {
  const match = /^(?:ssh:\/\/)?(?:(?<user>[^@]+)@)?(?:\[(?<v6>[^\]]+)\]|(?<host>[^:@]+))(?::(?<port>\d+))?\/?$/.exec(text.trim());
  const host = match?.groups?.v6 ?? match?.groups?.host;
  if (host === undefined) throw new HpcError('config_invalid', `${JSON.stringify(text)} is not a host for ProxyJump.`, { remediation: 'Write it as user@host:port.' });
  const { user, port } = match?.groups ?? {};
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) };
}
