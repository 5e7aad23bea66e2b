/** What the ended tasks of a run used of what they asked for, and what would do: one row, asked for only when opened. */
import { l10n } from '../../../../l10n/words.ts';
import type { EfficiencyOutput } from '../../../operations/efficiency.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import { escapeMarkdown } from '../markdown.ts';
import type { TreeNode } from './node.ts';

type Group = EfficiencyOutput['groups'][number];

export function usageNode(run: RunSummary, folder: string): readonly TreeNode[] {
  if (run.counts.complete + run.counts.failed === 0) return [];
  return [
    {
      id: `run:${run.run_id}/usage`,
      label: l10n.t('What it used'),
      tooltip: l10n.t('Cores, memory, GPUs and time of the tasks that have ended, beside what was asked for them.'),
      icon: { id: 'dashboard' },
      contextValue: 'usage',
      subject: { kind: 'run', folder, runId: run.run_id },
      children: 'lazy',
    },
  ];
}

export function isUsageNode(node: TreeNode): boolean {
  return node.contextValue === 'usage';
}

/** Changes when more tasks have ended. */
export function usageKey(run: RunSummary): string {
  return JSON.stringify([run.counts.complete, run.counts.failed, run.job_ids.length]);
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const gib = (mib: number): string => (mib < 1024 ? `${Math.ceil(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`);
const time = (seconds: number): string => (seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`); // not translated: units

function measures(group: Group): readonly string[] {
  const { cpu_efficiency: cpu, memory_efficiency: memory, gpu_efficiency: gpu, peak_rss_mib: peak, peak_gpu_mib: gpuPeak, longest_s: longest, walltime_efficiency: walltime } = group;
  return [
    ...(cpu === null ? [] : [l10n.t('cores busy {0}', percent(cpu))]),
    ...(peak === null ? [] : [memory === null ? l10n.t('memory at most {0}', gib(peak)) : l10n.t('memory {0}, at most {1}', percent(memory), gib(peak))]),
    ...(gpu === null ? [] : [gpuPeak === null ? l10n.t('GPUs busy {0}', percent(gpu)) : l10n.t('GPUs busy {0}, at most {1}', percent(gpu), gib(gpuPeak))]),
    walltime === null ? l10n.t('longest {0}', time(longest)) : l10n.t('longest {0} ({1} of the limit)', time(longest), percent(walltime)),
  ];
}

export function usageRows(parent: TreeNode, found: EfficiencyOutput): readonly TreeNode[] {
  const none = (id: string, label: string, icon: string): TreeNode => ({ id: `${parent.id}/${id}`, label, tooltip: escapeMarkdown(label), icon: { id: icon }, contextValue: 'none', subject: { kind: 'none' }, children: 'none' });
  if (found.groups.length === 0) return [none('nothing', found.note ?? l10n.t('Nothing was measured'), 'info')];
  return found.groups.map((group, index): TreeNode => {
    const id = `${parent.id}/group:${index}`;
    const tasks = group.task_ranges.length <= 40 ? group.task_ranges : `${group.task_ranges.slice(0, 40)}…`;
    return {
      id,
      label: found.groups.length === 1 ? l10n.t('{0} ended', l10n.number(group.tasks)) : group.attempt === 1 ? l10n.t('First submission, tasks {0}', tasks) : l10n.t('Attempt {0}, tasks {1}', group.attempt, tasks),
      description: measures(group).join(' · '),
      tooltip: [escapeMarkdown(l10n.t('Tasks {0}', group.task_ranges.slice(0, 400))), ...measures(group).map((line) => `- ${escapeMarkdown(line)}`)].join('\n\n'),
      icon: { id: 'dashboard' },
      contextValue: 'none',
      subject: { kind: 'none' },
      children: group.advice.length === 0 ? [none(`fits:${index}`, l10n.t('What was asked for fits'), 'check')] : group.advice.map((sentence, nth) => none(`advice:${index}:${nth}`, sentence, 'lightbulb')),
      expanded: true,
    };
  });
}
