/** Lines of a log that tell what went wrong. Rule: a metric that is called an error (`error: 0.12`) is none. */

const marks: readonly RegExp[] = [
  // Python's and Java's own: `ValueError: …`, `torch.cuda.OutOfMemoryError: …`; the head of a traceback is not the error.
  /^\s*(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b(?!\s*=|\s+[-+\d.]|:\s*[-+]?\d+\.\d)/,
  /(?:^|[\s\]:])(?:error|fatal|panic|critical)\s*:(?!\s*[-+\d.]+\b)/i,
  /\[(?:error|fatal|critical)\]/i,
  /\b(?:segmentation fault|bus error|core dumped|illegal instruction|out of memory|oom[-_ ]kill\w*|command not found|no such file or directory|permission denied|no space left on device|disk quota exceeded|due to time limit|stack smashing)\b/i,
  /(?:^|\s)Killed\s*$/,
];

export function isErrorLine(line: string): boolean {
  const text = line.slice(0, 2000);
  return marks.some((mark) => mark.test(text));
}

/** The next line with an error after `from` (a line number, from 0), beginning again at the top; undefined where there is none. */
export function nextErrorLine(lines: readonly string[], from: number): number | undefined {
  for (let step = 1; step <= lines.length; step += 1) {
    const at = (from + step) % lines.length;
    if (isErrorLine(lines[at] ?? '')) return at;
  }
  return undefined;
}

/** The last one: where a log that ended badly says why. */
export function lastErrorLine(lines: readonly string[]): number | undefined {
  const at = lines.findLastIndex(isErrorLine);
  return at < 0 ? undefined : at;
}
