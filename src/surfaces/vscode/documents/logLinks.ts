/** Places in source that a log names (`File "train.py", line 12`, `main.c:40: …`), so that they can be opened in the workspace. */

export interface SourceMention {
  /** In the log, from 0. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** As it is written there: a path on the cluster. */
  readonly path: string;
  /** From 1. */
  readonly sourceLine: number;
}

const mostMentions = 2000;
const traceback = /File "([^"]{1,500})", line (\d{1,7})/g;
const compiler = /(?:^|[\s(])((?:[\w.+-]*\/)*[\w+-]+\.(?:py|jl|R|c|cc|cpp|cu|f90|sh)):(\d{1,7})\b/g;

export function sourceMentions(lines: readonly string[]): readonly SourceMention[] {
  const found: SourceMention[] = [];
  for (let line = lines.length - 1; line >= 0 && found.length < mostMentions; line -= 1) {
    const text = (lines[line] ?? '').slice(0, 2000);
    for (const pattern of [traceback, compiler]) {
      for (const match of text.matchAll(pattern)) {
        const [whole, path = '', number = ''] = match;
        const start = match.index + (pattern === traceback ? 0 : whole.indexOf(path));
        found.push({ line, start, end: match.index + whole.length, path, sourceLine: Number(number) });
      }
    }
  }
  return found;
}

/** Paths below the workspace that may be the same file as the one on the cluster: its tails, longest first. Never outside it. */
export function workspaceCandidates(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return [];
  return parts.slice(-8).map((_, index, tail) => tail.slice(index).join('/'));
}
