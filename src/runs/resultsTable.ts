/** The reduced results as a table, and as CSV (RFC 4180). */
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';

/** `_combiner/<run_id>/all.json` or `wave_N.json`, as `_hpc_combiner.py` writes it. */
const combinedSchema = z.looseObject({
  run_id: z.string(),
  wave: z.nullable(z.number()),
  task_ids: z.array(z.number()),
  grid_points: z.record(z.string(), z.record(z.string(), z.nullable(z.number()))),
  // hpc-agent's own combiner writes neither.
  params: z._default(z.record(z.string(), z.record(z.string(), z.unknown())), {}),
  grid_tasks: z._default(z.record(z.string(), z.string()), {}),
  errors: z.array(z.string()),
  /** What a reader of the numbers has to know: metrics without a mean and why, results of an earlier run, results without a proof of their origin. */
  notes: z.optional(z.array(z.string())),
  /** Metrics that have no mean at one grid point at least. */
  without_mean: z.optional(z.array(z.string())),
  cmd_sha: z.optional(z.string()),
  /** All tasks of each grid point, those without a result too. */
  grid_expected: z.optional(z.record(z.string(), z.string())),
  /** How far the tasks of each grid point lay apart, by metric. Another's combiner writes none, or something of its own: the table does without. */
  statistics: z.catch(z.optional(z.record(z.string(), z.record(z.string(), z.object({ count: z.number(), std: z.number(), min: z.number(), max: z.number() })))), undefined),
  /** Whose results they are: task ids by attempt. */
  attempts: z.optional(z.record(z.string(), z.string())),
});
export type Combined = z.output<typeof combinedSchema>;

export function parseCombined(text: string, file: string): Combined {
  try {
    return z.parse(combinedSchema, JSON.parse(text));
  } catch (cause) {
    throw new HpcError('combiner_failed', `${file} cannot be read.`, { cause, remediation: 'Aggregate again with force: the waves are then combined anew.' });
  }
}

/** `3,7,12-14` as numbers. */
export function expandTaskIds(compact: string): readonly number[] {
  return compact.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) return [];
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

export interface ResultRow {
  readonly parameters: Record<string, unknown>;
  readonly metrics: Record<string, number | null>;
  readonly tasks: number[];
  /** Every task of this grid point is in the numbers. */
  readonly whole: boolean;
  /** Those that are not. */
  readonly missing_tasks: number[];
  /** How far its tasks lay apart, by metric; absent where it has only one. */
  readonly statistics?: Record<string, { count: number; std: number; min: number; max: number }>;
}

export interface Results {
  readonly parameters: string[];
  readonly metrics: string[];
  readonly rows: ResultRow[];
  /** What a reader of the numbers has to know. */
  readonly notes: string[];
}

export function tableOf(combined: Combined, keyOrder: readonly string[]): Results {
  const rows = Object.keys(combined.grid_points).map((name): ResultRow => {
    const tasks = [...expandTaskIds(combined.grid_tasks[name] ?? '')];
    const expected = combined.grid_expected?.[name];
    const there = new Set(tasks);
    const missing = expected === undefined ? [] : expandTaskIds(expected).filter((task) => !there.has(task));
    // A combiner of before says only whether anything is missing at all.
    return { parameters: combined.params[name] ?? { grid_point: name }, metrics: combined.grid_points[name] ?? {}, tasks, whole: expected === undefined ? combined.errors.length === 0 : missing.length === 0, missing_tasks: missing, ...(tasks.length > 1 && combined.statistics?.[name] ? { statistics: combined.statistics[name] } : {}) };
  });
  rows.sort((a, b) => (a.tasks[0] ?? 0) - (b.tasks[0] ?? 0));
  const names = new Set(rows.flatMap((row) => Object.keys(row.parameters)));
  const metrics = new Set(rows.flatMap((row) => Object.keys(row.metrics)));
  return {
    parameters: [...keyOrder.filter((name) => names.has(name)), ...[...names].filter((name) => !keyOrder.includes(name))],
    // One that has a mean nowhere keeps its column, empty and last: its absence would look as if the script had never written it.
    metrics: [...[...metrics].sort(), ...(combined.without_mean ?? []).filter((name) => !metrics.has(name))],
    rows,
    notes: [...(combined.notes ?? [])],
  };
}

function csvCell(value: unknown): string {
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What the columns of the CSV are called: a parameter and a metric of the same name get a telling column each. */
export function columnsOf({ parameters, metrics }: Pick<Results, 'parameters' | 'metrics'>): { readonly parameters: readonly string[]; readonly metrics: readonly string[] } {
  const shared = new Set(parameters.filter((name) => metrics.includes(name)));
  return { parameters: parameters.map((name) => (shared.has(name) ? `${name} (parameter)` : name)), metrics: metrics.map((name) => (shared.has(name) ? `${name} (metric)` : name)) };
}

export function csvOf(table: Results): string {
  const columns = columnsOf(table);
  const header = [...columns.parameters, ...columns.metrics, 'tasks'];
  const lines = table.rows.map((row) => [...table.parameters.map((name) => row.parameters[name]), ...table.metrics.map((name) => row.metrics[name]), row.tasks.join(' ')]);
  return [header, ...lines].map((cells) => cells.map(csvCell).join(',')).join('\r\n') + '\r\n';
}
