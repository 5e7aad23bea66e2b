/** Fifty runs of a thousand tasks in the middle of their life, as the cluster would show them: event logs, queue, accounting. */
import * as path from 'node:path';
import { writeSidecar, type Sidecar } from '../../src/runs/sidecar.ts';

export interface SyntheticRun {
  readonly runId: string;
  readonly jobId: string;
  readonly stateDir: string;
}

export interface Progress {
  readonly tasks: number;
  readonly done: number;
  readonly running: number;
}

const nodes = ['node1', 'node2', 'node3', 'node4'] as const;
const unitSeparator = '\u001f';

export function syntheticRuns(count: number, remoteRoot: string): readonly SyntheticRun[] {
  return Array.from({ length: count }, (_, number) => {
    const runId = `20250101-0000${String(number).padStart(2, '0')}-${(number * 7919 + 0x10000000).toString(16)}`;
    return { runId, jobId: String(1000 + number), stateDir: path.posix.join(remoteRoot, '.hpc', 'state', runId) };
  });
}

export async function writeSidecars(experimentDir: string, cluster: string, remoteRoot: string, runs: readonly SyntheticRun[], tasks: number): Promise<void> {
  for (const { runId, jobId, stateDir } of runs) {
    const logs = { out: `${stateDir}/logs/%A_%a.out`, err: `${stateDir}/logs/%A_%a.err` };
    const sidecar: Sidecar = {
      sidecar_schema_version: 2,
      run_id: runId,
      cmd_sha: 'c'.repeat(64),
      submitted_at: new Date(Date.now() - 3_600_000).toISOString(),
      executor: 'true',
      result_dir_template: 'results/{run_id}/task_{task_id}',
      task_count: tasks,
      cluster,
      profile: 'bench',
      remote_path: remoteRoot,
      job_ids: [jobId],
      extra: {
        submission: {
          token: jobId.repeat(8), run_name: 'bench', workspace_id: 'a'.repeat(32), scheduler: 'slurm', state_dir: stateDir,
          arrays: [{ key: 'w0a0', wave: 0, first_task: 0, task_count: tasks, job_name: `bench-w0a0-${jobId}`, job_id: jobId }],
          combiners: [{ key: 'w0c', wave: 0, job_name: `bench-w0c-${jobId}`, job_id: String(Number(jobId) + 5000) }],
          max_concurrent: null, env: {}, logs: { w0a0: logs, w0c: logs },
        },
      },
    };
    await writeSidecar(experimentDir, sidecar);
  }
}

const startedAt = 1_735_700_000;

export function startEvent(run: SyntheticRun, task: number): string {
  return `{"e":"start","i":${task},"a":1,"t":${(startedAt + task * 1.37).toFixed(3)},"j":"${run.jobId}_${task + 1}"}\n`;
}

export function endEvent(run: SyntheticRun, task: number): string {
  const elapsedS = 60 + ((task * 7919) % 100_000) / 1000;
  return `{"e":"end","i":${task},"a":1,"t":${(startedAt + task * 1.37 + elapsedS).toFixed(3)},"j":"${run.jobId}_${task + 1}","rc":0,"s":null,"el":${elapsedS.toFixed(3)},"rss":${(40 + (task % 97) / 10).toFixed(1)},"o":"done"}\n`;
}

export const nodeOf = (task: number): string => nodes[task % nodes.length] ?? nodes[0];

/** The run's event logs by node. */
export function eventLogs(run: SyntheticRun, progress: Progress): ReadonlyMap<string, string> {
  const logs = new Map<string, string>();
  for (let task = 0; task < progress.done + progress.running; task += 1) {
    const text = startEvent(run, task) + (task < progress.done ? endEvent(run, task) : '');
    logs.set(nodeOf(task), (logs.get(nodeOf(task)) ?? '') + text);
  }
  return logs;
}

/** What squeue prints of these runs; `ended` tasks, by run, have left it. */
export function queueText(runs: readonly SyntheticRun[], progress: Progress, ended: ReadonlyMap<string, number> = new Map()): string {
  const rows: string[] = [];
  for (const run of runs) {
    const name = `bench-w0a0-${run.jobId}`;
    const { done, running, tasks } = progress;
    rows.push(`HPCQ|${run.jobId}_[${done + running + 1}-${tasks}]|PENDING|Resources||${name}|HPCE`);
    for (let task = done + (ended.get(run.runId) ?? 0); task < done + running; task += 1) rows.push(`HPCQ|${run.jobId}_${task + 1}|RUNNING|None|${nodeOf(task)}|${name}|HPCE`);
    rows.push(`HPCQ|${Number(run.jobId) + 5000}|PENDING|Dependency||bench-w0c-${run.jobId}|HPCE`);
  }
  return `${rows.join('\n')}\n`;
}

/** What sacct prints of these runs: the ended elements and the rest of each array. */
export function accountingText(runs: readonly SyntheticRun[], progress: Progress): string {
  const rows: string[] = [];
  for (const run of runs) {
    const row = (id: string, state: string, node: string): void => void rows.push([id, state, '0:0', '61', '', node, 'cpu', run.jobId.repeat(8), `bench-w0a0-${run.jobId}`, id.replace('_', '')].join(unitSeparator));
    row(`${run.jobId}_[${progress.done + progress.running + 1}-${progress.tasks}]`, 'PENDING', 'None assigned');
    for (let task = 0; task < progress.done + progress.running; task += 1) row(`${run.jobId}_${task + 1}`, task < progress.done ? 'COMPLETED' : 'RUNNING', nodeOf(task));
  }
  return `${rows.join('\n')}\n`;
}
