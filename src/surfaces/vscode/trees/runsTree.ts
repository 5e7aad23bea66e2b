/**
 * The Runs tree from run summaries. However many tasks a run has, its rows stay few: groups with a count, and at most a
 * page of single tasks below an opened group.
 */
import { l10n } from '../../../../l10n/words.ts';
import { formatDuration } from '../../../foundation/clock.ts';
import type { RunSummary, TaskRow } from '../../../operations/schemas.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import { failuresNode, hasFailures } from './failureNodes.ts';
import type { TreeNode } from './node.ts';
import { usageNode } from './usageNodes.ts';
import { ageWords, attentionParts, attentionWords, countWords, isOpen, kwargsWords, needsAttention, runDescription, runIcon, stateWord, taskIcon, taskStateWord, taskWords } from './runWords.ts';

export const taskPage = 50;

/** Runs of one workspace folder: the newest first, as they were listed. */
export interface FolderRuns {
  readonly folder: string;
  /** Shown where the window has several folders. */
  readonly label?: string;
  readonly runs: readonly RunSummary[];
}

export function runNode(run: RunSummary, folder: string, label: string | undefined, now: Date): TreeNode {
  return {
    id: `run:${run.run_id}`,
    label: run.run_name,
    description: [runDescription(run, now), ...(label === undefined ? [] : [label])].join(' · '),
    tooltip: runTooltip(run, now),
    icon: runIcon(run),
    contextValue: ['run', isOpen(run) ? 'open' : 'ended', ...(run.lifecycle_state === 'unknown' || run.lifecycle_state === 'submitting' ? ['unfinished'] : []), ...(run.counts.complete > 0 ? ['results'] : []), ...(hasFailures(run) ? ['failed'] : [])].join('.'),
    subject: { kind: 'run', folder, runId: run.run_id },
    children: [...attentionNodes(run, folder), ...failuresNode(run, folder), ...doneNode(run, folder), ...runningNode(run, folder), ...waveNodes(run, folder), ...usageNode(run, folder)],
  };
}

/** The facts and where they come from. Everything but our own words is escaped. */
export function runTooltip(run: RunSummary, now: Date): string {
  const lines = [
    `**${escapeMarkdown(run.run_name)}** — ${stateWord(run)}, ${ageWords(run, now)}`,
    '',
    countWords(run.counts),
    '',
    ...(run.stale_reason === null ? [] : [l10n.t('$(warning) Could not ask {0}: {1}', escapeMarkdown(run.cluster), escapeMarkdown(run.stale_reason)), '']),
    ...run.attention.map((item) => `- $(alert) ${escapeMarkdown(attentionWords(item))}`),
    ...run.evidence.map((line) => `- ${escapeMarkdown(line)}`),
    '',
    l10n.t('Cluster {0} ({1}), script {2}', codeSpan(run.cluster), escapeMarkdown(run.scheduler), codeSpan(run.executor)),
    '',
    l10n.t('Run {0}, submitted {1} ago', codeSpan(run.run_id), formatDuration(now.getTime() - Date.parse(run.submitted_at))),
    '',
    jobWords(run),
    '',
    l10n.t('Folder {0}', codeSpan(run.remote_path)),
  ];
  return lines.join('\n');
}

function jobWords({ job_ids }: RunSummary): string {
  if (job_ids.length === 0) return l10n.t('No job known yet');
  const shown = job_ids.slice(0, 8).map(codeSpan).join(' ');
  return job_ids.length > 8 ? l10n.t('Jobs {0} and {1} more', shown, job_ids.length - 8) : l10n.t('Jobs {0}', shown);
}

function attentionNodes(run: RunSummary, folder: string): readonly TreeNode[] {
  const seen = new Map<string, number>();
  return run.attention.map((item) => {
    // Kinds may repeat (two different failures): the occurrence keeps the id apart, and steady while others change.
    const nth = seen.get(item.kind) ?? 0;
    seen.set(item.kind, nth + 1);
    const count = item.task_ids.length;
    // What it is as the row, what it looks like beside it: a side bar is narrow.
    const { what, example } = attentionParts(item);
    return {
      id: `run:${run.run_id}/attention:${item.kind}:${nth}`,
      label: what,
      ...(example !== undefined ? { description: example } : count > 0 ? { description: String(count) } : {}),
      tooltip: escapeMarkdown(attentionWords(item)),
      icon: { id: count > 0 ? 'error' : 'question', color: count > 0 ? 'testing.iconFailed' : 'list.warningForeground' },
      contextValue: count > 0 ? 'attention.tasks' : 'attention.run',
      subject: count > 0 ? { kind: 'tasks', folder, runId: run.run_id, taskIds: item.task_ids } : { kind: 'run', folder, runId: run.run_id },
      children: count > 0 ? 'lazy' : 'none',
    };
  });
}

