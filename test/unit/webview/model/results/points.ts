/** Points for the tests of the results: short to write. */
import { canonical, type Point, type Spread } from '../../../../../webview/model/results/points.ts';

export function point(parameters: Readonly<Record<string, unknown>>, metrics: Readonly<Record<string, number | null>>, more: Partial<Point> & { readonly task?: number } = {}): Point {
  const { task = 0, ...rest } = more;
  return { id: canonical(parameters), parameters, metrics, spread: {}, tasks: [task], missing: [], whole: true, ...rest };
}

export const spread = (count: number, std: number, min = 0, max = 1): Spread => ({ count, std, min, max });

/** Every combination, with a metric by a formula. */
export function grid<Parameters extends Readonly<Record<string, unknown>>>(axes: { readonly [Name in keyof Parameters]: readonly Parameters[Name][] }, metric: (parameters: Parameters) => number | null): readonly Point[] {
  const combinations = Object.entries<readonly unknown[]>(axes).reduce<readonly Readonly<Record<string, unknown>>[]>((all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))), [{}]);
  return combinations.map((parameters, task) => point(parameters, { m: metric(parameters as Parameters) }, { task }));
}
