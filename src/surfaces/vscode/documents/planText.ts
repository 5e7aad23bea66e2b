/** A plan as a document. */
import type { PlanOutput } from '../../../operations/schemas.ts';
import { codeBlock, escapeMarkdown, table } from '../markdown.ts';

export function planText(plan: PlanOutput): string {
  const names = [...new Set(plan.sample_tasks.flatMap(({ kwargs }) => Object.keys(kwargs)))];
  const value = (item: unknown): string => (item === undefined ? '' : typeof item === 'string' ? item : JSON.stringify(item));
  return [
    `# ${escapeMarkdown(plan.headline)}`,
    '',
    escapeMarkdownLines(plan.body),
    '',
    ...(plan.findings.length === 0 ? [] : ['## Findings', '', ...plan.findings.map((finding) => `- **${finding.severity}** ${escapeMarkdown(finding.message)}${finding.suggested_fix === undefined ? '' : ` ${escapeMarkdown(finding.suggested_fix)}`}`), '']),
    '## Arrays',
    '',
    table(['wave', 'first task', 'tasks'], plan.arrays.map((array) => [String(array.wave), String(array.first_task), String(array.task_count)]), new Set([0, 1, 2])),
    '',
    ...(plan.limits.length === 0 ? [] : ['## Limits', '', table(['limit', 'value', 'from'], plan.limits.map((limit) => [limit.name, String(limit.value), limit.origin]), new Set([1])), '']),
    '## First tasks',
    '',
    table(['task', ...names], plan.sample_tasks.map((task) => [String(task.task_id), ...names.map((name) => value(task.kwargs[name]))]), new Set([0])),
    '',
    '## Job script',
    '',
    codeBlock(plan.job_script, 'sh'),
    '',
  ].join('\n');
}

function escapeMarkdownLines(text: string): string {
  return text.split('\n').map(escapeMarkdown).join('\n');
}
