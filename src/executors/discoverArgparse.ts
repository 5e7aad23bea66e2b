/** What a script's argparse parsers take: its own flags and those of its subcommands. */
import type { SyntaxNode } from '@lezer/common';
import type { ExecutorFlag } from './executor.ts';
import { addFlag, destOf, parametersOf, preferred, typeOf, withChoices, withDefault, type FoundFlags, type Mutable, type Subcommand } from './flagParts.ts';
import type { CallArguments, PythonSource } from './pythonSource.ts';

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

export function argparseFlags(source: PythonSource, notes: string[]): FoundFlags | undefined {
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
      for (const subcommand of subcommands) addFlag(flag, subcommand.flags);
      if (script) addFlag(flag, flags);
    } else if (!callee.includes('.') ? !defined.has(callee) : !/\.(add_|parse_|set_defaults|print_)/.test(callee)) {
      const passed = args.positional.find((argument) => argument.name === 'VariableName' && parsers.has(source.textOf(argument)) && source.textOf(argument) !== '');
      if (passed) notes.push(`line ${source.lineOf(call.from)}: ${callee}() may add flags that are not shown`);
    }
  }
  return uses ? { flags, subcommands: owners.subcommands } : undefined;
}
