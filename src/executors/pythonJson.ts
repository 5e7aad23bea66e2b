/**
 * Python's JSON, to the byte: `json.dumps(value, sort_keys=True, separators=(",", ":"))` and back.
 *
 * Rule: a JavaScript number that is whole stands for a Python int; a float that is whole (`1.0`) is a `PythonFloat`, since
 * Python prints the two differently and `cmd_sha` is a hash of the print. What cannot be told apart is refused.
 */
import { HpcError } from '../foundation/errors.ts';

/** A Python float. Needed only for whole values; other numbers are floats by themselves. */
export class PythonFloat {
  constructor(readonly value: number) {}
  /** For plain JSON, where `1` and `1.0` are the same. */
  toJSON(): number {
    return this.value;
  }
}

 
export interface PythonObject {
  readonly [key: string]: PythonValue;
}
export type PythonValue = null | boolean | number | bigint | string | PythonFloat | readonly PythonValue[] | PythonObject;

export function isPythonObject(value: PythonValue): value is PythonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof PythonFloat);
}

/** `repr(float)`: the shortest digits that read back the same, exponent form below 1e-4 and from 1e16. */
export function pythonFloatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  const sign = value < 0 ? '-' : '';
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

const shortEscapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };

function jsonString(text: string): string {
  const escaped = text.replace(/["\\]|[^ -~]/g, (unit) => shortEscapes[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `"${escaped}"`;
}

/** Python sorts by code point, JavaScript by UTF-16 unit; they differ above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function jsonFloat(value: number): string {
  const text = pythonFloatRepr(value);
  return text === 'nan' ? 'NaN' : text.replace('inf', 'Infinity');
}

/** `json.dumps(value, sort_keys=True, separators=(",", ":"))`. */
export function canonicalPythonJson(value: PythonValue): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'string':
      return jsonString(value);
    case 'bigint':
      return value.toString();
    case 'number':
      if (!Number.isInteger(value) || Object.is(value, -0)) return jsonFloat(value);
      if (!Number.isSafeInteger(value)) {
        throw new HpcError('spec_invalid', `${value} is too large to be exact.`, { remediation: 'Write whole numbers beyond 2^53 as big integers, or as floats (1e16).' });
      }
      return value.toString();
    default:
      if (value instanceof PythonFloat) return jsonFloat(value.value);
      if (!isPythonObject(value)) return `[${value.map(canonicalPythonJson).join(',')}]`;
      return `{${Object.keys(value)
        .sort(compareCodePoints)
        .map((key) => `${jsonString(key)}:${canonicalPythonJson(value[key] ?? null)}`)
        .join(',')}}`;
  }
}

const token = /\s*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null|NaN|-?Infinity))\s*/y;
const words: Readonly<Record<string, PythonValue>> = { true: true, false: false, null: null, NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

function parseNumber(text: string): PythonValue {
  const value = Number(text);
  if (/[.eE]/.test(text)) return Number.isInteger(value) ? new PythonFloat(value) : value;
  if (text === '-0') return 0;
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** Reads what Python's `json.dumps` wrote, keeping `1` and `1.0` apart, big integers exact, NaN and infinities. Throws SyntaxError. */
export function parsePythonJson(text: string): PythonValue {
  let at = 0;
  const fail = (): never => {
    throw new SyntaxError(`Not Python's JSON at position ${at}: ${text.slice(at, at + 40)}`);
  };
  const next = (): { punctuation?: string; value?: PythonValue; text?: string } => {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) return fail();
    at = token.lastIndex;
    if (match[1] !== undefined) return { punctuation: match[1] };
    if (match[2] !== undefined) {
      const parsed = JSON.parse(match[2]) as string;
      return { value: parsed, text: parsed };
    }
    if (match[3] !== undefined) return { value: parseNumber(match[3]) };
    return { value: words[match[4] ?? ''] ?? null };
  };
  const valueFrom = (first: ReturnType<typeof next>): PythonValue => {
    if (first.value !== undefined) return first.value;
    if (first.punctuation === '[') {
      const items: PythonValue[] = [];
      let item = next();
      if (item.punctuation === ']') return items;
      for (;;) {
        items.push(valueFrom(item));
        const separator = next().punctuation;
        if (separator === ']') return items;
        if (separator !== ',') return fail();
        item = next();
      }
    }
    if (first.punctuation !== '{') return fail();
    const entries: [string, PythonValue][] = [];
    let key = next();
    if (key.punctuation === '}') return {};
    for (;;) {
      if (key.text === undefined || next().punctuation !== ':') return fail();
      entries.push([key.text, valueFrom(next())]);
      const separator = next().punctuation;
      // fromEntries makes own properties, also of a key named __proto__.
      if (separator === '}') return Object.fromEntries(entries);
      if (separator !== ',') return fail();
      key = next();
    }
  };
  const value = valueFrom(next());
  if (at !== text.length) fail();
  return value;
}

/** The value for people and for JavaScript: floats as numbers, big integers as text when they are not exact. */
export function plainValue(value: PythonValue): unknown {
  if (value instanceof PythonFloat) return value.value;
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map((item) => plainValue(item as PythonValue));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
  return value;
}
