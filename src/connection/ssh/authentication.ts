/**
 * Signing in to one server, once.
 *
 * Rules:
 * - OpenSSH's order: `none` (to learn what the server takes), keys, keyboard-interactive, password; several in turn where the server wants more
 *   than one (a key, then a one-time code).
 * - A question is put to a person at most once. A wrong or missing answer ends all asking in this attempt; the attempt then ends as refused,
 *   with what was tried.
 */
import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, Prompt } from 'ssh2';
import { ConnectFailure } from '../failure.ts';
import type { PromptPort } from '../port.ts';
import type { SshSettings } from './config.ts';
import { collectIdentities, type Identity } from './identities.ts';
import type { OpenedKey } from './openKey.ts';

export interface AuthenticationContext {
  readonly settings: SshSettings;
  readonly prompts: PromptPort;
  readonly signal: AbortSignal;
  /** Encrypted keys that have been opened, for the life of the connection object. */
  readonly openedKeys: Map<string, OpenedKey>;
  readonly asked: () => void;
  /** Runs while a person is asked, so that the time they take does not count. */
  readonly whileAsking: <T>(answer: Promise<T>) => Promise<T>;
  /** Ends the attempt at once. */
  readonly giveUp: (failure: ConnectFailure) => void;
}

export interface Authentication {
  /** For ssh2's `authHandler`. */
  readonly handler: (left: AuthenticationType[] | null, partial: boolean | null, next: NextAuthHandler) => void;
  /** For ssh2's `debug`: the one way to learn what the server still takes after an agent's key was accepted in part. */
  readonly onDebug: (text: string) => void;
  /** An answer that is not remembered was needed: signing in again would ask again. */
  readonly neededPerson: boolean;
  /** The server has turned down a key or an answer. */
  readonly turnedDown: boolean;
  /** What to say when the server took nothing. */
  failure(): ConnectFailure;
}

const failureText = 'Inbound: Received USERAUTH_FAILURE (';
const mostRounds = 10;

