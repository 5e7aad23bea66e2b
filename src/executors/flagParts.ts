/** What the readers of argparse, click, typer and FLAGS share: types, defaults and choices of a flag, parameters of a function. */
import type { SyntaxNode } from '@lezer/common';
import type { ExecutorFlag, FlagType } from './executor.ts';
import { childrenOf, type PythonSource } from './pythonSource.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const typeNames: Readonly<Record<string, FlagType>> = {
  int: 'int', float: 'float', str: 'str', bool: 'bool', Path: 'path', 'pathlib.Path': 'path', 'click.INT': 'int', 'click.FLOAT': 'float', 'click.STRING': 'str', 'click.BOOL': 'bool',
  'click.Path': 'path', 'click.File': 'path', 'click.IntRange': 'int', 'click.FloatRange': 'float',
};

export function typeOf(source: PythonSource, node: SyntaxNode | undefined): FlagType | undefined {
  if (!node) return undefined;
  const text = (node.name === 'CallExpression' ? source.calleeOf(node) : source.textOf(node)).replace(/\s/g, '');
  return typeNames[text] ?? 'unknown';
}

export function typeOfValue(value: unknown, source: string): FlagType | undefined {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return /[.eE]/.test(source) && !/^0x/i.test(source) ? 'float' : 'int';
  return typeof value === 'string' ? 'str' : undefined;
}

/** The spelling to use: the first long one, else the first. */
export function preferred(options: readonly string[]): string | undefined {
  return options.find((option) => option.startsWith('--')) ?? options[0];
}

export function destOf(options: readonly string[]): string {
  return (preferred(options) ?? '').replace(/^-+/, '').replaceAll('-', '_');
}

export function withDefault(flag: Mutable<ExecutorFlag>, source: PythonSource, node: SyntaxNode | undefined): void {
  if (!node) return;
  const value = source.literal(node);
  // Ellipsis and SUPPRESS mean: no default.
  const text = source.textOf(node);
  if (text === '...' || text.endsWith('SUPPRESS')) return;
  if (!value.known) flag.computedDefault = true;
  else if (value.value !== null) flag.default = value.value;
}

export function withChoices(flag: Mutable<ExecutorFlag>, source: PythonSource, node: SyntaxNode | undefined): void {
  if (!node) return;
  const value = source.literal(node);
  if (value.known && Array.isArray(value.value)) {
    flag.choices = value.value;
    return;
  }
  const call = node.name === 'CallExpression' && source.calleeOf(node) === 'range' ? source.arguments(node.lastChild).positional.map((argument) => source.literal(argument)) : [];
  const numbers = call.map((argument) => (argument.known && typeof argument.value === 'number' ? argument.value : NaN));
  const [start, stop] = numbers.length === 1 ? [0, numbers[0] ?? NaN] : [numbers[0] ?? NaN, numbers[1] ?? NaN];
  if (numbers.length > 0 && numbers.length < 3 && stop - start <= 1000) flag.choices = Array.from({ length: Math.max(0, stop - start) }, (_, i) => start + i);
}

export interface Subcommand {
  readonly name: string;
  readonly flags: ExecutorFlag[];
}

export interface FoundFlags {
  /** The script's own. */
  readonly flags: ExecutorFlag[];
  readonly subcommands: readonly Subcommand[];
}

/** Once under each name. */
export function addFlag(flag: ExecutorFlag, list: ExecutorFlag[]): void {
  if (!list.some((other) => other.name === flag.name)) list.push(flag);
}

export interface Parameter {
  readonly name: string;
  readonly annotation: SyntaxNode | undefined;
  readonly value: SyntaxNode | undefined;
  readonly at: number;
}

export function parametersOf(source: PythonSource, definition: SyntaxNode): Parameter[] {
  const list = definition.getChild('ParamList');
  const parts = list ? childrenOf(list) : [];
  const found: Parameter[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part?.name !== 'VariableName') continue;
    if (['*', '**'].includes(parts[i - 1]?.name ?? '') || parts[i - 1]?.name === 'AssignOp') continue;
    let next = i + 1;
    const typeDef = parts[next]?.name === 'TypeDef' ? parts[next++] : undefined;
    const value = parts[next]?.name === 'AssignOp' ? parts[next + 1] : undefined;
    found.push({ name: source.textOf(part), annotation: typeDef ? childrenOf(typeDef).at(-1) : undefined, value, at: part.from });
  }
  return found;
}
