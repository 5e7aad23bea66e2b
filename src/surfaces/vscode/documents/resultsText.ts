/** A table of results as markdown that also reads well as plain text. */
import { l10n } from '../../../../l10n/words.ts';
import type { ResultsTable } from '../../../operations/schemas.ts';
import { escapeMarkdown, table } from '../markdown.ts';

const mostRows = 500;

export function resultsText(results: ResultsTable, name: string, problems: readonly string[]): string {
  const shown = results.rows.slice(0, mostRows);
  const numeric = new Set([
    ...results.parameters.flatMap((key, index) => (shown.every((row) => typeof (row.parameters[key] ?? 0) === 'number') ? [index] : [])),
    ...results.metrics.map((_, index) => results.parameters.length + index),
  ]);
  const rows = shown.map((row) => [...results.parameters.map((key) => valueText(row.parameters[key])), ...results.metrics.map((key) => numberText(row.metrics[key])), taskText(row.tasks)]);
  const counts = l10n.t('{0, plural, one {# point} other {# points}}, {1, plural, one {# metric} other {# metrics}}', results.rows.length, results.metrics.length);
  return [
    `# ${escapeMarkdown(name)}`,
    '',
    results.partial ? l10n.t('{0}. **Partial: some tasks are missing.**', counts) : counts,
    ...(problems.length === 0 ? [] : ['', ...problems.map((problem) => `- ${escapeMarkdown(problem)}`)]),
    '',
    table([...results.parameters, ...results.metrics, l10n.t('tasks')], rows, numeric),
    ...(results.rows.length > mostRows ? ['', l10n.t('{0, plural, one {# more row is in the file.} other {# more rows are in the file.}}', results.rows.length - mostRows)] : []),
    '',
    l10n.t('Files: {0} and {1}', results.files.csv, results.files.json),
    '',
  ].join('\n');
}

function valueText(value: unknown): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** Six digits are enough to read; the files have all. */
export function numberText(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** `0–4, 7`: ranges instead of long lists. */
export function taskText(tasks: readonly number[]): string {
  const sorted = [...tasks].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const id of sorted) {
    const last = ranges.at(-1);
    if (last && id === last[1] + 1) last[1] = id;
    else ranges.push([id, id]);
  }
  const text = ranges.slice(0, 6).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return ranges.length > 6 ? `${text.join(', ')}, …` : text.join(', ');
}
