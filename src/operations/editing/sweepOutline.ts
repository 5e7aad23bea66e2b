/**
 * What the sweep of a workspace is, for who looks at its tasks.py: how many tasks, which values each parameter takes and in which tasks,
 * and in which waves they went the last time.
 *
 * Rules: code of the workspace runs only in `countSweep`, only where the workspace is trusted; `knownSweep` reads what was found before. An
 * evaluation is kept and serves the plan that follows, so that looking never draws a trial that the submission does not use.
 */
import type { SweepEvaluation } from '../../runs/deps.ts';
import type { OperationContext } from '../operation.ts';
import { mustTrust } from '../trust.ts';

export type TaskRange = readonly [first: number, last: number];

export interface ParameterOutline {
  readonly name: string;
  /** As JSON, in the order in which they come; the first hundred. */
  readonly values: readonly { readonly text: string; readonly tasks: readonly TaskRange[]; readonly count: number }[];
  readonly distinct: number;
  /** Of numbers. */
  readonly least?: number;
  readonly most?: number;
}

export interface SweepOutline {
  readonly taskCount: number;
  readonly cmdSha: string;
  readonly parameters: readonly ParameterOutline[];
  readonly findings: readonly { readonly severity: 'warning' | 'info'; readonly code: string; readonly message: string }[];
  /** The newest run of exactly these tasks. */
  readonly run: { readonly runId: string; readonly cluster: string; readonly waves: readonly { readonly wave: number; readonly tasks: TaskRange }[] } | undefined;
}

/** Of longer sweeps the first tasks are looked at. */
const mostLines = 100_000;
const mostValues = 100;
const mostRanges = 12;
const mostRuns = 50;

export function parameterOutlines(lines: readonly string[], keyOrder: readonly string[]): readonly ParameterOutline[] {
  type Values = Map<string, { tasks: TaskRange[]; count: number }>;
  const found = new Map<string, Values>();
  for (const name of keyOrder) found.set(name, new Map() as Values);
  lines.slice(0, mostLines).forEach((line, task) => {
    let kwargs: Record<string, unknown>;
    try {
      kwargs = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return; // NaN and infinities, which JSON lacks.
    }
    for (const [name, value] of Object.entries(kwargs)) {
      const text = JSON.stringify(value);
      let values = found.get(name);
      if (!values) found.set(name, (values = new Map() as Values));
      let entry = values.get(text);
      if (!entry) values.set(text, (entry = { tasks: [], count: 0 }));
      entry.count += 1;
      const last = entry.tasks.at(-1);
      if (last?.[1] === task - 1) entry.tasks[entry.tasks.length - 1] = [last[0], task];
      else if (entry.tasks.length < mostRanges) entry.tasks.push([task, task]);
    }
  });
  return [...found].map(([name, values]) => {
    const numbers = [...values.keys()].map((text) => (/^-?[\d.]/.test(text) ? Number(text) : Number.NaN));
    const isNumeric = numbers.length > 0 && numbers.every(Number.isFinite);
    return {
      name,
      values: [...values].slice(0, mostValues).map(([text, entry]) => ({ text, ...entry })),
      distinct: values.size,
      ...(isNumeric ? { least: numbers.reduce((a, b) => Math.min(a, b)), most: numbers.reduce((a, b) => Math.max(a, b)) } : {}),
    };
  });
}

async function lastRun(cmdSha: string, context: OperationContext): Promise<SweepOutline['run']> {
  const { listRunIds, readSidecar } = await import('../../runs/sidecar.ts');
  for (const runId of (await listRunIds(context.experimentDir)).slice(0, mostRuns)) {
    const sidecar = await readSidecar(context.experimentDir, runId).catch(() => undefined);
    const submission = sidecar?.extra?.submission;
    if (sidecar?.cmd_sha !== cmdSha || !submission) continue;
    const waves = new Map<number, [number, number]>();
    for (const { wave, first_task, task_count } of submission.arrays) {
      const known = waves.get(wave);
      const last = first_task + task_count - 1;
      waves.set(wave, known ? [Math.min(known[0], first_task), Math.max(known[1], last)] : [first_task, last]);
    }
    return { runId, cluster: sidecar.cluster ?? '', waves: [...waves].map(([wave, tasks]) => ({ wave, tasks })) };
  }
  return undefined;
}

async function outlineOf(evaluation: SweepEvaluation, context: OperationContext): Promise<SweepOutline> {
  return {
    taskCount: evaluation.taskCount,
    cmdSha: evaluation.cmdSha,
    parameters: parameterOutlines(evaluation.lines, evaluation.keyOrder),
    findings: evaluation.problems.map(({ severity, code, message }) => ({ severity, code, message })),
    run: await lastRun(evaluation.cmdSha, context),
  };
}

/** Undefined: tasks.py was not evaluated since it was last changed. */
export async function knownSweep(context: OperationContext): Promise<SweepOutline | undefined> {
  const { knownEvaluation } = await import('../../runs/evaluateSweep.ts');
  const { runDepsOf } = await import('../runRequest.ts');
  const evaluation = await knownEvaluation(await runDepsOf(context));
  return evaluation && outlineOf(evaluation, context);
}

/** Evaluates tasks.py on this computer. Undefined: there is no Python here. Throws what the file gets wrong, with its line in the details. */
export async function countSweep(context: OperationContext, timeoutS?: number): Promise<SweepOutline | undefined> {
  mustTrust(context.services.host.trusted(), 'tasks.py is not run in a workspace that is not trusted');
  const { evaluateHere } = await import('../../runs/evaluateSweep.ts');
  const { runDepsOf } = await import('../runRequest.ts');
  const evaluation = await evaluateHere(await runDepsOf(context), { ...context, timeoutS });
  return evaluation && outlineOf(evaluation, context);
}