export function createAuthentication(context: AuthenticationContext): Authentication {
  const { settings } = context;
  const who = `${settings.user}@${settings.host}`;
  const tried: string[] = [];
  const notes: string[] = [];
  let identities: Identity[] | undefined;
  let allowed: readonly string[] | undefined;
  let last: 'nothing' | 'none' | 'publickey' | 'keyboard-interactive' | 'password' = 'nothing';
  let askingIsOver = false;
  let answeredInLast = false;
  let neededPerson = false;
  const used = new Set<string>();

  const ask = async (prompt: string, echo: boolean, title = who): Promise<string | undefined> => {
    if (askingIsOver) return undefined;
    context.asked();
    const answer = await context.whileAsking(context.prompts.secret({ title, prompt, echo, signal: context.signal }));
    if (answer === undefined) askingIsOver = true;
    return answer;
  };

  const loadIdentities = async (): Promise<Identity[]> =>
    await collectIdentities(settings, {
      opened: context.openedKeys,
      note: (text) => notes.push(text),
      askPassphrase: (file) => ask(`Passphrase of ${file}`, false),
      onWrongPassphrase: () => (askingIsOver = true),
    });

  const noAnswer = (what: string): ConnectFailure =>
    new ConnectFailure('refused', `${who} asks for ${what}, and no answer was given.`, 'Connect from a place that can ask you (the editor, or a terminal), and answer there.');

  const answerAll = async (name: string, instructions: string, prompts: readonly Prompt[]): Promise<string[] | undefined> => {
    const answers: string[] = [];
    const title = [who, name, instructions].filter((part) => part.trim() !== '').join(': ');
    for (const { prompt, echo } of prompts) {
      const answer = await ask(prompt.trim(), echo ?? false, title);
      if (answer === undefined) {
        context.giveUp(noAnswer(JSON.stringify(prompt.trim())));
        return undefined;
      }
      answers.push(answer);
    }
    answeredInLast = true;
    neededPerson = true;
    return answers;
  };

  const choose = async (): Promise<AnyAuthMethod | false> => {
    const username = settings.user;
    const may = (method: string): boolean => (allowed ?? settings.authentications).includes(method);
    for (const method of settings.authentications) {
      if (!may(method)) continue;
      if (method === 'publickey') {
        identities ??= await loadIdentities();
        const identity = identities.shift();
        if (!identity) continue;
        tried.push(identity.label);
        last = 'publickey';
        return { type: 'agent', username, agent: identity.agent };
      }
      if (used.has(method) || askingIsOver) continue;
      if (method === 'keyboard-interactive') {
        used.add(method);
        last = method;
        answeredInLast = false;
        let rounds = 0;
        return {
          type: 'keyboard-interactive',
          username,
          prompt: (name, instructions, _language, prompts, finish) => {
            rounds += 1;
            if (rounds > mostRounds) {
              context.giveUp(new ConnectFailure('refused', `${who} goes on asking without an end.`));
              return;
            }
            void answerAll(name, instructions, prompts).then((answers) => answers && finish(answers), () => context.giveUp(noAnswer('an answer')));
          },
        };
      }
      if (method === 'password') {
        used.add(method);
        const password = await ask(`Password of ${who}`, false);
        if (password === undefined) {
          notes.push('password: none was given');
          continue;
        }
        last = method;
        answeredInLast = true;
        neededPerson = true;
        return { type: 'password', username, password };
      }
    }
    return false;
  };

  let turnedDown = false;
  return {
    get neededPerson() {
      return neededPerson;
    },
    get turnedDown() {
      return turnedDown;
    },
    onDebug: (text) => {
      if (!text.startsWith(failureText)) return;
      allowed = text.slice(failureText.length, -1).split(',');
      if (last === 'publickey' || answeredInLast) turnedDown = true;
    },
    handler: (left, partial, next) => {
      if (last === 'nothing') {
        last = 'none';
        next({ type: 'none', username: settings.user });
        return;
      }
      if (last !== 'publickey') allowed ??= left ?? undefined;
      if ((last === 'keyboard-interactive' || last === 'password') && answeredInLast && !partial) {
        tried.push(`${last} (the answer was not accepted)`);
        askingIsOver = true;
      }
      answeredInLast = false;
      choose().then(
        (method) => next(method as AnyAuthMethod),
        (error: unknown) => context.giveUp(error instanceof ConnectFailure ? error : new ConnectFailure('refused', `Signing in as ${who} failed: ${error instanceof Error ? error.message : String(error)}`)),
      );
    },
    failure: () => {
      const parts = [
        tried.length > 0 ? `tried: ${tried.join(', ')}` : 'there was nothing to try',
        ...notes,
        ...(allowed && allowed.length > 0 && allowed[0] !== '' ? [`the server takes: ${allowed.join(', ')}`] : []),
      ];
      return new ConnectFailure('refused', `Signing in as ${who} was refused (${parts.join('; ')}).`, remediationFor(settings, tried, notes));
    },
  };
}

function remediationFor(settings: SshSettings, tried: readonly string[], notes: readonly string[]): string {
  if (tried.some((text) => text.includes('not accepted')) || notes.some((note) => note.includes('passphrase is wrong'))) return 'Connect again and give the right answer.';
  if (notes.some((note) => note.includes('passphrase was given'))) return 'Load the key into the agent with ssh-add, or connect from a place that can ask you for its passphrase.';
  if (notes.some((note) => note.includes('cannot be used'))) return `Start the ssh agent anew, or point SSH_AUTH_SOCK (or IdentityAgent) to the one that runs, and load your key with ssh-add.`;
  if (tried.length === 0) return `Name a key in the cluster's profile or in ~/.ssh/config (IdentityFile), or load one into the agent with ssh-add, and put its public half into ~/.ssh/authorized_keys on ${settings.host}.`;
  return `Check the user name, and that the public half of one of these keys is in ~/.ssh/authorized_keys on ${settings.host}. "ssh ${settings.alias}" shows what the system's ssh makes of it.`;
}
