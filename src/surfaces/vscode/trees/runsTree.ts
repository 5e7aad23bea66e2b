/**
 * The Runs tree from run summaries. However many tasks a run has, its rows stay few: groups with a count, and at most a
 * page of single tasks below an opened group.
 */
import { formatDuration } from '../../../foundation/clock.ts';
import type { RunSummary, TaskRow } from '../../../operations/schemas.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import { failuresNode, hasFailures } from './failureNodes.ts';
import type { TreeNode } from './node.ts';
import { ageWords, countWords, isOpen, kwargsWords, needsAttention, runDescription, runIcon, stateWord, taskIcon, taskWords } from './runWords.ts';

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
    children: [...attentionNodes(run, folder), ...failuresNode(run, folder), ...doneNode(run, folder), ...runningNode(run, folder), ...waveNodes(run, folder)],
    expanded: isOpen(run),
  };
}

/** The facts and where they come from. Everything but our own words is escaped. */
export function runTooltip(run: RunSummary, now: Date): string {
  const lines = [
    `**${escapeMarkdown(run.run_name)}** — ${stateWord(run)}, ${ageWords(run, now)}`,
    '',
    countWords(run.counts),
    '',
    ...(run.stale_reason === null ? [] : [`$(warning) Could not ask ${escapeMarkdown(run.cluster)}: ${escapeMarkdown(run.stale_reason)}`, '']),
    ...run.attention.map((item) => `- $(alert) ${escapeMarkdown(item.message)}`),
    ...run.evidence.map((line) => `- ${escapeMarkdown(line)}`),
    '',
    `Cluster ${codeSpan(run.cluster)} (${escapeMarkdown(run.scheduler)}), script ${codeSpan(run.executor)}`,
    '',
    `Run ${codeSpan(run.run_id)}, submitted ${formatDuration(now.getTime() - Date.parse(run.submitted_at))} ago`,
    '',
    `Jobs ${run.job_ids.length === 0 ? 'none known yet' : run.job_ids.slice(0, 8).map(codeSpan).join(' ')}${run.job_ids.length > 8 ? ` and ${run.job_ids.length - 8} more` : ''}, folder ${codeSpan(run.remote_path)}`,
  ];
  return lines.join('\n');
}

function splitOnce(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

function attentionNodes(run: RunSummary, folder: string): readonly TreeNode[] {
  const seen = new Map<string, number>();
  return run.attention.map((item) => {
    // Kinds may repeat (two different failures): the occurrence keeps the id apart, and steady while others change.
    const nth = seen.get(item.kind) ?? 0;
    seen.set(item.kind, nth + 1);
    const count = item.task_ids.length;
    // What it is as the row, what it looks like beside it: a side bar is narrow.
    const [what = '', example] = splitOnce(item.message, '; ');
    return {
      id: `run:${run.run_id}/attention:${item.kind}:${nth}`,
      label: what,
      ...(example !== undefined ? { description: example.replace(/^for example /, '') } : count > 0 ? { description: String(count) } : {}),
      tooltip: escapeMarkdown(item.message),
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
      label: 'Running now',
      description: run.counts.running.toLocaleString('en-US'),
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
      label: run.waves.length === 1 ? 'All tasks' : `Wave ${index + 1} of ${run.waves.length}`,
      description: run.observed_at === null ? 'not asked yet' : countWords(wave.counts),
      tooltip: `Tasks ${wave.first_task} to ${last}${jobs.length === 0 ? ', no job known yet' : `, ${jobs.length === 1 ? 'job' : 'jobs'} ${jobs.map(codeSpan).join(' ')}`}${wave.combined ? '. Its results are combined on the cluster.' : ''}`,
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
      label: run.counts.complete === run.total_tasks ? 'Results' : 'Results so far',
      description: `${run.counts.complete.toLocaleString('en-US')} of ${run.total_tasks.toLocaleString('en-US')} tasks`,
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
            label: `${rest.toLocaleString('en-US')} more`,
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
    `**Task ${row.task_id}** — ${row.state}`,
    kwargsWords(row.kwargs, 400) === '' ? '' : codeSpan(kwargsWords(row.kwargs, 400)),
    escapeMarkdown(row.evidence),
    [
      ...(row.job === null ? [] : [`job ${codeSpan(row.job)}`]),
      ...(row.node === null ? [] : [`node ${codeSpan(row.node)}`]),
      ...(row.exit_code === null ? [] : [`exit status ${row.exit_code}`]),
      ...(row.elapsed_s === null ? [] : [`ran ${formatDuration(row.elapsed_s * 1000)}`]),
      ...(row.peak_rss_mib === null ? [] : [`peak memory ${row.peak_rss_mib.toFixed(0)} MiB`]),
      ...(row.attempt > 1 ? [`attempt ${row.attempt}`] : []),
    ].join(' · '),
  ];
  return {
    id: `${parentId}/task:${row.task_id}`,
    label: `task ${row.task_id}`,
    // The icon says that it is done; a reader hears it.
    description: [...(row.state === 'complete' ? [] : [row.state]), taskWords(row.kwargs)].filter((part) => part !== '').join(' · '),
    spoken: `task ${row.task_id}, ${row.state}, ${kwargsWords(row.kwargs)}`,
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
  return value === 0 ? undefined : { value, tooltip: value === 1 ? '1 run needs attention' : `${value} runs need attention` };
}

/** Text of the status bar; undefined where there are no runs. Failures of runs that ended long ago do not stay for ever: a day. */
export function statusBarText(runs: readonly RunSummary[], now: Date): { readonly text: string; readonly tooltip: string } | undefined {
  if (runs.length === 0) return undefined;
  const recent = runs.filter((run) => isOpen(run) || now.getTime() - Date.parse(run.submitted_at) < 86_400_000);
  const sum = (pick: (run: RunSummary) => number): number => recent.reduce((total, run) => total + pick(run), 0);
  const parts = [
    [sum((run) => run.counts.running), 'running'],
    [sum((run) => (isOpen(run) ? run.counts.pending : 0)), 'waiting'],
    [sum((run) => run.counts.failed), 'failed'],
  ] as const;
  const words = parts.flatMap(([count, word]) => (count > 0 ? [`${count.toLocaleString('en-US')} ${word}`] : []));
  const open = runs.filter(isOpen);
  const text = words.length > 0 ? words.join(' · ') : open.length > 0 ? `${open.length} open` : 'no open runs';
  const tooltip = recent.slice(0, 8).map((run) => `- **${escapeMarkdown(run.run_name)}**: ${escapeMarkdown(runDescription(run, now))}`);
  return { text: `$(server-process) ${text}`, tooltip: [`HPC Agent: ${open.length === 1 ? '1 open run' : `${open.length} open runs`}`, '', ...tooltip].join('\n') };
}
