/** What a person at a terminal sees: a progress line that is redrawn, and tables. Remote text is stripped of control characters. */
import type { ProgressReport } from '../../foundation/progress.ts';

/** Removes what could move the cursor, change colours or ring. */
export function plain(text: string): string {
  return text.replaceAll(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)?/g, '').replaceAll(/[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f]/g, '');
}

export function bar(done: number, total: number, width = 30): string {
  const filled = total > 0 ? Math.round((Math.min(done, total) / total) * width) : 0;
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}

export interface ProgressLine {
  readonly report: (report: ProgressReport) => void;
  /** Ends the line, so that what is printed next begins on a fresh one. */
  readonly end: () => void;
}

export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let last = '';
  let open = false;
  return {
    report: ({ message, done, total }) => {
      const text = `${total === undefined || done === undefined ? '' : `${bar(done, total)} `}${plain(message)}`;
      if (text === last) return;
      last = text;
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 100) - 1)}`);
        open = true;
      } else stream.write(`${text}\n`);
    },
    end: () => {
      if (open) stream.write('\n');
      open = false;
      last = '';
    },
  };
}

const cell = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return plain(typeof value === 'string' ? value : JSON.stringify(value));
};

/** Columns padded to their widest cell; numbers to the right. */
export function table(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const texts = rows.map((row) => row.map(cell));
  const widths = columns.map((column, index) => Math.max(column.length, ...texts.map((row) => row[index]?.length ?? 0)));
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === 'number' || row[index] === null || row[index] === undefined));
  const line = (cells: readonly string[]): string => cells.map((text, index) => (numeric[index] ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0))).join('  ').trimEnd();
  return [line(columns), widths.map((width) => '─'.repeat(width)).join('  '), ...texts.map(line)].join('\n');
}
