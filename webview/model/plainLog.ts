/**
 * What a program printed, as plain lines. Pure.
 *
 * Rules: no control character is left but line ends and tabs; ANSI sequences are taken out; a line that was overwritten (`\r`, as progress bars
 * do) shows what was written last. At most `most` lines are kept, the last ones.
 */

// ESC [ … letter; ESC ] … (BEL or ESC \); ESC with one or two letters; the same with the one-character forms.
const ansi = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[PX^_][^\u001b]*(?:\u001b\\)?|\u001b[ -/]*[0-~]/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export interface PlainLog {
  readonly lines: readonly string[];
  /** The last line, not ended yet, as it came: more of it may follow. */
  readonly rest: string;
  /** Lines that were dropped at the beginning. */
  readonly dropped: number;
}

export const emptyLog: PlainLog = { lines: [], rest: '', dropped: 0 };

/** Longest line that is shown: a program may print megabytes without a line end. */
const longest = 4000;

export function plainLine(raw: string): string {
  const text = raw.replace(/\r+$/, '');
  const written = text.slice(text.lastIndexOf('\r') + 1);
  const plain = written.replaceAll(ansi, '').replaceAll(controls, '');
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}

export function appendLog(log: PlainLog, text: string, most: number): PlainLog {
  const parts = (log.rest + text).split('\n');
  const rest = (parts.pop() ?? '').slice(-65_536);
  const lines = [...log.lines, ...parts.map(plainLine)];
  const over = Math.max(0, lines.length - most);
  return { lines: over > 0 ? lines.slice(over) : lines, rest, dropped: log.dropped + over };
}

/** All lines, with the one that is not ended. */
export function linesOf(log: PlainLog): readonly string[] {
  const last = plainLine(log.rest);
  return last === '' ? log.lines : [...log.lines, last];
}
