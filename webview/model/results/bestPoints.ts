/**
 * Which way a metric is good, and the best points by it.
 *
 * Rule: the direction is guessed from the metric's name and can be changed by the reader; a point of which tasks are missing counts, marked.
 */
import type { Point } from './points.ts';

export type Better = 'lower' | 'higher';

const higherWords = new Set(['accuracy', 'acc', 'auc', 'auroc', 'f1', 'r2', 'score', 'reward', 'return', 'precision', 'recall', 'map', 'iou', 'bleu', 'rouge', 'throughput', 'speedup', 'hits', 'ndcg', 'psnr', 'ssim', 'likelihood', 'elbo', 'correlation', 'corr', 'success', 'coverage', 'efficiency', 'yield', 'gain', 'sharpe', 'top1', 'top5', 'kappa', 'mcc', 'dice']);
const lowerWords = new Set(['loss', 'error', 'err', 'nll']);

export function guessBetter(metric: string): Better {
  const words = metric.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/);
  if (words.some((word) => lowerWords.has(word))) return 'lower';
  return words.some((word) => higherWords.has(word)) ? 'higher' : 'lower';
}

/** What a reader most likely means: not a count of samples, not a time, where there is anything else. */
export function guessMetric(metrics: readonly string[]): string | undefined {
  const minor = /(^|[._])(n|num|count|epochs?|steps?|iterations?|seconds|time|duration|elapsed)([._]|$)|n_samples|_s$|_sec$|_ms$/i;
  const usual = /(^|[._])(rmse|mae|mse|loss|error|accuracy|acc|auc|f1|r2|score|reward|objective|energy)([._]|$)/i;
  const validation = /(^|[._])(test|val|valid|validation|eval)([._]|$)/i;
  const rank = (name: string): number => (minor.test(name) ? 0 : 1) + (usual.test(name) ? 2 : 0) + (validation.test(name) ? 1 : 0);
  const preferred = ['rmse', 'loss', 'accuracy', 'acc'];
  return metrics.toSorted((a, b) => rank(b) - rank(a) || (preferred.indexOf(b) - preferred.indexOf(a)) || 0)[0];
}

export function bestPoints(points: readonly Point[], metric: string, better: Better, count: number): readonly Point[] {
  const sign = better === 'lower' ? 1 : -1;
  const valued = points.flatMap((point) => {
    const value = point.metrics[metric];
    return value === null || value === undefined ? [] : [{ point, value }];
  });
  return valued
    .sort((a, b) => sign * (a.value - b.value) || (a.point.tasks[0] ?? 0) - (b.point.tasks[0] ?? 0))
    .slice(0, count)
    .map(({ point }) => point);
}

/** Whether two means differ by more than twice what their repetitions explain; undefined where nothing was repeated. */
export function isClearlyApart(a: { readonly mean: number; readonly std: number; readonly count: number }, b: { readonly mean: number; readonly std: number; readonly count: number }): boolean | undefined {
  if (a.count < 2 || b.count < 2) return undefined;
  const noise = Math.sqrt(a.std ** 2 / a.count + b.std ** 2 / b.count);
  return Math.abs(a.mean - b.mean) > 2 * noise;
}
