/**
 * Whether to go on with a server that shows this key. Rule: only a known key passes by itself; an unknown one is asked about; everything else is
 * refused, and so is silence.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { readTextIfThere, writeFileAtomic } from '../../foundation/atomicFile.ts';
import { withFileLock } from '../../foundation/fileLock.ts';
import { messageOf } from '../../foundation/errors.ts';
import type { Log } from '../../foundation/log.ts';
import { ConnectFailure } from '../failure.ts';
import type { PromptPort } from '../port.ts';
import { fingerprintOf, judgeHostKey, keyTypeOf, knownHostsLine, knownKeyTypes, lookupName, parseKnownHosts, type KnownHostLine } from './knownHosts.ts';

/** Host key algorithms that ssh2 speaks, in the order we like them; a type may be signed in several ways. */
const algorithms: readonly { readonly algorithm: string; readonly keyType: string }[] = [
  { algorithm: 'ssh-ed25519', keyType: 'ssh-ed25519' },
  { algorithm: 'ecdsa-sha2-nistp256', keyType: 'ecdsa-sha2-nistp256' },
  { algorithm: 'ecdsa-sha2-nistp384', keyType: 'ecdsa-sha2-nistp384' },
  { algorithm: 'ecdsa-sha2-nistp521', keyType: 'ecdsa-sha2-nistp521' },
  { algorithm: 'rsa-sha2-512', keyType: 'ssh-rsa' },
  { algorithm: 'rsa-sha2-256', keyType: 'ssh-rsa' },
];

export interface HostKeyCheckOptions {
  readonly host: string;
  readonly port: number;
  readonly alias: string | undefined;
  /** The first is the one that trusted keys are added to. */
  readonly userFiles: readonly string[];
  readonly globalFiles: readonly string[];
  /** Fingerprints accepted for the life of this connection, per looked-up name. */
  readonly acceptedOnce: Set<string>;
  readonly prompts: PromptPort;
  readonly log: Log;
}

export interface HostKeyCheck {
  /** For ssh2's `algorithms.serverHostKey`: the types that are known for the host first, so that it shows a key we can compare. */
  readonly algorithms: readonly string[];
  /** Resolves when the key may be trusted; throws ConnectFailure (`refused`) when not. */
  check(key: Buffer, asking: { signal: AbortSignal; asked: () => void }): Promise<void>;
}

async function readLines(files: readonly string[], log: Log): Promise<KnownHostLine[]> {
  const lines: KnownHostLine[] = [];
  for (const file of files) {
    try {
      lines.push(...parseKnownHosts((await readTextIfThere(file)) ?? '', file));
    } catch (error) {
      // Not being able to read a file must not make a changed key look like a new one.
      throw new ConnectFailure('refused', `The known host keys in ${file} cannot be read: ${messageOf(error)}`, 'Make the file readable for you.');
    }
  }
  log.debug('known host keys read', { lines: lines.length });
  return lines;
}

export async function createHostKeyCheck(options: HostKeyCheckOptions): Promise<HostKeyCheck> {
  const name = options.alias?.toLowerCase() ?? lookupName(options.host, options.port);
  const fallbackName = options.alias === undefined && options.port !== 22 ? options.host.toLowerCase() : undefined;
  const lines = await readLines([...options.userFiles, ...options.globalFiles], options.log);
  const types = knownKeyTypes(lines, [name]);
  const preferred = types.length > 0 || fallbackName === undefined ? types : knownKeyTypes(lines, [fallbackName]);
  const rank = (keyType: string): number => (preferred.includes(keyType) ? 0 : 1);
  const ordered = [...algorithms].sort((a, b) => rank(a.keyType) - rank(b.keyType));

  return {
    algorithms: ordered.map((entry) => entry.algorithm),
    async check(key, { signal, asked }) {
      const fingerprint = fingerprintOf(key);
      const keyType = keyTypeOf(key);
      const verdict = judgeHostKey(lines, { name, fallbackName, key, askable: algorithms.map((entry) => entry.keyType) });
      switch (verdict.kind) {
        case 'known':
          return;
        case 'revoked':
          throw new ConnectFailure('refused', `The host key of ${name} (${keyType}, ${fingerprint}) is revoked by ${verdict.line.file}:${verdict.line.line}.`, 'Somebody may be listening in. Ask the site for its present keys.');
        case 'changed': {
          const known = verdict.lines.map((line) => `${fingerprintOf(line.key)} (${line.keyType}, ${line.file}:${line.line})`).join(', ');
          throw new ConnectFailure(
            'refused',
            `The host key of ${name} has changed: it shows ${fingerprint} (${keyType}), known is ${known}.`,
            `Either the host was set up anew or somebody is listening in. Compare the fingerprint with what the site publishes; if it is right, remove the old key with: ssh-keygen -R '${name}'`,
          );
        }
        case 'certificate_only':
          throw new ConnectFailure(
            'refused',
            `${name} is known only through a certificate authority (${verdict.line.file}:${verdict.line.line}), and host certificates cannot be checked by this connection.`,
            `Add the host's own key (${fingerprint}, ${keyType}) to known_hosts after comparing it with what the site publishes.`,
          );
        case 'unknown':
          break;
      }
      const accepted = `${name} ${fingerprint}`;
      if (options.acceptedOnce.has(accepted)) return;
      asked();
      const answer = await options.prompts.trustHostKey({ host: name, keyType, fingerprint, signal });
      if (answer === 'refuse') {
        throw new ConnectFailure('refused', `The host key of ${name} is not known (${keyType}, ${fingerprint}) and was not trusted.`, 'Compare the fingerprint with what the site publishes, then connect again and trust it, or add it to known_hosts.');
      }
      options.acceptedOnce.add(accepted);
      if (answer === 'trust') await remember(options.userFiles[0], knownHostsLine(name, key), options.log);
    },
  };
}

/** Adds a line to a person's own known hosts. */
export async function remember(file: string | undefined, line: string, log: Log): Promise<void> {
  if (file === undefined) return;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await withFileLock(`${file}.hpc-agent.lock`, async () => {
      const text = await readTextIfThere(file);
      if (text === undefined) await writeFileAtomic(file, `${line}\n`, { mode: 0o600 });
      // One write at the end of the file, as ssh does: a link to the file and its rights stay what they are.
      else await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
    });
  } catch (error) {
    // The person trusts the key; that it will be asked about again is no reason not to connect.
    log.warn('a trusted host key could not be added to the known ones', { file, reason: messageOf(error) });
  }
}
