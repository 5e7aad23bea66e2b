/**
 * Patterns for paths (`results/**`, `logs/*.out`) as regular expressions in the part of the language that JavaScript and
 * Python read alike, because both sides of a pull must choose the same files.
 */

export interface PathPattern {
  readonly pattern: string;
  /** Source of an expression for the whole relative path. */
  readonly regex: string;
  /** The leading folders that hold no wildcard: where a search may begin. */
  readonly prefix: string;
}

/** `**` any number of folders, `*` and `?` within one name, `[abc]` one of them. A pattern that ends with `/` means all below. */
export function compilePattern(pattern: string): PathPattern {
  const clean = pattern.replace(/^\.?\//, '').replace(/\/$/, '/**');
  let regex = '';
  for (let i = 0; i < clean.length; ) {
    if (clean.startsWith('**/', i) && (i === 0 || clean[i - 1] === '/')) {
      regex += '(?:[^/]+/)*';
      i += 3;
    } else if (clean.startsWith('**', i)) {
      regex += '.*';
      i += 2;
    } else {
      const group = /^\[[^\]\\/^]+\]/.exec(clean.slice(i));
      const char = String.fromCodePoint(clean.codePointAt(i) ?? 0);
      if (group) regex += group[0].startsWith('[!') ? `[^${group[0].slice(2)}` : group[0];
      else if (char === '*') regex += '[^/]*';
      else if (char === '?') regex += '[^/]';
      else regex += /[\\^$.|+(){}[\]*?]/.test(char) ? `\\${char}` : char;
      i += group ? group[0].length : char.length;
    }
  }
  const folders = clean.split('/').slice(0, -1);
  const wild = folders.findIndex((part) => /[*?[]/.test(part));
  // Python's `$` would also match before a newline at the end of a name.
  return { pattern, regex: `^${regex}(?![\\s\\S])`, prefix: folders.slice(0, wild < 0 ? undefined : wild).join('/') };
}

/** Whether a path matches one of the patterns. */
export function matcherOf(patterns: readonly PathPattern[]): (path: string) => boolean {
  const expressions = patterns.map(({ regex }) => new RegExp(regex, 's'));
  return (path) => expressions.some((expression) => expression.test(path));
}
