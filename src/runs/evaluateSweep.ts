/**
 * Evaluates `.hpc/tasks.py` once for a plan and the submission that follows it.
 *
 * Rule: what a person confirmed is what is submitted. A plan's evaluation is kept, and the submission takes it instead of
 * evaluating again (a tasks.py may draw a new trial at every call), as long as the file is unchanged.
 */
import * as path from 'node:path';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import * as fs from 'node:fs/promises';
import type { ClusterSession } from '../cluster/session.ts';
import { sha256Hex } from '../foundation/ids.ts';
import type { CallOptions, RunDeps, SweepEvaluation } from './deps.ts';
import type { Finding, RunRequest } from './planRun.ts';
import { pushWorkspace } from './pushWorkspace.ts';
import { openWorkspace, tasksFile } from './workspace.ts';
import { repoHash } from './journal.ts';

export interface EvaluatedSweep extends Omit<SweepEvaluation, 'problems'> {
  readonly findings: readonly Finding[];
}

const keptMs = 30 * 60_000;
/** Where a plan evaluates that was not told where. */
const anywhere = 'auto:';

function keptFile(deps: RunDeps): string {
  return path.join(deps.home, 'journal', repoHash(deps.experimentDir), 'planned-sweep.json');
}

/** After the parameters were frozen in a run: the next plan evaluates anew. */
export async function forgetEvaluation(deps: RunDeps): Promise<void> {
  await fs.rm(keptFile(deps), { force: true });
}

export async function evaluateSweep(request: Pick<RunRequest, 'evaluateOn' | 'cluster'>, session: ClusterSession, deps: RunDeps, remotePath: string, options: CallOptions): Promise<EvaluatedSweep> {
  const source = await readTextIfThere(tasksFile(deps.experimentDir));
  if (source === undefined) {
    throw new HpcError('spec_invalid', `There is no sweep yet: ${tasksFile(deps.experimentDir)} is missing.`, { remediation: 'Describe it with New Sweep, or with build-tasks-py.', details: { finding: 'tasks_py_missing' } });
  }
  const tasksPySha = sha256Hex(source);
  const where = request.evaluateOn === 'auto' ? anywhere : `${request.evaluateOn}:${request.evaluateOn === 'cluster' ? request.cluster : ''}`;
  const evaluation = (await kept(deps, tasksPySha, where)) ?? (await evaluate(request, session, deps, remotePath, options));
  await writeJsonAtomic(keptFile(deps), { at: deps.clock.now().getTime(), where, evaluation }, { mode: 0o600 });
  return { ...evaluation, findings: evaluation.problems.map((problem) => ({ ...problem })) };
}

async function kept(deps: RunDeps, tasksPySha: string, where: string): Promise<SweepEvaluation | undefined> {
  try {
    const value = JSON.parse((await readTextIfThere(keptFile(deps))) ?? '') as { at: number; where: string; evaluation: SweepEvaluation };
    const age = deps.clock.now().getTime() - value.at;
    const whole = sha256Hex(value.evaluation.lines.join('\n')) === value.evaluation.cmdSha;
    return whole && value.where === where && value.evaluation.tasksPySha === tasksPySha && age >= 0 && age < keptMs ? value.evaluation : undefined;
  } catch {
    return undefined;
  }
}

/** What a plan or somebody who looked at the file found, as long as it is unchanged; runs nothing. */
export async function knownEvaluation(deps: RunDeps): Promise<SweepEvaluation | undefined> {
  const source = await readTextIfThere(tasksFile(deps.experimentDir));
  return source === undefined ? undefined : kept(deps, sha256Hex(source), anywhere);
}

/** Evaluates the file on this computer, for who looks at it; a plan that follows takes this evaluation. Undefined: there is no Python here. */
export async function evaluateHere(deps: RunDeps, options: CallOptions & { readonly timeoutS?: number | undefined }): Promise<SweepEvaluation | undefined> {
  const known = await knownEvaluation(deps);
  if (known) return known;
  const here = await deps.local.environment({ signal: options.signal }).catch((error: unknown) => {
    if (HpcError.is(error)) return undefined;
    throw error;
  });
  if (here?.python === undefined) return undefined;
  const evaluation = await deps.executors.evaluate({ run: (command, execOptions) => deps.local.exec(command, execOptions), python: here.python, cwd: deps.experimentDir, signal: options.signal, ...(options.timeoutS === undefined ? {} : { timeoutS: options.timeoutS }) });
  await writeJsonAtomic(keptFile(deps), { at: deps.clock.now().getTime(), where: anywhere, evaluation }, { mode: 0o600 });
  return evaluation;
}

/** `auto`: here; on the cluster where there is no Python here or it lacks a module that tasks.py imports. */
async function evaluate(request: Pick<RunRequest, 'evaluateOn'>, session: ClusterSession, deps: RunDeps, remotePath: string, options: CallOptions): Promise<SweepEvaluation> {
  const evaluateThere = async (): Promise<SweepEvaluation> => {
    const facts = await session.facts({ signal: options.signal });
    if (session.connection.kind !== 'local') await pushWorkspace(session, await openWorkspace(deps.experimentDir), remotePath, [], deps, options);
    return deps.executors.evaluate({ run: (command, execOptions) => session.connection.exec(command, execOptions), python: facts.python, cwd: remotePath, signal: options.signal });
  };
  if (request.evaluateOn === 'cluster') return evaluateThere();
  const here = await deps.local.environment({ signal: options.signal }).catch((error: unknown) => {
    // Windows has no local connection; the cluster's Python is as good.
    if (HpcError.is(error) && request.evaluateOn === 'auto') return undefined;
    throw error;
  });
  if (here?.python !== undefined) {
    try {
      return await deps.executors.evaluate({ run: (command, execOptions) => deps.local.exec(command, execOptions), python: here.python, cwd: deps.experimentDir, signal: options.signal });
    } catch (error) {
      const lacksModule = HpcError.is(error, 'spec_invalid') && error.details?.finding === 'tasks_py_import_error' && /ModuleNotFoundError|ImportError|No module named/.test(error.message);
      if (request.evaluateOn === 'local' || !lacksModule || session.connection.kind === 'local') throw error;
      deps.log.info('tasks.py needs a module that is not here; evaluating on the cluster', { reason: error.message });
    }
  } else if (request.evaluateOn === 'local' || session.connection.kind === 'local') {
    throw new HpcError('config_invalid', 'There is no Python 3.6 or newer on this machine to evaluate .hpc/tasks.py with.', { remediation: 'Install Python, or evaluate on the cluster (evaluate_on: cluster).' });
  }
  return evaluateThere();
}
