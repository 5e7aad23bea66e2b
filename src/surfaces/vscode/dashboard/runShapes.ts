/** What the operations say of a run, in the shapes that the page shows. Pure. */
import { l10n } from '../../../../l10n/words.ts';
import type { FailuresOutput } from '../../../operations/failures.ts';
import type { ResubmitOutput } from '../../../operations/resubmit.ts';
import type { RunRecordOutput } from '../../../operations/runRecord.ts';
import type { ResourcesInput } from '../../../operations/schemas.ts';
import type { TaskColumnsOutput } from '../../../operations/taskColumns.ts';
import type { FailureGroup, RunShape } from '../../../../webview/protocol/run.ts';
import type { StateOf } from '../../../../webview/protocol.ts';
import { failureTitle } from '../trees/failureTitle.ts';
import { runHeadOf } from './runHead.ts';

export function runShapeOf({ run, cost, ...eta }: Pick<TaskColumnsOutput, 'run' | 'eta_s' | 'eta_spread_s' | 'cost'>): RunShape {
  return {
    ...runHeadOf(run, eta),
    scheduler: run.scheduler,
    executor: run.executor,
    cost,
    waves: run.waves.map(({ wave, first_task, task_count, arrays, counts }) => ({ wave, first_task, task_count, arrays: arrays.length, counts })),
  };
}

const resourceNames = (): Readonly<Record<string, string>> => ({
  cpus: l10n.t('cores'),
  memory: l10n.t('memory'),
  walltime: l10n.t('time limit'),
  gpus: l10n.t('GPUs'),
  gpu_type: l10n.t('GPU type'),
  nodes: l10n.t('nodes'),
  partition: l10n.t('partition'),
  account: l10n.t('account'),
  qos: 'QoS',
  constraint: l10n.t('constraint'),
});

/** `4G`, `6.3G`; `1:30:00`. */
function resourceText(name: string, value: unknown): string {
  if (name === 'memory' && typeof value === 'number') return value < 1024 ? `${Math.ceil(value)}M` : `${(value / 1024).toFixed(1).replace(/\.0$/, '')}G`;
  if (name === 'walltime' && typeof value === 'number') {
    const two = (part: number): string => String(part).padStart(2, '0');
    return `${Math.floor(value / 3600)}:${two(Math.floor((value % 3600) / 60))}:${two(Math.floor(value % 60))}`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function resourceRows(resources: ResourcesInput): { name: string; value: string }[] {
  return Object.entries(resources).flatMap(([name, value]) => (value === undefined ? [] : [{ name: resourceNames()[name] ?? name, value: resourceText(name, value) }]));
}

/** Line by line what changes between two requests. */
export function resourceChanges(before: ResourcesInput, after: ResourcesInput): { name: string; before: string | null; after: string | null }[] {
  const old = new Map(resourceRows(before).map(({ name, value }) => [name, value]));
  const now = new Map(resourceRows(after).map(({ name, value }) => [name, value]));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => (old.get(name) === now.get(name) ? [] : [{ name, before: old.get(name) ?? null, after: now.get(name) ?? null }]));
}

/** Tasks of one group may have had different resources before: each difference once. */
function distinct<T>(changes: readonly T[]): T[] {
  return [...new Map(changes.map((change) => [JSON.stringify(change), change])).values()];
}

/** `3,7-9`. */
function tasksIn(ranges: string): number[] {
  return ranges.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return first === undefined || last === undefined || !Number.isInteger(first) || !Number.isInteger(last) ? [] : Array.from({ length: last - first + 1 }, (_, place) => first + place);
  });
}

export function failureGroupsOf(found: FailuresOutput, proposal: ResubmitOutput | undefined): FailureGroup[] {
  return found.clusters.map((group): FailureGroup => {
    // A proposal speaks of a class; there may be several groups of it.
    const its = new Set(group.task_ids);
    const ready = (proposal?.groups ?? []).flatMap((part) => {
      const count = part.failure_class === group.error_class ? tasksIn(part.task_ranges).filter((task) => its.has(task)).length : 0;
      return count === 0 ? [] : [{ ...part, count }];
    });
    const blocked = proposal?.blocked.find(({ failure_class, task_ranges }) => failure_class === group.error_class && tasksIn(task_ranges).some((task) => its.has(task)));
    const [first] = ready;
    return {
      id: `${group.error_class}:${group.fingerprint}`,
      title: failureTitle(group),
      certainty: group.certainty,
      message: group.message,
      count: group.count,
      taskRanges: group.task_ranges,
      taskIds: group.task_ids.slice(0, 10_000),
      culprit: group.culprit ? `${group.culprit.file}:${group.culprit.line}` : null,
      evidence: group.evidence.map(({ source, text, path, line }) => ({ source: source.replaceAll('_', ' '), text, place: path === null ? null : line === null ? path : `${path}:${line}` })),
      sampleTask: group.sample_task_id,
      find: group.evidence.find(({ source }) => source === 'log')?.text ?? null,
      advice: group.advice,
      proposal: first
        ? {
            count: ready.reduce((sum, { count }) => sum + count, 0),
            changes: distinct(ready.flatMap(({ resources_before, resources }) => (resources_before ? resourceChanges(resources_before, resources) : []))),
            // `memory 4G → 6.3G: the measured peak was 5.7G`: the difference is shown, the reason is said.
            because: [...new Set(ready.map(({ change }) => change.replace(/^[^:]*→[^:]*: /, '')))].join('; '),
          }
        : null,
      blocked: first === undefined ? (blocked?.reason ?? null) : null,
    };
  });
}

export function recordOf(record: RunRecordOutput): NonNullable<StateOf<'run'>['record']> {
  return {
    executor: record.executor,
    cmd_sha: record.cmd_sha,
    version: record.hpc_agent_version,
    git_sha: record.git_sha,
    git_changed_files: record.git_changed_files,
    remote_path: record.remote_path,
    resources: resourceRows(record.resources),
    attempts: record.attempts.map(({ number, submitted_at, automatic, task_count, groups, job_ids }) => ({
      number,
      submitted_at,
      automatic,
      task_count,
      jobs: job_ids,
      changes: groups.flatMap(({ failure_class, task_count: count, change }) => (change === '' ? [] : [{ title: failure_class?.replaceAll('_', ' ') ?? '', count, change }])),
    })),
  };
}
