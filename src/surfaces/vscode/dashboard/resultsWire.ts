/** The results as the page gets them, and how often they are read anew. Without vscode. */
import type { WireTable } from '../../../../webview/protocol/results.ts';
import type { ResultsTable } from '../../../operations/schemas.ts';

const leastPauseMs = 15_000;
/** A cluster that takes long to combine is asked less often: it spends at most this part of the time on it. */
const share = 8;

export function wireTableOf(table: ResultsTable, readAt: Date): WireTable {
  return {
    parameters: [...table.parameters],
    metrics: [...table.metrics],
    points: Object.fromEntries(
      table.rows.map(({ parameters, metrics, statistics, tasks, missing_tasks, whole }) => [JSON.stringify(parameters), { parameters, metrics: numbersOf(metrics), ...(statistics ? { statistics: wholeOf(statistics) } : {}), tasks, missing: missing_tasks, whole }]),
    ),
    partial: table.partial,
    notes: [...table.notes],
    read_at: readAt.toISOString(),
    csv: table.files.csv,
  };
}

/** The page is told in JSON, which has no word for NaN and infinite numbers: a number that is none is not there. */
function numbersOf(metrics: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number.isFinite(value) ? value : null]));
}

function wholeOf<T extends object>(statistics: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(statistics).filter(([, its]) => Object.values(its).every((value) => Number.isFinite(value))));
}

/** How long to wait before results are read again. */
export function pauseMs(tookMs: number): number {
  return Math.max(leastPauseMs, tookMs * share);
}
