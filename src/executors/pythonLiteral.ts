/** Values as Python source, exactly: what Python reads back equals the value, type included. */
import { HpcError } from '../foundation/errors.ts';
import { isPythonObject, pythonFloatRepr, PythonFloat, type PythonValue } from './pythonJson.ts';

// Controls, line separators, lone surrogates, byte order marks and characters that reorder text are written as escapes.
const escaped = /["\\]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escape(character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** In double quotes, or in single ones where that spares escapes. */
export function pythonString(text: string): string {
  if (text.includes('"') && !text.includes("'")) return `'${text.replace(escaped, (character) => (character === '"' ? character : escape(character)))}'`;
  return `"${text.replace(escaped, escape)}"`;
}

function floatLiteral(value: number): string {
  return Number.isFinite(value) ? pythonFloatRepr(value) : `float("${pythonFloatRepr(value)}")`;
}

export function pythonLiteral(value: PythonValue): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'string':
      return pythonString(value);
    case 'bigint':
      return bigLiteral(value);
    case 'number':
      if (!Number.isInteger(value) || Object.is(value, -0)) return floatLiteral(value);
      if (!Number.isSafeInteger(value)) throw new HpcError('spec_invalid', `${value} is too large to be exact.`, { remediation: 'Use a big integer, or a float such as 1e16.' });
      return String(value);
    default:
      if (value instanceof PythonFloat) return floatLiteral(value.value);
      if (!isPythonObject(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
      return `{${Object.entries(value)
        .map(([key, item]) => `${pythonString(key)}: ${pythonLiteral(item)}`)
        .join(', ')}}`;
  }
}

function bigLiteral(value: bigint): string {
  const text = value.toString();
  // Python reads at most 4300 digits of a literal.
  if (text.length > 4000) throw new HpcError('spec_invalid', `An integer of ${text.length} digits is too long for Python source.`);
  return text;
}

/** A list on one line where it fits into `width`, else one item per line; whole numbers in equal steps as a range. */
export function pythonList(items: readonly PythonValue[], indent: string, width: number): string {
  const asRange = rangeLiteral(items);
  if (asRange !== undefined) return asRange;
  const literals = items.map(pythonLiteral);
  const line = `[${literals.join(', ')}]`;
  if (indent.length + line.length <= width) return line;
  return `[\n${literals.map((literal) => `${indent}    ${literal},\n`).join('')}${indent}]`;
}

function rangeLiteral(items: readonly PythonValue[]): string | undefined {
  const [first, second] = items;
  if (items.length < 6 || typeof first !== 'number' || typeof second !== 'number') return undefined;
  const step = second - first;
  if (step === 0 || !items.every((item, i) => typeof item === 'number' && Number.isSafeInteger(item) && !Object.is(item, -0) && item === first + i * step)) return undefined;
  const end = first + items.length * step;
  if (step !== 1) return `range(${first}, ${end}, ${step})`;
  return first === 0 ? `range(${end})` : `range(${first}, ${end})`;
}
