/** The Clusters tree: what is known without asking, and what the last check said. */
import * as path from 'node:path';
import { l10n } from '../../../../l10n/words.ts';
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

const stateWords = (): Readonly<Record<string, string>> => ({ idle: l10n.t('not connected'), connecting: l10n.t('connecting'), connected: l10n.t('connected'), broken: l10n.t('connection lost'), refused: l10n.t('sign-in refused') });

const schedulerNames = (): Readonly<Record<string, string>> => ({ background: l10n.t('no scheduler'), slurm: 'Slurm', sge: l10n.t('Grid Engine'), pbs: 'PBS' });

export function schedulerWord(scheduler: string): string {
  return schedulerNames()[scheduler] ?? scheduler;
}

export function clusterStateWord(row: ClusterRow): string {
  return row.connection === 'local' ? l10n.t('here') : (stateWords()[row.state] ?? row.state);
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
  heard: ReadonlyMap<string, string> = new Map(),
): readonly TreeNode[] {
  return [...rows.map((row) => clusterNode(row, reports.get(row.name), unreachable.get(row.name), heard.get(row.name), now)), ...problems.map(problemNode)];
}

function clusterNode(row: ClusterRow, report: CheckReport | undefined, unreachable: string | undefined, heard: string | undefined, now: Date): TreeNode {
  const scheduler = schedulerWord(row.scheduler);
  const reason = row.state_reason ?? unreachable;
  // Another window, or a command line, may be the one that asks.
  const state = row.state === 'idle' && row.connection !== 'local' && heard !== undefined ? l10n.t('seen {0} ago', formatDuration(now.getTime() - Date.parse(heard))) : clusterStateWord(row);
  const lines = [
    `**${escapeMarkdown(row.name)}** — ${escapeMarkdown(state)}`,
    l10n.t('{0}, {1} to {2}, defined by {3}', escapeMarkdown(scheduler), escapeMarkdown(row.connection), codeSpan(row.target), escapeMarkdown(row.scope)),
    ...(reason === undefined ? [] : [`$(warning) ${escapeMarkdown(reason)}`]),
    ...(report === undefined ? [l10n.t('Not checked in this window.')] : [checkedWords(report, now)]),
  ];
  return {
    id: `cluster:${row.name}`,
    label: row.name,
    description: [scheduler, state, ...(report ? [report.all_ok ? l10n.t('checked') : l10n.t('check failed')] : []), ...(reason === undefined ? [] : [reason])].join(' · '),
    tooltip: lines.join('\n\n'),
    icon: clusterIcon(row, report),
    contextValue: row.connection === 'local' ? 'cluster.local' : 'cluster.remote',
    subject: { kind: 'cluster', name: row.name },
    children: [...(report === undefined ? [uncheckedNode(row.name)] : []), ...(report && !report.all_ok ? report.checks.map((check) => checkNode(row.name, check, report)) : []), partitionsNode(row.name), ...detailGroups(row.name), ...(report?.all_ok ? [checksNode(row.name, report, now)] : [])],
  };
}

/** Where everything is fine, what was checked is out of the way of what one looks for. */
function checksNode(cluster: string, report: CheckReport, now: Date): TreeNode {
  return {
    id: `cluster:${cluster}/checks`,
    label: l10n.t('Checks'),
    description: checkedWords(report, now),
    icon: { id: 'checklist' },
    contextValue: 'checks',
    subject: { kind: 'cluster', name: cluster },
    children: report.checks.map((check) => checkNode(cluster, check, report)),
  };
}

const checkNames = (): Readonly<Record<string, string>> => ({
  clusters_yaml: 'clusters.yaml',
  cluster_known: l10n.t('Entry'),
  cluster_config_customized: l10n.t('Your own values'),
  ssh_transport: l10n.t('Kind of ssh'),
  ssh_agent: l10n.t('Keys'),
  cluster_tcp: l10n.t('Network'),
  cluster_login: l10n.t('Sign-in'),
  host_key: l10n.t('Host key'),
  login_shell: l10n.t('Login shell'),
  python: 'Python',
  scheduler_tools: l10n.t('Scheduler’s commands'),
  scheduler_queue: l10n.t('Queue'),
  accounting: l10n.t('Accounting'),
  scratch: l10n.t('Scratch folder'),
  scratch_space: l10n.t('Free space'),
  clock_skew: l10n.t('Clock'),
  home_quota: l10n.t('Quota of home'),
});

