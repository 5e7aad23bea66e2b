/**
 * Who answers what ssh asks while it signs in.
 *
 * Rules: a question is put to a person at most once; asked again, the answer was wrong, and the attempt ends as refused. Without an answer it ends
 * at once: ssh would send an empty password, and that counts as a wrong one. Passphrases are remembered in memory for the life of the connection.
 */
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../foundation/errors.ts';
import type { Log } from '../../foundation/log.ts';
import { ConnectFailure } from '../failure.ts';
import type { PromptPort } from '../port.ts';
import { remember } from '../ssh/hostKeys.ts';
import { fingerprintOf, parseKnownHosts } from '../ssh/knownHosts.ts';
import { readQuestion, type SshQuestion } from './questions.ts';

export interface AnswersContext {
  readonly who: string;
  /** Hosts on the way, the target included: older servers do not say which of them asks. */
  readonly stops: number;
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Passphrases, and passwords where every session signs in for itself; by their question. */
  readonly remembered: Map<string, string>;
  readonly rememberPasswords: boolean;
  readonly asked: () => void;
  readonly whileAsking: <T>(answer: Promise<T>) => Promise<T>;
  readonly giveUp: (failure: ConnectFailure) => void;
}

export interface Answers {
  answer(prompt: string, hint: string): Promise<string | undefined>;
  /** A person's answer that is not remembered was needed. */
  readonly neededPerson: boolean;
  /** Everything that was answered could be answered again without a person. */
  readonly repeatable: boolean;
  /** A remembered answer. */
  again(prompt: string): string | undefined;
  /** Answers that were given and, as far as is known, not taken. */
  readonly tried: readonly string[];
  /** Fingerprints of host keys to be kept. */
  readonly trusted: ReadonlySet<string>;
}

export function createAnswers(context: AnswersContext): Answers {
  const counts = new Map<string, number>();
  const tried: string[] = [];
  const trusted = new Set<string>();
  const handedOut = new Map<string, string>();
  let neededPerson = false;
  let repeatable = true;
  let over = false;

  const stop = (failure: ConnectFailure): undefined => {
    over = true;
    context.giveUp(failure);
    return undefined;
  };
  const refused = (what: string): undefined => {
    // What was remembered and is not taken any more must be asked anew.
    for (const key of handedOut.keys()) context.remembered.delete(key);
    return stop(new ConnectFailure('refused', `Signing in as ${context.who} was refused (tried: ${what}).`, 'Connect again and give the right answer.'));
  };
  const ask = async (title: string, prompt: string, advice = ''): Promise<string | undefined> => {
    context.asked();
    const answer = await context.whileAsking(context.prompts.secret({ title, prompt, echo: false, signal: context.signal }));
    if (answer === undefined) return stop(new ConnectFailure('refused', `${context.who} asks for ${JSON.stringify(prompt)}, and no answer was given.`, `${advice}Connect from a place that can ask you (the editor, or a terminal), and answer there.`));
    return answer;
  };

  const hostKey = async (question: SshQuestion & { kind: 'host_key' }): Promise<string | undefined> => {
    const { host, keyType, fingerprint } = question;
    if (fingerprint === '') return stop(new ConnectFailure('refused', `The host key of ${host} is not known, and ssh shows no fingerprint of it.`, `Connect once with "ssh" in a terminal, after comparing the key with what the site publishes.`));
    context.asked();
    const answer = await context.whileAsking(context.prompts.trustHostKey({ host, keyType, fingerprint, signal: context.signal }));
    if (answer === 'refuse') {
      return stop(new ConnectFailure('refused', `The host key of ${host} is not known (${keyType}, ${fingerprint}) and was not trusted.`, 'Compare the fingerprint with what the site publishes, then connect again and trust it, or add it to known_hosts.'));
    }
    if (answer === 'trust') trusted.add(fingerprint);
    return 'yes';
  };

  const passphrase = async (file: string, key: string): Promise<string | undefined> => {
    const known = context.remembered.get(key);
    if (known !== undefined) {
      handedOut.set(key, known);
      return known;
    }
    const answer = await ask(context.who, `Passphrase of ${file}`, 'Load the key into the agent with ssh-add. Or: ');
    if (answer === undefined) return undefined;
    const { openPrivateKey } = await import('../ssh/openKey.ts');
    const opened = await readFile(file).then((text) => openPrivateKey(text, answer), () => undefined);
    if (opened instanceof Error && /passphrase|decrypt|integrity/i.test(opened.message)) return refused(`key ${file}; the passphrase is wrong`);
    context.remembered.set(key, answer);
    handedOut.set(key, answer);
    return answer;
  };

  const other = async (key: string, who: string | undefined, prompt: string, method: string): Promise<string | undefined> => {
    const known = context.remembered.get(key);
    if (known !== undefined) {
      handedOut.set(key, known);
      return known;
    }
    const answer = await ask(who ?? context.who, prompt);
    if (answer === undefined) return undefined;
    neededPerson = true;
    tried.push(method);
    if (context.rememberPasswords && /pass(word|phrase)/i.test(prompt)) {
      context.remembered.set(key, answer);
      handedOut.set(key, answer);
    } else repeatable = false;
    return answer;
  };

  return {
    get neededPerson() {
      return neededPerson;
    },
    get repeatable() {
      return repeatable;
    },
    again: (prompt) => context.remembered.get(prompt.trim()),
    tried,
    trusted,
    async answer(prompt, hint) {
      if (over || context.signal.aborted) return undefined;
      const question = readQuestion(prompt, hint);
      if (question.kind === 'notice') {
        context.log.info('ssh waits for somebody at this computer', { text: question.text });
        return '';
      }
      try {
        if (question.kind === 'host_key') return await hostKey(question);
        const key = prompt.trim();
        const times = (counts.get(key) ?? 0) + 1;
        counts.set(key, times);
        const named = question.kind !== 'other' || question.who !== undefined;
        if (times > (named ? 1 : context.stops)) return refused(`${question.kind === 'other' ? 'keyboard-interactive' : question.kind} (the answer was not accepted)`);
        if (question.kind === 'passphrase') return await passphrase(question.file, key);
        // ssh goes on to the next method by itself, and would ask for the same thing by another name.
        if (question.kind === 'password' && tried.length >= context.stops) return refused(`${tried.join(', ')} (the answer was not accepted)`);
        return question.kind === 'password' ? await other(key, question.who, `Password of ${question.who}`, 'password') : await other(key, question.who, question.prompt, 'keyboard-interactive');
      } catch (error) {
        return stop(new ConnectFailure('refused', `${context.who} asks ${JSON.stringify(prompt.trim().slice(0, 200))}, and it could not be answered: ${messageOf(error)}`));
      }
    },
  };
}

/** Copies what a person wants to be kept from the file of accepted keys into their own. */
export async function keepTrusted(acceptedFile: string, trusted: ReadonlySet<string>, userFile: string | undefined, log: Log): Promise<void> {
  if (trusted.size === 0) return;
  const text = await readFile(acceptedFile, 'utf8').catch(() => '');
  const lines = text.split('\n');
  for (const entry of parseKnownHosts(text, acceptedFile)) {
    if (trusted.has(fingerprintOf(entry.key))) await remember(userFile, lines[entry.line - 1] ?? '', log);
  }
}
