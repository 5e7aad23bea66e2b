/**
 * Dates and windows of dates in the values of a parameter: `2020-01-01..2020-01-05` is each day,
 * `2020-01-01..2020-12-31/30d` windows one after the other, `…/28d@14d` windows of 28 days every 14.
 *
 * Rule: a window is {start, end} in ISO form, `end` being the first day after it, so that windows tile without overlap. The
 * last one is cut at the range's end; with a stride only whole windows count. Days are calendar days, no time zones.
 */
import { HpcError } from '../foundation/errors.ts';
import type { PythonObject } from './pythonJson.ts';

const day = 86_400_000;
const iso = (time: number): string => new Date(time).toISOString().slice(0, 10);

function fail(message: string, position: number, length: number): HpcError {
  return new HpcError('spec_invalid', message, { details: { position, length }, remediation: 'Examples: 2020-01-01..2020-12-31/30d · 2020-01-01..2020-12-31/1m · 2020-01-01..2020-06-30/28d@14d' });
}

function parseDate(text: string, at: number): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  // Date.parse takes 2021-02-30 for March: only what prints the same is a date.
  if (Number.isNaN(time) || iso(time) !== text) throw fail(`${JSON.stringify(text)} is not a date.`, at, Math.max(1, text.length));
  return time;
}

interface Span {
  readonly count: number;
  readonly unit: 'd' | 'w' | 'm' | 'y';
}

function parseSpan(text: string, at: number): Span {
  const match = /^(\d{1,5})([dwmy])$/.exec(text);
  if (!match || Number(match[1]) < 1) throw fail('A window is a number of days, weeks, months or years: 30d, 4w, 1m, 1y.', at, Math.max(1, text.length));
  return { count: Number(match[1]), unit: match[2] as Span['unit'] };
}

/** `start` plus `times` spans; a month from January 31 ends on the last day of February. */
function plus(start: number, span: Span, times: number): number {
  if (span.unit === 'd') return start + span.count * times * day;
  if (span.unit === 'w') return start + span.count * times * 7 * day;
  const from = new Date(start);
  const months = from.getUTCMonth() + span.count * times * (span.unit === 'y' ? 12 : 1);
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), months + 1, 0)).getUTCDate();
  return Date.UTC(from.getUTCFullYear(), months, Math.min(from.getUTCDate(), lastDay));
}

/** `position`: of the text in what the person typed. */
export function dateItems(text: string, position: number, limit: number): { values: (string | PythonObject)[]; spread: boolean } {
  const match = /^(.*?)\.\.([^/]*)(?:\/([^@]*)(?:@(.*))?)?$/.exec(text);
  if (!match) throw fail('A range of dates is start..end.', position, text.length);
  const [, from = '', to = '', window, stride] = match;
  const first = parseDate(from, position);
  const toAt = position + from.length + 2;
  const after = parseDate(to, toAt) + day;
  if (after <= first) throw fail('The end is before the start.', toAt, to.length);
  const guard = (count: number): void => {
    if (count >= limit) throw fail(`That is more than ${limit.toLocaleString('en')} values.`, position, text.length);
  };
  if (window === undefined) {
    guard((after - first) / day - 1);
    return { values: Array.from({ length: Math.round((after - first) / day) }, (_, i) => iso(first + i * day)), spread: false };
  }
  const windowAt = toAt + to.length + 1;
  const size = parseSpan(window, windowAt);
  const step = stride === undefined ? size : parseSpan(stride, windowAt + window.length + 1);
  const values: PythonObject[] = [];
  for (let i = 0; ; i++) {
    const start = plus(first, step, i);
    const end = stride === undefined ? Math.min(plus(first, size, i + 1), after) : plus(start, size, 1);
    if (start >= after || end > after) break;
    guard(values.length);
    values.push({ start: iso(start), end: iso(end) });
  }
  if (values.length === 0) throw fail('The window is longer than the range.', windowAt, window.length);
  return { values, spread: true };
}
