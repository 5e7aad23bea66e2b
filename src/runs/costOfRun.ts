/** What a run has cost until now, by what its tasks were given. Pure. Keys are as on the wire. */
import type { RunView } from './runView.ts';
import { givenTo } from './runtimeSamples.ts';

export interface RunCost {
  readonly core_hours: number;
  /** Null: no GPU was asked for. */
  readonly gpu_hours: number | null;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** Tries that ended count with what the latest attempt was given; what runs counts until now, by this computer's clock, and never longer than since the run was submitted: a node's clock may be slow by hours. */
export function costOf(view: Pick<RunView, 'tasks' | 'sidecar'>, nowS: number): RunCost {
  const first = givenTo(view.sidecar, -1, 1).resources;
  const sinceS = nowS - Date.parse(view.sidecar.submitted_at) / 1000;
  const ageS = Number.isFinite(sinceS) ? sinceS : Infinity;
  let cores = 0;
  let gpus = 0;
  let anyGpu = (first.gpus ?? 0) > 0;
  view.tasks.forEach((task, index) => {
    const seconds = task.spentS + (task.state === 'running' && task.startedAtS !== null ? Math.max(0, Math.min(nowS - task.startedAtS, ageS)) : 0);
    if (seconds === 0) return;
    const given = task.attempt > 1 ? givenTo(view.sidecar, index, task.attempt).resources : first;
    const nodes = given.nodes ?? 1;
    cores += seconds * (given.cpus ?? 1) * nodes;
    gpus += seconds * (given.gpus ?? 0) * nodes;
    anyGpu ||= (given.gpus ?? 0) > 0;
  });
  return { core_hours: rounded(cores / 3600), gpu_hours: anyGpu ? rounded(gpus / 3600) : null };
}
