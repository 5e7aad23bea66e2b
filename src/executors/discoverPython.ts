/** What a Python file offers as an executor: argparse, click and typer options, `compute(args)`, hpc-agent's FLAGS. */
import type { SyntaxNode } from '@lezer/common';
import type { Executor, ExecutorFlag, FlagType } from './executor.ts';
import { childrenOf, parsePython, type CallArguments, type PythonSource } from './pythonSource.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const typeNames: Readonly<Record<string, FlagType>> = {
  int: 'int', float: 'float', str: 'str', bool: 'bool', Path: 'path', 'pathlib.Path': 'path', 'click.INT': 'int', 'click.FLOAT': 'float', 'click.STRING': 'str', 'click.BOOL': 'bool',
  'click.Path': 'path', 'click.File': 'path', 'click.IntRange': 'int', 'click.FloatRange': 'float',
};

function typeOf(source: PythonSource, node: SyntaxNode | undefined): FlagType | undefined {
  if (!node) return undefined;
  const text = (node.name === 'CallExpression' ? source.calleeOf(node) : source.textOf(node)).replace(/\s/g, '');
  return typeNames[text] ?? 'unknown';
}

function typeOfValue(value: unknown, source: string): FlagType | undefined {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return /[.eE]/.test(source) && !/^0x/i.test(source) ? 'float' : 'int';
  return typeof value === 'string' ? 'str' : undefined;
}

/** The spelling to use: the first long one, else the first. */
function preferred(options: readonly string[]): string | undefined {
  return options.find((option) => option.startsWith('--')) ?? options[0];
}

function destOf(options: readonly string[]): string {
  return (preferred(options) ?? '').replace(/^-+/, '').replaceAll('-', '_');
}

function withDefault(flag: Mutable<ExecutorFlag>, source: PythonSource, node: SyntaxNode | undefined): void {
  if (!node) return;
  const value = source.literal(node);
  // Ellipsis and SUPPRESS mean: no default.
  const text = source.textOf(node);
  if (text === '...' || text.endsWith('SUPPRESS')) return;
  if (!value.known) flag.computedDefault = true;
  else if (value.value !== null) flag.default = value.value;
}

