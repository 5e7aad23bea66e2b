/** The points that are shown, as CSV (RFC 4180) and JSON, with every digit. Rule: values are written as they are, so that reading the file gives them back. */
import type { Point } from './points.ts';

export interface ExportColumns {
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvText(points: readonly Point[], { parameters, metrics }: ExportColumns): string {
  const repeated = metrics.filter((metric) => points.some((point) => (point.spread[metric]?.count ?? 1) > 1));
  const shared = new Set(parameters.filter((name) => metrics.includes(name)));
  const header = [
    ...parameters.map((name) => (shared.has(name) ? `${name} (parameter)` : name)),
    ...metrics.map((name) => (shared.has(name) ? `${name} (metric)` : name)),
    // not translated: names of columns, which programs read
    ...repeated.flatMap((name) => [`${name} std`, `${name} count`]),
    'whole',
    'tasks',
  ];
  const lines = points.map((point) => [
    ...parameters.map((name) => point.parameters[name]),
    ...metrics.map((name) => point.metrics[name]),
    ...repeated.flatMap((name) => [point.spread[name]?.std, point.spread[name]?.count]),
    point.whole,
    point.tasks.join(' '),
  ]);
  return [header, ...lines].map((cells) => cells.map(cell).join(',')).join('\r\n') + '\r\n';
}

export function jsonText(points: readonly Point[], head: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...head, points: points.map(({ parameters, metrics, spread, tasks, missing, whole }) => ({ parameters, metrics, spread, tasks, missing_tasks: missing, whole })) }, undefined, 2)}\n`;
}
