/** The page's results from what the host sends. Rule: points stand in the order of their tasks, whatever the order in which they came. */
import type { WireTable } from '../../protocol/results.ts';
import { canonical, type Point } from './points.ts';

export interface TablePoints {
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  readonly points: readonly Point[];
}

export function pointsOf(table: WireTable): TablePoints {
  const points = Object.values(table.points).map(({ parameters, metrics, statistics, tasks, missing, whole }): Point => ({ id: canonical(parameters), parameters, metrics, spread: statistics ?? {}, tasks, missing, whole }));
  return { parameters: table.parameters, metrics: table.metrics, points: points.sort((a, b) => (a.tasks[0] ?? 0) - (b.tasks[0] ?? 0)) };
}

/** Parameters that differ somewhere, and the values of those that do not. */
export function varying(points: readonly Pick<Point, 'parameters'>[], parameters: readonly string[]): { readonly names: readonly string[]; readonly constants: readonly (readonly [string, unknown])[] } {
  const names: string[] = [];
  const constants: (readonly [string, unknown])[] = [];
  for (const name of parameters) {
    const first = canonical(points[0]?.parameters[name]);
    if (points.length > 1 && points.every((point) => canonical(point.parameters[name]) === first)) constants.push([name, points[0]?.parameters[name]]);
    else names.push(name);
  }
  return { names, constants };
}
