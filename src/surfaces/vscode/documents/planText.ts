/** A plan as a document. */
import { l10n } from '../../../../l10n/words.ts';
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
    ...(plan.findings.length === 0 ? [] : [`## ${l10n.t('Findings')}`, '', ...plan.findings.map((finding) => `- **${finding.severity}** ${escapeMarkdown(finding.message)}${finding.suggested_fix === undefined ? '' : ` ${escapeMarkdown(finding.suggested_fix)}`}`), '']),
    `## ${l10n.t('Arrays')}`,
    '',
    table([l10n.t('wave'), l10n.t('first task'), l10n.t('tasks')], plan.arrays.map((array) => [String(array.wave), String(array.first_task), String(array.task_count)]), new Set([0, 1, 2])),
    '',
    ...(plan.limits.length === 0 ? [] : [`## ${l10n.t('Limits')}`, '', table([l10n.t('limit'), l10n.t('value'), l10n.t('from')], plan.limits.map((limit) => [limit.name, String(limit.value), limit.origin]), new Set([1])), '']),
    `## ${l10n.t('First tasks')}`,
    '',
    table([l10n.t('task'), ...names], plan.sample_tasks.map((task) => [String(task.task_id), ...names.map((name) => value(task.kwargs[name]))]), new Set([0])),
    '',
    `## ${l10n.t('Job script')}`,
    '',
    codeBlock(plan.job_script, 'sh'),
    '',
  ].join('\n');
}

function escapeMarkdownLines(text: string): string {
  return text.split('\n').map(escapeMarkdown).join('\n');
}
