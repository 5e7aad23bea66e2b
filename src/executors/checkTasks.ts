/**
 * What is wrong with a tasks.py as far as its text shows: nothing is run. Rule: it warns only of what is certain; a name that is made at
 * run time, or a dict within a dict, is left to the evaluation.
 */
import type { SyntaxNode } from '@lezer/common';
import { identifierProblem, reservedReason } from './reservedNames.ts';
import { childrenOf, parsePython, type PythonSource } from './pythonSource.ts';

export interface SourcePlace {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export interface TasksFault {
  readonly code: 'syntax_error' | 'total_missing' | 'resolve_missing' | 'resolve_parameters' | 'reserved_name';
  readonly place: SourcePlace;
  readonly message: string;
  /** The parameter. */
  readonly name?: string;
}

/** The key of a dict that makes a task's parameters, wherever such a dict is written. */
export interface ParameterKey {
  readonly name: string;
  readonly place: SourcePlace;
}

export interface TasksOutline {
  readonly faults: readonly TasksFault[];
  readonly parameters: readonly ParameterKey[];
  /** Line of `def total`, from 1; undefined where there is none. */
  readonly totalLine: number | undefined;
  readonly imports: readonly string[];
  /** Keys of FLAGS: the executors, as importable modules or as paths. */
  readonly executors: readonly ParameterKey[];
}

function placeOf(source: PythonSource, node: SyntaxNode): SourcePlace {
  const start = source.text.lastIndexOf('\n', node.from - 1) + 1;
  return { line: source.lineOf(node.from), column: node.from - start + 1, length: node.to - node.from };
}

function definitionsOf(source: PythonSource): ReadonlyMap<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>();
  for (const statement of childrenOf(source.tree.topNode)) {
    const definition = statement.name === 'DecoratedStatement' ? (statement.getChild('FunctionDefinition') ?? statement) : statement;
    if (definition.name === 'FunctionDefinition') found.set(source.textOf(definition.getChild('VariableName')), definition);
    if (statement.name === 'AssignStatement' && statement.firstChild) found.set(source.textOf(statement.firstChild), statement);
    if (statement.name === 'ImportStatement') for (const name of source.textOf(statement).matchAll(/\b(total|resolve)\b/g)) found.set(name[1] ?? '', statement);
    // Defined under a condition: somewhere is enough.
    if (['IfStatement', 'TryStatement', 'WithStatement'].includes(statement.name)) {
      for (const inner of source.all('FunctionDefinition', statement)) found.set(source.textOf(inner.getChild('VariableName')), inner);
    }
  }
  return found;
}

function keysOf(source: PythonSource, dictionary: SyntaxNode): ParameterKey[] {
  const children = childrenOf(dictionary);
  return children.flatMap((child, index) => {
    if (child.name !== 'String' || children[index + 1]?.name !== ':' || !['{', ','].includes(children[index - 1]?.name ?? '')) return [];
    const name = source.stringOf(child);
    return name === undefined ? [] : [{ name, place: placeOf(source, child) }];
  });
}

function isWithin(node: SyntaxNode, test: (around: SyntaxNode) => boolean): boolean {
  for (let around = node.parent; around; around = around.parent) if (test(around)) return true;
  return false;
}

export async function outlineTasks(text: string): Promise<TasksOutline> {
  const source = await parsePython(text.replace(/^\uFEFF/, ''));
  const faults: TasksFault[] = [];
  const wrong = source.syntaxErrorLine();
  if (wrong !== undefined) faults.push({ code: 'syntax_error', place: { line: wrong, column: 1, length: 0 }, message: 'This is not Python.' });
  const defined = definitionsOf(source);
  const flags = childrenOf(source.tree.topNode).find((node) => node.name === 'AssignStatement' && source.textOf(node.firstChild) === 'FLAGS');
  const top: SourcePlace = { line: 1, column: 1, length: 0 };
  if (wrong === undefined && !defined.has('total')) faults.push({ code: 'total_missing', place: top, message: 'There is no total(): it must return the number of tasks.' });
  if (wrong === undefined && !defined.has('resolve')) faults.push({ code: 'resolve_missing', place: top, message: 'There is no resolve(i): it must return the parameters of task i as a dict.' });
  const resolve = defined.get('resolve');
  const parameters = resolve?.name === 'FunctionDefinition' ? resolve.getChild('ParamList') : null;
  if (resolve && parameters && childrenOf(parameters).every(({ name }) => name === '(' || name === ')')) faults.push({ code: 'resolve_parameters', place: placeOf(source, parameters), message: 'resolve takes the index of a task: resolve(i).' });
  const dictionaries = source.all('DictionaryExpression').filter((node) => !isWithin(node, (around) => around.name === 'DictionaryExpression' || (around.from === flags?.from && around.to === flags.to)));
  const keys = dictionaries.filter((node) => isWithin(node, ({ name }) => ['ArrayExpression', 'ArrayComprehensionExpression', 'ReturnStatement', 'TupleExpression'].includes(name))).flatMap((node) => keysOf(source, node));
  for (const { name, place } of keys) {
    const reason = reservedReason(name) ?? identifierProblem(name);
    if (reason !== undefined) faults.push({ code: 'reserved_name', place, name, message: `The parameter ${JSON.stringify(name)} reaches the executor only as HPC_KW_${name.toUpperCase()}: ${reason}.` });
  }
  const value = flags ? childrenOf(flags).at(-1) : undefined;
  return {
    faults,
    parameters: keys,
    totalLine: ((node) => (node ? source.lineOf(node.from) : undefined))(defined.get('total')),
    imports: source.imports(),
    executors: value?.name === 'DictionaryExpression' ? keysOf(source, value) : [],
  };
}
