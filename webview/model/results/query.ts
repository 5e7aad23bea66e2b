/**
 * The filter above the table: `alpha<=1 horizon=6,12 rmse<0.5 knn`. Every term must hold; a word without a sign is looked for
 * in the parameters' values.
 *
 * Rules: a name is a parameter or a metric of this run (a prefix that fits only one will do); numbers are compared as
 * numbers, everything else as text; what cannot be understood is said with the term, and nothing is hidden because of it.
 */
import { valueText } from './numbers.ts';
import type { Point } from './points.ts';

export interface Query {
  readonly holds: (point: Point) => boolean;
  /** Why a term does not count; undefined: all do. */
  readonly problem: QueryProblem | undefined;
}

export interface QueryProblem {
  readonly kind: 'unreadable' | 'unknown' | 'ambiguous' | 'incomplete';
  /** The term, or its name. */
  readonly text: string;
  /** What an ambiguous name may mean. */
  readonly names: readonly string[];
}

type Sign = '=' | '!=' | '<' | '<=' | '>' | '>=';

const term = /(?:"([^"]*)"|([^\s"=<>!:]+))?\s*(?:(!=|<=|>=|=|<|>|:)\s*((?:"[^"]*"|[^\s",]+)(?:,(?:"[^"]*"|[^\s",]+))*)?)?/y;

export function parseQuery(text: string, columns: { readonly parameters: readonly string[]; readonly metrics: readonly string[] }): Query {
  const tests: ((point: Point) => boolean)[] = [];
  let problem: QueryProblem | undefined;
  let position = 0;
  while (position < text.length) {
    if (/\s/.test(text[position] ?? '')) {
      position += 1;
      continue;
    }
    term.lastIndex = position;
    const match = term.exec(text);
    if (!match || match[0] === '') {
      problem ??= { kind: 'unreadable', text: text.slice(position).trim(), names: [] };
      break;
    }
    position += match[0].length;
    const name = match[1] ?? match[2] ?? '';
    const sign = match[3] === ':' ? '=' : (match[3] as Sign | undefined);
    if (sign === undefined) {
      tests.push(wordTest(name));
      continue;
    }
    if (name === '') {
      problem ??= { kind: 'unreadable', text: match[0].trim(), names: [] };
      continue;
    }
    const wanted = (match[4] ?? '').match(/"[^"]*"|[^\s",]+/g)?.map((word) => word.replace(/^"(.*)"$/, '$1')) ?? [];
    const column = columnNamed(name, columns);
    if ('text' in column) problem ??= column;
    else if (wanted.length === 0) problem ??= { kind: 'incomplete', text: `${name}${sign}`, names: [] };
    else tests.push((point) => compare(column.kind === 'parameter' ? point.parameters[column.name] : point.metrics[column.name], sign, wanted));
  }
  return { holds: (point) => tests.every((test) => test(point)), problem };
}

function columnNamed(name: string, columns: { readonly parameters: readonly string[]; readonly metrics: readonly string[] }): { readonly kind: 'parameter' | 'metric'; readonly name: string } | QueryProblem {
  const all = [...columns.parameters.map((column) => ({ kind: 'parameter' as const, name: column })), ...columns.metrics.map((column) => ({ kind: 'metric' as const, name: column }))];
  const lower = name.toLowerCase();
  const exact = all.find((column) => column.name === name) ?? all.find((column) => column.name.toLowerCase() === lower);
  if (exact) return exact;
  const prefixed = all.filter((column) => column.name.toLowerCase().startsWith(lower));
  if (lower !== '' && prefixed.length === 1 && prefixed[0]) return prefixed[0];
  return prefixed.length > 1 && lower !== '' ? { kind: 'ambiguous', text: name, names: prefixed.map((column) => column.name) } : { kind: 'unknown', text: name, names: [] };
}

function wordTest(word: string): (point: Point) => boolean {
  const lower = word.toLowerCase();
  return (point) => Object.values(point.parameters).some((value) => valueText(value).toLowerCase().includes(lower));
}

function compare(value: unknown, sign: Sign, wanted: readonly string[]): boolean {
  if (sign === '=') return wanted.some((word) => equals(value, word));
  if (sign === '!=') return !wanted.some((word) => equals(value, word));
  const limit = Number(wanted[0]);
  if (typeof value !== 'number' || Number.isNaN(limit)) return false;
  return sign === '<' ? value < limit : sign === '<=' ? value <= limit : sign === '>' ? value > limit : value >= limit;
}

function equals(value: unknown, word: string): boolean {
  if (value === null || value === undefined) return ['', 'null', 'none'].includes(word.toLowerCase());
  if (typeof value === 'number') return word.trim() !== '' && (Number(word) === value || valueText(value) === word);
  return valueText(value).toLowerCase() === word.toLowerCase();
}