function runningNode(run: RunSummary, folder: string): readonly TreeNode[] {
  if (run.counts.running === 0) return [];
  return [
    {
      id: `run:${run.run_id}/running`,
      label: l10n.t('Running now'),
      description: l10n.number(run.counts.running),
      icon: { id: 'play-circle', color: 'charts.blue' },
      contextValue: 'running',
      subject: { kind: 'run', folder, runId: run.run_id },
      children: 'lazy',
    },
  ];
}

function waveNodes(run: RunSummary, folder: string): readonly TreeNode[] {
  return run.waves.map((wave, index) => {
    const jobs = wave.arrays.flatMap((array) => (array.job_id === null ? [] : [array.job_id]));
    const last = wave.first_task + wave.task_count - 1;
    return {
      id: `run:${run.run_id}/wave:${wave.wave}`,
      label: run.waves.length === 1 ? l10n.t('All tasks') : l10n.t('Wave {0} of {1}', index + 1, run.waves.length),
      description: run.observed_at === null ? l10n.t('not asked yet') : countWords(wave.counts),
      tooltip: [
        l10n.t('Tasks {0} to {1}', String(wave.first_task), String(last)),
        jobs.length === 0 ? l10n.t('No job known yet') : l10n.t('{0, plural, one {Job} other {Jobs}} {1}', jobs.length, jobs.map(codeSpan).join(' ')),
        ...(wave.combined ? [l10n.t('Its results are combined on the cluster')] : []),
      ].join(' · '),
      icon: { id: 'layers' },
      contextValue: isOpen(run) ? 'wave.open' : 'wave.ended',
      subject: { kind: 'wave', folder, runId: run.run_id, wave: wave.wave },
      children: 'lazy',
    };
  });
}

function doneNode(run: RunSummary, folder: string): readonly TreeNode[] {
  if (run.counts.complete === 0) return [];
  return [
    {
      id: `run:${run.run_id}/done`,
      label: run.counts.complete === run.total_tasks ? l10n.t('Results') : l10n.t('Results so far'),
      description: l10n.t('{0} of {1} tasks', run.counts.complete, run.total_tasks),
      icon: { id: 'graph' },
      contextValue: 'results',
      subject: { kind: 'run', folder, runId: run.run_id },
      children: 'none',
      command: 'hpc-agent.openResults',
    },
  ];
}

export type TaskQuery = { readonly task_ids: number[] } | { readonly task_states: TaskRow['state'][] };

/** What to ask `status` when a group is opened, and how many tasks the group has. */
export function taskQueryOf(node: TreeNode, run: RunSummary, pages: number): { readonly query: TaskQuery; readonly total: number } | undefined {
  const limit = pages * taskPage;
  if (node.tasks !== undefined) return { query: { task_ids: node.tasks.slice(0, limit) }, total: node.tasks.length };
  if (node.subject.kind === 'tasks') return { query: { task_ids: node.subject.taskIds.slice(0, limit) }, total: node.subject.taskIds.length };
  if (node.subject.kind === 'wave') {
    const { wave: number } = node.subject;
    const wave = run.waves.find((candidate) => candidate.wave === number);
    return wave && { query: { task_ids: Array.from({ length: Math.min(limit, wave.task_count) }, (_, offset) => wave.first_task + offset) }, total: wave.task_count };
  }
  return node.contextValue === 'running' ? { query: { task_states: ['running'] }, total: run.counts.running } : undefined;
}

export function taskNodes(parent: TreeNode, rows: readonly TaskRow[], total: number, pages: number): readonly TreeNode[] {
  const { subject } = parent;
  if (!('runId' in subject)) return [];
  const shown = rows.slice(0, pages * taskPage);
  const rest = total - shown.length;
  return [
    ...shown.map((row) => taskNode(parent.id, subject, row)),
    ...(rest > 0
      ? [
          {
            id: `${parent.id}/more`,
            label: l10n.t('{0} more', rest),
            icon: { id: 'ellipsis' },
            contextValue: 'more',
            subject,
            children: 'none' as const,
            command: 'hpc-agent.showMoreTasks',
          },
        ]
      : []),
  ];
}

