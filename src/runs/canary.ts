/**
 * One task first: a sibling run of a single task, whose failure stops the rest before it costs anything.
 *
 * Rules: the canary is a run like any other (its own id, sidecar and log), with the same code, parameters, script and resources as the task that
 * it stands for. It passed only when its task ended well, left the output that was expected, and nothing of its log says otherwise
 * (hpc-agent's protocol). What went wrong is shown verbatim with its class.
 */
import * as path from 'node:path';
import { HpcError } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { diagnoseRun } from './diagnosis/diagnoseRun.ts';
import { policyOf, type FailureClass } from './diagnosis/failureClass.ts';
import { monitorRun } from './monitorRun.ts';
import { requireRun, runState } from './listRuns.ts';
import { planArrays } from './planArrays.ts';
import type { RunPlan } from './planRun.ts';
import { readParams, type RunView } from './runView.ts';
import { readTaskLog } from './taskLog.ts';

export interface CanaryOptions {
  /** Task to try; default 0. */
  readonly task: number;
  /** File below the task's result folder that must be there besides metrics.json; `{…}` as in the result folder's template. */
  readonly expectOutput?: string;
  /** How long to wait for it, the queue included. */
  readonly budgetMs: number;
}

export const defaultCanaryBudgetMs = 1_800_000;
const tailLines = 50;

/** In hpc-agent's words. */
export type CanaryFailure = 'dispatcher_failed' | 'import_error' | 'module_not_found' | 'traceback' | 'oom_killed' | 'segfault' | 'missing_output' | 'timeout' | 'abandoned' | 'cancelled' | FailureClass;

export interface CanaryReport {
  readonly runId: string;
  readonly ok: boolean;
  readonly failureKind: CanaryFailure | null;
  readonly failureClass: FailureClass | null;
  readonly details: string;
  readonly stderrTail: string;
  /** SHA-256 of metrics.json, byte for byte; null where it was not there. */
  readonly metricsFingerprint: string | null;
}

/** The plan of one task of the plan. */
export function canaryPlan(plan: RunPlan, task: number): RunPlan {
  const line = plan.sweep.lines[task];
  if (line === undefined) throw new HpcError('spec_invalid', `There is no task ${task} to try first: the sweep has ${plan.sweep.taskCount}, counted from 0.`);
  return {
    ...plan,
    runName: `${plan.runName.slice(0, 40)}-canary`,
    sweep: { ...plan.sweep, lines: [line], taskCount: 1, cmdSha: sha256Hex(line) },
    arrays: planArrays(1, { maxElementsPerArray: 1, maxConcurrentArrays: 1 }),
    waves: 1,
    prior: undefined,
    // Nobody retries or continues a canary: how its one job ends is the answer.
    request: { ...plan.request, autoRetry: undefined, maxHops: undefined },
  };
}

/** Waits for it and judges it. */
export async function verifyCanary(runId: string, options: CanaryOptions, deps: RunDeps, call: CallOptions): Promise<CanaryReport> {
  const { ended } = await monitorRun(runId, { budgetMs: options.budgetMs, pollIntervalMs: pollMs((await requireRun(runId, deps)).submission.scheduler) }, deps, call);
  const view = await runState(runId, { refresh: false }, deps, call);
  const report = { runId, ok: false, failureKind: null, failureClass: null, details: '', stderrTail: '', metricsFingerprint: null } satisfies CanaryReport;
  const [task] = view.tasks;
  if (!ended || task === undefined) return { ...report, failureKind: 'timeout', details: `It had not ended after ${Math.round(options.budgetMs / 1000)} s: ${task?.evidence ?? ''}. It is left to run.` };
  const stderrTail = await tailOf(runId, deps, call);
  if (task.state === 'cancelled') return { ...report, failureKind: 'cancelled', details: task.evidence, stderrTail };
  if (task.state !== 'complete') {
    const [group] = (await diagnoseRun({ runId, refresh: false, lines: tailLines }, deps, call)).groups;
    const failureClass = group?.failureClass ?? 'unknown';
    return { ...report, failureKind: kindOf(failureClass, group?.message ?? '', stderrTail, task.state), failureClass, details: group?.message ?? task.evidence, stderrTail };
  }
  return { ...report, stderrTail, ...(await judgeOutput(view, options, deps, call)) };
}

const pollMs = (scheduler: string): number => (scheduler === 'background' ? 500 : 5_000);

