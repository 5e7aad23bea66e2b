/**
 * Where in a YAML file the cursor is, from the indentation alone: while somebody types, the text is no YAML.
 *
 * Rule: it may be wrong for flow mappings and texts over several lines, never slow: it reads upwards once.
 */

/** A step down: a key, or `[]` for an item of a list. */
export type YamlPath = readonly string[];

export interface YamlPlace {
  /** What is around the cursor. */
  readonly path: YamlPath;
  /** At a key (or where one would be), or in the value of `key`. */
  readonly at: 'key' | 'value';
  readonly key: string | undefined;
  /** What is written of the word up to the cursor, and where it begins. */
  readonly prefix: string;
  readonly start: number;
  /** Keys that stand beside it. */
  readonly siblings: ReadonlySet<string>;
  readonly indent: number;
}

interface Line {
  readonly indent: number;
  /** Columns of the dashes before the content. */
  readonly dashes: readonly number[];
  readonly key: string | undefined;
  /** After the colon. */
  readonly value: string;
  readonly isEmpty: boolean;
}

const keyPattern = /^("[^"]*"|'[^']*'|[^\s:#'"[\]{},][^:#]*?)\s*:(?=\s|$)\s*(.*)$/;

function readLine(text: string): Line {
  const dashes: number[] = [];
  let at = /^ */.exec(text)?.[0].length ?? 0;
  while (/^-(\s|$)/.test(text.slice(at))) {
    dashes.push(at);
    at += 1 + (/^\s*/.exec(text.slice(at + 1))?.[0].length ?? 0);
  }
  const content = text.slice(at);
  const match = keyPattern.exec(content);
  return { indent: at, dashes, key: match?.[1]?.replace(/^(["'])(.*)\1$/, '$2'), value: (match?.[2] ?? '').replace(/(^|\s)#.*$/, ''), isEmpty: content === '' || content.startsWith('#') };
}

export function yamlPlace(lines: readonly string[], line: number, character: number): YamlPlace | undefined {
  const typed = (lines[line] ?? '').slice(0, character);
  if (/(^|\s)#/.test(typed) || typed.includes('\t')) return undefined;
  const here = readLine(typed);
  const indent = typed.trim() === '' ? character : here.indent;
  const valueStart = here.key === undefined ? -1 : typed.length - (keyPattern.exec(typed.slice(here.indent))?.[2] ?? '').length;
  const at = here.key === undefined ? 'key' : 'value';
  const prefix = at === 'key' ? typed.slice(indent) : typed.slice(valueStart);
  return { path: pathAbove(lines, line, indent, here.dashes), at, key: here.key, prefix, start: at === 'key' ? indent : valueStart, siblings: siblingsOf(lines, line, indent), indent };
}

/** Keys and items around a place that begins at this column. */
export function pathAbove(lines: readonly string[], line: number, indent: number, dashes: readonly number[]): YamlPath {
  const path: string[] = dashes.map(() => '[]');
  let limit = dashes[0] ?? indent;
  let inList = dashes.length > 0;
  for (let above = line - 1; above >= 0 && (limit > 0 || inList); above -= 1) {
    const read = readLine(lines[above] ?? '');
    if (read.isEmpty) continue;
    // A list may stand at the column of its key.
    const isParent = read.key !== undefined && read.value === '' && (inList && read.dashes.length === 0 ? read.indent <= limit : read.indent < limit);
    if (isParent) {
      path.unshift(read.key ?? '');
      limit = read.indent;
      inList = false;
    }
    if (read.dashes.length > 0 && (isParent || read.indent === limit)) {
      path.unshift(...read.dashes.map(() => '[]'));
      limit = read.dashes[0] ?? 0;
      inList = true;
    }
  }
  return path;
}

function siblingsOf(lines: readonly string[], line: number, indent: number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const step of [-1, 1]) {
    for (let at = line + step; at >= 0 && at < lines.length; at += step) {
      const read = readLine(lines[at] ?? '');
      if (read.isEmpty) continue;
      if (read.indent < indent) break;
      if (step === 1 && read.dashes.length > 0 && read.indent === indent) break;
      if (read.indent === indent && read.key !== undefined) found.add(read.key);
      if (step === -1 && read.dashes.length > 0 && read.indent === indent) break;
    }
  }
  return found;
}

/** The key that stands at a place, with what is around it: for a hover. */
export function keyAt(lines: readonly string[], line: number, character: number): { readonly path: YamlPath; readonly start: number; readonly end: number } | undefined {
  const text = lines[line] ?? '';
  const read = readLine(text);
  if (read.key === undefined || character < read.indent || character > read.indent + read.key.length) return undefined;
  return { path: [...pathAbove(lines, line, read.indent, read.dashes), read.key], start: read.indent, end: read.indent + read.key.length };
}
