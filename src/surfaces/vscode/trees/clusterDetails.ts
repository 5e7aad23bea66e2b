/** What a cluster has to give and what waits there, as rows; asked for when one of its groups is opened, at most once a minute for all windows. */
import { l10n } from '../../../../l10n/words.ts';
import { formatDuration } from '../../../foundation/clock.ts';
import type { ResourcesOutput } from '../../../operations/resources.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import type { Icon, TreeNode } from './node.ts';

/** More rows than this are one row that says how many there are. */
const nodesShown = 40;

interface Group {
  readonly name: string;
  readonly label: string;
  readonly icon: string;
  readonly tooltip: string;
}

const groups = (): readonly Group[] => [
  { name: 'nodes', label: l10n.t('Nodes'), icon: 'server-environment', tooltip: l10n.t('The nodes that have most free first.') },
  { name: 'queue', label: l10n.t('Your queue'), icon: 'list-ordered', tooltip: l10n.t('What of yours runs and waits there, and why it waits.') },
  { name: 'limits', label: l10n.t('Limits'), icon: 'law', tooltip: l10n.t('What the site lets you have at once, and where that is said.') },
];

export function detailGroups(cluster: string): readonly TreeNode[] {
  return groups().map(({ name, label, icon, tooltip }) => ({
    id: `cluster:${cluster}/${name}`,
    label,
    tooltip,
    icon: { id: icon },
    contextValue: `cluster-${name}`,
    subject: { kind: 'cluster', name: cluster },
    children: 'lazy',
  }));
}

/** The rows below one of the groups; undefined: it is none of them. */
export function detailNodes(parent: TreeNode, found: ResourcesOutput, now: Date): readonly TreeNode[] | undefined {
  switch (parent.contextValue) {
    case 'cluster-nodes':
      return nodeRows(parent, found);
    case 'cluster-queue':
      return queueRows(parent, found, now);
    case 'cluster-limits':
      if (found.limits.length === 0) return [row(parent, 'none', l10n.t('The site tells no limits'), '', { id: 'info' }, l10n.t('What it does not tell it may have all the same.'))];
      return found.limits.map(({ what, value, source }, index) => row(parent, `${index}:${what}`, what, value, { id: 'dash' }, l10n.t('{0}: {1}\n\nSaid by {2}', escapeMarkdown(what), escapeMarkdown(value), escapeMarkdown(source))));
    default:
      return undefined;
  }
}

export function isDetailGroup(node: TreeNode): boolean {
  return ['cluster-nodes', 'cluster-queue', 'cluster-limits'].includes(node.contextValue);
}

function row(parent: TreeNode, key: string, label: string, description: string, icon: Icon, tooltip: string, state?: string): TreeNode {
  // What only the icon says is said to a listener.
  const spoken = state === undefined ? {} : { spoken: [label, state, description].filter((part) => part !== '').join(', ') };
  return { id: `${parent.id}/${key}`, label, description, ...spoken, tooltip, icon, contextValue: 'detail', subject: parent.subject, children: 'none' };
}

const stateIcons: Readonly<Record<ResourcesOutput['nodes'][number]['state'], Icon>> = {
  free: { id: 'circle-large-filled', color: 'testing.iconPassed' },
  // Half full: told apart by its form, too.
  mixed: { id: 'color-mode', color: 'testing.iconPassed' },
  busy: { id: 'circle-large-outline' },
  closed: { id: 'circle-slash', color: 'list.warningForeground' },
  down: { id: 'error', color: 'list.errorForeground' },
  unknown: { id: 'question', color: 'list.warningForeground' },
};

function nodeWord(state: ResourcesOutput['nodes'][number]['state']): string {
  switch (state) {
    case 'free':
      return l10n.t('free');
    case 'mixed':
      return l10n.t('partly free');
    case 'busy':
      return l10n.t('busy');
    case 'closed':
      return l10n.t('closed');
    case 'down':
      return l10n.t('down');
    case 'unknown':
      return l10n.t('unknown');
  }
}

function nodeRows(parent: TreeNode, { nodes }: ResourcesOutput): readonly TreeNode[] {
  if (nodes.length === 0) return [row(parent, 'none', l10n.t('The site does not list its nodes'), '', { id: 'info' }, l10n.t('Partitions show what they have together.'))];
  const sorted = [...nodes].sort((a, b) => b.cpus_free - a.cpus_free || a.name.localeCompare(b.name, 'en', { numeric: true }));
  const shown = sorted.slice(0, nodesShown).map((node) => {
    const gpus = node.gpus.map(({ type, total, free }) => l10n.t('{0} of {1} {2}', free, total, type));
    const memory = node.memory_mib === null ? [] : [node.memory_free_mib === null ? l10n.t('{0} GiB', Math.round(node.memory_mib / 1024)) : l10n.t('{0} of {1} GiB', Math.floor(node.memory_free_mib / 1024), Math.round(node.memory_mib / 1024))];
    const parts = [l10n.t('{0} of {1} cores free', node.cpus_free, node.cpus_total), ...memory, ...gpus];
    const tooltip = [`**${escapeMarkdown(node.name)}** — ${escapeMarkdown(node.raw_state)}`, escapeMarkdown(parts.join(' · ')), l10n.t('Partitions {0}', node.partitions.map(codeSpan).join(' ')), ...(node.reason === '' ? [] : [escapeMarkdown(node.reason)])].join('\n\n');
    const isPlain = node.state === 'free' || node.state === 'mixed' || node.state === 'busy';
    return row(parent, `node:${node.name}`, node.name, [...(isPlain ? [] : [nodeWord(node.state)]), ...parts].join(' · '), stateIcons[node.state], tooltip, isPlain ? nodeWord(node.state) : undefined);
  });
  const rest = sorted.slice(nodesShown);
  return rest.length === 0 ? shown : [...shown, row(parent, 'more', l10n.t('{0, plural, one {# more node} other {# more nodes}}', rest.length), l10n.t('{0, plural, one {# core free} other {# cores free}}', rest.reduce((sum, { cpus_free }) => sum + cpus_free, 0)), { id: 'ellipsis' }, l10n.t('Those with less to give.'))];
}

function queueRows(parent: TreeNode, { queue, waiting }: ResourcesOutput, now: Date): readonly TreeNode[] {
  const others = [l10n.t('{0} waiting', queue.pending), ...(queue.held > 0 ? [l10n.t('{0} held', queue.held)] : []), ...(queue.cpus_in_use === null ? [] : [l10n.t('{0, plural, one {# core in use} other {# cores in use}}', queue.cpus_in_use)])];
  const sum = row(parent, 'sum', l10n.t('{0} running', queue.running), others.join(' · '), { id: 'pulse' }, l10n.t('All that is yours on this cluster, whoever submitted it.'));
  return [
    sum,
    ...waiting.slice(0, nodesShown).map((job, index) => {
      const start = job.estimated_start === null ? [] : [l10n.t('may start in {0}', formatDuration(Date.parse(job.estimated_start) - now.getTime()))];
      return row(parent, `job:${job.job_id}:${job.indices ?? ''}:${index}`, `${job.job_id}${job.indices === null ? '' : `_${job.indices}`}`, [job.explanation === '' ? job.reason : job.explanation, ...start].join(' · '), { id: job.state === 'held' ? 'debug-pause' : 'clock' }, [l10n.t('**{0}** in {1}', escapeMarkdown(job.name), codeSpan(job.partition)), escapeMarkdown(job.explanation), `${codeSpan(job.reason)}`].join('\n\n'), job.state === 'held' ? l10n.t('held') : l10n.t('waiting'));
    }),
  ];
}
