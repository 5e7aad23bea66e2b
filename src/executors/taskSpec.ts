/**
 * A sweep as data, checked, and its tasks in order.
 *
 * Rules: row-major, the last axis varies fastest; a task's kwargs are the fixed values, then the axes' in their order; no two
 * parameters may end in the same environment variable; no value of an axis may come twice.
 */
import { HpcError } from '../foundation/errors.ts';
import { canonicalPythonJson, isPythonObject, type PythonObject, type PythonValue } from './pythonJson.ts';
import { identifierProblem, reservedReason } from './reservedNames.ts';
import { parseDecimal } from './decimal.ts';
import { linspace, logspace } from './sweepValues.ts';

/** One parameter with its values, or several that change together (windows, chunks). */
export type Axis = { readonly name: string; readonly values: readonly PythonValue[]; readonly points?: never } | { readonly name: string; readonly points: readonly PythonObject[]; readonly values?: never };

/** hpc-agent's five generators, in its form. */
export type TaskGenerator =
  | { readonly kind: 'enumerated'; readonly items: readonly PythonObject[] }
  | { readonly kind: 'cartesian_product'; readonly axes: Readonly<Record<string, readonly PythonValue[]>> }
  | { readonly kind: 'items_x_seeds'; readonly items: readonly PythonObject[]; readonly seeds: readonly PythonValue[] }
  | { readonly kind: 'numeric_logspace'; readonly param: string; readonly low: number; readonly high: number; readonly n: number; readonly base?: number }
  | { readonly kind: 'numeric_linspace'; readonly param: string; readonly low: number; readonly high: number; readonly n: number };

/** A product of its own; several follow one another. */
export interface SweepGroup {
  readonly fixed?: PythonObject;
  readonly axes: readonly Axis[];
}

export interface SweepFlag {
  readonly name: string;
  readonly type?: string | undefined;
  readonly default?: PythonValue | undefined;
  readonly required?: boolean;
  readonly choices?: readonly PythonValue[] | undefined;
  readonly help?: string;
}

export interface TasksSpec {
  /** What FLAGS lists; several of them become the first axis `executor` unless groups or axes say otherwise. */
  readonly executors: readonly { readonly path: string; readonly flags: readonly SweepFlag[] }[];
  /** For all tasks. */
  readonly fixed?: PythonObject;
  readonly axes?: readonly Axis[];
  readonly groups?: readonly SweepGroup[];
  readonly generator?: TaskGenerator;
  /** Default 1 000 000. */
  readonly maxTasks?: number;
}

function invalid(message: string, remediation?: string): HpcError {
  return new HpcError('spec_invalid', message, remediation === undefined ? {} : { remediation });
}

function checkName(name: string, seen: Map<string, string>): void {
  const shown = JSON.stringify(name);
  const problem = identifierProblem(name);
  if (problem) throw invalid(`${shown} cannot be the name of a parameter: ${problem}.`);
  const reason = reservedReason(name);
  if (reason) throw invalid(`${shown} cannot be the name of a parameter: ${reason}.`, 'Executors get each parameter as an environment variable in upper case. Choose another name.');
  const before = seen.get(name.toUpperCase());
  if (before !== undefined) {
    throw invalid(before === name ? `The parameter ${shown} is given twice.` : `The parameters ${JSON.stringify(before)} and ${shown} would be one environment variable.`, 'Keep one of them.');
  }
  seen.set(name.toUpperCase(), name);
}

function checkGroup(group: SweepGroup): void {
  const seen = new Map<string, string>();
  for (const name of Object.keys(group.fixed ?? {})) checkName(name, seen);
  for (const axis of group.axes) {
    const values: readonly PythonValue[] = axis.values ?? axis.points;
    if (values.length === 0) throw invalid(`The axis ${axis.name} has no values.`);
    if (axis.points) {
      const problem = identifierProblem(axis.name);
      if (problem) throw invalid(`${JSON.stringify(axis.name)} cannot be the name of an axis: ${problem}.`);
      const names = Object.keys(axis.points[0] ?? {});
      for (const name of names) checkName(name, seen);
      const odd = axis.points.findIndex((point) => Object.keys(point).join('\0') !== names.join('\0'));
      if (odd >= 0) throw invalid(`Point ${odd} of the axis ${axis.name} has other parameters than the first.`);
    } else {
      checkName(axis.name, seen);
    }
    const before = new Set<string>();
    for (const value of values) {
      const text = canonicalPythonJson(value);
      if (before.has(text)) throw invalid(`The value ${text} of ${axis.name} is given twice.`, 'For repetitions add an axis, for example seed.');
      before.add(text);
    }
  }
}

function product(groups: readonly SweepGroup[]): number {
  return groups.reduce((sum, group) => sum + group.axes.reduce((count, axis) => count * (axis.values ?? axis.points).length, 1), 0);
}

