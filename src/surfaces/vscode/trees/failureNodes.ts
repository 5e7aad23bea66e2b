/** Why tasks of a run failed, as rows: one for each way, the line that proves it one click away. Asked for only when opened. */
import { l10n } from '../../../../l10n/words.ts';
import { failureTitle } from './failureTitle.ts';
import type { FailuresOutput } from '../../../operations/failures.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import type { TreeNode } from './node.ts';

type Group = FailuresOutput['clusters'][number];

const failedKinds: readonly string[] = ['failed', 'timeout', 'lost'];

export function hasFailures(run: RunSummary): boolean {
  return run.attention.some(({ kind, task_ids }) => failedKinds.includes(kind) && task_ids.length > 0);
}

/** The row that is opened to be told; none where nothing failed. */
export function failuresNode(run: RunSummary, folder: string): readonly TreeNode[] {
  if (!hasFailures(run)) return [];
  return [
    {
      id: `run:${run.run_id}/failures`,
      label: l10n.t('Why they failed'),
      tooltip: l10n.t('Reads the ends of the failed tasks’ logs on the cluster, and shows equal failures as one.'),
      icon: { id: 'search' },
      contextValue: 'failures',
      subject: { kind: 'run', folder, runId: run.run_id },
      children: 'lazy',
    },
  ];
}

export function isFailuresNode(node: TreeNode): boolean {
  return node.contextValue === 'failures';
}

/** Changes when the answer may have changed: the failures are asked for again only then. */
export function failuresKey(run: RunSummary): string {
  return JSON.stringify([run.counts.failed, run.counts.unknown, run.counts.running + run.counts.pending === 0, run.job_ids.length]);
}

const place = (group: Group): string => (group.culprit ? `${group.culprit.file}:${group.culprit.line}` : '');

function groupTooltip(group: Group): string {
  const certainty = group.certainty === 'proved' ? [] : [group.certainty === 'likely' ? l10n.t('likely') : l10n.t('a guess')];
  return [
    `**${escapeMarkdown(failureTitle(group))}** — ${[l10n.t('{0, plural, one {# task} other {# tasks}}', group.count), ...certainty].join(' · ')}`,
    codeSpan(group.message),
    ...(group.culprit ? [l10n.t('at {0}', codeSpan(place(group)))] : []),
    group.evidence.map(({ source, text, path, line }) => `- ${escapeMarkdown(source.replaceAll('_', ' '))}: ${escapeMarkdown(text)}${path === null ? '' : ` — ${codeSpan(line === null ? path : `${path}:${line}`)}`}`).join('\n'),
    l10n.t('Tasks {0}', escapeMarkdown(group.task_ranges.slice(0, 400))),
    escapeMarkdown(group.advice),
  ].join('\n\n');
}

export function failureGroupNodes(parent: TreeNode, failures: FailuresOutput): readonly TreeNode[] {
  const { subject } = parent;
  if (subject.kind !== 'run') return [];
  if (failures.clusters.length === 0) {
    return [{ id: `${parent.id}/none`, label: failures.note ?? l10n.t('No task has failed'), icon: { id: 'info' }, contextValue: 'none', subject: { kind: 'none' }, children: 'none' }];
  }
  const seen = new Map<string, number>();
  return failures.clusters.map((group) => {
    // Ids that stay while others come and go; two ways may share all that is shown of them.
    const name = `${group.error_class}:${group.fingerprint.slice(0, 80)}:${place(group)}`;
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    const proof = group.evidence.find(({ source }) => source === 'log');
    const task = group.sample_task_id ?? group.task_ids[0] ?? 0;
    return {
      id: `${parent.id}/${name}:${nth}`,
      label: `${failureTitle(group)} (${l10n.number(group.count)})`,
      description: [group.message, place(group)].filter((part) => part !== '').join(' · '),
      tooltip: groupTooltip(group),
      icon: { id: 'error', color: 'testing.iconFailed' },
      contextValue: 'failure.group',
      subject: { kind: 'task', folder: subject.folder, runId: subject.runId, taskId: task, stream: group.sample_path?.endsWith('.out') === true ? 'stdout' : 'stderr', ...(proof ? { find: proof.text.replace(/…$/, '') } : {}), failure: group.fingerprint },
      tasks: group.task_ids,
      children: group.task_ids.length > 1 ? 'lazy' : 'none',
      command: 'hpc-agent.showLog',
    };
  });
}
