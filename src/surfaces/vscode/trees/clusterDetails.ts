/** What a cluster has to give and what waits there, as rows; asked for when one of its groups is opened, at most once a minute for all windows. */
import { formatDuration } from '../../../foundation/clock.ts';
import type { ResourcesOutput } from '../../../operations/resources.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import type { Icon, TreeNode } from './node.ts';

/** More rows than this are one row that says how many there are. */
const nodesShown = 40;

const groups = {
  nodes: { label: 'Nodes', icon: 'server-environment', tooltip: 'The nodes that have most free first.' },
  queue: { label: 'Your queue', icon: 'list-ordered', tooltip: 'What of yours runs and waits there, and why it waits.' },
  limits: { label: 'Limits', icon: 'law', tooltip: 'What the site lets you have at once, and where that is said.' },
} as const;
type GroupName = keyof typeof groups;

export function detailGroups(cluster: string): readonly TreeNode[] {
  return (Object.keys(groups) as GroupName[]).map((name) => ({
    id: `cluster:${cluster}/${name}`,
    label: groups[name].label,
    tooltip: groups[name].tooltip,
    icon: { id: groups[name].icon },
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
      return found.limits.map(({ what, value, source }, index) => row(parent, `${index}:${what}`, what, value, { id: 'dash' }, `${escapeMarkdown(what)}: ${escapeMarkdown(value)}\n\nSaid by ${escapeMarkdown(source)}`));
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
  free: { id: 'circle-filled', color: 'testing.iconPassed' },
  mixed: { id: 'circle-large-outline', color: 'testing.iconPassed' },
  busy: { id: 'circle-outline' },
  closed: { id: 'circle-slash', color: 'list.warningForeground' },
  down: { id: 'error', color: 'list.errorForeground' },
  unknown: { id: 'question', color: 'list.warningForeground' },
};

function nodeRows(parent: TreeNode, { nodes }: ResourcesOutput): readonly TreeNode[] {
  if (nodes.length === 0) return [row(parent, 'none', 'The site does not list its nodes', '', { id: 'info' }, 'Partitions show what they have together.')];
  const sorted = [...nodes].sort((a, b) => b.cpus_free - a.cpus_free || a.name.localeCompare(b.name, 'en', { numeric: true }));
  const shown = sorted.slice(0, nodesShown).map((node) => {
    const gpus = node.gpus.map(({ type, total, free }) => `${free} of ${total} ${type}`);
    const memory = node.memory_mib === null ? [] : [`${node.memory_free_mib === null ? '' : `${Math.floor(node.memory_free_mib / 1024)} of `}${Math.round(node.memory_mib / 1024)} GiB`];
    const parts = [`${node.cpus_free} of ${node.cpus_total} cores free`, ...memory, ...gpus];
    const tooltip = [`**${escapeMarkdown(node.name)}** — ${escapeMarkdown(node.raw_state)}`, escapeMarkdown(parts.join(' · ')), `Partitions ${node.partitions.map(codeSpan).join(' ')}`, ...(node.reason === '' ? [] : [escapeMarkdown(node.reason)])].join('\n\n');
    const isPlain = node.state === 'free' || node.state === 'mixed' || node.state === 'busy';
    return row(parent, `node:${node.name}`, node.name, [...(isPlain ? [] : [node.state]), ...parts].join(' · '), stateIcons[node.state], tooltip, isPlain ? node.state : undefined);
  });
  const rest = sorted.slice(nodesShown);
  return rest.length === 0 ? shown : [...shown, row(parent, 'more', `${rest.length.toLocaleString('en-US')} more nodes`, `${rest.reduce((sum, { cpus_free }) => sum + cpus_free, 0)} cores free`, { id: 'ellipsis' }, 'Those with less to give.')];
}

function queueRows(parent: TreeNode, { queue, waiting }: ResourcesOutput, now: Date): readonly TreeNode[] {
  const cpus = queue.cpus_in_use === null ? '' : ` · ${queue.cpus_in_use} cores in use`;
  const sum = row(parent, 'sum', `${queue.running} running`, `${queue.pending} waiting${queue.held > 0 ? ` · ${queue.held} held` : ''}${cpus}`, { id: 'pulse' }, 'All that is yours on this cluster, whoever submitted it.');
  return [
    sum,
    ...waiting.slice(0, nodesShown).map((job, index) => {
      const start = job.estimated_start === null ? [] : [`may start in ${formatDuration(Date.parse(job.estimated_start) - now.getTime())}`];
      return row(parent, `job:${job.job_id}:${job.indices ?? ''}:${index}`, `${job.job_id}${job.indices === null ? '' : `_${job.indices}`}`, [job.explanation === '' ? job.reason : job.explanation, ...start].join(' · '), { id: job.state === 'held' ? 'debug-pause' : 'clock' }, [`**${escapeMarkdown(job.name)}** in ${codeSpan(job.partition)}`, escapeMarkdown(job.explanation), `${codeSpan(job.reason)}`].join('\n\n'), job.state === 'held' ? 'held' : 'waiting');
    }),
  ];
}
