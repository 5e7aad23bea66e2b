/**
 * The keys to offer, in OpenSSH's order: keys of the agent that the configuration names, the agent's others, then key files.
 *
 * Rule: a passphrase is asked for only when the server has said that it would take that key, and the opened key is remembered for the life of
 * the connection object, in memory only (deriving it again would cost seconds each time).
 */
import type { BaseAgent, ParsedKey } from 'ssh2';
import { messageOf } from '../../foundation/errors.ts';
import type { SshSettings } from './config.ts';
import { readKeyFile, type KeyFile } from './keyFiles.ts';
import { fingerprintOf } from './knownHosts.ts';
import type { OpenedKey } from './openKey.ts';

export interface Identity {
  /** For people: `key ~/.ssh/id_ed25519` or `agent key alice@laptop`. */
  readonly label: string;
  /** An agent that holds this one key: the only way into ssh2 that signs when asked, not before. */
  readonly agent: BaseAgent;
}

export interface IdentityContext {
  /** Asks for a passphrase; undefined: no answer, or no asking any more. */
  readonly askPassphrase: (file: string) => Promise<string | undefined>;
  readonly onWrongPassphrase: (file: string) => void;
  /** Encrypted keys that have been opened, by their file. */
  readonly opened: Map<string, OpenedKey>;
  /** Why something that was to be tried could not be. */
  readonly note: (text: string) => void;
}

const agentLimitMs = 5_000;

/** The types name only strings and buffers, but ssh2 takes parsed keys and options as well. */
type SignCallback = (error?: Error | null, signature?: Buffer) => void;
interface SigningAgent {
  getIdentities(callback: (error: Error | null | undefined, keys?: readonly ParsedKey[]) => void): void;
  sign(key: ParsedKey | Buffer, data: Buffer, options: { hash?: string }, callback: SignCallback): void;
}

async function listAgent(agent: SigningAgent): Promise<readonly ParsedKey[]> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it does not answer')), agentLimitMs);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve(keys ?? []);
    });
  });
}

export async function collectIdentities(settings: SshSettings, context: IdentityContext): Promise<Identity[]> {
  const ssh2 = (await import('ssh2')).default;
  const makeAgent = (publicKey: Buffer, sign: SigningAgent['sign']): BaseAgent => {
    class OneKey extends ssh2.BaseAgent {
      override getIdentities(callback: (error?: Error | null, keys?: Buffer[]) => void): void {
        callback(undefined, [publicKey]);
      }
      override sign(key: unknown, data: unknown, options: unknown, callback?: unknown): void {
        const done = (typeof options === 'function' ? options : callback) as SignCallback;
        sign(key as ParsedKey, data as Buffer, typeof options === 'function' ? {} : ((options ?? {})), done);
      }
    }
    return new OneKey();
  };

  const files: KeyFile[] = [];
  for (const file of settings.identityFiles) {
    const answer = await readKeyFile(file);
    if ('absent' in answer) {
      if (settings.identitiesOnly) context.note(`key ${file}: there is no such file`);
    } else if ('unusable' in answer) context.note(`key ${file}: ${answer.unusable}`);
    else files.push(answer);
  }

  let held: readonly ParsedKey[] = [];
  let agent: SigningAgent | undefined;
  if (settings.agent !== undefined) {
    try {
      agent = ssh2.createAgent(settings.agent) as unknown as SigningAgent;
      held = await listAgent(agent);
      if (held.length === 0) context.note('the ssh agent holds no keys');
    } catch (error) {
      context.note(`the ssh agent at ${settings.agent} cannot be used (${messageOf(error)})`);
    }
  }
  const blobs = held.map((key) => key.getPublicSSH());
  const isConfigured = (blob: Buffer): boolean => files.some((file) => file.publicKey?.equals(blob));
  const rank = (blob: Buffer): number => files.findIndex((file) => file.publicKey?.equals(blob));
  const fromAgent = held
    .map((key, index) => ({ key, blob: blobs[index] ?? Buffer.alloc(0) }))
    .filter(({ blob }) => !settings.identitiesOnly || isConfigured(blob))
    .sort((a, b) => (isConfigured(a.blob) ? rank(a.blob) : files.length) - (isConfigured(b.blob) ? rank(b.blob) : files.length))
    .map(({ key, blob }): Identity => ({
      label: `agent key ${key.comment || fingerprintOf(blob)}`,
      agent: makeAgent(blob, (_, data, options, done) => {
        agent?.sign(key, data, options, done);
      }),
    }));

  const fromFiles: Identity[] = [];
  for (const file of files) {
    if (file.privateText === undefined || (file.publicKey && blobs.some((blob) => file.publicKey?.equals(blob)))) continue;
    // Without its public half the server cannot be asked first: open it now.
    const opened = file.publicKey === undefined ? await openKey(file, context) : undefined;
    const publicKey = file.publicKey ?? opened?.publicKey;
    if (!publicKey) continue;
    fromFiles.push({
      label: `key ${file.file}`,
      agent: makeAgent(publicKey, (_, data, options, done) => {
        (async () => {
          const key = opened ?? (await openKey(file, context));
          if (!key) throw new Error('the key could not be opened');
          return key.sign(data, options.hash);
        })().then((signature) => done(undefined, signature), (error: unknown) => done(error as Error));
      }),
    });
  }
  return [...fromAgent, ...fromFiles];
}

async function openKey(file: KeyFile, context: IdentityContext): Promise<OpenedKey | undefined> {
  if (file.privateText === undefined) return undefined;
  const opened = context.opened.get(file.file);
  if (opened) return opened;
  const passphrase = file.encrypted ? await context.askPassphrase(file.file) : undefined;
  if (file.encrypted && passphrase === undefined) {
    context.note(`key ${file.file}: no passphrase was given`);
    return undefined;
  }
  const { openPrivateKey } = await import('./openKey.ts');
  const key = await openPrivateKey(file.privateText, passphrase);
  if (key instanceof Error) {
    if (file.encrypted) {
      context.onWrongPassphrase(file.file);
      context.note(`key ${file.file}: the passphrase is wrong`);
    } else context.note(`key ${file.file}: ${key.message}`);
    return undefined;
  }
  if (file.encrypted) context.opened.set(file.file, key);
  return key;
}