function decimalOf(value: number): NonNullable<ReturnType<typeof parseDecimal>> {
  const decimal = parseDecimal(String(value));
  if (!decimal) throw invalid(`${value} is not a finite number.`);
  return decimal;
}

function generatedGroups(generator: TaskGenerator): SweepGroup[] {
  const spaced = (least: number, values: (count: number) => PythonValue[]): SweepGroup[] => {
    const { n, param } = generator as Extract<TaskGenerator, { param: string }>;
    if (!Number.isSafeInteger(n) || n < least) throw invalid(`${generator.kind} needs n of at least ${least}, not ${n}.`);
    return [{ axes: [{ name: param, values: values(n) }] }];
  };
  const needItems = (items: readonly PythonObject[]): void => {
    if (items.length === 0) throw invalid(`${generator.kind} has no items.`);
    const odd = items.findIndex((item) => !isPythonObject(item));
    if (odd >= 0) throw invalid(`Item ${odd} of ${generator.kind} is not an object of parameters.`);
  };
  switch (generator.kind) {
    case 'enumerated':
      needItems(generator.items);
      return generator.items.map((item) => ({ fixed: item, axes: [] }));
    case 'cartesian_product':
      return [{ axes: Object.entries(generator.axes).map(([name, values]) => ({ name, values })) }];
    case 'items_x_seeds': {
      needItems(generator.items);
      const names = (item: PythonObject | undefined): string => Object.keys(item ?? {}).join('\0');
      if (generator.items.every((item) => names(item) === names(generator.items[0]))) {
        return [{ axes: [{ name: 'item', points: generator.items }, { name: 'seed', values: generator.seeds }] }];
      }
      return generator.items.map((item) => ({ fixed: item, axes: [{ name: 'seed', values: generator.seeds }] }));
    }
    case 'numeric_logspace':
      if (!(generator.low > 0 && generator.high > 0)) throw invalid('numeric_logspace needs low and high above 0.');
      return spaced(2, (count) => logspace(generator.low, generator.high, count));
    case 'numeric_linspace':
      return spaced(2, (count) => linspace(decimalOf(generator.low), decimalOf(generator.high), count));
  }
}

/** The checked products of the sweep, in order, fixed values and executors included. */
export function sweepGroups(spec: TasksSpec): readonly SweepGroup[] {
  const given = [spec.axes, spec.groups, spec.generator].filter((form) => form !== undefined);
  if (given.length > 1) throw invalid('A sweep is described by axes, by groups or by a generator, not by several of them.');
  let groups: readonly SweepGroup[] = spec.groups ?? (spec.generator ? generatedGroups(spec.generator) : [{ axes: spec.axes ?? [] }]);
  if (groups.length === 0) throw invalid('The sweep has no tasks.');
  const fixed = spec.fixed ?? {};
  const choosesExecutor = (group: SweepGroup): boolean => Object.hasOwn({ ...fixed, ...group.fixed }, 'executor') || group.axes.some((axis) => axis.name === 'executor');
  const paths = spec.executors.map((executor) => executor.path);
  for (const group of groups) {
    const twice = Object.keys(group.fixed ?? {}).find((name) => Object.hasOwn(fixed, name));
    if (twice !== undefined) throw invalid(`The parameter ${JSON.stringify(twice)} is given twice.`, 'Keep one of them.');
  }
  groups = groups.map((group) => ({
    fixed: { ...fixed, ...group.fixed },
    axes: paths.length > 1 && !choosesExecutor(group) ? [{ name: 'executor', values: paths }, ...group.axes] : group.axes,
  }));
  for (const group of groups) checkGroup(group);
  const count = product(groups);
  const limit = spec.maxTasks ?? 1_000_000;
  if (count > limit) throw invalid(`The sweep has ${count.toLocaleString('en')} tasks; ${limit.toLocaleString('en')} is the most.`, 'Use fewer values or several runs.');
  return groups;
}

export function countTasks(groups: readonly SweepGroup[]): number {
  return product(groups);
}

/** Kwargs of task `index`, as `resolve(index)` of the written file returns them. */
export function taskAt(groups: readonly SweepGroup[], index: number): PythonObject {
  let rest = index;
  for (const group of groups) {
    const count = product([group]);
    if (rest >= count) {
      rest -= count;
      continue;
    }
    const chosen: [string, PythonValue][] = [];
    let block = count;
    for (const axis of group.axes) {
      const size = (axis.values ?? axis.points).length;
      block /= size;
      const at = Math.floor(rest / block) % size;
      if (axis.points) chosen.push(...Object.entries(axis.points[at] ?? {}));
      else chosen.push([axis.name, axis.values[at] ?? null]);
    }
    return { ...group.fixed, ...Object.fromEntries(chosen) };
  }
  throw new RangeError(`There is no task ${index}.`);
}
