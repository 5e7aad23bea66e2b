/** Questions on the terminal, if there is a person at one; else they go unanswered, and the core says what it would have needed. */
import * as readline from 'node:readline';

interface TerminalPrompts {
  secret(question: { title: string; prompt: string; echo: boolean; signal?: AbortSignal }): Promise<string | undefined>;
  trustHostKey(question: { host: string; keyType: string; fingerprint: string; signal?: AbortSignal }): Promise<'trust' | 'once' | 'refuse'>;
}

/** Asks on standard error, so that standard output stays one line of JSON. */
function ask(text: string, echo: boolean, signal?: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const terminal = readline.createInterface({ input: process.stdin, output: process.stderr, terminal: true });
    let hidden = false;
    const write = process.stderr.write.bind(process.stderr);
    if (!echo) {
      // readline echoes what is typed: while a secret is asked for, nothing of it is written.
      process.stderr.write = ((chunk: string | Uint8Array) => (hidden ? true : write(chunk)));
    }
    const end = (answer: string | undefined): void => {
      process.stderr.write = write;
      terminal.close();
      if (!echo) write('\n');
      resolve(answer);
    };
    signal?.addEventListener('abort', () => end(undefined), { once: true });
    terminal.on('SIGINT', () => end(undefined));
    terminal.question(text, (answer) => end(answer));
    hidden = !echo;
  });
}

export function terminalPrompts(): TerminalPrompts {
  return {
    secret: ({ title, prompt, echo, signal }) => ask(`${title}\n${prompt} `, echo, signal),
    trustHostKey: async ({ host, keyType, fingerprint, signal }) => {
      const answer = await ask(`The key of ${host} is not known yet.\n${keyType} ${fingerprint}\nTrust it? Type yes to keep it, once for this time only: `, true, signal);
      return answer === 'yes' ? 'trust' : answer === 'once' ? 'once' : 'refuse';
    },
  };
}

export async function confirmOnTerminal(sentence: string, signal: AbortSignal): Promise<boolean | undefined> {
  const answer = await ask(`${sentence} [y/N] `, true, signal);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer.trim());
}
