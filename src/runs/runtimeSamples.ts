/** Samples of a run for the memory of run times, from what its tasks themselves reported. A task that found its result there gives none: it took no time. */
import * as path from 'node:path';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { RunDeps } from './deps.ts';
import type { TaskRanges } from './placement.ts';
import type { RuntimeSample } from './runtimes.ts';
import { readParams, type OpenRun } from './runView.ts';
import type { Sidecar } from './sidecar.ts';
import { readEvents, type TaskEvent } from './taskEvents.ts';
import { resourcesOfRun } from './sidecarResources.ts';

/** What a task's attempt was given. The tasks of a run count their attempts as it does. */
export function givenTo(sidecar: Sidecar, task: number, attempt: number): { readonly number: number; readonly resources: ResourceRequest; readonly submittedAt: string } {
  const isIn = (ranges: TaskRanges): boolean => ranges.some(([first, last]) => first <= task && task <= last);
  const attempts = sidecar.extra?.submission?.attempts ?? [];
  for (const { number, at, groups } of attempts.toReversed()) {
    const group = number <= attempt ? groups.find(({ tasks }) => isIn(tasks)) : undefined;
    if (group) return { number, resources: group.resources, submittedAt: at };
  }
  return { number: 1, resources: resourcesOfRun(sidecar), submittedAt: sidecar.submitted_at };
}

const isoOf = (seconds: number): string => new Date(Math.round(seconds * 1000)).toISOString();

export function gpuTypeOf(resources: ResourceRequest): string {
  return resources.gpuType ?? ((resources.gpus ?? 0) > 0 ? 'gpu' : 'cpu');
}

/** The latest end of each attempt of each task, in the order of time. */
function endsOf(events: readonly TaskEvent[], totalTasks: number): readonly { readonly end: TaskEvent; readonly startT: number | undefined }[] {
  const ends = new Map<string, TaskEvent>();
  const starts = new Map<string, number>();
  for (const event of events) {
    if (event.i < 0 || event.i >= totalTasks) continue;
    const key = `${event.i}/${event.a ?? 1}`;
    if (event.e === 'start') starts.set(key, Math.max(starts.get(key) ?? 0, event.t));
    else if (event.o !== 'skipped' && (ends.get(key)?.t ?? -1) <= event.t) ends.set(key, event);
  }
  return [...ends].map(([key, end]) => ({ end, startT: starts.get(key) })).sort((a, b) => a.end.t - b.end.t || a.end.i - b.end.i);
}

function exitCodeOf({ rc, s, o }: TaskEvent): number {
  if (typeof s === 'number' && s > 0) return 128 + s;
  const good = o === undefined ? rc === 0 : o === 'done';
  return good ? 0 : rc === 0 || rc === null || rc === undefined ? 1 : rc;
}

const whole = (value: number | null | undefined): number | null => (typeof value === 'number' && value > 0 ? Math.ceil(value) : null);

export async function samplesOfRun(run: OpenRun, deps: RunDeps): Promise<readonly RuntimeSample[]> {
  const { sidecar } = run;
  const { events } = await readEvents(path.join(deps.journal.observationDirectory(run.experimentDir, sidecar.run_id), 'events'));
  const ends = endsOf(events, sidecar.task_count);
  // Without the frozen parameters the times are known all the same.
  const params = ends.length === 0 ? [] : await readParams(run.experimentDir, sidecar.run_id).catch(() => []);
  return ends.flatMap(({ end, startT }) => {
    if (typeof end.el !== 'number' || end.el < 0) return [];
    const attempt = end.a ?? 1;
    const { resources, submittedAt } = givenTo(sidecar, end.i, attempt);
    const startedAt = startT ?? end.t - end.el;
    const waitS = Math.round(startedAt - Date.parse(submittedAt) / 1000);
    return {
      run_id: sidecar.run_id,
      task_id: end.i,
      attempt,
      gpu_type: gpuTypeOf(resources),
      node: end.node,
      cmd_sha: sidecar.cmd_sha,
      started_at: isoOf(startedAt),
      ended_at: isoOf(end.t),
      elapsed_sec: Math.max(1, Math.round(end.el)),
      elapsed_s: end.el,
      exit_code: exitCodeOf(end),
      walltime_requested_sec: resources.walltimeS ?? null,
      memory_requested_mb: resources.memoryMiB ?? null,
      peak_host_mem_mb: whole(end.rss),
      cpu_seconds_used: whole(end.cpu),
      cpu_s: end.cpu ?? null,
      ...(typeof end.gm === 'number' ? { peak_gpu_mem_mb: Math.ceil(end.gm) } : {}),
      ...(typeof end.gu === 'number' ? { gpu_busy: end.gu } : {}),
      cpus_requested: resources.cpus ?? 1,
      submitted_at_iso: submittedAt,
      // Clocks of nodes differ: a wait below zero says nothing.
      queue_wait_sec: waitS >= 0 ? waitS : null,
      axis_bindings: { ...params[end.i] },
    };
  });
}
