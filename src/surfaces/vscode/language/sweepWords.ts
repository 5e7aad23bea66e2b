/** What the lines above the code and the hovers say about the sweep. Values come from the workspace's own code: shown as text, never as markup. */
import type { ParameterOutline, SweepOutline, TaskRange } from '../../../operations/editing/sweepOutline.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';

export interface Lens {
  readonly title: string;
  /** Undefined: only said. */
  readonly command?: string;
  readonly tooltip?: string;
}

export type SweepState =
  | { readonly kind: 'untrusted' }
  | { readonly kind: 'unknown'; /** It took too long to be evaluated unasked. */ readonly isSlow?: true }
  | { readonly kind: 'counting' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'known'; readonly sweep: SweepOutline };

const count = (value: number, word: string): string => `${value.toLocaleString('en-US')} ${word}${value === 1 ? '' : 's'}`;

function countLens(state: SweepState): Lens {
  switch (state.kind) {
    case 'untrusted':
      return { title: '$(shield) Trust this folder to count the tasks', command: 'workbench.trust.manage', tooltip: 'tasks.py is code: it is not run in a folder that is not trusted.' };
    case 'unknown':
      return { title: 'Count the tasks', command: 'hpc-agent.countTasks', tooltip: `${state.isSlow === true ? 'tasks.py takes long, so it is not evaluated by itself. ' : ''}Evaluates tasks.py once on this computer. A plan that follows uses the same evaluation.` };
    case 'counting':
      return { title: '$(loading~spin) Counting the tasks' };
    case 'failed':
      return { title: '$(error) tasks.py cannot be evaluated', command: 'hpc-agent.countTasks', tooltip: state.message };
    case 'known':
      return { title: count(state.sweep.taskCount, 'task'), command: 'hpc-agent.countTasks', tooltip: state.sweep.parameters.map(({ name, distinct }) => `${name}: ${count(distinct, 'value')}`).join('\n') };
  }
}

const actions = (state: SweepState): readonly Lens[] =>
  state.kind === 'untrusted' || state.kind === 'failed' || (state.kind === 'known' && state.sweep.taskCount === 0)
    ? []
    : [
        { title: 'Plan', command: 'hpc-agent.plan', tooltip: 'Arrays, waves, cost and what is wrong with it. Submits nothing.' },
        { title: 'Run canary', command: 'hpc-agent.runCanary', tooltip: 'One task first; the rest only when it passed.' },
        { title: 'Submit', command: 'hpc-agent.submitRun', tooltip: 'Choose a cluster, look at the plan, submit.' },
      ];

export function tasksLenses(state: SweepState): readonly Lens[] {
  return [countLens(state), ...actions(state)];
}

/** Above a script: of the sweep where it is part of it, else the way to one. */
export function scriptLenses(state: SweepState, flags: readonly { readonly name: string }[], isInSweep: boolean): readonly Lens[] {
  if (isInSweep) return [countLens(state), ...actions(state)];
  const names = flags.map(({ name }) => name);
  return state.kind === 'untrusted' ? [] : [{ title: '$(add) New sweep…', command: 'hpc-agent.newSweep', tooltip: names.length === 0 ? 'This script has no flags.' : `Values for ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}` }];
}

const rangeText = ([first, last]: TaskRange): string => (first === last ? String(first) : `${first}–${last}`);

/** `0–7, 24–31, …` */
export function rangesText(ranges: readonly TaskRange[], isMore: boolean): string {
  return `${ranges.map(rangeText).join(', ')}${isMore ? ', …' : ''}`;
}

const shownValues = 12;
const shownRanges = 4;

export function parameterHover(parameter: ParameterOutline, sweep: SweepOutline): string {
  const span = parameter.distinct > 1 && parameter.least !== undefined && parameter.most !== undefined ? ` from ${codeSpan(String(parameter.least))} to ${codeSpan(String(parameter.most))}` : '';
  const rows = parameter.values.slice(0, shownValues).map(({ text, tasks, count: number }) => {
    const covered = tasks.slice(0, shownRanges).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return `| ${codeSpan(text.length > 60 ? `${text.slice(0, 59)}…` : text).replaceAll('|', '\\|')} | ${number.toLocaleString('en-US')} | ${rangesText(tasks.slice(0, shownRanges), covered < number)} |`;
  });
  const waves = sweep.run?.waves ?? [];
  return [
    `**${escapeMarkdown(parameter.name)}** — ${parameter.distinct === 1 ? 'one value' : count(parameter.distinct, 'value')}${span} in ${count(sweep.taskCount, 'task')}`,
    ['| value | tasks | which |', '| --- | ---: | --- |', ...rows].join('\n'),
    ...(parameter.distinct > shownValues ? [`and ${count(parameter.distinct - shownValues, 'more value')}`] : []),
    ...(sweep.run ? [`Waves of ${codeSpan(sweep.run.runId)} on ${escapeMarkdown(sweep.run.cluster)}: ${waves.slice(0, 8).map(({ wave, tasks }) => `${wave}: tasks ${rangeText(tasks)}`).join(' · ')}${waves.length > 8 ? ' · …' : ''}`] : []),
  ].join('\n\n');
}

/** `--learning-rate`, `args.learning_rate` and `learning_rate` name one parameter. */
export function parameterName(word: string): string {
  return word.replace(/^(?:args\.|-+)/, '').replaceAll('-', '_');
}
