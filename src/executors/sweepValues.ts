/**
 * What a person types for a parameter's values, as values.
 *
 * Items are separated by commas: numbers, words, "quoted text", true/false/null (also as Python writes them), and
 * `0:1:0.1` (start:end[:step], end included), `range(…)` as in Python, `linspace(a,b,n)`, `logspace(a,b,n)` or `log(a,b,n)`
 * from a to b, `@file.txt` (one value per line) or `@file.csv:column`, dates `2020-01-01..2020-03-31` (each day) and windows
 * `2020-01-01..2020-12-31/30d`, `chunks(rows=10000,size=500)`; or one JSON list. Windows and chunks stand for several
 * parameters at once (`spread`).
 *
 * Rules: nothing is evaluated; numbers keep what they are (`1` an int, `1.0` a float); every mistake says where it is.
 */
import { HpcError } from '../foundation/errors.ts';
import { dateItems } from './dateWindows.ts';
import { align, parseDecimal, toNumber, type Decimal } from './decimal.ts';
import { parsePythonJson, PythonFloat, type PythonObject, type PythonValue } from './pythonJson.ts';

export interface SweepValues {
  readonly values: readonly PythonValue[];
  /** Each value is an object whose entries become parameters of their own (`start`, `end`, …). */
  readonly spread: boolean;
}

export interface SweepValuesOptions {
  /** Default 1 000 000. */
  readonly maxValues?: number;
  /** Text of a file named with `@`; throws when it cannot be read. Without it, `@` is refused. */
  readonly readFile?: (name: string) => string;
}

/** A mistake at a position of the text; `details.position` and `details.length`. */
export function valueError(message: string, position: number, length = 1): HpcError {
  return new HpcError('spec_invalid', message, { details: { position, length }, remediation: 'Examples: 1,5,25 · 0:1:0.1 · logspace(1e-4,1,5) · ridge,knn · "a, b"' });
}

/** A float of Python: whole ones are marked. */
export function pythonFloat(value: number): PythonValue {
  return Number.isInteger(value) ? new PythonFloat(value) : value;
}

const words: Readonly<Record<string, PythonValue>> = { true: true, True: true, false: false, False: false, null: null, None: null, nan: NaN, NaN: NaN, inf: Infinity, '-inf': -Infinity };

/** A bare word as the value it looks like: a number, a boolean, null, else text. */
export function scalarOf(text: string): PythonValue {
  if (Object.hasOwn(words, text)) return words[text] ?? null;
  // 007 is a name, not a number.
  if (!/^[+-]?0\d/.test(text)) {
    const number = parseDecimal(text);
    if (number) return numberOf(number, text);
  }
  return text;
}

function numberOf(decimal: Decimal, text: string): PythonValue {
  if (!decimal.whole) return pythonFloat(Number(text));
  return decimal.digits >= BigInt(Number.MIN_SAFE_INTEGER) && decimal.digits <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(decimal.digits) : decimal.digits;
}

interface Item {
  readonly text: string;
  readonly at: number;
}

/** Splits at commas that are not inside quotes, brackets or parentheses. */
function splitItems(text: string, offset: number): Item[] {
  const items: Item[] = [];
  let depth: { open: string; at: number }[] = [];
  let start = 0;
  let quote: { mark: string; at: number } | undefined;
  const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (quote) {
      if (c === '\\') i += 1;
      else if (c === quote.mark) quote = undefined;
    } else if ((c === '"' || c === "'") && text.slice(start, i).trim() === '') quote = { mark: c, at: i };
    else if ('([{'.includes(c)) depth.push({ open: c, at: i });
    else if (c in closers) {
      if (depth.at(-1)?.open !== closers[c]) throw valueError(`This ${c} closes nothing.`, offset + i);
      depth = depth.slice(0, -1);
    } else if (c === ',' && depth.length === 0) {
      items.push({ text: text.slice(start, i), at: offset + start });
      start = i + 1;
    }
  }
  if (quote) throw valueError('This quotation mark is not closed.', offset + quote.at);
  const open = depth.at(-1);
  if (open) throw valueError(`This ${open.open} is not closed.`, offset + open.at);
  items.push({ text: text.slice(start), at: offset + start });
  return items.map(({ text: raw, at }) => ({ text: raw.trim(), at: at + raw.length - raw.trimStart().length }));
}