function taskNode(parentId: string, { folder, runId }: { readonly folder: string; readonly runId: string }, row: TaskRow): TreeNode {
  const bad = row.state === 'failed' || row.state === 'timeout' || row.state === 'lost';
  const facts = [
    l10n.t('**Task {0}** — {1}', String(row.task_id), taskStateWord(row.state)),
    kwargsWords(row.kwargs, 400) === '' ? '' : codeSpan(kwargsWords(row.kwargs, 400)),
    escapeMarkdown(row.evidence),
    [
      ...(row.job === null ? [] : [l10n.t('job {0}', codeSpan(row.job))]),
      ...(row.node === null ? [] : [l10n.t('node {0}', codeSpan(row.node))]),
      ...(row.exit_code === null ? [] : [l10n.t('exit status {0}', String(row.exit_code))]),
      ...(row.elapsed_s === null ? [] : [l10n.t('ran {0}', formatDuration(row.elapsed_s * 1000))]),
      ...(row.peak_rss_mib === null ? [] : [l10n.t('peak memory {0} MiB', Math.round(row.peak_rss_mib))]),
      ...(row.attempt > 1 ? [l10n.t('attempt {0}', row.attempt)] : []),
    ].join(' · '),
  ];
  return {
    id: `${parentId}/task:${row.task_id}`,
    label: l10n.t('task {0}', String(row.task_id)),
    // The icon says that it is done; a reader hears it.
    description: [...(row.state === 'complete' ? [] : [taskStateWord(row.state)]), taskWords(row.kwargs)].filter((part) => part !== '').join(' · '),
    spoken: l10n.t('task {0}, {1}, {2}', String(row.task_id), taskStateWord(row.state), kwargsWords(row.kwargs)),
    tooltip: facts.filter((line) => line !== '').join('\n\n'),
    icon: taskIcon(row.state),
    contextValue: row.state === 'running' || row.state === 'pending' ? 'task.open' : 'task.ended',
    subject: { kind: 'task', folder, runId, taskId: row.task_id, stream: bad ? 'stderr' : 'stdout' },
    children: 'none',
    command: 'hpc-agent.showLog',
  };
}

export interface Badge {
  readonly value: number;
  readonly tooltip: string;
}

export function attentionBadge(runs: readonly RunSummary[]): Badge | undefined {
  const value = runs.filter(needsAttention).length;
  return value === 0 ? undefined : { value, tooltip: l10n.t('{0, plural, one {# run needs attention} other {# runs need attention}}', value) };
}

/** Text of the status bar; undefined where there are no runs. Failures of runs that ended long ago do not stay for ever: a day. */
export function statusBarText(runs: readonly RunSummary[], now: Date): { readonly text: string; readonly tooltip: string } | undefined {
  if (runs.length === 0) return undefined;
  const recent = runs.filter((run) => isOpen(run) || now.getTime() - Date.parse(run.submitted_at) < 86_400_000);
  const sum = (pick: (run: RunSummary) => number): number => recent.reduce((total, run) => total + pick(run), 0);
  const running = sum((run) => run.counts.running);
  const waiting = sum((run) => (isOpen(run) ? run.counts.pending : 0));
  const failed = sum((run) => run.counts.failed);
  const words = [...(running > 0 ? [l10n.t('{0} running', running)] : []), ...(waiting > 0 ? [l10n.t('{0} waiting', waiting)] : []), ...(failed > 0 ? [l10n.t('{0} failed', failed)] : [])];
  const open = runs.filter(isOpen);
  const text = words.length > 0 ? words.join(' · ') : open.length > 0 ? l10n.t('{0} open', open.length) : l10n.t('no open runs');
  const tooltip = recent.slice(0, 8).map((run) => `- **${escapeMarkdown(run.run_name)}**: ${escapeMarkdown(runDescription(run, now))}`);
  return { text: `$(server-process) ${text}`, tooltip: [l10n.t('HPC Agent: {0, plural, one {# open run} other {# open runs}}', open.length), '', ...tooltip].join('\n') };
}
