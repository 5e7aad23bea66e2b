/**
 * Which program is to speak ssh with a host, and why.
 *
 * Rule: ssh2 inside this process, unless the host's resolved configuration (`ssh -G`) needs what only the system's ssh can do, or the person has a
 * master running that spares a sign-in. What the profile says wins over all of it.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import { CancelledError } from '../foundation/abort.ts';
import { sshEnvironment } from './childEnvironment.ts';
import { configuredMaster, isMasterAlive } from './openssh/master.ts';
import type { TransportChoice } from './port.ts';
import { resolveHost, type RawSettings, type ResolvedHost, type SshTarget } from './ssh/config.ts';
import { matchesPattern } from './ssh/knownHosts.ts';

export interface ChoiceDeps {
  readonly platform?: NodeJS.Platform;
  readonly home?: string;
  readonly resolve?: (target: SshTarget, signal?: AbortSignal) => Promise<ResolvedHost>;
  /** Whether there is a Kerberos ticket. */
  readonly hasTicket?: () => Promise<boolean>;
  readonly isMasterAlive?: (controlPath: string) => Promise<boolean>;
}

const stated: Readonly<Record<TransportChoice['transport'], string>> = {
  ssh: 'The built-in ssh is used, as clusters.yaml says (connection: ssh).',
  openssh: "The system's ssh is used, as clusters.yaml says (connection: openssh).",
};

function hasTicket(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('klist', ['-s'], { env: sshEnvironment(), timeout: 3_000, windowsHide: true }, (error) => resolve(!error));
  });
}

const isOn = (printed: RawSettings, name: string): boolean => /^(yes|true)$/i.test(printed.get(name)?.[0] ?? '');
const valueOf = (printed: RawSettings, name: string): string | undefined => {
  const value = printed.get(name)?.[0];
  return value === undefined || value === '' || value.toLowerCase() === 'none' ? undefined : value;
};

/** A key that lives in a device, or a certificate beside a key: by the public half, which is a file next to it. */
async function specialKey(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const beside = await readFile(file.endsWith('.pub') ? file : `${file}.pub`, 'utf8').catch(() => '');
    if (beside.startsWith('sk-')) return `its key ${file} lives in a security key (FIDO)`;
    const certificate = await readFile(`${file.replace(/\.pub$/, '')}-cert.pub`, 'utf8').catch(() => '');
    if (certificate !== '') return `its key ${file} comes with a certificate`;
  }
  return undefined;
}

/** Whether a `Match` line with `exec` may concern this host. Included files are read one level deep: this is a hint, not a parser. */
export function hasMatchExec(text: string, names: readonly string[]): boolean {
  return text.split('\n').some((line) => {
    if (!/^\s*match\s.*\bexec\b/i.test(line)) return false;
    const patterns = /\b(?:host|originalhost)\s+("[^"]*"|\S+)/i.exec(line)?.[1]?.replaceAll('"', '').split(',');
    if (!patterns) return true;
    const matches = (pattern: string): boolean => names.some((name) => matchesPattern(name.toLowerCase(), pattern.toLowerCase()));
    return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern)) && !patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1)));
  });
}

async function configTexts(target: SshTarget, home: string): Promise<string> {
  const main = target.sshConfigFile ?? path.join(home, '.ssh', 'config');
  const text = (await readTextIfThere(main).catch(() => undefined)) ?? '';
  const included = [...text.matchAll(/^\s*include\s+(.+?)\s*$/gim)].flatMap(([, words = '']) => [...words.matchAll(/"([^"]+)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? ''));
  const files = included.filter((file) => !/[*?[]/.test(file)).map((file) => (file.startsWith('~/') ? path.join(home, file.slice(2)) : path.resolve(home, '.ssh', file)));
  const texts = await Promise.all(files.map((file) => readTextIfThere(file).catch(() => undefined)));
  return [text, ...texts.map((one) => one ?? '')].join('\n');
}

/** What needs the system's ssh, as the end of "since …"; undefined: nothing. */
async function needOf(target: SshTarget, host: ResolvedHost, printed: RawSettings, deps: ChoiceDeps): Promise<string | undefined> {
  const { settings } = host;
  const master = (deps.platform ?? process.platform) === 'win32' ? undefined : configuredMaster(printed);
  if (master && (await (deps.isMasterAlive ?? isMasterAlive)(master.controlPath))) return `your own ssh master for it is running (${master.controlPath})`;
  if (settings.proxyCommand !== undefined) return 'it is reached by a ProxyCommand';
  if (isOn(printed, 'proxyusefdpass')) return 'its ProxyCommand hands over a connection (ProxyUseFdpass)';
  const certificate = valueOf(printed, 'certificatefile');
  if (certificate !== undefined) return `it takes a certificate (CertificateFile ${certificate})`;
  const pkcs11 = valueOf(printed, 'pkcs11provider');
  if (pkcs11 !== undefined) return `its keys are on a smart card (PKCS11Provider ${pkcs11})`;
  if (isOn(printed, 'hostbasedauthentication')) return 'it signs in by the name of this computer (HostbasedAuthentication)';
  const key = await specialKey(settings.identityFiles);
  if (key !== undefined) return key;
  // Some systems switch it on for everybody: without a ticket it is of no use.
  if (isOn(printed, 'gssapiauthentication') && (await (deps.hasTicket ?? hasTicket)())) return 'it takes Kerberos tickets (GSSAPIAuthentication), and you have one';
  if (hasMatchExec(await configTexts(target, deps.home ?? os.homedir()), [settings.alias, settings.host])) return 'your ssh configuration decides about it by running a program (Match exec)';
  return undefined;
}

/** Never fails for want of an answer: what cannot be resolved is for the connection to say. */
export async function chooseTransport(target: SshTarget, deps: ChoiceDeps = {}, signal?: AbortSignal): Promise<TransportChoice> {
  if (target.transport !== undefined) return { transport: target.transport, reason: stated[target.transport] };
  const resolve = deps.resolve ?? ((one: SshTarget, stop?: AbortSignal) => resolveHost(one, stop ? { signal: stop } : {}));
  let host: ResolvedHost;
  try {
    host = await resolve(target, signal);
  } catch {
    if (signal?.aborted) throw new CancelledError();
    return { transport: 'ssh', reason: 'The built-in ssh is used, since the ssh configuration could not be read.' };
  }
  if (host.printed === undefined) return { transport: 'ssh', reason: 'The built-in ssh is used, since there is no ssh program on this computer.' };
  const need = await needOf(target, host, host.printed, deps);
  if (need !== undefined) return { transport: 'openssh', reason: `The system's ssh is used, since ${need}.` };
  return { transport: 'ssh', reason: 'The built-in ssh is used, since nothing in the ssh configuration of this host needs the system’s.' };
}