function decimalAt(item: Item, what: string): Decimal {
  const decimal = parseDecimal(item.text);
  if (!decimal) throw valueError(`${what} must be a number, not ${JSON.stringify(item.text)}.`, item.at, Math.max(1, item.text.length));
  return decimal;
}

function countAt(item: Item, what: string, least: number): number {
  const decimal = decimalAt(item, what);
  const value = Number(decimal.digits);
  if (!decimal.whole || value < least || !Number.isSafeInteger(value)) throw valueError(`${what} must be a whole number from ${least} up.`, item.at, item.text.length);
  return value;
}

class Parser {
  constructor(private readonly limit: number, private readonly readFile: SweepValuesOptions['readFile']) {}

  item(item: Item): SweepValues {
    const { text, at } = item;
    const scalar = (value: PythonValue): SweepValues => ({ values: [value], spread: false });
    if (text === '') throw valueError('A value is missing here.', at);
    if (text.startsWith('"') || text.startsWith("'")) return scalar(this.quoted(item));
    if (text.startsWith('@')) return { values: this.file(item), spread: false };
    const call = /^([A-Za-z_]\w*)\((.*)\)$/s.exec(text);
    if (call) return this.call(call[1] ?? '', splitItems(call[2] ?? '', at + text.indexOf('(') + 1), item);
    if (/^\d{4}-\d{2}-\d{2}\.\./.test(text)) return dateItems(text, at, this.limit);
    if (/^[+\-.\d][^:]*:[+\-.\d]/.test(text)) return { values: this.steps(item), spread: false };
    if (text.startsWith('{') || text.startsWith('[')) return scalar(this.json(item));
    return scalar(scalarOf(text));
  }

  private json({ text, at }: Item): PythonValue {
    try {
      return parsePythonJson(text);
    } catch {
      throw valueError(`This is not JSON: ${text.slice(0, 40)}`, at, text.length);
    }
  }

  private quoted({ text, at }: Item): string {
    const mark = text[0] ?? '';
    let value = '';
    for (let i = 1; i < text.length; i++) {
      const c = text[i] ?? '';
      if (c === mark) {
        if (i !== text.length - 1) throw valueError('A comma is missing after the quoted text.', at + i + 1);
        return value;
      }
      if (c === '\\' && i + 1 < text.length - 1) {
        i += 1;
        const next = text[i] ?? '';
        value += ({ n: '\n', t: '\t', r: '\r' } as Record<string, string>)[next] ?? (next === mark || next === '\\' ? next : `\\${next}`);
      } else value += c;
    }
    throw valueError('This quotation mark is not closed.', at);
  }

  private guard(count: number, item: Item): void {
    if (count > this.limit) throw valueError(`That is ${count.toLocaleString('en')} values; ${this.limit.toLocaleString('en')} is the most.`, item.at, item.text.length);
  }

  private steps(item: Item): PythonValue[] {
    const parts = splitParts(item, ':');
    if (parts.length > 3) throw valueError('A range is start:end or start:end:step.', item.at, item.text.length);
    const [from, to, by] = parts as [Item, Item, Item | undefined];
    const [first, last] = [decimalAt(from, 'The start'), decimalAt(to, 'The end')];
    const down = align([first, last]).digits.reduce((a, b) => a - b) > 0n;
    const step = by ? decimalAt(by, 'The step') : { digits: down ? -1n : 1n, scale: 0, whole: true };
    const { digits, scale } = align([first, last, step]);
    const [a = 0n, b = 0n, s = 0n] = digits;
    if (s === 0n) throw valueError('The step must not be 0.', by?.at ?? item.at, by?.text.length);
    if (a !== b && a < b !== s > 0n) throw valueError('The step leads away from the end.', by?.at ?? item.at, by?.text.length);
    // A billionth of a step forgives an end that was written rounded.
    const forgiven = 1_000_000_000n;
    const count = Number(((b - a) * forgiven + s) / (s * forgiven)) + 1;
    this.guard(count, item);
    const whole = first.whole && step.whole;
    return Array.from({ length: count }, (_, i) => {
      const value = a + s * BigInt(i);
      return whole ? numberOf({ digits: value / 10n ** BigInt(scale), scale: 0, whole }, '') : pythonFloat(toNumber(value, scale));
    });
  }

