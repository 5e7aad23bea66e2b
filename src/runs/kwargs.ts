/** A task's kwargs as Python printed them, for looking at: what JSON does not have (NaN, infinities) becomes null. */
export function parseKwargs(line: string): Readonly<Record<string, unknown>> {
  // Strings are matched whole first, so that a word inside one is left alone.
  return JSON.parse(line.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : 'null'))) as Record<string, unknown>;
}