function withChoices(flag: Mutable<ExecutorFlag>, source: PythonSource, node: SyntaxNode | undefined): void {
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

// --- argparse ---------------------------------------------------------------------------------------------------------

function argparseFlag(source: PythonSource, call: SyntaxNode, args: CallArguments, notes: string[]): ExecutorFlag | undefined {
  const names = args.positional.map((argument) => source.stringOf(argument));
  const line = source.lineOf(call.from);
  if (names.length === 0 || names.some((name) => name === undefined)) {
    notes.push(`line ${line}: an argument's name is computed`);
    return undefined;
  }
  const spelled = names as string[];
  const action = args.keywords.get('action');
  const actionName = source.stringOf(action) ?? source.textOf(action).replace(/^argparse\./, '');
  if (['help', 'version'].includes(actionName)) return undefined;
  const options = spelled.filter((name) => name.startsWith('-'));
  const positional = options.length === 0;
  const name = source.stringOf(args.keywords.get('dest')) ?? (positional ? (spelled[0] ?? '') : destOf(options));
  const flag: Mutable<ExecutorFlag> = {
    name,
    option: positional ? undefined : preferred(options),
    aliases: spelled,
    isSwitch: false,
    type: typeOf(source, args.keywords.get('type')) ?? 'str',
    required: false,
    help: source.stringOf(args.keywords.get('help')) ?? '',
    line,
  };
  withDefault(flag, source, args.keywords.get('default'));
  withChoices(flag, source, args.keywords.get('choices'));
  const nargs = source.literal(args.keywords.get('nargs'));
  if (nargs.known && (typeof nargs.value === 'string' || typeof nargs.value === 'number')) flag.nargs = String(nargs.value);
  const required = source.literal(args.keywords.get('required'));
  flag.required = positional ? !['?', '*'].includes(flag.nargs ?? '') : required.known && required.value === true;
  if (actionName === 'store_true' || actionName === 'store_false') {
    flag.isSwitch = true;
    flag.type = 'bool';
    if (flag.default === undefined && !flag.computedDefault) flag.default = actionName === 'store_false';
    if (actionName === 'store_false') {
      flag.negativeOption = flag.option ?? '';
      flag.option = undefined;
    }
  } else if (actionName === 'BooleanOptionalAction') {
    flag.isSwitch = true;
    flag.type = 'bool';
    const long = options.find((option) => option.startsWith('--'));
    if (long) flag.negativeOption = `--no-${long.slice(2)}`;
  } else if (actionName === 'append' || actionName === 'extend') {
    flag.repeats = true;
  } else if (actionName === 'count' || actionName === 'store_const') {
    flag.isSwitch = true;
    flag.type = actionName === 'count' ? 'int' : 'unknown';
  }
  if (args.spread) notes.push(`line ${line}: --${name} has settings that the source does not show`);
  return flag;
}

interface Subcommand {
  readonly name: string;
  readonly flags: ExecutorFlag[];
}

interface FoundFlags {
  /** The script's own. */
  readonly flags: ExecutorFlag[];
  readonly subcommands: readonly Subcommand[];
}

function add(flag: ExecutorFlag, list: ExecutorFlag[]): void {
  if (!list.some((other) => other.name === flag.name)) list.push(flag);
}

/** To which parsers what is added to a variable goes, as far as the source shows it: subcommands, groups of their arguments, parents, helper functions. */
class ArgparseOwners {
  readonly subcommands: (Subcommand & { readonly at: number })[] = [];
  /** The subcommand that a variable stands for at this place of the source: one name often serves all of them, one after the other. */
  private readonly held = new Map<string, Subcommand>();
  /** Subcommands that name this parser as a parent, and parsers that do. */
  private readonly children = new Map<string, { readonly subcommands: Set<Subcommand>; ofParser: boolean }>();
  /** What a helper function is called with, by its name and the place of the argument. */
  private readonly passed = new Map<string, { readonly subcommands: Set<Subcommand>; parser: boolean }>();

  constructor(private readonly source: PythonSource) {}

  /** Takes notice of a call, in the order of the source. */
  notice(call: SyntaxNode): void {
    const callee = this.source.calleeOf(call);
    const args = this.source.arguments(call.lastChild);
    const variable = call.parent?.name === 'AssignStatement' ? this.source.textOf(call.parent.firstChild) : '';
    const parents = this.source.textOf(args.keywords.get('parents')).match(/[A-Za-z_]\w*/g) ?? [];
    const base = callee.slice(0, Math.max(0, callee.lastIndexOf('.')));
    if (/(^|\.)ArgumentParser$/.test(callee)) {
      this.held.delete(variable);
      for (const parent of parents) this.entry(this.children, parent, { subcommands: new Set<Subcommand>(), ofParser: false }).ofParser = true;
    } else if (callee.endsWith('.add_parser')) {
      const name = this.source.stringOf(args.positional[0]);
      if (name === undefined) return;
      let subcommand = this.subcommands.find(({ at }) => at === call.from);
      if (!subcommand) this.subcommands.push((subcommand = { name, flags: [], at: call.from }));
      if (variable !== '') this.held.set(variable, subcommand);
      for (const parent of parents) this.entry(this.children, parent, { subcommands: new Set<Subcommand>(), ofParser: false }).subcommands.add(subcommand);
    } else if (/\.add_(argument_group|mutually_exclusive_group)$/.test(callee)) {
      const owner = this.held.get(base);
      if (owner && variable !== '') this.held.set(variable, owner);
    } else if (/^\w+$/.test(callee)) {
      args.positional.forEach((argument, at) => {
        if (argument.name !== 'VariableName') return;
        const entry = this.entry(this.passed, `${callee} ${at}`, { subcommands: new Set<Subcommand>(), parser: false });
        const subcommand = this.held.get(this.source.textOf(argument));
        if (subcommand) entry.subcommands.add(subcommand);
        else entry.parser = true;
      });
    }
  }

  /** The subcommands that get what this `x.add_argument()` adds; none: the script itself. */
  of(call: SyntaxNode): { readonly subcommands: readonly Subcommand[]; readonly script: boolean } {
    const variable = this.source.calleeOf(call).slice(0, -'.add_argument'.length);
    const passed = this.passed.get(this.parameter(call, variable) ?? '');
    if (passed && passed.subcommands.size > 0) return { subcommands: [...passed.subcommands], script: passed.parser };
    const subcommand = this.held.get(variable);
    if (subcommand) return { subcommands: [subcommand], script: false };
    const parent = this.children.get(variable);
    return parent && parent.subcommands.size > 0 ? { subcommands: [...parent.subcommands], script: parent.ofParser } : { subcommands: [], script: true };
  }

  /** `name place` of the parameter that this variable is, where it is one of the function around it. */
  private parameter(call: SyntaxNode, variable: string): string | undefined {
    for (let node = call.parent; node; node = node.parent) {
      if (node.name !== 'FunctionDefinition') continue;
      const at = parametersOf(this.source, node).findIndex(({ name }) => name === variable);
      if (at >= 0) return `${this.source.textOf(node.getChild('VariableName'))} ${at}`;
    }
    return undefined;
  }

  private entry<T>(map: Map<string, T>, key: string, empty: T): T {
    const there = map.get(key) ?? empty;
    map.set(key, there);
    return there;
  }
}

function argparseFlags(source: PythonSource, notes: string[]): FoundFlags | undefined {
  const calls = source.all('CallExpression');
  const parsers = new Set<string>();
  const owners = new ArgparseOwners(source);
  let uses = false;
  for (const call of calls) {
    owners.notice(call);
    if (!/(^|\.)ArgumentParser$/.test(source.calleeOf(call))) continue;
    uses = true;
    parsers.add(call.parent?.name === 'AssignStatement' ? source.textOf(call.parent.firstChild) : '');
    if (source.arguments(call.lastChild).keywords.has('parents')) {
      const known = source.textOf(source.arguments(call.lastChild).keywords.get('parents')).match(/[A-Za-z_]\w*/g) ?? [];
      if (known.some((name) => !parsers.has(name))) notes.push(`line ${source.lineOf(call.from)}: flags of a parent parser from elsewhere are not shown`);
    }
  }
  const defined = new Set(source.all('FunctionDefinition').map((definition) => source.textOf(definition.getChild('VariableName'))));
  const flags: ExecutorFlag[] = [];
  for (const call of calls) {
    // Once more from the start: a helper is mostly written above the place that says for what it is called.
    owners.notice(call);
    const callee = source.calleeOf(call);
    const args = source.arguments(call.lastChild);
    if (callee.endsWith('.add_argument')) {
      uses = true;
      const flag = argparseFlag(source, call, args, notes);
      if (!flag) continue;
      const { subcommands, script } = owners.of(call);
      for (const subcommand of subcommands) add(flag, subcommand.flags);
      if (script) add(flag, flags);
    } else if (!callee.includes('.') ? !defined.has(callee) : !/\.(add_|parse_|set_defaults|print_)/.test(callee)) {
      const passed = args.positional.find((argument) => argument.name === 'VariableName' && parsers.has(source.textOf(argument)) && source.textOf(argument) !== '');
      if (passed) notes.push(`line ${source.lineOf(call.from)}: ${callee}() may add flags that are not shown`);
    }
  }
  return uses ? { flags, subcommands: owners.subcommands } : undefined;
}

// --- click and typer --------------------------------------------------------------------------------------------------

interface Decorated {
  readonly name: string;
  readonly args: SyntaxNode | null;
}

function decoratorsOf(source: PythonSource, statement: SyntaxNode): Decorated[] {
  return statement.getChildren('Decorator').map((decorator) => {
    const args = decorator.getChild('ArgList');
    return { name: source.text.slice(decorator.from + 1, args?.from ?? decorator.to).trim(), args };
  });
}

function clickFlag(source: PythonSource, decorator: Decorated): ExecutorFlag | undefined {
  const isArgument = /(^|\.)argument$/.test(decorator.name);
  if (!isArgument && !/(^|\.)option$/.test(decorator.name)) return undefined;
  const args = source.arguments(decorator.args);
  const names = args.positional.map((argument) => source.stringOf(argument)).filter((name) => name !== undefined);
  const spelled = names.filter((name) => name.startsWith('-'));
  const positive = spelled.map((name) => name.split('/')[0]?.trim() ?? '');
  const negative = spelled.map((name) => name.split('/')[1]?.trim()).find((name) => name?.startsWith('--'));
  const explicit = names.find((name) => !name.startsWith('-'));
  const dashes = (option: string): number => option.length - option.replace(/^-+/, '').length;
  const longest = [...positive].sort((a, b) => dashes(b) - dashes(a))[0];
  const name = (explicit ?? longest?.replace(/^-+/, '').replaceAll('-', '_') ?? '').toLowerCase();
  if (!name) return undefined;
  const typeNode = args.keywords.get('type');
  const isFlag = source.literal(args.keywords.get('is_flag'));
  const isSwitch = negative !== undefined || (isFlag.known && isFlag.value === true);
  const required = source.literal(args.keywords.get('required'));
  const flag: Mutable<ExecutorFlag> = {
    name,
    option: isArgument ? undefined : preferred(positive),
    aliases: spelled,
    isSwitch,
    type: 'str',
    required: required.known ? required.value === true : isArgument,
    help: source.stringOf(args.keywords.get('help')) ?? '',
    line: source.lineOf(decorator.args?.from ?? 0),
  };
  if (negative !== undefined) flag.negativeOption = negative;
  withDefault(flag, source, args.keywords.get('default'));
  if (isArgument && (flag.default !== undefined || flag.computedDefault)) flag.required = false;
  const choice = typeNode?.name === 'CallExpression' && /(^|\.)Choice$/.test(source.calleeOf(typeNode));
  if (choice) withChoices(flag, source, source.arguments(typeNode.lastChild).positional[0]);
  flag.type = isSwitch ? 'bool' : choice ? 'str' : (typeOf(source, typeNode) ?? typeOfValue(flag.default, source.textOf(args.keywords.get('default'))) ?? 'str');
  const several = source.literal(args.keywords.get('multiple'));
  if (several.known && several.value === true) flag.repeats = true;
  const nargs = source.literal(args.keywords.get('nargs'));
  if (nargs.known && typeof nargs.value === 'number' && nargs.value !== 1) flag.nargs = String(nargs.value);
  if (isSwitch && flag.default === undefined && !flag.computedDefault) flag.default = false;
  return flag;
}

interface Parameter {
  readonly name: string;
  readonly annotation: SyntaxNode | undefined;
  readonly value: SyntaxNode | undefined;
  readonly at: number;
}

function parametersOf(source: PythonSource, definition: SyntaxNode): Parameter[] {
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

function typerFlag(source: PythonSource, parameter: Parameter): ExecutorFlag | undefined {
  let annotation = parameter.annotation;
  let settings = parameter.value?.name === 'CallExpression' && /(^|\.)(Option|Argument)$/.test(source.calleeOf(parameter.value)) ? parameter.value : undefined;
  const inValue = settings !== undefined;
  if (annotation && /^(typing\.)?Annotated\[/.test(source.textOf(annotation).replace(/\s/g, ''))) {
    const inner = childrenOf(annotation).filter((child) => !punctuation.has(child.name)).slice(1);
    settings ??= inner.find((child) => child.name === 'CallExpression');
    annotation = inner[0];
  }
  const typeText = source.textOf(annotation).replace(/\s/g, '');
  if (/(^|\.)Context$/.test(typeText)) return undefined;
  const args = source.arguments(settings?.lastChild);
  const isArgument = settings !== undefined && /(^|\.)Argument$/.test(source.calleeOf(settings));
  const valueNode = inValue ? (args.positional[0] ?? args.keywords.get('default')) : parameter.value;
  const spelled = args.positional.slice(inValue ? 1 : 0).map((argument) => source.stringOf(argument)).filter((name) => name?.startsWith('-')) as string[];
  const bare = typeText.replace(/^(?:typing\.)?Optional\[(.*)\]$/, '$1').replace(/\|None$/, '');
  const list = /^(?:typing\.)?[Ll]ist\[(.*)\]$/.exec(bare)?.[1];
  const type = typeNames[list ?? bare] ?? (bare === '' ? typeOfValue(source.literal(valueNode).known ? (source.literal(valueNode) as { value: unknown }).value : undefined, source.textOf(valueNode)) ?? 'str' : 'unknown');
  const positional = isArgument || (!settings && !parameter.value);
  const kebab = `--${parameter.name.replaceAll('_', '-')}`;
  const option = positional ? undefined : (preferred(spelled.map((name) => name.split('/')[0] ?? '')) ?? kebab);
  const flag: Mutable<ExecutorFlag> = {
    name: parameter.name,
    option,
    aliases: spelled.length > 0 ? spelled : option ? [option] : [],
    isSwitch: type === 'bool' && !positional && list === undefined,
    type,
    required: !valueNode || source.textOf(valueNode) === '...',
    help: source.stringOf(args.keywords.get('help')) ?? '',
    line: source.lineOf(parameter.at),
  };
  withDefault(flag, source, valueNode);
  if (flag.isSwitch) {
    const negative = spelled.map((name) => name.split('/')[1]?.trim()).find((name) => name !== undefined && name !== '');
    if (negative !== undefined) flag.negativeOption = negative;
    else if (spelled.length === 0) flag.negativeOption = `--no-${kebab.slice(2)}`;
  }
  if (list !== undefined) flag.repeats = true;
  return flag;
}

const punctuation = new Set(['(', ')', '[', ']', '{', '}', ',', ':', '.']);

function commandFlags(source: PythonSource): { kind: 'click' | 'typer'; found: FoundFlags } | undefined {
  const commands: (Subcommand & { readonly kind: 'click' | 'typer' })[] = [];
  const own: ExecutorFlag[] = [];
  let grouped = false;
  const run = new Set(source.all('CallExpression').filter((call) => source.calleeOf(call) === 'typer.run').map((call) => source.textOf(source.arguments(call.lastChild).positional[0])));
  const usesTyper = source.imports().includes('typer');
  for (const definition of source.all('FunctionDefinition')) {
    const name = source.textOf(definition.getChild('VariableName'));
    const decorators = definition.parent?.name === 'DecoratedStatement' ? decoratorsOf(source, definition.parent) : [];
    const clicked = decorators.map((decorator) => clickFlag(source, decorator)).filter((flag) => flag !== undefined);
    const command = decorators.find((decorator) => /(^|\.)(command|group|callback)$/.test(decorator.name));
    const shown = command?.args ? source.stringOf(source.arguments(command.args).positional[0]) : undefined;
    const isGroup = /(^|\.)(group|callback)$/.test(command?.name ?? '');
    const subject: Subcommand & { readonly kind: 'click' | 'typer' } = { kind: 'click', name: shown ?? name.replaceAll('_', '-'), flags: clicked };
    if (usesTyper && (run.has(name) || (command && clicked.length === 0))) {
      const flags = parametersOf(source, definition).map((parameter) => typerFlag(source, parameter)).filter((flag) => flag !== undefined);
      if (isGroup) own.push(...flags);
      else commands.push({ ...subject, kind: 'typer', flags });
    } else if (isGroup ? source.imports().includes('click') : clicked.length > 0 || (command && source.imports().includes('click'))) {
      if (isGroup) own.push(...clicked);
      else commands.push(subject);
    } else continue;
    grouped ||= isGroup;
  }
  const [first] = commands;
  if (!first) return undefined;
  // One command takes the options itself, unless it belongs to a group; of several each is a subcommand.
  return { kind: first.kind, found: commands.length === 1 && !grouped ? { flags: first.flags, subcommands: [] } : { flags: own, subcommands: commands } };
}

// --- hpc-agent's FLAGS ------------------------------------------------------------------------------------------------

function flagsEntry(source: PythonSource, node: SyntaxNode): ExecutorFlag | undefined {
  const entries = new Map<string, SyntaxNode>();
  if (node.name === 'CallExpression' && /(^|\.)[fF]lag$/.test(source.calleeOf(node))) {
    const args = source.arguments(node.lastChild);
    for (const [key, value] of args.keywords) entries.set(key, value);
    const [name, type] = args.positional;
    if (name) entries.set('name', name);
    if (type) entries.set('type', type);
  } else if (node.name === 'DictionaryExpression') {
    for (const [key, value] of dictionaryOf(source, node)) entries.set(key, value);
  }
  const name = source.stringOf(entries.get('name'));
  if (name === undefined) return undefined;
  const required = source.literal(entries.get('required'));
  const flag: Mutable<ExecutorFlag> = {
    name,
    option: `--${name.replaceAll('_', '-')}`,
    aliases: [`--${name.replaceAll('_', '-')}`],
    isSwitch: false,
    type: typeOf(source, entries.get('type')) ?? 'str',
    required: required.known && required.value === true,
    help: source.stringOf(entries.get('help')) ?? '',
    line: source.lineOf(node.from),
  };
  withDefault(flag, source, entries.get('default'));
  withChoices(flag, source, entries.get('choices'));
  return flag;
}

function dictionaryOf(source: PythonSource, node: SyntaxNode): [string, SyntaxNode][] {
  const parts = childrenOf(node);
  const found: [string, SyntaxNode][] = [];
  parts.forEach((part, i) => {
    const value = parts[i + 1];
    if (part.name === ':' && value) {
      const key = source.stringOf(parts[i - 1]);
      if (key !== undefined) found.push([key, value]);
    }
  });
  return found;
}

/** `FLAGS` of a tasks.py or an executor, by module; a plain list stands under the empty name. */
export function declaredFlags(source: PythonSource): ReadonlyMap<string, readonly ExecutorFlag[]> {
  const found = new Map<string, readonly ExecutorFlag[]>();
  const statement = childrenOf(source.tree.topNode).find((node) => node.name === 'AssignStatement' && source.textOf(node.firstChild) === 'FLAGS');
  const value = statement ? childrenOf(statement).at(-1) : undefined;
  const entriesOf = (node: SyntaxNode): ExecutorFlag[] => childrenOf(node).map((child) => flagsEntry(source, child)).filter((flag) => flag !== undefined);
  if (value?.name === 'DictionaryExpression') {
    for (const [key, list] of dictionaryOf(source, value)) {
      const target = source.follow(list);
      if (target?.name === 'ArrayExpression') found.set(key, entriesOf(target));
    }
  } else if (value?.name === 'ArrayExpression') found.set('', entriesOf(value));
  return found;
}

// --- one file ---------------------------------------------------------------------------------------------------------

function hasMainGuard(source: PythonSource): boolean {
  return childrenOf(source.tree.topNode).some((node) => node.name === 'IfStatement' && /^if\s*\(?\s*(?:__name__\s*==\s*["']__main__["']|["']__main__["']\s*==\s*__name__)/.test(source.textOf(node)));
}

/** Whether the file does something when it is run, besides defining. */
function doesSomething(source: PythonSource): boolean {
  return childrenOf(source.tree.topNode).some((node) => {
    if (node.name === 'ExpressionStatement') return node.firstChild?.name === 'CallExpression';
    return ['ForStatement', 'WhileStatement', 'WithStatement'].includes(node.name);
  });
}

export interface PythonFile {
  /** One, or one for each subcommand; none: it is no script. */
  readonly executors: readonly Executor[];
  readonly syntaxErrorLine: number | undefined;
}

/** `scriptFolder`: in `src/` a file without a main guard is a library, elsewhere it may be a script. */
export async function discoverPython(path: string, text: string, options: { scriptFolder: boolean; taskFlags?: ReadonlyMap<string, readonly ExecutorFlag[]> }): Promise<PythonFile> {
  const source = await parsePython(text.replace(/^\uFEFF/, ''));
  const syntaxErrorLine = source.syntaxErrorLine();
  const notes: string[] = [];
  const guard = hasMainGuard(source);
  const compute = childrenOf(source.tree.topNode).some((node) => {
    const definition = node.name === 'DecoratedStatement' ? node.getChild('FunctionDefinition') : node;
    return definition?.name === 'FunctionDefinition' && source.textOf(definition.getChild('VariableName')) === 'compute';
  });
  const command = commandFlags(source);
  const argparse = argparseFlags(source, notes);
  const runs = guard || compute || (options.scriptFolder && doesSomething(source));
  if (!runs) return { executors: [], syntaxErrorLine };
  const module = path.replace(/\.py$/, '').split('/').every((part) => /^[A-Za-z_]\w*$/.test(part)) ? path.replace(/\.py$/, '').replaceAll('/', '.') : undefined;
  const own = declaredFlags(source);
  const declared = (module === undefined ? undefined : (options.taskFlags?.get(module) ?? own.get(module))) ?? options.taskFlags?.get(path) ?? own.get('');
  const found = argparse && (argparse.flags.length > 0 || argparse.subcommands.length > 0 || !command) ? argparse : command?.found;
  const kind = found === undefined ? (compute ? 'compute' : 'script') : found === argparse ? 'argparse' : (command?.kind ?? 'argparse');
  if (syntaxErrorLine !== undefined) notes.push(`line ${syntaxErrorLine} is not understood, so flags may be missing`);
  const script: Executor = {
    path,
    file: path,
    kind,
    ...(module !== undefined && { module }),
    summary: source.summaryOf(childrenOf(source.tree.topNode)),
    flags: found?.flags ?? declared ?? [],
    hasMainGuard: guard,
    hasComputeFunction: compute,
    imports: source.imports(),
    notes,
  };
  return { executors: found && found.subcommands.length > 0 ? found.subcommands.map((subcommand) => executorOf(subcommand, script)) : [script], syntaxErrorLine };
}

/** A subcommand as an executor of its own, with the flags of the script before it. */
function executorOf({ name, flags }: Subcommand, { module, ...script }: Executor): Executor {
  const names = new Set(flags.map((flag) => flag.name));
  const before = script.flags.filter((flag) => !names.has(flag.name)).map((flag): ExecutorFlag => ({ ...flag, beforeSubcommand: true }));
  return { ...script, path: `${script.path} ${name}`, subcommand: name, flags: [...before, ...flags] };
}
