/** What click and typer commands take, by their decorators and signatures. */
import type { SyntaxNode } from '@lezer/common';
import type { ExecutorFlag } from './executor.ts';
import { parametersOf, preferred, typeNames, typeOf, typeOfValue, withChoices, withDefault, type FoundFlags, type Mutable, type Parameter, type Subcommand } from './flagParts.ts';
import { childrenOf, type PythonSource } from './pythonSource.ts';

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

export function commandFlags(source: PythonSource): { kind: 'click' | 'typer'; found: FoundFlags } | undefined {
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
