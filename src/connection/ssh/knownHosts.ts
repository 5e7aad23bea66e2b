/**
 * `known_hosts`: which keys are known for a host. Pure: text in, answer out.
 *
 * Rules, as OpenSSH's: a line counts for a host when one of its patterns matches and no negated one does; `@revoked` beats everything; a key of a
 * type that is known for the host, but different, is a changed key. A host on another port than 22 is looked up as `[host]:port`.
 * Stricter than OpenSSH in one thing: where only other types are known although the server was asked for these first, the key counts as changed.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface KnownHostLine {
  readonly file: string;
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  /** The first field as written. */
  readonly hosts: string;
  readonly keyType: string;
  readonly key: Buffer;
}

export type HostKeyVerdict =
  | { readonly kind: 'known'; readonly line: KnownHostLine }
  | { readonly kind: 'changed'; readonly lines: readonly KnownHostLine[] }
  | { readonly kind: 'revoked'; readonly line: KnownHostLine }
  /** The host is vouched for by an authority only, and certificates cannot be checked here. */
  | { readonly kind: 'certificate_only'; readonly line: KnownHostLine }
  | { readonly kind: 'unknown' };

/** `SHA256:…` as ssh-keygen prints it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key blob names itself. */
export function keyTypeOf(key: Uint8Array): string {
  const blob = Buffer.from(key);
  if (blob.length < 4) return '';
  const length = blob.readUInt32BE(0);
  return length > 64 || blob.length < 4 + length ? '' : blob.toString('latin1', 4, 4 + length);
}

/** The name to look up: what a line for this host and port has in its first field. */
export function lookupName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** Lines that cannot be read are left out, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHostLine[] {
  const lines: KnownHostLine[] = [];
  text.split('\n').forEach((raw, index) => {
    const fields = raw.trim().split(/[ \t]+/);
    if (fields[0] === undefined || fields[0] === '' || fields[0].startsWith('#')) return;
    let marker: KnownHostLine['marker'] = 'none';
    if (fields[0].startsWith('@')) {
      if (fields[0] === '@revoked') marker = 'revoked';
      else if (fields[0] === '@cert-authority') marker = 'cert-authority';
      else return;
      fields.shift();
    }
    const [hosts, keyType, base64] = fields;
    if (hosts === undefined || keyType === undefined || base64 === undefined) return;
    const key = Buffer.from(base64, 'base64');
    if (keyTypeOf(key) !== keyType) return;
    lines.push({ file, line: index + 1, marker, hosts, keyType, key });
  });
  return lines;
}

/** `*` and `?` as in ssh's patterns. Linear in time, unlike a regular expression made of many stars. */
export function matchesPattern(name: string, pattern: string): boolean {
  let n = 0;
  let p = 0;
  let star = -1;
  let retry = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      n += 1;
      p += 1;
    } else if (star >= 0) {
      p = star + 1;
      n = ++retry;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

function matchesHashed(name: string, field: string): boolean {
  const [, , salt, hash] = field.split('|');
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

export function lineMatches(line: KnownHostLine, name: string): boolean {
  const wanted = name.toLowerCase();
  if (line.hosts.startsWith('|1|')) return matchesHashed(wanted, line.hosts);
  let matched = false;
  for (const pattern of line.hosts.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(wanted, pattern.slice(1))) return false;
    } else if (pattern !== '' && matchesPattern(wanted, pattern)) matched = true;
  }
  return matched;
}

/** The key types known for a host, in the order of their lines. */
export function knownKeyTypes(lines: readonly KnownHostLine[], names: readonly string[]): string[] {
  const types = lines.filter((line) => line.marker === 'none' && names.some((name) => lineMatches(line, name))).map((line) => line.keyType);
  return [...new Set(types)];
}

/**
 * Judges a key. `fallbackName` (the host without its port) can make a key known, never changed.
 * `askable` are the key types that a server can be asked for: known keys of other types prove nothing.
 */
export function judgeHostKey(lines: readonly KnownHostLine[], query: { name: string; fallbackName?: string | undefined; key: Uint8Array; askable: readonly string[] }): HostKeyVerdict {
  const same = (line: KnownHostLine): boolean => line.key.equals(query.key);
  const ours = lines.filter((line) => lineMatches(line, query.name));
  const fallback = query.fallbackName === undefined ? [] : lines.filter((line) => lineMatches(line, query.fallbackName ?? ''));
  const revoked = [...ours, ...fallback].find((line) => line.marker === 'revoked' && same(line));
  if (revoked) return { kind: 'revoked', line: revoked };
  const plain = ours.filter((line) => line.marker === 'none');
  const known = plain.find(same);
  if (known) return { kind: 'known', line: known };
  const comparable = plain.filter((line) => query.askable.includes(line.keyType));
  if (comparable.length > 0) return { kind: 'changed', lines: comparable };
  const byHostAlone = fallback.find((line) => line.marker === 'none' && same(line));
  if (byHostAlone) return { kind: 'known', line: byHostAlone };
  const authority = ours.find((line) => line.marker === 'cert-authority');
  if (authority) return { kind: 'certificate_only', line: authority };
  return { kind: 'unknown' };
}

/** The line that makes a key known. */
export function knownHostsLine(name: string, key: Uint8Array): string {
  return `${name} ${keyTypeOf(key)} ${Buffer.from(key).toString('base64')}`;
}
