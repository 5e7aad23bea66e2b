/** Results as a host would send them: a sweep whose numbers follow a formula, with a spread over seeds. */
import type { StateOf } from '../../webview/protocol.ts';
import type { WirePoint, WireTable } from '../../webview/protocol/results.ts';

export type ResultsState = StateOf<'results'>;

const readAt = '2026-03-01T12:00:00.000Z';
/** The same every time. */
const noise = (index: number): number => Math.sin(index * 12.9898) * 0.5;

export function tableOf(points: readonly WirePoint[], parameters: readonly string[], metrics: readonly string[], partial = false): WireTable {
  return { parameters: [...parameters], metrics: [...metrics], points: Object.fromEntries(points.map((point) => [JSON.stringify(point.parameters), point])), partial, notes: [], read_at: readAt, csv: '/w/results/ridge-1/summary.csv' };
}

export interface SweepShape {
  readonly horizons: readonly number[];
  readonly alphas: readonly number[];
  readonly lags: readonly number[];
  readonly seeds: readonly number[];
  /** Every point is better by this part. */
  readonly better?: number;
  /** Results of tasks from this one on are missing. */
  readonly done?: number;
}

export const usualSweep: SweepShape = { horizons: [1, 3, 6, 12], alphas: [0.01, 0.1, 1, 10, 100], lags: [6, 12, 24], seeds: [1, 2, 3] };

export function sweepTable(shape: SweepShape): WireTable {
  const points: WirePoint[] = [];
  let task = 0;
  for (const horizon of shape.horizons) {
    for (const alpha of shape.alphas) {
      for (const lags of shape.lags) {
        for (const seed of shape.seeds) {
          const rmse = (0.3 + 0.11 * horizon + 0.12 * (Math.log10(alpha) + 0.4) ** 2 + 1.2 / lags + 0.09 * noise(task)) * (1 - (shape.better ?? 0));
          if (task < (shape.done ?? Infinity)) points.push({ parameters: { horizon, alpha, lags, method: 'ridge', seed }, metrics: { rmse, mae: rmse * 0.78 + 0.01 * noise(task + 5), n_samples: 216 }, tasks: [task], missing: [], whole: true });
          task += 1;
        }
      }
    }
  }
  return tableOf(points, ['horizon', 'alpha', 'lags', 'method', 'seed'], ['mae', 'n_samples', 'rmse'], task > (shape.done ?? Infinity));
}

export function resultsState(table: WireTable | null, some: Partial<NonNullable<ResultsState['run']>> = {}): ResultsState {
  const complete = Object.keys(table?.points ?? {}).length;
  return {
    run: { run_id: 'ridge-1', run_name: 'ridge <b>alpha</b>', cluster: 'hoffman2', words: 'complete', total_tasks: complete, complete, running: 0, pending: 0, failed: 0, open: false, ...some },
    table,
    reading: false,
    others: [{ run_id: 'ridge-0', run_name: 'ridge', cluster: 'hoffman2', words: 'hoffman2 · 2026-02-28 09:12' }],
  };
}
