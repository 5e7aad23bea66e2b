import type { PlanOutput, RunSummary, TaskCounts, TaskRow } from '../../../../src/operations/schemas.ts';

export const now = new Date('2026-03-01T12:00:00Z');
export const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString();

export function counts(some: Partial<TaskCounts> = {}): TaskCounts {
  return { complete: 0, running: 0, pending: 0, failed: 0, cancelled: 0, unknown: 0, ...some };
}

export function run(some: Partial<RunSummary> = {}): RunSummary {
  return {
    run_id: 'sweep-1',
    run_name: 'sweep',
    experiment_dir: '/work space',
    cluster: 'hoffman2',
    scheduler: 'slurm',
    executor: 'train.py',
    lifecycle_state: 'in_flight',
    total_tasks: 1200,
    counts: counts({ complete: 700, running: 200, pending: 297, failed: 3 }),
    submitted_at: ago(4000),
    observed_at: ago(12),
    stale_reason: null,
    evidence: ['squeue: 200 running'],
    waves: [0, 1].map((wave) => ({
      wave,
      first_task: wave * 600,
      task_count: 600,
      arrays: [{ key: `w${wave}`, job_id: `90${wave}`, first_task: wave * 600, task_count: 600 }],
      counts: wave === 0 ? counts({ complete: 597, failed: 3 }) : counts({ complete: 103, running: 200, pending: 297 }),
      combined: wave === 0,
    })),
    job_ids: ['900', '901'],
    remote_path: '/scratch/sweep-1',
    cmd_sha: 'a'.repeat(64),
    attention: [{ kind: 'failed', message: 'Out of memory', task_ids: [3, 4, 5] }],
    ...some,
  };
}

export function task(task_id: number, some: Partial<TaskRow> = {}): TaskRow {
  return { task_id, state: 'failed', kwargs: { alpha: 0.1 }, attempt: 1, job: `900_${task_id}`, node: 'n1', exit_code: 1, elapsed_s: 61, peak_rss_mib: 512, evidence: 'exit status 1', ...some };
}

export function plan(some: Partial<PlanOutput> = {}): PlanOutput {
  return {
    cluster: 'hoffman2',
    scheduler: 'slurm',
    run_name: 'sweep',
    executor: 'train.py',
    total_tasks: 24,
    cmd_sha: 'a'.repeat(64),
    arrays: [{ key: 'w0', wave: 0, first_task: 0, task_count: 24 }],
    waves: 1,
    limits: [],
    resources: {},
    max_core_hours: 12,
    max_node_hours: null,
    est_wall_s: 600,
    timing: { task_s: null, time_limit_s: 1800, spin_up_s: 30, queue_wait_s: null, concurrent_tasks: null },
    remote_path: '/scratch/sweep',
    job_script: '#!/bin/sh\n',
    sample_tasks: [{ task_id: 0, kwargs: { alpha: 1 } }],
    findings: [],
    verdict: 'pass',
    prior_run: null,
    headline: '24 tasks on hoffman2',
    body: 'Body.',
    confirm_prompt: 'Submit?',
    ...some,
  };
}
