/**
 * Evaluates `.hpc/tasks.py` with a real Python, exactly once, here or on the cluster.
 *
 * Rules: the program travels on standard input, so nothing needs to be installed; the answer is believed only whole, that is
 * between our frames and with the count and hash that the far side took; the lines are kept as Python printed them, since
 * `cmd_sha` is a hash of that print. It is never asked a second time: a tasks.py may draw a new trial at every call.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import { newToken, sha256Hex } from '../foundation/ids.ts';
import { throwIfAborted } from '../foundation/abort.ts';
import { reservedReason } from './reservedNames.ts';

/** Runs a command over some connection; `Connection.exec` fits as it is. A non-zero exit is a result. */
export type RunProgram = (
  command: { readonly argv: readonly string[]; readonly stdin: string; readonly cwd: string },
  options: { readonly signal?: AbortSignal; readonly timeoutMs: number },
) => Promise<{ readonly stdout: string; readonly stderr: string; readonly exitCode: number | null }>;

/** hpc-agent's finding codes, and ours where it has none. */
export type TasksProblemCode =
  | 'tasks_py_missing'
  | 'tasks_py_import_error'
  | 'tasks_py_timeout'
  | 'total_invalid'
  | 'resolve_raised'
  | 'resolve_returned_non_dict'
  | 'literal_value_not_allowed'
  | 'reserved_name'
  | 'duplicate_tasks'
  | 'non_finite_value'
  | 'no_tasks';

export interface TasksProblem {
  readonly severity: 'warning' | 'info';
  readonly code: TasksProblemCode;
  readonly message: string;
}

export interface DeclaredFlag {
  readonly name: string | null;
  readonly type?: string | null;
  readonly default?: unknown;
  readonly required?: boolean;
  readonly choices?: readonly unknown[] | null;
  readonly help?: string;
}

export interface EvaluatedTasks {
  readonly taskCount: number;
  /** `json.dumps(resolve(i), sort_keys=True, separators=(",", ":"))`, as Python printed it. */
  readonly lines: readonly string[];
  readonly cmdSha: string;
  readonly tasksPySha: string;
  /** The kwargs' names in the order of `resolve()`; where tasks differ, each where it first comes. */
  readonly keyOrder: readonly string[];
  /** `FLAGS` of tasks.py by executor module; undefined where it has none. */
  readonly flags: Readonly<Record<string, readonly DeclaredFlag[]>> | undefined;
  readonly pythonVersion: string;
  readonly problems: readonly TasksProblem[];
}

export interface EvaluateOptions {
  readonly run: RunProgram;
  /** Absolute path of a Python >= 3.6 on the side where `run` runs. */
  readonly python: string;
  /** The workspace's folder on that side. */
  readonly cwd: string;
  /** Text of `templates/runtime/hpc_evaluate.py`: see `readEvaluator`. */
  readonly program: string;
  /** Relative to `cwd`; default `.hpc/tasks.py`. */
  readonly tasksFile?: string;
  /** Default 1 000 000. */
  readonly maxTasks?: number;
  /** For tasks.py alone; default 60. */
  readonly timeoutS?: number;
  readonly signal?: AbortSignal;
}

export async function readEvaluator(assetsDirectory: string): Promise<string> {
  return await fs.readFile(path.join(assetsDirectory, 'templates', 'runtime', 'hpc_evaluate.py'), 'utf8');
}

const beginSchema = z.object({ count: z.int(), python: z.string(), tasks_py_sha: z.string() });
const flagSchema = z.object({
  name: z.nullable(z.string()),
  type: z.optional(z.nullable(z.string())),
  default: z.optional(z.unknown()),
  required: z.optional(z.boolean()),
  choices: z.optional(z.nullable(z.array(z.unknown()))),
  help: z.optional(z.string()),
});
const endSchema = z.object({
  count: z.int(),
  cmd_sha: z.string(),
  key_order: z.array(z.string()),
  flags: z.nullable(z.record(z.string(), z.array(flagSchema))),
});
const errorSchema = z.object({ code: z.string(), message: z.string(), file: z.nullable(z.string()), line: z.nullable(z.int()), task: z.nullable(z.int()) });

const remedies: Readonly<Record<string, string>> = {
  tasks_py_missing: 'Describe the sweep first (New Sweep, or build-tasks-py).',
  tasks_py_import_error: 'Correct the file; it must define total() and resolve(i), and import only what that Python has.',
  tasks_py_timeout: 'Make the task list cheap to build (an eager list), or raise the time limit.',
  total_invalid: 'total() must return the number of tasks as an int.',
  resolve_raised: 'Correct the file at the named line.',
  resolve_returned_non_dict: 'resolve(i) must return the keyword arguments of task i as a dict.',
  literal_value_not_allowed: 'Use strings, numbers, booleans, None, lists and dicts with string keys only.',
};