function checkedWords(report: CheckReport, now: Date): string {
  const age = formatDuration(now.getTime() - Date.parse(report.checked_at));
  return report.all_ok ? l10n.t('Checked {0} ago: everything fine', age) : l10n.t('Checked {0} ago: something needs you', age);
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
    label: l10n.t('Partitions'),
    tooltip: l10n.t('What is free now: asked when this is opened, at most once a minute.'),
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
    const gpus = partition.gpus.map(({ type, total, free: left }) => l10n.t('{0} of {1} {2}', left, total, type));
    const age = formatDuration(now.getTime() - Date.parse(free.observed_at));
    const lines = [
      [`**${escapeMarkdown(partition.name)}**`, ...(partition.is_default ? [l10n.t('the default')] : []), ...(partition.up ? [] : [l10n.t('takes no jobs now')])].join(' · '),
      l10n.t('{0} of {1} cores free on {2, plural, one {# node} other {# nodes}}', partition.cpus_free, partition.cpus_total, partition.nodes),
      ...(gpus.length === 0 ? [] : [l10n.t('GPUs: {0} free', escapeMarkdown(gpus.join(', ')))]),
      ...(partition.memory_mib_per_node === null ? [] : [l10n.t('Up to {0} GiB on a node', Math.round(partition.memory_mib_per_node / 1024))]),
      ...(partition.max_walltime_s === null ? [] : [l10n.t('Walltime at most {0}', formatDuration(partition.max_walltime_s * 1000))]),
      free.stale_reason === null ? l10n.t('As of {0} ago', age) : l10n.t('As of {0} ago; asking again failed: {1}', age, escapeMarkdown(free.stale_reason)),
    ];
    // What is scarcer first: a side bar is narrow.
    return {
      id: `${parent.id}/${partition.name}`,
      label: partition.name,
      description: [...(partition.up ? [] : [l10n.t('down')]), ...gpus.map((text) => l10n.t('{0} free', text)), l10n.t('{0} of {1} cores free', partition.cpus_free, partition.cpus_total)].join(' · '),
      tooltip: lines.join('\n\n'),
      icon: partition.up ? (partition.cpus_free > 0 ? { id: 'circle-large-filled', color: 'testing.iconPassed' } : { id: 'circle-large-outline' }) : { id: 'circle-slash', color: 'list.warningForeground' },
      contextValue: 'partition',
      subject: parent.subject,
      children: 'none',
    };
  });
}

/** Instead of the partitions, where the cluster could not be asked. */
export function partitionsFailure(parent: TreeNode, message: string): readonly TreeNode[] {
  return [{ id: `${parent.id}/failure`, label: l10n.t('Could not be asked'), description: message, tooltip: escapeMarkdown(message), icon: { id: 'warning', color: 'list.warningForeground' }, contextValue: 'partition', subject: parent.subject, children: 'none' }];
}

function uncheckedNode(cluster: string): TreeNode {
  return {
    id: `cluster:${cluster}/unchecked`,
    label: l10n.t('Check now'),
    description: l10n.t('not checked in this window'),
    tooltip: l10n.t('Connects, finds the scheduler and tries whether a run could be started.'),
    icon: { id: 'checklist' },
    contextValue: 'unchecked',
    subject: { kind: 'cluster', name: cluster },
    children: 'none',
    command: 'hpc-agent.preflight',
  };
}

function checkNode(cluster: string, check: CheckReport['checks'][number], { all_ok }: CheckReport): TreeNode {
  // What fails although the cluster can be used is no obstacle.
  const failed: Icon = all_ok ? { id: 'warning', color: 'list.warningForeground' } : { id: 'error', color: 'testing.iconFailed' };
  const icon: Icon = check.ok === true ? { id: 'pass', color: 'testing.iconPassed' } : check.ok === false ? failed : { id: 'question', color: 'list.warningForeground' };
  const name = checkNames()[check.name] ?? check.name.replaceAll('_', ' ');
  return {
    id: `cluster:${cluster}/check:${check.name}`,
    label: name,
    description: check.ok === null ? l10n.t('could not be asked: {0}', check.detail) : check.detail,
    spoken: [name, check.ok === true ? l10n.t('passed') : check.ok === false ? l10n.t('failed') : l10n.t('could not be asked'), check.detail, ...(check.ok !== true && check.remediation !== null ? [l10n.t('to do: {0}', check.remediation)] : [])].join(', '),
    tooltip: [escapeMarkdown(check.detail), ...(check.remediation === null ? [] : [l10n.t('**To do:** {0}', escapeMarkdown(check.remediation))])].join('\n\n'),
    icon,
    contextValue: 'check',
    subject: { kind: 'cluster', name: cluster },
    children: 'none',
  };
}

function problemWords({ severity, file, line, message }: ClusterProblem): string {
  const kind = severity === 'error' ? l10n.t('error') : l10n.t('warning');
  return line === null ? l10n.t('{0} in {1}: {2}', kind, path.basename(file), message) : l10n.t('{0} in {1}, line {2}: {3}', kind, path.basename(file), String(line), message);
}

function problemNode(problem: ClusterProblem): TreeNode {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  return {
    id: `problem:${place}:${problem.message}`,
    label: `${path.basename(problem.file)}${problem.line === null ? '' : `:${problem.line}`}`,
    description: problem.message,
    spoken: problemWords(problem),
    tooltip: `${escapeMarkdown(problem.message)}\n\n${codeSpan(place)}`,
    icon: problem.severity === 'error' ? { id: 'error', color: 'list.errorForeground' } : { id: 'warning', color: 'list.warningForeground' },
    contextValue: 'problem',
    subject: { kind: 'file', file: problem.file, line: problem.line },
    children: 'none',
    command: 'hpc-agent.openClustersFile',
  };
}
