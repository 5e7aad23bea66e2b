/** What a Python file offers as an executor: argparse, click and typer options, `compute(args)`, hpc-agent's FLAGS. */
import type { SyntaxNode } from '@lezer/common';
import { argparseFlags } from './discoverArgparse.ts';
import { commandFlags } from './discoverClick.ts';
import type { Executor, ExecutorFlag } from './executor.ts';
import { typeOf, withChoices, withDefault, type Mutable, type Subcommand } from './flagParts.ts';
import { childrenOf, parsePython, type PythonSource } from './pythonSource.ts';

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
function executorOf({ name, flags }: Subcommand, script: Executor): Executor {
  const names = new Set(flags.map((flag) => flag.name));
  const before = script.flags.filter((flag) => !names.has(flag.name)).map((flag): ExecutorFlag => ({ ...flag, beforeSubcommand: true }));
  const { module: _, ...rest } = script;
  return { ...rest, path: `${script.path} ${name}`, subcommand: name, flags: [...before, ...flags] };
}
