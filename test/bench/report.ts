/** The rows of the benchmark and how they are shown: one table for people, one file for programs. */
import { figure, ratioOf, type Figure, type StartTimes } from './measure.ts';

/** A number that the design sets as a limit; shown beside what was measured, never asserted. */
export interface Budget {
  readonly atMost: number;
  readonly of: 'ratio' | 'ours';
}

export interface Row {
  readonly group: string;
  readonly what: string;
  readonly unit: 'ms' | 'KB' | 'KiB/s' | 'trips';
  readonly ours: Figure;
  readonly peer?: Figure & { readonly name: string };
  readonly ratio?: Figure;
  readonly budget?: Budget;
  readonly note?: string;
}

export interface RowDetails {
  readonly unit?: Row['unit'];
  readonly budget?: Budget;
  readonly note?: string;
}

/** A row from the times of each round. */
export function compared(group: string, what: string, ours: readonly number[], peer: { readonly name: string; readonly values: readonly number[] } | undefined, details: RowDetails = {}): Row {
  return {
    group,
    what,
    unit: details.unit ?? 'ms',
    ours: figure(ours),
    ...(peer ? { peer: { name: peer.name, ...figure(peer.values) }, ratio: ratioOf(ours, peer.values) } : {}),
    ...(details.budget ? { budget: details.budget } : {}),
    ...(details.note === undefined ? {} : { note: details.note }),
  };
}

/** Two programs from start to end, with the ratio of their processor time in the note. */
export function comparedStarts(group: string, what: string, ours: StartTimes, peer: { readonly name: string; readonly times: StartTimes }, budget?: Budget): Row {
  const cpu = ratioOf(ours.cpuMs, peer.times.cpuMs);
  return compared(group, what, ours.ms, { name: peer.name, values: peer.times.ms }, { ...(budget ? { budget } : {}), note: `processor time ${withSpread(cpu)} ×` });
}

export const ratioAtMost = (atMost: number): Budget => ({ atMost, of: 'ratio' });
export const oursAtMost = (atMost: number): Budget => ({ atMost, of: 'ours' });

export function measuredOfBudget(row: Row): number | undefined {
  return row.budget === undefined ? undefined : row.budget.of === 'ratio' ? row.ratio?.median : row.ours.median;
}

/** `over?`: over it by no more than the spread. */
export function mark(row: Row): 'ok' | 'OVER' | 'over?' | '' {
  const measured = measuredOfBudget(row);
  if (row.budget === undefined || measured === undefined) return '';
  if (measured <= row.budget.atMost) return 'ok';
  const low = row.budget.of === 'ratio' ? row.ratio?.low : row.ours.low;
  return low !== undefined && low <= row.budget.atMost ? 'over?' : 'OVER';
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const withSpread = ({ median, low, high }: Figure): string => (low === high ? short(median) : `${short(median)} (${short(low)}–${short(high)})`);

export function table(rows: readonly Row[]): string {
  const head = ['what', 'ours', 'peer', 'ratio', 'budget', '', 'note'];
  const cells = rows.map((row) => [
    row.what,
    `${withSpread(row.ours)} ${row.unit}`,
    row.peer ? `${withSpread(row.peer)} ${row.peer.name}` : '',
    row.ratio ? withSpread(row.ratio) : '',
    row.budget ? `≤ ${row.budget.atMost}${row.budget.of === 'ratio' ? ' ×' : ` ${row.unit}`}` : '',
    mark(row),
    row.note ?? '',
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => (line[column] ?? '').length)));
  const line = (words: readonly string[]): string => words.map((word, column) => word.padEnd(widths[column] ?? 0)).join('  ').trimEnd();
  const lines = [line(head), line(widths.map((width) => '-'.repeat(width)))];
  rows.forEach((row, index) => {
    if (row.group !== rows[index - 1]?.group) lines.push(`${index > 0 ? '\n' : ''}${row.group}`);
    lines.push(line(cells[index] ?? []));
  });
  return lines.join('\n');
}
