/**
 * Answers of the chat participant, made from operation output alone: they work without any model, and every number in
 * them comes from data. Text of the far side is escaped.
 */
import { l10n } from '../../../../l10n/words.ts';
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

export const helpAnswer = (): ChatAnswer => ({
  markdown: [
    l10n.t('I run parameter sweeps on clusters and on this computer, and tell how they are doing.'),
    '',
    `- ${l10n.t('`/discover` finds the scripts and their flags')}`,
    `- ${l10n.t('`/plan` shows what submitting `.hpc/tasks.py` would do: `/plan <cluster>`')}`,
    `- ${l10n.t('`/submit` plans, then asks before it submits')}`,
    `- ${l10n.t('`/status` tells how a run is doing: `/status <run>`, or the newest')}`,
    `- ${l10n.t('`/why` tells why tasks failed, with the evidence')}`,
    `- ${l10n.t('`/results` shows the reduced results')}`,
    `- ${l10n.t('`/cancel` ends a run, after asking')}`,
  ].join('\n'),
  buttons: [{ title: l10n.t('New sweep…'), command: 'hpc-agent.newSweep' }],
});

interface ExecutorFound {
  readonly path: string;
  readonly summary: string;
  readonly flags: readonly { readonly name: string; readonly default?: unknown }[];
}

export function discoverAnswer(executors: readonly ExecutorFound[]): ChatAnswer {
  if (executors.length === 0) {
    return { markdown: l10n.t('No script with flags (argparse, click, typer) and no batch script was found in this folder.'), buttons: [{ title: l10n.t('Try the sample'), command: 'hpc-agent.trySample' }] };
  }
  const lines = executors.map(({ path, summary, flags }) => `- ${codeSpan(path)}${summary === '' ? '' : `: ${escapeMarkdown(summary)}`}${flags.length === 0 ? '' : ` (${flags.map(({ name }) => codeSpan(name)).join(', ')})`}`);
  return { markdown: [l10n.t('{0, plural, one {One script} other {# scripts}} can be run as tasks:', executors.length), '', ...lines].join('\n'), buttons: [{ title: l10n.t('New sweep…'), command: 'hpc-agent.newSweep' }] };
}

export function planAnswer(plan: PlanOutput): ChatAnswer {
  const cost = costWords(plan);
  const prior = plan.prior_run;
  return {
    markdown: [
      `**${escapeMarkdown(plan.headline)}**`,
      '',
      cost === '' ? l10n.t('{0} on {1}.', shapeWords(plan), codeSpan(plan.cluster)) : l10n.t('{0} on {1}, {2}.', shapeWords(plan), codeSpan(plan.cluster), cost),
      ...plan.findings.map((finding) => `\n- **${finding.severity}**: ${escapeMarkdown(finding.message)}${finding.suggested_fix === undefined ? '' : ` ${escapeMarkdown(finding.suggested_fix)}`}`),
      ...(prior ? ['', l10n.t('The same tasks were submitted there before: run {0}, {1} of {2} done.', codeSpan(prior.run_id), prior.complete, prior.total_tasks)] : []),
    ].join('\n'),
    buttons: plan.verdict === 'fail' ? [{ title: l10n.t('New sweep…'), command: 'hpc-agent.newSweep' }] : [{ title: l10n.t('Submit…'), command: 'hpc-agent.submitRun', arguments: [{ kind: 'cluster', name: plan.cluster }] }],
  };
}

export function runsAnswer(runs: readonly RunSummary[], now: Date): ChatAnswer {
  if (runs.length === 0) return { markdown: l10n.t('There are no runs in this workspace yet.'), buttons: [{ title: l10n.t('New sweep…'), command: 'hpc-agent.newSweep' }] };
  const rows = runs.slice(0, 10).map((run) => [run.run_name, run.cluster, stateWord(run), countWords(run.counts), ageWords(run, now), run.run_id]);
  return { markdown: `${table([l10n.t('name'), l10n.t('cluster'), l10n.t('state'), l10n.t('tasks'), l10n.t('seen'), l10n.t('run')], rows)}${runs.length > 10 ? `\n\n${l10n.t('{0, plural, one {and # earlier one.} other {and # earlier ones.}}', runs.length - 10)}` : ''}`, buttons: [{ title: l10n.t('Refresh'), command: 'hpc-agent.refresh' }] };
}

