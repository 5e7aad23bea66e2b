/** From the wire's sweep (texts and lists) to `.hpc/tasks.py`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Axis, SweepFlag, SweepGroup, TaskGenerator, TasksSpec } from '../executors/taskSpec.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import type { PythonObject } from '../executors/pythonJson.ts';
import type { OperationContext } from './operation.ts';

type Values = string | readonly (string | number | boolean | null)[];

export interface BuildTasksInput {
  readonly executors: readonly string[];
  readonly axes?: Readonly<Record<string, Values>> | undefined;
  readonly executor_axes?: Readonly<Record<string, Readonly<Record<string, Values>>>> | undefined;
  readonly fixed?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  readonly task_generator?: Readonly<Record<string, unknown>> | undefined;
  readonly overwrite?: boolean | undefined;
  readonly dry_run?: boolean | undefined;
}

interface BuiltTasks {
  path: string;
  written: boolean;
  exists: boolean;
  task_count: number;
  preview: Record<string, unknown>[];
  text: string;
  backup: string | null;
}

export async function buildTasks(input: BuildTasksInput, context: OperationContext): Promise<BuiltTasks> {
  const [{ discoverExecutors }, { renderTasksPy, writeTasksPy }, { parseSweep }, { plainValue, isPythonObject }] = await Promise.all([
    import('../executors/discover.ts'),
    import('../executors/tasksFile.ts'),
    import('../executors/sweepValues.ts'),
    import('../executors/pythonJson.ts'),
  ]);
  const { experimentDir } = context;
  const readFile = (name: string): string => {
    const file = path.resolve(experimentDir, name);
    if (path.relative(experimentDir, file).startsWith('..')) throw new HpcError('spec_invalid', `${name} lies outside the workspace.`);
    return fs.readFileSync(file, 'utf8');
  };
  const { executors: found } = await discoverExecutors(experimentDir, { signal: context.signal });
  const executors = input.executors.map((name) => {
    const executor = found.find((candidate) => candidate.path === name || candidate.path === name.replace(/^\.\//, ''));
    if (!executor) throw new HpcError('executor_not_found', `There is no executor ${JSON.stringify(name)} in the workspace.`, { remediation: `Found: ${found.map((candidate) => candidate.path).slice(0, 20).join(', ') || 'none'}.` });
    const flags = executor.flags.map((flag): SweepFlag => ({ name: flag.name, type: flag.type, required: flag.required, help: flag.help }));
    return { path: executor.path, flags };
  });
  const parameters = new Set(executors.flatMap(({ flags }) => flags.map(({ name }) => name)));
  /** A parameter may be named as its flag is spelled: `use-bias` is `use_bias`. */
  const parameterName = (name: string): string => ((spelled) => (parameters.has(spelled) ? spelled : name))(name.replaceAll('-', '_'));
  const axesOf = (axes: Readonly<Record<string, Values>>): Axis[] =>
    Object.entries(axes).map(([given, values]): Axis => {
      const name = parameterName(given);
      if (typeof values !== 'string') return { name, values: [...values] };
      try {
        const parsed = parseSweep(values, { readFile });
        return parsed.spread ? { name, points: parsed.values.filter((value): value is PythonObject => isPythonObject(value)) } : { name, values: parsed.values };
      } catch (error) {
        if (!HpcError.is(error)) throw new HpcError('spec_invalid', `${name}: ${messageOf(error)}`, { cause: error });
        throw new HpcError(error.code, `${name}: ${error.message}`, { cause: error, ...(error.remediation === undefined ? {} : { remediation: error.remediation }), details: { ...error.details, parameter: name } });
      }
    });

  const shared = axesOf(input.axes ?? {});
  const own = input.executor_axes ?? {};
  const stranger = Object.keys(own).find((name) => !executors.some((executor) => executor.path === name));
  if (stranger !== undefined) throw new HpcError('spec_invalid', `executor_axes names ${JSON.stringify(stranger)}, which is none of the executors.`);
  // With parameters of its own each executor is a product of its own; else they are one axis of one product.
  const groups = Object.keys(own).length > 0 ? executors.map((executor): SweepGroup => ({ fixed: { executor: executor.path }, axes: [...shared, ...axesOf(own[executor.path] ?? {})] })) : undefined;
  const spec: TasksSpec = {
    executors,
    ...(input.fixed === undefined ? {} : { fixed: Object.fromEntries(Object.entries(input.fixed).map(([name, value]) => [parameterName(name), value])) }),
    ...(input.task_generator === undefined ? (groups ? { groups } : { axes: shared }) : { generator: generatorOf(input.task_generator) }),
  };
  const file = path.join(experimentDir, '.hpc', 'tasks.py');
  const exists = (await readTextIfThere(file)) !== undefined;
  const outcome = input.dry_run ? { ...renderTasksPy(spec), path: file, written: false, backup: undefined } : await writeTasksPy(experimentDir, spec, { overwrite: input.overwrite ?? false, clock: context.services.host.clock });
  return {
    path: outcome.path,
    written: outcome.written,
    exists,
    task_count: outcome.taskCount,
    preview: outcome.preview.map((kwargs) => plainValue(kwargs) as Record<string, unknown>),
    text: outcome.text,
    backup: outcome.backup ?? null,
  };
}

const generatorKinds = ['enumerated', 'cartesian_product', 'items_x_seeds', 'numeric_logspace', 'numeric_linspace'];

/** hpc-agent's `task_generator`: `{kind, …}` or `{kind, params: {…}}`. Its fields are checked where the tasks are made. */
function generatorOf(raw: Readonly<Record<string, unknown>>): TaskGenerator {
  const { kind, params } = raw;
  if (typeof kind !== 'string' || !generatorKinds.includes(kind)) throw new HpcError('spec_invalid', `task_generator.kind is ${JSON.stringify(kind)}.`, { remediation: `It can be ${generatorKinds.join(', ')}.` });
  const fields = (typeof params === 'object' && params !== null ? params : raw) as Record<string, unknown>;
  const needed: Readonly<Record<string, readonly string[]>> = { enumerated: ['items'], cartesian_product: ['axes'], items_x_seeds: ['items', 'seeds'], numeric_logspace: ['param', 'low', 'high', 'n'], numeric_linspace: ['param', 'low', 'high', 'n'] };
  const missing = needed[kind]?.filter((name) => fields[name] === undefined) ?? [];
  if (missing.length > 0) throw new HpcError('spec_invalid', `task_generator ${kind} lacks ${missing.join(', ')}.`);
  return { ...fields, kind } as unknown as TaskGenerator;
}
