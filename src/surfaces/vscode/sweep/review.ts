/** The rows of the review: the next act first, then what it costs, then what is wrong with it. */
import { l10n } from '../../../../l10n/words.ts';
import { formatDuration } from '../../../foundation/clock.ts';
import type { HpcError } from '../../../foundation/errors.ts';
import type { Finding, PlanOutput } from '../../../operations/schemas.ts';
import { stateWord } from '../trees/runWords.ts';
import type { SweepDraft } from './draft.ts';

export type ReviewAction = 'submit' | 'submitNew' | 'earlier' | 'drawn' | 'script' | 'plan' | 'rename' | 'retry' | 'back' | 'none';

export interface ReviewRow {
  readonly label: string;
  readonly icon?: string;
  readonly description?: string;
  readonly detail?: string;
  readonly action: ReviewAction;
  readonly separator?: true;
}

const findingIcons: Readonly<Record<Finding['severity'], string>> = { error: 'error', warning: 'warning', info: 'info' };

export function reviewRows(result: PlanOutput | HpcError, draft: SweepDraft): readonly ReviewRow[] {
  return 'headline' in result ? planRows(result, draft) : failureRows(result);
}

function failureRows(error: HpcError): readonly ReviewRow[] {
  return [
    { label: error.message, icon: 'error', ...(error.remediation === undefined ? {} : { detail: error.remediation }), action: 'none' },
    { label: l10n.t('Try again'), icon: 'refresh', action: 'retry' },
    { label: l10n.t('Back'), icon: 'arrow-left', action: 'back' },
  ];
}

function planRows(plan: PlanOutput, draft: SweepDraft): readonly ReviewRow[] {
  const cost = costWords(plan);
  return [
    ...(plan.verdict === 'fail' ? [{ label: l10n.t('Back'), icon: 'arrow-left', description: l10n.t('to correct what is wrong'), detail: plan.headline, action: 'back' as const }] : submitRows(plan, cost)),
    ...(plan.findings.length === 0 ? [] : [{ label: plan.verdict === 'fail' ? l10n.t('In the way') : l10n.t('Worth a look'), action: 'none' as const, separator: true as const }]),
    ...plan.findings.map((finding) => ({ label: finding.message, icon: findingIcons[finding.severity], ...(finding.suggested_fix === undefined ? {} : { detail: finding.suggested_fix }), action: 'none' as const })),
    { label: l10n.t('What would happen'), action: 'none', separator: true },
    { label: shapeWords(plan), icon: 'layers', description: l10n.t('on {0}', plan.cluster), action: 'plan' },
    { label: cost === '' ? l10n.t('Cost unknown: give a time limit to see it') : cost, icon: 'dashboard', action: 'plan' },
    { label: l10n.t('Name: {0}', plan.run_name), icon: 'tag', description: draft.runName === undefined ? l10n.t('change') : '', action: 'rename' },
    { label: l10n.t('See it drawn to scale'), icon: 'graph', description: l10n.t('canary and submit from there'), action: 'drawn' },
    { label: l10n.t('Show the job script'), icon: 'terminal', action: 'script' },
    { label: l10n.t('Show the whole plan'), icon: 'list-tree', action: 'plan' },
  ];
}

function submitRows(plan: PlanOutput, cost: string): readonly ReviewRow[] {
  const prior = plan.prior_run;
  if (!prior) return [{ label: l10n.t('{0, plural, one {Submit # task to {1}} other {Submit # tasks to {1}}}', plan.total_tasks, plan.cluster), icon: 'rocket', ...(cost === '' ? {} : { description: cost }), action: 'submit' }];
  const state = stateWord({ lifecycle_state: prior.lifecycle_state, total_tasks: prior.total_tasks, counts: { complete: prior.complete, running: 0, pending: 0, failed: 0, cancelled: 0, unknown: 0 } });
  return [
    { label: l10n.t('Show the earlier run'), icon: 'history', description: l10n.t('{0} · {1} of {2} done', state, prior.complete, prior.total_tasks), detail: l10n.t('These very tasks were submitted to {0} before.', plan.cluster), action: 'earlier' },
    { label: l10n.t('{0, plural, one {Submit # task again as a new run} other {Submit # tasks again as a new run}}', plan.total_tasks), icon: 'rocket', ...(cost === '' ? {} : { description: cost }), action: 'submitNew' },
  ];
}

export function shapeWords(plan: Pick<PlanOutput, 'total_tasks' | 'arrays' | 'waves'>): string {
  return l10n.t('{0, plural, one {# task} other {# tasks}} in {1, plural, one {# array} other {# arrays}}, {2, plural, one {# wave} other {# waves}}', plan.total_tasks, plan.arrays.length, plan.waves);
}

export function costWords(plan: Pick<PlanOutput, 'max_node_hours' | 'max_core_hours' | 'est_wall_s'>): string {
  const hours = (value: number): string => l10n.number(value, value >= 10 ? { maximumFractionDigits: 0, useGrouping: false } : { minimumSignificantDigits: 2, maximumSignificantDigits: 2 });
  return [
    ...(plan.max_core_hours === null ? [] : [l10n.t('at most {0} core-hours', hours(plan.max_core_hours))]),
    ...(plan.max_node_hours === null ? [] : [plan.max_core_hours === null ? l10n.t('at most {0} node-hours', hours(plan.max_node_hours)) : l10n.t('{0} node-hours', hours(plan.max_node_hours))]),
    ...(plan.est_wall_s === null ? [] : [l10n.t('about {0}', formatDuration(plan.est_wall_s * 1000))]),
  ].join(' · ');
}