export function statusAnswer(run: RunSummary, now: Date): ChatAnswer {
  const failed = run.counts.failed > 0;
  return {
    markdown: [
      l10n.t('**{0}** on {1} is **{2}**: {3} of {4} tasks ({5}).', escapeMarkdown(run.run_name), codeSpan(run.cluster), stateWord(run), countWords(run.counts), run.total_tasks, ageWords(run, now)),
      ...(run.stale_reason === null ? [] : ['', l10n.t('The cluster could not be asked now: {0}', escapeMarkdown(run.stale_reason))]),
      ...(run.attention.length === 0 ? [] : ['', ...run.attention.map(({ message }) => `- ${escapeMarkdown(message)}`)]),
    ].join('\n'),
    buttons: [
      ...(failed ? [{ title: l10n.t('Show log of a failed task'), command: 'hpc-agent.showStderr', arguments: [run.run_id] }] : []),
      ...(run.counts.complete > 0 ? [{ title: l10n.t('Open results'), command: 'hpc-agent.openResults', arguments: [run.run_id] }] : []),
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
    const none = l10n.t('No task of **{0}** has failed.', escapeMarkdown(run.run_name));
    return { markdown: run.counts.unknown > 0 ? `${none} ${l10n.t('The state of {0} is unknown: they may still be running.', run.counts.unknown)}` : none, buttons: [] };
  }
  const causes = causesOf(bad);
  const lines = causes.slice(0, 5).map(({ evidence, tasks }) => {
    const example = tasks[0];
    const which = taskText(tasks.map(({ task_id }) => task_id));
    const said = escapeMarkdown(evidence);
    return `- ${example ? l10n.t('{0, plural, one {# task} other {# tasks}} ({1}): {2}, for example {3}', tasks.length, which, said, codeSpan(kwargsWords(example.kwargs))) : l10n.t('{0, plural, one {# task} other {# tasks}} ({1}): {2}', tasks.length, which, said)}`;
  });
  return {
    markdown: [
      l10n.t('{0, plural, one {One task} other {# tasks}} of **{1}** did not succeed, for {2, plural, one {one reason} other {# reasons}}:', bad.length, escapeMarkdown(run.run_name), causes.length),
      '',
      ...lines,
      ...(excerpt === undefined || excerpt.text.trim() === '' ? [] : ['', l10n.t('The end of task {0}’s standard error:', String(excerpt.taskId)), '', fenced(excerpt.text)]),
    ].join('\n'),
    buttons: causes.slice(0, 2).flatMap(({ tasks }) => (tasks[0] ? [{ title: l10n.t('Log of task {0}', String(tasks[0].task_id)), command: 'hpc-agent.showLog', arguments: [{ kind: 'task', folder, runId: run.run_id, taskId: tasks[0].task_id, stream: 'stderr' }] }] : [])),
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
      results.partial ? l10n.t('Results of **{0}** (partial: some tasks are missing):', escapeMarkdown(name)) : l10n.t('Results of **{0}**:', escapeMarkdown(name)),
      '',
      table([...results.parameters, ...results.metrics], rows, new Set(results.metrics.map((_, index) => results.parameters.length + index))),
      ...(results.rows.length > 12 ? ['', l10n.t('{0, plural, one {# more row is in the table.} other {# more rows are in the table.}}', results.rows.length - 12)] : []),
    ].join('\n'),
    buttons: [{ title: l10n.t('Open results'), command: 'hpc-agent.openResults', arguments: [results.run_id] }],
  };
}

export function cancelAnswer(sentence: string, run: RunSummary): ChatAnswer {
  return { markdown: `${escapeMarkdown(sentence)}\n\n${l10n.t('Nothing was cancelled yet.')}`, buttons: [{ title: l10n.t('Cancel run…'), command: 'hpc-agent.cancelRun', arguments: [run.run_id] }] };
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

