/** Text of the far side is never markup: what comes from a cluster or a file passes `escapeMarkdown` before it enters a markdown string. */

/** The text as markdown that shows exactly these characters, on one line: no markup, no links, no icons. */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replace(/\p{Cc}+/gu, ' ')
      .replace(/[\\`*_[\]{}<>|~&@]/g, (character) => (character === '<' ? '&lt;' : character === '>' ? '&gt;' : character === '&' ? '&amp;' : `\\${character}`))
      // Themed icons, and addresses that markdown would make links of by itself.
      .replace(/\$(?=\()/g, '\\$')
      .replace(/:(?=\/\/)/g, '\\:')
      .replace(/www\./gi, (address) => `${address.slice(0, 3)}\\.`)
      // What would begin a heading, a list or a rule.
      .replace(/^(\s*)([#+=-]|\d+(?=[.)]))/, (_match, space: string, mark: string) => (/\d/.test(mark) ? `${space}${mark}\\` : `${space}\\${mark}`))
  );
}

/** A code span that shows exactly these characters, on one line. */
export function codeSpan(text: string): string {
  const flat = text.replace(/\p{Cc}+/gu, ' ');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return flat === '' ? '' : longest > 0 ? `${fence} ${flat} ${fence}` : `${fence}${flat}${fence}`;
}

/** A fenced block; the fence is longer than any run of backticks in the text. */
export function codeBlock(text: string, language = 'text'): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

/** A markdown table whose columns line up as plain text, too. Cells are escaped. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], rightAligned: ReadonlySet<number> = new Set()): string {
  const cell = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').replace(/[\\|`*<]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`));
  const grid = [header, ...rows].map((row) => row.map(cell));
  const widths = header.map((_, column) => Math.max(3, ...grid.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string => `| ${widths.map((width, column) => (rightAligned.has(column) ? (row[column] ?? '').padStart(width) : (row[column] ?? '').padEnd(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (rightAligned.has(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  const [head = [], ...body] = grid;
  return [line(head), rule, ...body.map(line)].join('\n');
}