  private call(name: string, args: Item[], item: Item): SweepValues {
    const plain = (values: PythonValue[]): SweepValues => ({ values, spread: false });
    switch (name) {
      case 'range':
        return plain(this.range(args, item));
      case 'linspace':
      case 'logspace':
      case 'log': {
        if (args.length !== 3) throw valueError(`${name} takes three numbers: from, to, how many.`, item.at, item.text.length);
        const [from, to, many] = args as [Item, Item, Item];
        const count = countAt(many, 'The number of values', 1);
        this.guard(count, item);
        const [low, high] = [decimalAt(from, 'The start'), decimalAt(to, 'The end')];
        if (name === 'linspace') return plain(linspace(low, high, count));
        if (low.digits <= 0n) throw valueError('A logarithmic range begins above 0.', from.at, from.text.length);
        if (high.digits <= 0n) throw valueError('A logarithmic range ends above 0.', to.at, to.text.length);
        return plain(logspace(Number(from.text), Number(to.text), count));
      }
      case 'chunks':
        return { values: this.chunks(args, item), spread: true };
      default:
        throw valueError(`There is no ${name}(…). Known: range, linspace, logspace, log, chunks. Put text in quotes.`, item.at, name.length);
    }
  }

  private range(args: Item[], item: Item): PythonValue[] {
    if (args.length < 1 || args.length > 3) throw valueError('range takes one to three whole numbers.', item.at, item.text.length);
    const numbers = args.map((arg) => {
      const decimal = decimalAt(arg, 'A number of range');
      if (!decimal.whole) throw valueError('range takes whole numbers; use 0:1:0.1 for fractions.', arg.at, arg.text.length);
      return Number(decimal.digits);
    });
    const [start, stop, step] = numbers.length === 1 ? [0, numbers[0] ?? 0, 1] : [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 1];
    if (step === 0) throw valueError('The step must not be 0.', args[2]?.at ?? item.at);
    const count = Math.max(0, Math.ceil((stop - start) / step));
    if (count === 0) throw valueError('This range is empty: its end is not included.', item.at, item.text.length);
    this.guard(count, item);
    return Array.from({ length: count }, (_, i) => start + i * step);
  }

  private chunks(args: Item[], item: Item): PythonValue[] {
    const named = new Map<string, number>();
    for (const arg of args) {
      const [key, value] = splitParts(arg, '=');
      if (!key || !value || !['rows', 'size', 'count'].includes(key.text)) throw valueError('chunks takes rows=…, and size=… or count=….', arg.at, Math.max(1, arg.text.length));
      named.set(key.text, countAt(value, key.text, 1));
    }
    const rows = named.get('rows');
    const size = named.get('size') ?? (rows === undefined ? undefined : Math.ceil(rows / (named.get('count') ?? 0)));
    if (rows === undefined || size === undefined || !Number.isFinite(size) || named.size !== 2) throw valueError('chunks takes rows=…, and size=… or count=….', item.at, item.text.length);
    const count = Math.ceil(rows / size);
    this.guard(count, item);
    return Array.from({ length: count }, (_, i): PythonObject => ({ chunk_id: i, total_chunks: count, start: i * size, end: Math.min(rows, (i + 1) * size) }));
  }

