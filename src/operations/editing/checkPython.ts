/** What is wrong with a tasks.py by its text, what a script of the workspace is, and what an evaluation says of the text. Nothing is run here. */
import { HpcError } from '../../foundation/errors.ts';
import type { OperationContext } from '../operation.ts';
import type { SweepOutline } from './sweepOutline.ts';
import type { TextFix, TextProblem } from './textProblem.ts';

const totalText = '\n\ndef total():\n    return len(_TASKS)\n';
const resolveText = '\n\ndef resolve(i):\n    return dict(_TASKS[i])\n';

/** Modules that neither ask somebody for a next trial nor cost much: with only these tasks.py may be evaluated whenever it is saved. */
const harmless = new Set(['__future__', 'collections', 'csv', 'dataclasses', 'datetime', 'decimal', 'enum', 'fractions', 'functools', 'itertools', 'json', 'math', 'operator', 'os', 'pathlib', 're', 'string', 'sys', 'typing', 'numpy', 'hpc_agent', 'claude_hpc']);

export interface TasksText {
  readonly problems: readonly TextProblem[];
  readonly parameters: readonly { readonly name: string; readonly line: number; readonly column: number; readonly length: number }[];
  /** From 1. */
  readonly totalLine: number | undefined;
  /** Executors that FLAGS names, as paths where they are found. */
  readonly executors: readonly string[];
  /** Whether it may be evaluated without being asked for. */
  readonly isHarmless: boolean;
}

export async function readTasksText(text: string, context: OperationContext): Promise<TasksText> {
  const [{ outlineTasks }, { nearMisses }] = await Promise.all([import('../../executors/checkTasks.ts'), import('../../cluster/nearMiss.ts')]);
  const outline = await outlineTasks(text);
  const problems = outline.faults.map((fault): TextProblem => {
    const fixes: TextFix[] = [];
    if (fault.code === 'total_missing') fixes.push({ kind: 'append', title: 'Add total()', text: totalText });
    if (fault.code === 'resolve_missing') fixes.push({ kind: 'append', title: 'Add resolve(i)', text: resolveText });
    if (fault.name !== undefined && /^\w+$/.test(fault.name)) {
      const name = `arg_${fault.name.replace(/^_+/, '').toLowerCase()}`;
      fixes.push({ kind: 'replace', title: `Rename the parameter to "${name}"`, text: `"${name}"` });
    }
    return { severity: fault.code === 'reserved_name' ? 'warning' : 'error', code: fault.code, ...fault.place, message: fault.message, remediation: fault.code === 'reserved_name' ? 'Choose another name, here and in the executor.' : '', fixes };
  });
  const named = outline.executors.length === 0 ? [] : await namedExecutors(context);
  const executors: string[] = [];
  for (const { name, place } of outline.executors) {
    const found = named.find((executor) => executor.module === name || executor.path === name || executor.path === `${name}.py`);
    if (found) executors.push(found.path);
    else {
      const near = nearMisses(name, named.map(({ module, path }) => module ?? path));
      problems.push({ severity: 'warning', code: 'executor_not_found', ...place, message: `There is no script ${JSON.stringify(name)} in this folder.`, remediation: 'FLAGS names executors as importable modules (scripts.train) or by their paths.', fixes: near.map((text) => ({ kind: 'replace', title: `Change to "${text}"`, text: `"${text}"` })) });
    }
  }
  return {
    problems,
    parameters: outline.parameters.map(({ name, place }) => ({ name, ...place })),
    totalLine: outline.totalLine,
    executors,
    isHarmless: outline.imports.every((name) => harmless.has(name)),
  };
}

async function namedExecutors({ experimentDir, signal }: OperationContext): Promise<readonly { readonly path: string; readonly module?: string }[]> {
  const { discoverExecutors } = await import('../../executors/discover.ts');
  return (await discoverExecutors(experimentDir, { signal })).executors.map(({ path, module }) => ({ path, ...(module === undefined ? {} : { module }) }));
}

/** What the evaluation found, at its place in the text. */
export function problemsOfSweep(sweep: SweepOutline, tasks: Pick<TasksText, 'parameters' | 'totalLine' | 'problems'>): readonly TextProblem[] {
  return sweep.findings.flatMap(({ severity, code, message }): TextProblem[] => {
    const name = code === 'reserved_name' ? /^The parameter "(\w+)"/.exec(message)?.[1] : undefined;
    const key = tasks.parameters.find((parameter) => parameter.name === name);
    // The text said so already.
    if (key && tasks.problems.some((problem) => problem.code === code && problem.line === key.line && problem.column === key.column)) return [];
    return [{ severity, code, line: key?.line ?? tasks.totalLine ?? 1, column: key?.column ?? 1, ...(key ? { length: key.length } : {}), message, remediation: '', fixes: [] }];
  });
}

/** Why it could not be evaluated, at the line that is at fault; undefined where the file is not (no Python, a cancelled wait). */
export function problemOfFailure(error: unknown): TextProblem | undefined {
  if (!HpcError.is(error, 'spec_invalid') || typeof error.details?.finding !== 'string') return undefined;
  const { line, finding } = error.details;
  const message = error.message.replace(/^[^:]*tasks\.py: /, '').replace(/ \([^()]*tasks\.py, line \d+\)$/, '');
  return { severity: 'error', code: finding, line: typeof line === 'number' ? line : 1, column: 1, message, remediation: error.remediation ?? '', fixes: [] };
}

export interface ScriptText {
  readonly kind: string;
  readonly flags: readonly { readonly name: string; readonly option: string | undefined; readonly line: number; readonly help: string }[];
}

/** What discovery says of this very text; undefined: it is no executor. `path` is relative to the workspace. */
export async function readScriptText(path: string, text: string): Promise<ScriptText | undefined> {
  if (/(^|\/)(\.|test_|conftest\.py|setup\.py|_hpc_)|_test\.py$/.test(path)) return undefined;
  const { discoverPython } = await import('../../executors/discoverPython.ts');
  const { executors } = await discoverPython(path, text, { scriptFolder: !path.startsWith('src/') });
  const [first] = executors;
  return first && { kind: first.kind, flags: executors.flatMap(({ flags }) => flags).map(({ name, option, line, help }) => ({ name, option, line, help })) };
}
