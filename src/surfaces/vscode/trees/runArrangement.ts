/** Which runs the tree shows, and under what: the person's filter and grouping. Rows of runs keep their ids wherever they stand. */
import { l10n } from '../../../../l10n/words.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import type { TreeNode } from './node.ts';
import { runNode, type FolderRuns } from './runsTree.ts';
import { isOpen, needsAttention, stateWord } from './runWords.ts';

export const groupings = ['none', 'state', 'cluster', 'sweep'] as const;
export type Grouping = (typeof groupings)[number];

export interface RunArrangement {
  readonly filter: string;
  readonly grouping: Grouping;
}

export const plainArrangement: RunArrangement = { filter: '', grouping: 'none' };

/** Every word of the filter is somewhere in what is known of the run. */
export function matchesFilter(run: RunSummary, filter: string): boolean {
  const text = [run.run_name, run.run_id, run.cluster, run.executor, run.lifecycle_state, stateWord(run), ...(needsAttention(run) ? ['attention', l10n.t('attention')] : []), ...run.job_ids].join('\n').toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

interface Group {
  readonly key: string;
  readonly label: string;
  readonly icon: string;
  /** Where groups have an order of their own. */
  readonly rank: number;
}

function groupOf(run: RunSummary, grouping: Exclude<Grouping, 'none'>): Group {
  switch (grouping) {
    case 'cluster':
      return { key: run.cluster, label: run.cluster, icon: 'server', rank: 0 };
    case 'sweep':
      return { key: run.run_name, label: run.run_name, icon: 'beaker', rank: 0 };
    case 'state':
      if (needsAttention(run)) return { key: 'attention', label: l10n.t('Needs attention'), icon: 'warning', rank: 0 };
      if (isOpen(run)) return { key: 'open', label: l10n.t('Under way'), icon: 'play-circle', rank: 1 };
      return run.lifecycle_state === 'complete' ? { key: 'complete', label: l10n.t('Complete'), icon: 'pass', rank: 2 } : { key: 'ended', label: l10n.t('Ended otherwise'), icon: 'circle-slash', rank: 3 };
  }
}

export function arrangedRunNodes(folders: readonly FolderRuns[], arrangement: RunArrangement, now: Date): readonly TreeNode[] {
  const rows = folders
    .flatMap(({ folder, label, runs }) => runs.filter((run) => matchesFilter(run, arrangement.filter)).map((run) => ({ run, node: runNode(run, folder, label, now) })))
    .sort((a, b) => Date.parse(b.run.submitted_at) - Date.parse(a.run.submitted_at));
  const { grouping } = arrangement;
  if (grouping === 'none') return rows.map(({ node }) => node);
  const groups = new Map<string, { readonly group: Group; readonly nodes: TreeNode[] }>();
  for (const { run, node } of rows) {
    const group = groupOf(run, grouping);
    const entry = groups.get(group.key) ?? { group, nodes: [] };
    entry.nodes.push(node);
    groups.set(group.key, entry);
  }
  return [...groups.values()]
    .sort((a, b) => a.group.rank - b.group.rank)
    .map(({ group, nodes }): TreeNode => ({
      id: `group:${grouping}:${group.key}`,
      label: group.label,
      description: l10n.t('{0, plural, one {# run} other {# runs}}', nodes.length),
      icon: { id: group.icon },
      contextValue: 'group',
      subject: { kind: 'none' },
      children: nodes,
      expanded: true,
    }));
}
