/** What the lines above the code and the hovers say about the sweep. Values come from the workspace's own code: shown as text, never as markup. */
import { l10n } from '../../../../l10n/words.ts';
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

function countLens(state: SweepState): Lens {
  switch (state.kind) {
    case 'untrusted':
      return { title: l10n.t('$(shield) Trust this folder to count the tasks'), command: 'workbench.trust.manage', tooltip: l10n.t('tasks.py is code: it is not run in a folder that is not trusted.') };
    case 'unknown':
      return { title: l10n.t('Count the tasks'), command: 'hpc-agent.countTasks', tooltip: [...(state.isSlow === true ? [l10n.t('tasks.py takes long, so it is not evaluated by itself.')] : []), l10n.t('Evaluates tasks.py once on this computer. A plan that follows uses the same evaluation.')].join(' ') };
    case 'counting':
      return { title: l10n.t('$(loading~spin) Counting the tasks') };
    case 'failed':
      return { title: l10n.t('$(error) tasks.py cannot be evaluated'), command: 'hpc-agent.countTasks', tooltip: state.message };
    case 'known':
      return { title: l10n.t('{0, plural, one {# task} other {# tasks}}', state.sweep.taskCount), command: 'hpc-agent.countTasks', tooltip: state.sweep.parameters.map(({ name, distinct }) => l10n.t('{1}: {0, plural, one {# value} other {# values}}', distinct, name)).join('\n') };
  }
}

const actions = (state: SweepState): readonly Lens[] =>
  state.kind === 'untrusted' || state.kind === 'failed' || (state.kind === 'known' && state.sweep.taskCount === 0)
    ? []
    : [
        { title: l10n.t('Plan'), command: 'hpc-agent.plan', tooltip: l10n.t('Arrays, waves, cost and what is wrong with it. Submits nothing.') },
        { title: l10n.t('Run canary'), command: 'hpc-agent.runCanary', tooltip: l10n.t('One task first; the rest only when it passed.') },
        { title: l10n.t('Submit'), command: 'hpc-agent.submitRun', tooltip: l10n.t('Choose a cluster, look at the plan, submit.') },
      ];

export function tasksLenses(state: SweepState): readonly Lens[] {
  return [countLens(state), ...actions(state)];
}

/** Above a script: of the sweep where it is part of it, else the way to one. */
export function scriptLenses(state: SweepState, flags: readonly { readonly name: string }[], isInSweep: boolean): readonly Lens[] {
  if (isInSweep) return [countLens(state), ...actions(state)];
  const names = flags.map(({ name }) => name);
  return state.kind === 'untrusted' ? [] : [{ title: l10n.t('$(add) New sweep…'), command: 'hpc-agent.newSweep', tooltip: names.length === 0 ? l10n.t('This script has no flags.') : l10n.t('Values for {0}', `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`) }];
}

const rangeText = ([first, last]: TaskRange): string => (first === last ? String(first) : `${first}–${last}`);

/** `0–7, 24–31, …` */
export function rangesText(ranges: readonly TaskRange[], isMore: boolean): string {
  return `${ranges.map(rangeText).join(', ')}${isMore ? ', …' : ''}`;
}

const shownValues = 12;
const shownRanges = 4;

export function parameterHover(parameter: ParameterOutline, sweep: SweepOutline): string {
  const name = `**${escapeMarkdown(parameter.name)}**`;
  const hasSpan = parameter.distinct > 1 && parameter.least !== undefined && parameter.most !== undefined;
  const heading = hasSpan
    ? l10n.t('{0} — {1, plural, one {# value} other {# values}} from {2} to {3} in {4, plural, one {# task} other {# tasks}}', name, parameter.distinct, codeSpan(String(parameter.least)), codeSpan(String(parameter.most)), sweep.taskCount)
    : l10n.t('{0} — {1, plural, one {one value} other {# values}} in {2, plural, one {# task} other {# tasks}}', name, parameter.distinct, sweep.taskCount);
  const rows = parameter.values.slice(0, shownValues).map(({ text, tasks, count: number }) => {
    const covered = tasks.slice(0, shownRanges).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return `| ${codeSpan(text.length > 60 ? `${text.slice(0, 59)}…` : text).replaceAll('|', '\\|')} | ${l10n.number(number)} | ${rangesText(tasks.slice(0, shownRanges), covered < number)} |`;
  });
  const waves = sweep.run?.waves ?? [];
  return [
    heading,
    [`| ${l10n.t('value')} | ${l10n.t('tasks')} | ${l10n.t('which')} |`, '| --- | ---: | --- |', ...rows].join('\n'),
    ...(parameter.distinct > shownValues ? [l10n.t('{0, plural, one {and # more value} other {and # more values}}', parameter.distinct - shownValues)] : []),
    ...(sweep.run ? [l10n.t('Waves of {0} on {1}: {2}', codeSpan(sweep.run.runId), escapeMarkdown(sweep.run.cluster), `${waves.slice(0, 8).map(({ wave, tasks }) => l10n.t('{0}: tasks {1}', String(wave), rangeText(tasks))).join(' · ')}${waves.length > 8 ? ' · …' : ''}`)] : []),
  ].join('\n\n');
}

/** `--learning-rate`, `args.learning_rate` and `learning_rate` name one parameter. */
export function parameterName(word: string): string {
  return word.replace(/^(?:args\.|-+)/, '').replaceAll('-', '_');
}