function parseFrame<S extends z.ZodMiniType>(schema: S, text: string): z.output<S> {
  return z.parse(schema, JSON.parse(text));
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

function problemsOf(lines: readonly string[]): TasksProblem[] {
  const problems: TasksProblem[] = [];
  if (lines.length === 0) problems.push({ severity: 'info', code: 'no_tasks', message: 'total() is 0: there is nothing to run (a campaign says in this way that it has ended).' });
  const first = new Map<string, number>();
  let duplicates = 0;
  let example = '';
  lines.forEach((line, i) => {
    const before = first.get(line);
    if (before === undefined) first.set(line, i);
    else {
      duplicates += 1;
      example ||= `tasks ${before} and ${i}`;
    }
  });
  if (duplicates > 0) problems.push({ severity: 'warning', code: 'duplicate_tasks', message: `${duplicates} of ${lines.length} tasks repeat the parameters of another (${example}). Add a seed or trial number if that is meant.` });
  const odd = lines.findIndex((line) => (line.includes('NaN') || line.includes('Infinity')) && /[[:,](?:NaN|-?Infinity)[,\]}]/.test(line.replace(/"(?:[^"\\]|\\.)*"/g, '""')));
  if (odd >= 0) problems.push({ severity: 'warning', code: 'non_finite_value', message: `Task ${odd} has a parameter that is NaN or infinite.` });
  const names = new Set(lines.slice(0, 1000).flatMap((line) => topLevelKeys(line)));
  for (const name of names) {
    const reason = reservedReason(name);
    if (reason) problems.push({ severity: 'warning', code: 'reserved_name', message: `The parameter ${JSON.stringify(name)} reaches the executor only as HPC_KW_${name.toUpperCase()}: ${reason}.` });
  }
  return problems;
}

function topLevelKeys(line: string): string[] {
  // The line is Python's own print, so JSON.parse fails on nothing but NaN and infinities.
  try {
    return Object.keys(JSON.parse(line) as Record<string, unknown>);
  } catch {
    return [];
  }
}

/** Throws `spec_invalid` with `details.finding` (one of TasksProblemCode), `details.file` and `details.line` when tasks.py is at fault. */
export async function evaluateTasks(options: EvaluateOptions): Promise<EvaluatedTasks> {
  throwIfAborted(options.signal);
  const tasksFile = options.tasksFile ?? '.hpc/tasks.py';
  const timeoutS = options.timeoutS ?? 60;
  const nonce = `hpc-${newToken(12)}`;
  const result = await options.run(
    { argv: [options.python, '-', tasksFile, nonce, String(options.maxTasks ?? 1_000_000), String(timeoutS)], stdin: options.program, cwd: options.cwd },
    { ...(options.signal && { signal: options.signal }), timeoutMs: (timeoutS + 30) * 1000 },
  );
  const unreadable = (why: string, cause?: unknown): HpcError =>
    new HpcError('remote_command_failed', `${options.python} did not finish evaluating ${tasksFile}: ${why}.`, {
      cause,
      remediation: 'Run that Python on the file by hand; the end of its error output is in the details.',
      details: { exitCode: result.exitCode, stderrTail: lastLines(result.stderr, 20) },
    });

  const frame = (kind: string, from = 0): { at: number; end: number; text: string } | undefined => {
    const mark = `${nonce} ${kind} `;
    let at = result.stdout.indexOf(mark, from);
    while (at > 0 && result.stdout[at - 1] !== '\n') at = result.stdout.indexOf(mark, at + 1);
    if (at < 0) return undefined;
    const newline = result.stdout.indexOf('\n', at);
    return newline < 0 ? undefined : { at, end: newline + 1, text: result.stdout.slice(at + mark.length, newline) };
  };

  const failure = frame('error');
  if (failure) {
    const { code, message, file, line, task } = parseFrame(errorSchema, failure.text);
    const place = file && line !== null ? ` (${tasksFile}, line ${line})` : '';
    throw new HpcError('spec_invalid', `${tasksFile}: ${message}${place}`, {
      remediation: remedies[code] ?? 'Correct the file.',
      details: { finding: code, file, line, task, stderrTail: lastLines(result.stderr, 20) },
    });
  }
  const begin = frame('begin');
  const end = begin && frame('end', begin.end);
  if (!begin || !end) throw unreadable(result.exitCode === null ? 'it was ended by a signal' : `exit status ${result.exitCode} and no complete answer`);
  let head: z.output<typeof beginSchema>;
  let tail: z.output<typeof endSchema>;
  try {
    head = parseFrame(beginSchema, begin.text);
    tail = parseFrame(endSchema, end.text);
  } catch (cause) {
    throw unreadable('its answer is damaged', cause);
  }
  const body = result.stdout.slice(begin.end, Math.max(begin.end, end.at - 1));
  const lines = head.count === 0 ? [] : body.split('\n');
  const cmdSha = sha256Hex(lines.length === 0 ? '' : body);
  if (lines.length !== head.count || tail.count !== head.count || cmdSha !== tail.cmd_sha) throw unreadable('its answer was changed on the way');
  return {
    taskCount: head.count,
    lines,
    cmdSha,
    tasksPySha: head.tasks_py_sha,
    keyOrder: tail.key_order,
    flags: tail.flags ?? undefined,
    pythonVersion: head.python,
    problems: problemsOf(lines),
  };
}
