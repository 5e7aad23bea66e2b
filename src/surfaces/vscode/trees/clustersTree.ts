/** The Clusters tree: what is known without asking, and what the last check said. */
import * as path from 'node:path';
import { formatDuration } from '../../../foundation/clock.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import { detailGroups } from './clusterDetails.ts';
import type { Icon, TreeNode } from './node.ts';

/** As `clusters-list` gives it. */
export interface ClusterRow {
  readonly name: string;
  readonly scheduler: string;
  readonly connection: string;
  readonly target: string;
  readonly scope: string;
  readonly state: string;
  readonly state_reason: string | null;
}

/** As `preflight` gives it. */
export interface CheckReport {
  readonly all_ok: boolean;
  readonly checked_at: string;
  readonly checks: readonly { readonly name: string; readonly ok: boolean | null; readonly detail: string; readonly remediation: string | null }[];
}

export interface ClusterProblem {
  readonly file: string;
  readonly line: number | null;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

const stateWords: Readonly<Record<string, string>> = { idle: 'not connected', connecting: 'connecting', connected: 'connected', broken: 'connection lost', refused: 'sign-in refused' };

const schedulerNames: Readonly<Record<string, string>> = { background: 'no scheduler', slurm: 'Slurm', sge: 'Grid Engine', pbs: 'PBS' };

export function schedulerWord(scheduler: string): string {
  return schedulerNames[scheduler] ?? scheduler;
}

export function clusterStateWord(row: ClusterRow): string {
  return row.connection === 'local' ? 'here' : (stateWords[row.state] ?? row.state);
}

function clusterIcon(row: ClusterRow, report: CheckReport | undefined): Icon {
  if (row.state === 'refused') return { id: 'lock', color: 'list.errorForeground' };
  if (row.state === 'broken') return { id: 'debug-disconnect', color: 'list.warningForeground' };
  if (report && !report.all_ok) return { id: 'warning', color: 'list.warningForeground' };
  if (row.connection === 'local') return { id: 'device-desktop' };
  return row.state === 'connected' ? { id: 'vm-active', color: 'testing.iconPassed' } : { id: 'vm-outline' };
}

export function clusterNodes(
  rows: readonly ClusterRow[],
  problems: readonly ClusterProblem[],
  reports: ReadonlyMap<string, CheckReport>,
  unreachable: ReadonlyMap<string, string>,
  now: Date,
): readonly TreeNode[] {
  return [...rows.map((row) => clusterNode(row, reports.get(row.name), unreachable.get(row.name), now)), ...problems.map(problemNode)];
}

function clusterNode(row: ClusterRow, report: CheckReport | undefined, unreachable: string | undefined, now: Date): TreeNode {
  const scheduler = schedulerWord(row.scheduler);
  const reason = row.state_reason ?? unreachable;
  const lines = [
    `**${escapeMarkdown(row.name)}** — ${escapeMarkdown(clusterStateWord(row))}`,
    `${escapeMarkdown(scheduler)}, ${escapeMarkdown(row.connection)} to ${codeSpan(row.target)}, defined by ${escapeMarkdown(row.scope)}`,
    ...(reason === undefined ? [] : [`$(warning) ${escapeMarkdown(reason)}`]),
    ...(report === undefined ? ['Not checked in this window.'] : [`Checked ${formatDuration(now.getTime() - Date.parse(report.checked_at))} ago: ${report.all_ok ? 'everything fine' : 'something needs you'}`]),
  ];
  return {
    id: `cluster:${row.name}`,
    label: row.name,
    description: [scheduler, clusterStateWord(row), ...(report ? [report.all_ok ? 'checked' : 'check failed'] : []), ...(reason === undefined ? [] : [reason])].join(' · '),
    tooltip: lines.join('\n\n'),
    icon: clusterIcon(row, report),
    contextValue: row.connection === 'local' ? 'cluster.local' : 'cluster.remote',
    subject: { kind: 'cluster', name: row.name },
    children: [...(report === undefined ? [uncheckedNode(row.name)] : report.checks.map((check) => checkNode(row.name, check))), partitionsNode(row.name), ...detailGroups(row.name)],
  };
}

/** As `resources` gives it. */
export interface FreeResources {
  readonly observed_at: string;
  readonly stale_reason: string | null;
  readonly partitions: readonly {
    readonly name: string;
    readonly is_default: boolean;
    readonly up: boolean;
    readonly max_walltime_s: number | null;
    readonly nodes: number;
    readonly cpus_total: number;
    readonly cpus_free: number;
    readonly memory_mib_per_node: number | null;
    readonly gpus: readonly { readonly type: string; readonly total: number; readonly free: number }[];
  }[];
}

/** Asked for only when it is opened: looking at the tree connects to nothing. */
function partitionsNode(cluster: string): TreeNode {
  return {
    id: `cluster:${cluster}/partitions`,
    label: 'Partitions',
    tooltip: 'What is free now: asked when this is opened, at most once a minute.',
    icon: { id: 'server' },
    contextValue: 'partitions',
    subject: { kind: 'cluster', name: cluster },
    children: 'lazy',
  };
}

export function isPartitionsNode(node: TreeNode): boolean {
  return node.contextValue === 'partitions';
}

export function partitionNodes(parent: TreeNode, free: FreeResources, now: Date): readonly TreeNode[] {
  return free.partitions.map((partition): TreeNode => {
    const gpus = partition.gpus.map(({ type, total, free: left }) => `${left} of ${total} ${type}`);
    const cores = `${partition.cpus_free} of ${partition.cpus_total} cores`;
    const lines = [
      `**${escapeMarkdown(partition.name)}**${partition.is_default ? ', the default' : ''}${partition.up ? '' : ': takes no jobs now'}`,
      `${cores} free on ${partition.nodes} node${partition.nodes === 1 ? '' : 's'}${gpus.length === 0 ? '' : `; GPUs: ${escapeMarkdown(gpus.join(', '))} free`}`,
      ...(partition.memory_mib_per_node === null ? [] : [`Up to ${Math.round(partition.memory_mib_per_node / 1024)} GiB on a node`]),
      ...(partition.max_walltime_s === null ? [] : [`Walltime at most ${formatDuration(partition.max_walltime_s * 1000)}`]),
      `As of ${formatDuration(now.getTime() - Date.parse(free.observed_at))} ago${free.stale_reason === null ? '' : `; asking again failed: ${escapeMarkdown(free.stale_reason)}`}`,
    ];
    return {
      id: `${parent.id}/${partition.name}`,
      label: partition.name,
      description: [...(partition.up ? [] : ['down']), `${cores} free`, ...gpus.map((text) => `${text} free`)].join(' · '),
      tooltip: lines.join('\n\n'),
      icon: partition.up ? (partition.cpus_free > 0 ? { id: 'circle-filled', color: 'testing.iconPassed' } : { id: 'circle-outline' }) : { id: 'circle-slash', color: 'list.warningForeground' },
      contextValue: 'partition',
      subject: parent.subject,
      children: 'none',
    };
  });
}

/** Instead of the partitions, where the cluster could not be asked. */
export function partitionsFailure(parent: TreeNode, message: string): readonly TreeNode[] {
  return [{ id: `${parent.id}/failure`, label: 'Could not be asked', description: message, tooltip: escapeMarkdown(message), icon: { id: 'warning', color: 'list.warningForeground' }, contextValue: 'partition', subject: parent.subject, children: 'none' }];
}

function uncheckedNode(cluster: string): TreeNode {
  return {
    id: `cluster:${cluster}/unchecked`,
    label: 'Check now',
    description: 'not checked in this window',
    tooltip: 'Connects, finds the scheduler and tries whether a run could be started.',
    icon: { id: 'checklist' },
    contextValue: 'unchecked',
    subject: { kind: 'cluster', name: cluster },
    children: 'none',
    command: 'hpc-agent.preflight',
  };
}

function checkNode(cluster: string, check: CheckReport['checks'][number]): TreeNode {
  const icon: Icon =
    check.ok === true ? { id: 'pass', color: 'testing.iconPassed' } : check.ok === false ? { id: 'error', color: 'testing.iconFailed' } : { id: 'question', color: 'list.warningForeground' };
  return {
    id: `cluster:${cluster}/check:${check.name}`,
    label: check.name.replaceAll('_', ' '),
    description: check.ok === null ? `could not be asked: ${check.detail}` : check.detail,
    spoken: [check.name.replaceAll('_', ' '), check.ok === true ? 'passed' : check.ok === false ? 'failed' : 'could not be asked', check.detail, ...(check.ok !== true && check.remediation !== null ? [`to do: ${check.remediation}`] : [])].join(', '),
    tooltip: [escapeMarkdown(check.detail), ...(check.remediation === null ? [] : [`**To do:** ${escapeMarkdown(check.remediation)}`])].join('\n\n'),
    icon,
    contextValue: 'check',
    subject: { kind: 'cluster', name: cluster },
    children: 'none',
  };
}

function problemNode(problem: ClusterProblem): TreeNode {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  return {
    id: `problem:${place}:${problem.message}`,
    label: `${path.basename(problem.file)}${problem.line === null ? '' : `:${problem.line}`}`,
    description: problem.message,
    spoken: `${problem.severity} in ${path.basename(problem.file)}${problem.line === null ? '' : `, line ${problem.line}`}: ${problem.message}`,
    tooltip: `${escapeMarkdown(problem.message)}\n\n${codeSpan(place)}`,
    icon: problem.severity === 'error' ? { id: 'error', color: 'list.errorForeground' } : { id: 'warning', color: 'list.warningForeground' },
    contextValue: 'problem',
    subject: { kind: 'file', file: problem.file, line: problem.line },
    children: 'none',
    command: 'hpc-agent.openClustersFile',
  };
}