  private file(item: Item): PythonValue[] {
    const match = /^@("(?:[^"]*)"|[^:]+)(?::(.+))?$/.exec(item.text);
    if (!match) throw valueError('Name a file after @.', item.at);
    const name = (match[1] ?? '').replace(/^"|"$/g, '');
    if (!this.readFile) throw valueError('Values cannot be read from a file here.', item.at, item.text.length);
    let text: string;
    try {
      text = this.readFile(name);
    } catch (cause) {
      throw new HpcError('spec_invalid', `Cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause, details: { position: item.at, length: item.text.length } });
    }
    const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/).filter((line) => line.trim() !== '');
    const column = match[2];
    const cells = column === undefined ? lines.filter((line) => !line.trimStart().startsWith('#')).map((line) => line.trim()) : csvColumn(lines, column, item);
    if (cells.length === 0) throw valueError(`${name} holds no values.`, item.at, item.text.length);
    this.guard(cells.length, item);
    return cells.map((cell) => (/^(["']).*\1$/.test(cell) ? cell.slice(1, -1) : scalarOf(cell)));
  }
}

function splitParts({ text, at }: Item, separator: string): Item[] {
  let from = at;
  return text.split(separator).map((raw) => {
    const part = { text: raw.trim(), at: from + raw.length - raw.trimStart().length };
    from += raw.length + separator.length;
    return part;
  });
}

function csvCells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) => (match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim());
}

function csvColumn(lines: readonly string[], column: string, item: Item): string[] {
  const [head = '', ...rest] = lines;
  const names = csvCells(head);
  const index = names.indexOf(column);
  if (index < 0) throw valueError(`There is no column ${JSON.stringify(column)}; there are: ${names.join(', ')}.`, item.at + item.text.lastIndexOf(column), column.length);
  return rest.map((line) => csvCells(line)[index] ?? '').filter((cell) => cell !== '');
}

/** `count` floats from low to high, both exact; each is rounded once. */
export function linspace(low: Decimal, high: Decimal, count: number): PythonValue[] {
  const { digits, scale } = align([low, high]);
  const [a = 0n, b = 0n] = digits;
  if (count === 1) return [pythonFloat(toNumber(a, scale))];
  const parts = BigInt(count - 1);
  return Array.from({ length: count }, (_, i) => {
    const numerator = a * (parts - BigInt(i)) + b * BigInt(i);
    // 25 digits more than the quotient needs, then one rounding by the number parser.
    return pythonFloat(toNumber((numerator * 10n ** 25n) / parts, scale + 25));
  });
}

/** `count` floats from low to high in equal ratios, to 12 significant digits, so that decades come out as decades. */
export function logspace(low: number, high: number, count: number): PythonValue[] {
  if (count === 1) return [pythonFloat(low)];
  const [from, to] = [Math.log10(low), Math.log10(high)];
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return pythonFloat(low);
    if (i === count - 1) return pythonFloat(high);
    return pythonFloat(Number((10 ** (from + ((to - from) * i) / (count - 1))).toPrecision(12)));
  });
}

/** Throws `spec_invalid` with `details.position`. */
export function parseSweep(text: string, options: SweepValuesOptions = {}): SweepValues {
  const limit = options.maxValues ?? 1_000_000;
  const parser = new Parser(limit, options.readFile);
  const trimmed = text.trim();
  if (trimmed === '') throw valueError('Give at least one value.', 0);
  const items = splitItems(text, 0);
  const only = items.length === 1 ? items[0] : undefined;
  if (only?.text.startsWith('[')) {
    const { values } = parser.item(only);
    const list = values[0] as readonly PythonValue[];
    if (list.length === 0) throw valueError('The list is empty.', only.at, only.text.length);
    return { values: list, spread: false };
  }
  const parsed = items.map((item) => parser.item(item));
  const spread = parsed.some((part) => part.spread);
  if (spread && parsed.some((part) => !part.spread)) throw valueError('Windows and chunks cannot be mixed with single values.', 0, text.length);
  const total = parsed.reduce((sum, part) => sum + part.values.length, 0);
  if (total > limit) throw valueError(`That is ${total.toLocaleString('en')} values; ${limit.toLocaleString('en')} is the most.`, 0, text.length);
  return { values: parsed.flatMap((part) => part.values), spread };
}

/** The values alone. */
export function parseSweepValues(text: string, options: SweepValuesOptions = {}): readonly PythonValue[] {
  return parseSweep(text, options).values;
}
