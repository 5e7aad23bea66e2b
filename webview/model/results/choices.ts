/**
 * What the reader of the results chose, and what is shown because of it.
 *
 * Rule: a choice that does not fit this run (a metric or parameter that it has not) is passed over and not an error: the same
 * reader looks at several runs.
 */
import * as z from 'zod/mini';
import { bestPoints, guessBetter, guessMetric, type Better } from './bestPoints.ts';
import { effectsOf, type Effect } from './effects.ts';
import { heatMapOf, type HeatMap } from './heatMap.ts';
import { ordered } from './order.ts';
import { brushed, coordinatesOf, type Coordinate } from './parallel.ts';
import { averagedOver, repetitionsIn, type Point } from './points.ts';
import { parseQuery, type QueryProblem } from './query.ts';
import { varying, type TablePoints } from './wireResults.ts';

export const choices = z.object({
  /** Of which run the choices are that only fit one. */
  run: z.string(),
  metric: z.optional(z.string()),
  /** By metric, where the reader knows better than the guess. */
  better: z.record(z.string(), z.enum(['lower', 'higher'])),
  /** Parameters that the reader wants averaged over, or not: absent: by their names. */
  averaged: z.record(z.string(), z.boolean()),
  query: z.string(),
  order: z.optional(z.object({ kind: z.enum(['parameter', 'metric', 'tasks']), name: z.string(), descending: z.boolean() })),
  x: z.optional(z.string()),
  y: z.optional(z.string()),
  cell: z.enum(['mean', 'best']),
  brushes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
  selected: z.optional(z.string()),
  compareWith: z.optional(z.string()),
});
export type Choices = z.output<typeof choices>;

export const noChoices: Choices = { run: '', better: {}, averaged: {}, query: '', cell: 'mean', brushes: {} };

/** Another run: what was chosen of points goes, what was chosen of ways to look stays. */
export function forRun(before: Choices, run: string): Choices {
  if (before.run === run) return before;
  const { selected: _selected, compareWith: _compareWith, ...rest } = before;
  return { ...rest, run, brushes: {}, query: '' };
}

export interface Analysis {
  readonly metric: string | undefined;
  readonly better: Better;
  /** Parameters that may be averaged over because they repeat, with whether they are. */
  readonly repetitions: readonly (readonly [string, boolean])[];
  readonly constants: readonly (readonly [string, unknown])[];
  /** Those that differ, without what is averaged over. */
  readonly parameters: readonly string[];
  /** All points, after averaging. */
  readonly points: readonly Point[];
  /** Of them those that the filter takes. */
  readonly filtered: readonly Point[];
  readonly queryProblem: QueryProblem | undefined;
  readonly coordinates: readonly Coordinate[];
  /** Of the filtered those inside every brush. */
  readonly inside: readonly Point[];
  /** The same, in the order of the table. */
  readonly listed: readonly Point[];
  readonly best: readonly Point[];
  readonly effects: readonly Effect[];
  readonly heatMap: HeatMap | undefined;
  readonly selected: Point | undefined;
}

export function analyse(table: TablePoints, chosen: Choices): Analysis {
  const metric = chosen.metric !== undefined && table.metrics.includes(chosen.metric) ? chosen.metric : guessMetric(table.metrics);
  const better = metric === undefined ? 'lower' : (chosen.better[metric] ?? guessBetter(metric));
  const different = varying(table.points, table.parameters);
  const likely = repetitionsIn(different.names);
  // Averaging over everything would leave one point: then nothing is averaged unasked.
  const byDefault = likely.length < different.names.length ? likely : [];
  const repetitions = different.names.flatMap((name): [string, boolean][] => (likely.includes(name) || chosen.averaged[name] === true ? [[name, chosen.averaged[name] ?? byDefault.includes(name)]] : []));
  const away = repetitions.flatMap(([name, isAveraged]) => (isAveraged ? [name] : []));
  const points = averagedOver(table.points, away, table.metrics);
  const parameters = different.names.filter((name) => !away.includes(name));
  const query = parseQuery(chosen.query, { parameters: table.parameters.filter((name) => !away.includes(name)), metrics: table.metrics });
  const filtered = chosen.query.trim() === '' ? points : points.filter(query.holds);
  const effects = metric === undefined ? [] : effectsOf(filtered, parameters, metric);
  const coordinates = metric === undefined ? [] : coordinatesOf(points, tellingMost(parameters, effects, chosen.brushes), metric);
  const inside = brushed(filtered, coordinates, chosen.brushes);
  const axes = heatAxes(effects, chosen);
  return {
    metric,
    better,
    repetitions,
    constants: different.constants,
    parameters,
    points,
    filtered,
    queryProblem: query.problem,
    coordinates,
    inside,
    listed: ordered(inside, chosen.order),
    best: metric === undefined ? [] : bestPoints(inside, metric, better, 5),
    effects,
    heatMap: metric === undefined || axes === undefined ? undefined : heatMapOf(filtered, parameters, axes, metric, chosen.cell, better),
    selected: points.find(({ id }) => id === chosen.selected),
  };
}

/** More axes than this side by side cannot be told apart. */
export const mostCoordinates = 14;

/** Where there are too many parameters, those that explain most of the metric, in their own order; one with a brush stays. */
function tellingMost(parameters: readonly string[], effects: readonly Effect[], brushes: Choices['brushes']): readonly string[] {
  if (parameters.length <= mostCoordinates) return parameters;
  const kept = new Set([...Object.keys(brushes), ...effects.map(({ parameter }) => parameter)].slice(0, mostCoordinates));
  return parameters.filter((name) => kept.has(name));
}

/** The reader's two, else the two that matter most. */
function heatAxes(effects: readonly Effect[], chosen: Choices): { readonly x: string; readonly y: string } | undefined {
  const names = effects.map(({ parameter }) => parameter);
  const x = chosen.x !== undefined && names.includes(chosen.x) ? chosen.x : names.find((name) => name !== chosen.y);
  const y = chosen.y !== undefined && names.includes(chosen.y) && chosen.y !== x ? chosen.y : names.find((name) => name !== x);
  return x === undefined || y === undefined ? undefined : { x, y };
}
