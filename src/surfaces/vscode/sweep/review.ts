/** The rows of the review: the next act first, then what it costs, then what is wrong with it. */
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
    { label: 'Try again', icon: 'refresh', action: 'retry' },
    { label: 'Back', icon: 'arrow-left', action: 'back' },
  ];
}

function planRows(plan: PlanOutput, draft: SweepDraft): readonly ReviewRow[] {
  const tasks = plan.total_tasks === 1 ? '1 task' : `${plan.total_tasks.toLocaleString('en-US')} tasks`;
  const cost = costWords(plan);
  return [
    ...(plan.verdict === 'fail' ? [{ label: 'Back', icon: 'arrow-left', description: 'to correct what is wrong', detail: plan.headline, action: 'back' as const }] : submitRows(plan, tasks, cost)),
    ...(plan.findings.length === 0 ? [] : [{ label: plan.verdict === 'fail' ? 'In the way' : 'Worth a look', action: 'none' as const, separator: true as const }]),
    ...plan.findings.map((finding) => ({ label: finding.message, icon: findingIcons[finding.severity], ...(finding.suggested_fix === undefined ? {} : { detail: finding.suggested_fix }), action: 'none' as const })),
    { label: 'What would happen', action: 'none', separator: true },
    { label: shapeWords(plan), icon: 'layers', description: `on ${plan.cluster}`, action: 'plan' },
    { label: cost === '' ? 'Cost unknown: give a time limit to see it' : cost, icon: 'dashboard', action: 'plan' },
    { label: `Name: ${plan.run_name}`, icon: 'tag', description: draft.runName === undefined ? 'change' : '', action: 'rename' },
    { label: 'See it drawn to scale', icon: 'graph', description: 'canary and submit from there', action: 'drawn' },
    { label: 'Show the job script', icon: 'terminal', action: 'script' },
    { label: 'Show the whole plan', icon: 'list-tree', action: 'plan' },
  ];
}

function submitRows(plan: PlanOutput, tasks: string, cost: string): readonly ReviewRow[] {
  const prior = plan.prior_run;
  if (!prior) return [{ label: `Submit ${tasks} to ${plan.cluster}`, icon: 'rocket', ...(cost === '' ? {} : { description: cost }), action: 'submit' }];
  const state = stateWord({ lifecycle_state: prior.lifecycle_state, total_tasks: prior.total_tasks, counts: { complete: prior.complete, running: 0, pending: 0, failed: 0, cancelled: 0, unknown: 0 } });
  return [
    { label: 'Show the earlier run', icon: 'history', description: `${state} · ${prior.complete} of ${prior.total_tasks} done`, detail: `These very tasks were submitted to ${plan.cluster} before.`, action: 'earlier' },
    { label: `Submit ${tasks} again as a new run`, icon: 'rocket', ...(cost === '' ? {} : { description: cost }), action: 'submitNew' },
  ];
}

export function shapeWords(plan: Pick<PlanOutput, 'total_tasks' | 'arrays' | 'waves'>): string {
  const count = (n: number, one: string): string => `${n.toLocaleString('en-US')} ${n === 1 ? one : `${one}s`}`;
  return `${count(plan.total_tasks, 'task')} in ${count(plan.arrays.length, 'array')}, ${count(plan.waves, 'wave')}`;
}

export function costWords(plan: Pick<PlanOutput, 'max_node_hours' | 'max_core_hours' | 'est_wall_s'>): string {
  const hours = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
  return [
    ...(plan.max_core_hours === null ? [] : [`at most ${hours(plan.max_core_hours)} core-hours`]),
    ...(plan.max_node_hours === null ? [] : [`${plan.max_core_hours === null ? 'at most ' : ''}${hours(plan.max_node_hours)} node-hours`]),
    ...(plan.est_wall_s === null ? [] : [`about ${formatDuration(plan.est_wall_s * 1000)}`]),
  ].join(' · ');
}
