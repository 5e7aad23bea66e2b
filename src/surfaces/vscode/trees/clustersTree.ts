/** The Clusters tree: what is known without asking, and what the last check said. */
import * as path from 'node:path';
import { formatDuration } from '../../../foundation/clock.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
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
    children: report === undefined ? [uncheckedNode(row.name)] : report.checks.map((check) => checkNode(row.name, check)),
  };
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
    tooltip: `${escapeMarkdown(problem.message)}\n\n${codeSpan(place)}`,
    icon: problem.severity === 'error' ? { id: 'error', color: 'list.errorForeground' } : { id: 'warning', color: 'list.warningForeground' },
    contextValue: 'problem',
    subject: { kind: 'file', file: problem.file, line: problem.line },
    children: 'none',
    command: 'hpc-agent.openClustersFile',
  };
}
