/** The words as lists that each fit on one command line: `maxLength` characters, far below the kernel's limit and those of login shells. */
export function commandLines(words: readonly string[], maxLength: number): readonly (readonly string[])[] {
  const lines: string[][] = [];
  let length = Infinity;
  for (const word of words) {
    if (length + word.length + 1 > maxLength) {
      lines.push([]);
      length = 0;
    }
    lines.at(-1)?.push(word);
    length += word.length + 1;
  }
  return lines;
}
