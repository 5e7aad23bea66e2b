/**
 * The hosts that a person has named in `~/.ssh/config`: candidates for a new cluster.
 *
 * Rule: this only lists names. What a name means (defaults, `Match`, tokens) is for the connection to find out; the few
 * values given here are those that stand in the same `Host` block, for people to recognise it by.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { readTextIfThere } from '../foundation/atomicFile.ts';

export interface SshConfigHost {
  readonly alias: string;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: string;
  readonly proxyJump?: string;
}

type Shown = 'hostName' | 'user' | 'port' | 'proxyJump';
const shownKeywords: Readonly<Record<string, Shown>> = { hostname: 'hostName', user: 'user', port: 'port', proxyjump: 'proxyJump' };
const maxDepth = 16;

/** Keyword in lower case and its arguments; undefined for an empty line or a comment. */
function parseLine(line: string): { keyword: string; args: string[] } | undefined {
  const match = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line);
  if (!match) return undefined;
  const args = [...(match[2] ?? '').matchAll(/"([^"]*)"|([^\s"]+)/g)].map((word) => word[1] ?? word[2] ?? '');
  const comment = args.findIndex((word) => word.startsWith('#'));
  return { keyword: (match[1] ?? '').toLowerCase(), args: comment < 0 ? args : args.slice(0, comment) };
}

const wildcard = /[*?[\]]/;

function segmentPattern(segment: string): RegExp {
  const body = segment.replaceAll(/[.+^${}()|\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${body}$`);
}

/** Files that an `Include` pattern names, sorted as the C library's glob does. */
async function expandPattern(pattern: string): Promise<string[]> {
  if (!wildcard.test(pattern)) return [pattern];
  const root = path.parse(pattern).root;
  let found = [root];
  for (const segment of pattern.slice(root.length).split(/[/\\]/)) {
    if (!wildcard.test(segment)) {
      found = found.map((directory) => path.join(directory, segment));
      continue;
    }
    const accepts = segmentPattern(segment);
    const next: string[] = [];
    for (const directory of found) {
      const names = await fs.readdir(directory).catch(() => []);
      // As in a shell, a leading dot has to be written.
      next.push(...names.filter((name) => accepts.test(name) && (segment.startsWith('.') || !name.startsWith('.'))).sort().map((name) => path.join(directory, name)));
    }
    found = next;
  }
  return found;
}

/** Aliases without wildcards, in the order of the files; an alias is listed once, where ssh would first find it. */
export async function listSshConfigHosts(options: { readonly home: string; readonly file?: string }): Promise<readonly SshConfigHost[]> {
  const sshDirectory = path.join(options.home, '.ssh');
  const hosts = new Map<string, SshConfigHost>();
  const read = async (file: string, depth: number, above: readonly string[]): Promise<void> => {
    if (depth > maxDepth || above.includes(file)) return;
    const text = await readTextIfThere(file).catch(() => undefined);
    if (text === undefined) return;
    let block: string[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      const parsed = parseLine(line);
      if (!parsed) continue;
      const { keyword, args } = parsed;
      if (keyword === 'host') {
        block = args.filter((alias) => !alias.startsWith('!') && !wildcard.test(alias));
        for (const alias of block) if (!hosts.has(alias)) hosts.set(alias, { alias, file, line: index + 1 });
      } else if (keyword === 'match') {
        block = [];
      } else if (keyword === 'include') {
        for (const pattern of args) {
          const whole = /^~[/\\]/.test(pattern) ? path.join(options.home, pattern.slice(2)) : path.resolve(sshDirectory, pattern);
          for (const included of await expandPattern(whole)) await read(included, depth + 1, [...above, file]);
        }
      } else {
        const shown = Object.hasOwn(shownKeywords, keyword) ? shownKeywords[keyword] : undefined;
        const [value] = args;
        if (shown === undefined || value === undefined) continue;
        for (const alias of block) {
          const host = hosts.get(alias);
          if (host && host[shown] === undefined) hosts.set(alias, { ...host, [shown]: value });
        }
      }
    }
  };
  await read(options.file ?? path.join(sshDirectory, 'config'), 0, []);
  return [...hosts.values()];
}