async function tailOf(runId: string, deps: RunDeps, call: CallOptions): Promise<string> {
  const log = await readTaskLog({ runId, taskId: 0, stream: 'stderr', lines: tailLines, maxBytes: 65_536 }, deps, call);
  return log.found ? log.text : '';
}

function kindOf(failureClass: FailureClass, message: string, stderr: string, state: string): CanaryFailure {
  if (state === 'lost') return 'abandoned';
  switch (failureClass) {
    case 'import_error':
      return message.startsWith('ModuleNotFoundError') ? 'module_not_found' : 'import_error';
    case 'python_traceback':
      return 'traceback';
    case 'system_oom':
    case 'gpu_oom':
      return 'oom_killed';
    case 'segv':
      return 'segfault';
    case 'unknown':
      return /^\[dispatch\] ERROR/m.test(stderr) ? 'dispatcher_failed' : 'unknown';
    default:
      return failureClass;
  }
}

/** A template's braces, as far as they can be filled in here: Python writes texts and whole numbers as they are. */
export function filledIn(template: string, values: Readonly<Record<string, unknown>>): string | undefined {
  let known = true;
  const text = template.replaceAll(/\{\{|\}\}|\{([A-Za-z_]\w*)\}/g, (whole, name: string | undefined) => {
    if (name === undefined) return whole.slice(1);
    const value = values[name];
    if (typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
    known = false;
    return whole;
  });
  return known && !/[{}]/.test(text) ? text : undefined;
}

async function judgeOutput(view: RunView, options: CanaryOptions, deps: RunDeps, call: CallOptions): Promise<Partial<CanaryReport>> {
  const { sidecar } = view;
  const [kwargs] = await readParams(view.experimentDir, sidecar.run_id);
  const values = { ...kwargs, run_id: sidecar.run_id, task_id: 0 };
  const folder = filledIn(sidecar.result_dir_template, values);
  // The task ended well, so its metrics.json is there; where it lies is known to the dispatcher alone.
  if (folder === undefined) return options.expectOutput === undefined ? { ok: true } : { failureKind: 'missing_output', details: `It cannot be told where ${options.expectOutput} should be: the result folder ${sidecar.result_dir_template} depends on values that only Python can write.` };
  const facts = await (await deps.session(sidecar.cluster ?? '')).facts({ signal: call.signal });
  const read = async (name: string): Promise<Buffer | undefined> => {
    const reply = await facts.runtime.call('tail', { path: path.posix.join(sidecar.remote_path ?? '', folder, name), max_bytes: 1 << 20, offset: 0 }, { signal: call.signal, priority: 'interactive' });
    return reply.found === true && typeof reply.data === 'string' ? Buffer.from(reply.data, 'base64') : undefined;
  };
  const metrics = await read('metrics.json');
  if (metrics === undefined || metrics.length === 0) return { failureKind: 'missing_output', details: `It ended well, but left no metrics.json in ${folder}.` };
  const metricsFingerprint = sha256Hex(metrics);
  if (options.expectOutput !== undefined) {
    const name = filledIn(options.expectOutput, values);
    if (name === undefined || path.posix.isAbsolute(name) || path.posix.normalize(name).startsWith('..')) throw new HpcError('spec_invalid', `${JSON.stringify(options.expectOutput)} names no file below the task's result folder.`);
    const found = await read(name);
    if (found === undefined || found.length === 0) return { failureKind: 'missing_output', details: `It ended well, but ${folder}/${name} is ${found === undefined ? 'not there' : 'empty'}.`, metricsFingerprint };
  }
  return { ok: true, metricsFingerprint };
}

/** Why the rest is not submitted. */
export function canaryError(report: CanaryReport, cluster: string): HpcError {
  const details = { canary_run_id: report.runId, failure_kind: report.failureKind, failure_class: report.failureClass, stderr_tail: report.stderrTail };
  if (report.failureKind === 'timeout') {
    return new HpcError('cluster_timeout', `The canary ${report.runId} on ${cluster}: ${report.details} Nothing else was submitted.`, { remediation: 'Look at it with status; submit again when it has ended, or without a canary.', details, retrySafe: true });
  }
  return new HpcError('remote_command_failed', `The canary ${report.runId} failed on ${cluster} (${report.failureKind ?? 'unknown'}): ${report.details} Nothing else was submitted.`, {
    remediation: report.failureClass === null ? 'Look at its log, correct the cause, and submit again.' : policyOf(report.failureClass).advice,
    details,
  });
}
