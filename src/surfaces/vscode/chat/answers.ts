/**
 * Answers of the chat participant, made from operation output alone: they work without any model, and every number in
 * them comes from data. Text of the far side is escaped.
 */
import type { PlanOutput, ResultsTable, RunSummary, TaskRow } from '../../../operations/schemas.ts';
import { plainText } from '../documents/terminalText.ts';
import { numberText, taskText } from '../documents/resultsText.ts';
import { codeSpan, escapeMarkdown, table } from '../markdown.ts';
import { costWords, shapeWords } from '../sweep/review.ts';
import { ageWords, countWords, kwargsWords, stateWord } from '../trees/runWords.ts';

export interface Button {
  readonly title: string;
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

export interface ChatAnswer {
  readonly markdown: string;
  readonly buttons: readonly Button[];
}

export const helpAnswer: ChatAnswer = {
  markdown: [
    'I run parameter sweeps on clusters and on this computer, and tell how they are doing.',
    '',
    '- `/discover` finds the scripts and their flags',
    '- `/plan` shows what submitting `.hpc/tasks.py` would do: `/plan <cluster>`',
    '- `/submit` plans, then asks before it submits',
    '- `/status` tells how a run is doing: `/status <run>`, or the newest',
    '- `/why` tells why tasks failed, with the evidence',
    '- `/results` shows the reduced results',
    '- `/cancel` ends a run, after asking',
  ].join('\n'),
  buttons: [{ title: 'New sweep…', command: 'hpc-agent.newSweep' }],
};

interface ExecutorFound {
  readonly path: string;
  readonly summary: string;
  readonly flags: readonly { readonly name: string; readonly default?: unknown }[];
}

export function discoverAnswer(executors: readonly ExecutorFound[]): ChatAnswer {
  if (executors.length === 0) {
    return { markdown: 'No script with flags (argparse, click, typer) and no batch script was found in this folder.', buttons: [{ title: 'Try the sample', command: 'hpc-agent.trySample' }] };
  }
  const lines = executors.map(({ path, summary, flags }) => `- ${codeSpan(path)}${summary === '' ? '' : `: ${escapeMarkdown(summary)}`}${flags.length === 0 ? '' : ` (${flags.map(({ name }) => codeSpan(name)).join(', ')})`}`);
  return { markdown: [`${executors.length === 1 ? 'One script' : `${executors.length} scripts`} can be run as tasks:`, '', ...lines].join('\n'), buttons: [{ title: 'New sweep…', command: 'hpc-agent.newSweep' }] };
}

export function planAnswer(plan: PlanOutput): ChatAnswer {
  const cost = costWords(plan);
  const prior = plan.prior_run;
  return {
    markdown: [
      `**${escapeMarkdown(plan.headline)}**`,
      '',
      `${shapeWords(plan)} on ${codeSpan(plan.cluster)}${cost === '' ? '' : `, ${cost}`}.`,
      ...plan.findings.map((finding) => `\n- **${finding.severity}**: ${escapeMarkdown(finding.message)}${finding.suggested_fix === undefined ? '' : ` ${escapeMarkdown(finding.suggested_fix)}`}`),
      ...(prior ? ['', `The same tasks were submitted there before: run ${codeSpan(prior.run_id)}, ${prior.complete} of ${prior.total_tasks} done.`] : []),
    ].join('\n'),
    buttons: plan.verdict === 'fail' ? [{ title: 'New sweep…', command: 'hpc-agent.newSweep' }] : [{ title: 'Submit…', command: 'hpc-agent.submitRun', arguments: [{ kind: 'cluster', name: plan.cluster }] }],
  };
}

export function runsAnswer(runs: readonly RunSummary[], now: Date): ChatAnswer {
  if (runs.length === 0) return { markdown: 'There are no runs in this workspace yet.', buttons: [{ title: 'New sweep…', command: 'hpc-agent.newSweep' }] };
  const rows = runs.slice(0, 10).map((run) => [run.run_name, run.cluster, stateWord(run), countWords(run.counts), ageWords(run, now), run.run_id]);
  return { markdown: `${table(['name', 'cluster', 'state', 'tasks', 'seen', 'run'], rows)}${runs.length > 10 ? `\n\nand ${runs.length - 10} earlier ones.` : ''}`, buttons: [{ title: 'Refresh', command: 'hpc-agent.refresh' }] };
}

export function statusAnswer(run: RunSummary, now: Date): ChatAnswer {
  const failed = run.counts.failed > 0;
  return {
    markdown: [
      `**${escapeMarkdown(run.run_name)}** on ${codeSpan(run.cluster)} is **${stateWord(run)}**: ${countWords(run.counts)} of ${run.total_tasks.toLocaleString('en-US')} tasks (${ageWords(run, now)}).`,
      ...(run.stale_reason === null ? [] : ['', `The cluster could not be asked now: ${escapeMarkdown(run.stale_reason)}`]),
      ...(run.attention.length === 0 ? [] : ['', ...run.attention.map(({ message }) => `- ${escapeMarkdown(message)}`)]),
    ].join('\n'),
    buttons: [
      ...(failed ? [{ title: 'Show log of a failed task', command: 'hpc-agent.showStderr', arguments: [run.run_id] }] : []),
      ...(run.counts.complete > 0 ? [{ title: 'Open results', command: 'hpc-agent.openResults', arguments: [run.run_id] }] : []),
    ],
  };
}

/** Tasks with the same evidence are one cause; numbers that differ from task to task do not make another. */
export function causesOf(tasks: readonly TaskRow[]): readonly { readonly evidence: string; readonly tasks: readonly TaskRow[] }[] {
  const groups = new Map<string, TaskRow[]>();
  for (const task of tasks) {
    const key = `${task.state}:${task.exit_code ?? ''}:${task.evidence.replace(/\d+/g, '#')}`;
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length).map((group) => ({ evidence: group[0]?.evidence ?? '', tasks: group }));
}

export function whyAnswer(run: RunSummary, bad: readonly TaskRow[], excerpt: { readonly taskId: number; readonly text: string } | undefined, folder: string): ChatAnswer {
  if (bad.length === 0) {
    const unknown = run.counts.unknown > 0 ? ` The state of ${run.counts.unknown} is unknown: they may still be running.` : '';
    return { markdown: `No task of **${escapeMarkdown(run.run_name)}** has failed.${unknown}`, buttons: [] };
  }
  const causes = causesOf(bad);
  const lines = causes.slice(0, 5).map(({ evidence, tasks }) => {
    const example = tasks[0];
    return `- ${tasks.length === 1 ? '1 task' : `${tasks.length} tasks`} (${taskText(tasks.map(({ task_id }) => task_id))}): ${escapeMarkdown(evidence)}${example ? `, for example ${codeSpan(kwargsWords(example.kwargs))}` : ''}`;
  });
  return {
    markdown: [
      `${bad.length === 1 ? 'One task' : `${bad.length} tasks`} of **${escapeMarkdown(run.run_name)}** did not succeed, for ${causes.length === 1 ? 'one reason' : `${causes.length} reasons`}:`,
      '',
      ...lines,
      ...(excerpt === undefined || excerpt.text.trim() === '' ? [] : ['', `The end of task ${excerpt.taskId}’s standard error:`, '', fenced(excerpt.text)]),
    ].join('\n'),
    buttons: causes.slice(0, 2).flatMap(({ tasks }) => (tasks[0] ? [{ title: `Log of task ${tasks[0].task_id}`, command: 'hpc-agent.showLog', arguments: [{ kind: 'task', folder, runId: run.run_id, taskId: tasks[0].task_id, stream: 'stderr' }] }] : [])),
  };
}

function fenced(text: string): string {
  const lines = plainText(text).trimEnd().split('\n').slice(-8).join('\n');
  const longest = Math.max(2, ...[...lines.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${lines}\n${fence}`;
}

export function resultsAnswer(results: ResultsTable, name: string): ChatAnswer {
  const rows = results.rows.slice(0, 12).map((row) => [...results.parameters.map((key) => (typeof row.parameters[key] === 'string' ? row.parameters[key] : JSON.stringify(row.parameters[key] ?? ''))), ...results.metrics.map((key) => numberText(row.metrics[key]))]);
  return {
    markdown: [
      `Results of **${escapeMarkdown(name)}**${results.partial ? ' (partial: some tasks are missing)' : ''}:`,
      '',
      table([...results.parameters, ...results.metrics], rows, new Set(results.metrics.map((_, index) => results.parameters.length + index))),
      ...(results.rows.length > 12 ? ['', `${results.rows.length - 12} more rows are in the table.`] : []),
    ].join('\n'),
    buttons: [{ title: 'Open results', command: 'hpc-agent.openResults', arguments: [results.run_id] }],
  };
}

export function cancelAnswer(sentence: string, run: RunSummary): ChatAnswer {
  return { markdown: `${escapeMarkdown(sentence)}\n\nNothing was cancelled yet.`, buttons: [{ title: 'Cancel run…', command: 'hpc-agent.cancelRun', arguments: [run.run_id] }] };
}

/** The run that is meant: by id or name in the text, else the newest; undefined where there is none. */
export function runMeant(runs: readonly RunSummary[], text: string): RunSummary | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const byTime = [...runs].sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at));
  for (const word of words) {
    const found = byTime.find((run) => run.run_id === word) ?? byTime.find((run) => run.run_name === word) ?? (word.length >= 6 ? byTime.find((run) => run.run_id.startsWith(word)) : undefined);
    if (found) return found;
  }
  return byTime[0];
}

