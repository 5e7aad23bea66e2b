/**
 * Questions of a connection, asked by the editor's own input boxes.
 *
 * Rules: what is typed is shown as dots unless it may be echoed; only passphrases of keys are ever remembered (a password may
 * be a one-time code), in memory by default, in SecretStorage when the user says so; one that did not help is forgotten.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../l10n/words.ts';
import type { Host } from '../../operations/services.ts';

type Prompts = Host['prompts'];

/** Asked again within this time, a remembered answer was wrong. */
const rejectedWithinMs = 60_000;

export function createPrompts(secrets: vscode.SecretStorage): Prompts {
  const memory = new Map<string, string>();
  const lastGiven = new Map<string, number>();

  const remembered = async (key: string): Promise<string | undefined> => {
    const answer = memory.get(key) ?? (await secrets.get(key));
    if (answer === undefined) return undefined;
    if (Date.now() - (lastGiven.get(key) ?? 0) < rejectedWithinMs) {
      memory.delete(key);
      await secrets.delete(key);
      return undefined;
    }
    lastGiven.set(key, Date.now());
    return answer;
  };

  const remember = async (key: string, answer: string): Promise<void> => {
    const here = { label: l10n.t('$(clock) Keep until this window closes'), keep: 'memory' as const };
    const store = { label: l10n.t('$(key) Save in the secret storage'), description: l10n.t('encrypted by the operating system’s keychain'), keep: 'secrets' as const };
    const none = { label: l10n.t('$(circle-slash) Do not keep'), keep: 'none' as const };
    const choice = await vscode.window.showQuickPick([here, store, none], { title: l10n.t('Remember the passphrase?'), ignoreFocusOut: true });
    if (choice?.keep === 'memory') memory.set(key, answer);
    if (choice?.keep === 'secrets') await secrets.store(key, answer);
    lastGiven.set(key, Date.now());
  };

  return {
    secret: async ({ title, prompt, echo, signal }) => {
      const passphrase = !echo && /passphrase/i.test(`${title} ${prompt}`);
      const key = `passphrase:${title}:${prompt}`;
      if (passphrase) {
        const known = await remembered(key);
        if (known !== undefined) return known;
      }
      const answer = await untilAborted(signal, (token) => vscode.window.showInputBox({ title, prompt, password: !echo, ignoreFocusOut: true }, token));
      if (passphrase && answer !== undefined && answer !== '') await remember(key, answer);
      return answer;
    },
    trustHostKey: async ({ host, keyType, fingerprint }) => {
      const trust: vscode.MessageItem = { title: l10n.t('Trust') };
      const once: vscode.MessageItem = { title: l10n.t('Trust once') };
      const answer = await vscode.window.showWarningMessage(
        l10n.t('The host {0} is not known yet.', host),
        { modal: true, detail: l10n.t('Its {0} key has the fingerprint\n{1}\n\nCompare it with what the cluster’s documentation says. “Trust” writes it to known_hosts.', keyType, fingerprint) },
        trust,
        once,
      );
      return answer === trust ? 'trust' : answer === once ? 'once' : 'refuse';
    },
  };
}

async function untilAborted<T>(signal: AbortSignal | undefined, ask: (token: vscode.CancellationToken) => Thenable<T>): Promise<T> {
  const source = new vscode.CancellationTokenSource();
  const cancel = (): void => source.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    if (signal?.aborted) cancel();
    return await ask(source.token);
  } finally {
    signal?.removeEventListener('abort', cancel);
    source.dispose();
  }
}
