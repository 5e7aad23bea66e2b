/**
 * Why ssh did not connect, from what it wrote. Rule: what a person must mend is `refused` (nothing is tried again by itself), what may pass is
 * `transport`. Texts of OpenSSH 6 to 10; one that is not known is told as it stands.
 */
import { readFile } from 'node:fs/promises';
import { ConnectFailure } from '../failure.ts';
import { fingerprintOf, parseKnownHosts } from '../ssh/knownHosts.ts';

export interface FailureFacts {
  readonly who: string;
  readonly alias: string;
  readonly host: string;
  /** For people: `host:port`. */
  readonly place: string;
  readonly keyFiles: readonly string[];
  /** What is wrong with the agent, if anything. */
  readonly agentNote: string | undefined;
  readonly tried: readonly string[];
}

const byNetwork = 'Check the network, or the VPN that the site asks for.';

/** The last line that says something, for a message that is not known. */
function lastWords(text: string): string {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '').pop()?.trim().slice(0, 300) ?? '';
}

async function changedKey(text: string): Promise<ConnectFailure> {
  const shown = /fingerprint for the (\S+) key sent by the remote host is\s+(SHA256:\S+?)\.?\s/.exec(text);
  const name = /^Host key for (\S+) has changed/m.exec(text)?.[1] ?? 'the host';
  const [, type = '', file = '', line = ''] = /^Offending (\S+) key in (.+):(\d+)\s*$/m.exec(text) ?? [];
  const known = parseKnownHosts(await readFile(file, 'utf8').catch(() => ''), file).find((entry) => entry.line === Number(line));
  return new ConnectFailure(
    'refused',
    `The host key of ${name} has changed: it shows ${shown?.[2] ?? 'another one'} (${shown?.[1] ?? 'unknown type'}), known is ${known ? `${fingerprintOf(known.key)} (${known.keyType}, ` : `one of type ${type} (`}${file}:${line}).`,
    `Either the host was set up anew or somebody is listening in. Compare the fingerprint with what the site publishes; if it is right, remove the old key with: ssh-keygen -R '${name}'`,
  );
}

function refusedSignIn(text: string, facts: FailureFacts): ConnectFailure {
  const methods = /Permission denied[^(\n]*\(([^)]*)\)/.exec(text)?.[1];
  const tried = [...facts.keyFiles.map((file) => `key ${file}`), ...facts.tried.map((method) => `${method} (the answer was not accepted)`)];
  const parts = [tried.length > 0 ? `tried: ${tried.join(', ')}` : 'there was nothing to try', ...(facts.agentNote === undefined ? [] : [facts.agentNote]), ...(methods === undefined ? [] : [`the server takes: ${methods}`])];
  const remediation = facts.tried.length > 0
    ? 'Connect again and give the right answer.'
    : facts.agentNote !== undefined
      ? 'Start the ssh agent anew, or point SSH_AUTH_SOCK (or IdentityAgent) to the one that runs, and load your key with ssh-add.'
      : text.includes('UNPROTECTED PRIVATE KEY FILE')
        ? 'The key file may be read by others, so ssh does not use it: chmod 600 it.'
        : `Check the user name, and that the public half of one of these keys is in ~/.ssh/authorized_keys on ${facts.host}. "ssh -v ${facts.alias}" shows what ssh makes of it.`;
  return new ConnectFailure('refused', `Signing in as ${facts.who} was refused (${parts.join('; ')}).`, remediation);
}

export async function explainFailure(text: string, facts: FailureFacts): Promise<ConnectFailure> {
  const found = (pattern: RegExp): RegExpExecArray | null => pattern.exec(text);
  if (found(/^Host key for \S+ has changed and you have requested strict checking|REMOTE HOST IDENTIFICATION HAS CHANGED/m)) return await changedKey(text);
  const revoked = found(/^The (\S+) host key for (\S+) is marked as revoked|REVOKED HOST KEY DETECTED/m);
  if (revoked) return new ConnectFailure('refused', `The host key of ${revoked[2] ?? facts.host} (${revoked[1] ?? 'unknown type'}) is revoked.`, 'Somebody may be listening in. Ask the site for its present keys.');
  const unknown = found(/^No (\S+) host key is known for (\S+) and you have requested strict checking/m);
  if (unknown) {
    return new ConnectFailure('refused', `The host key of ${unknown[2]} (${unknown[1]}) is not known, and your ssh configuration forbids asking about it (StrictHostKeyChecking yes).`, 'Compare the key with what the site publishes, and add it to known_hosts.');
  }
  if (found(/^Host key verification failed/m)) return new ConnectFailure('refused', `The host key of ${facts.host} could not be verified: ${lastWords(text.replace(/^Host key verification failed.*$/m, ''))}`, 'Compare the key with what the site publishes, and see to known_hosts.');
  if (found(/^(\S+: )?Permission denied( \(|,)|Too many authentication failures|No more authentication methods/m)) return refusedSignIn(text, facts);
  const unresolved = found(/Could not resolve hostname ([^:\s]+)/);
  if (unresolved) return new ConnectFailure('transport', `The name ${unresolved[1]} cannot be resolved.`, 'Check the host name, and the VPN that the site asks for.');
  const connect = found(/connect to host (\S+) port (\d+): (.+?)\s*$/m);
  if (connect) {
    const where = `${connect[1]}:${connect[2]}`;
    const reason = connect[3] ?? '';
    if (/refused/i.test(reason)) return new ConnectFailure('transport', `${where} refuses connections.`, 'Check the port, and that the host is up and lets ssh in.');
    if (/timed out/i.test(reason)) return new ConnectFailure('transport', `${where} did not answer in time.`, byNetwork);
    if (/no route|unreachable/i.test(reason)) return new ConnectFailure('transport', `There is no way to ${where}.`, byNetwork);
    return new ConnectFailure('transport', `${where} cannot be reached: ${reason}`, byNetwork);
  }
  const configuration = found(/^(.+? line \d+: .+?)\s*$/m) ?? found(/^(Bad owner or permissions on .+?)\s*$/m) ?? found(/^(Bad configuration option.+?)\s*$/m);
  if (configuration) return new ConnectFailure('refused', `ssh cannot use its configuration for ${facts.alias}: ${configuration[1]}`, `Correct it; "ssh ${facts.alias}" in a terminal shows the same message.`);
  const negotiate = found(/Unable to negotiate with .*?: (no matching .+?)\s*$/m);
  if (negotiate) return new ConnectFailure('refused', `ssh and ${facts.place} have nothing in common: ${negotiate[1]}`, 'The server is very old or very strict: allow the method that it offers for this host in ~/.ssh/config.');
  const banner = found(/Connection timed out during banner exchange|banner exchange: .*timed out/i);
  if (banner) return new ConnectFailure('transport', `${facts.place} did not complete the connection in time.`, 'The host may be overloaded: try later.');
  const closed = found(/^(kex_exchange_identification|ssh_exchange_identification|banner exchange|Connection (closed|reset)|client_loop|packet_write_wait|Received disconnect|Timeout, server)(.*?)\s*$/m);
  if (closed) return new ConnectFailure('transport', `${facts.place}: the host closed the connection while it was being made (${lastWords(text)}).`, 'The host may be overloaded, going down, or closed to this network: try later.');
  return new ConnectFailure('transport', `${facts.place} cannot be reached: ${lastWords(text) || 'ssh ended without a word.'}`, `"ssh ${facts.alias}" in a terminal shows more.`);
}

/** Said at the sign-in, or about it, and no reason for an end. */
const remarks = /^(Warning: |\*\* |@|debug\d: |Authenticated |Authorized |Agent pid )/;

/** Why the connection under a session broke: ssh writes a line for each failure of its own, and none for an end on the far side. */
export function lossIn(log: string): string | undefined {
  return log.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !remarks.test(line)).pop();
}
