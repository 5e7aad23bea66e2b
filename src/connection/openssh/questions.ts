/** What ssh asks through its askpass program, told apart by its text. OpenSSH 6 to 10; what is not recognised is a question like any other. */

export type SshQuestion =
  | { readonly kind: 'host_key'; readonly host: string; readonly keyType: string; readonly fingerprint: string }
  | { readonly kind: 'passphrase'; readonly file: string }
  | { readonly kind: 'password'; readonly who: string }
  /** A round of keyboard-interactive, a PIN, or anything else. */
  | { readonly kind: 'other'; readonly who: string | undefined; readonly prompt: string }
  /** Nothing to answer: a key waits to be touched. */
  | { readonly kind: 'notice'; readonly text: string };

const keyTypes: Readonly<Record<string, string>> = { RSA: 'ssh-rsa', DSA: 'ssh-dss', ED25519: 'ssh-ed25519', ECDSA: 'ecdsa-sha2-nistp256', 'ED25519-SK': 'sk-ssh-ed25519@openssh.com', 'ECDSA-SK': 'sk-ecdsa-sha2-nistp256@openssh.com' };

export function readQuestion(prompt: string, hint: string): SshQuestion {
  if (hint === 'none') return { kind: 'notice', text: prompt.trim() };
  const host = /authenticity of host '(\S+)(?: \([^)]*\))?' can't be established/.exec(prompt)?.[1];
  if (host !== undefined) {
    const [, type = '', fingerprint = ''] = /(\S+) key fingerprint is:? ?(SHA256:[A-Za-z0-9+/=]+)/.exec(prompt) ?? [];
    return { kind: 'host_key', host, keyType: keyTypes[type] ?? type, fingerprint };
  }
  const file = /^Enter passphrase for (?:key )?'?(.+?)'?: *$/.exec(prompt)?.[1];
  if (file !== undefined) return { kind: 'passphrase', file };
  const who = /^(\S+)'s password: *$/.exec(prompt)?.[1];
  if (who !== undefined) return { kind: 'password', who };
  const [, asker, rest] = /^\((\S+@[^)\s]+)\) ([\s\S]*)$/.exec(prompt) ?? [];
  return { kind: 'other', who: asker, prompt: (rest ?? prompt).trim() };
}
