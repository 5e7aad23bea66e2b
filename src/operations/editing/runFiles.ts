/**
 * A run as texts to be read and compared: its parameters, its settings, its job script, and the code that it came from.
 * Rule: everything comes from the record (sidecar, frozen parameters, git's own objects); nothing is evaluated again.
 */
import { execFile } from 'node:child_process';
import { HpcError } from '../../foundation/errors.ts';
import type { OperationContext } from '../operation.ts';
import { mustTrust } from '../trust.ts';

export interface RunFiles {
  readonly runId: string;
  readonly name: string;
  /** One line for each task, in columns of `key=value`. */
  readonly parameters: string;
  /** What was asked for, without ids and states: two submissions of the same are equal. */
  readonly settings: string;
  /** The sidecar as it is on the disk, in order. */
  readonly sidecar: string;
  readonly commit: string | undefined;
  /** Files that differed from the commit when the run was submitted. */
  readonly changedFiles: readonly string[];
}

const mostFileBytes = 2_000_000;

export async function readRunFiles(runId: string, context: OperationContext): Promise<RunFiles> {
  const { readSidecar } = await import('../../runs/sidecar.ts');
  const { readParams } = await import('../../runs/runView.ts');
  const sidecar = await readSidecar(context.experimentDir, runId);
  if (!sidecar) throw new HpcError('spec_invalid', `There is no run ${runId} in this workspace.`);
  const rows = await readParams(context.experimentDir, runId);
  const extra = (sidecar.extra ?? {}) as Readonly<Record<string, unknown>>;
  const provenance = (extra.provenance ?? {}) as { readonly git_sha?: unknown; readonly git_changed_files?: unknown };
  const { submission: submitted, provenance: _, ...others } = extra;
  const submission = submitted as { readonly run_name?: string; readonly scheduler?: string; readonly max_concurrent?: number | null; readonly env?: unknown } | undefined;
  const { executor, result_dir_template, task_count, cluster, resources, env, tasks_py_sha, cmd_sha, hpc_agent_version } = sidecar;
  const settings = { executor, cluster, scheduler: submission?.scheduler, resources, max_concurrent: submission?.max_concurrent, env: submission?.env, environment: env, task_count, result_dir_template, cmd_sha, tasks_py_sha, git: provenance.git_sha, version: hpc_agent_version, ...others };
  return {
    runId,
    name: submission?.run_name ?? runId,
    parameters: parametersText(rows),
    settings: `${JSON.stringify(ordered(settings), undefined, 2)}\n`,
    sidecar: `${JSON.stringify(sidecar, undefined, 2)}\n`,
    commit: typeof provenance.git_sha === 'string' && /^[0-9a-f]{7,64}$/.test(provenance.git_sha) ? provenance.git_sha : undefined,
    changedFiles: Array.isArray(provenance.git_changed_files) ? provenance.git_changed_files.map(String) : [],
  };
}

export function parametersText(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const width = String(Math.max(0, rows.length - 1)).length;
  return rows.map((kwargs, index) => `${String(index).padStart(width)}  ${Object.entries(kwargs).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('  ')}\n`).join('');
}

/** Keys in one order, so that a comparison shows values only. */
export function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, ordered(item)]));
}

export interface CodeDifference {
  /** Relative to the workspace. */
  readonly path: string;
  readonly left: string;
  readonly right: string;
}

function git(directory: string, signal: AbortSignal, ...argv: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('git', ['-C', directory, '--no-optional-locks', ...argv], { timeout: 20_000, maxBuffer: 2 * mostFileBytes, signal, env: { ...process.env, GIT_TERMINAL_PROMPT: '0' } }, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

/** Files of the workspace that differ between the commits of two runs. Undefined: the commits are not known here. */
export async function codeDifferences(left: RunFiles, right: RunFiles, { experimentDir, signal, services }: OperationContext): Promise<readonly CodeDifference[] | undefined> {
  // A repository's own configuration names programs that git runs.
  mustTrust(services.host.trusted(), 'git is not run in a workspace that is not trusted');
  const [a, b] = [left.commit, right.commit];
  if (a === undefined || b === undefined) return undefined;
  const names = await git(experimentDir, signal, 'diff', '--name-only', '--relative', '-z', a, b, '--', '.');
  if (names === undefined) return undefined;
  const text = async (commit: string, name: string): Promise<string> => (await git(experimentDir, signal, 'show', `${commit}:./${name}`)) ?? '';
  return Promise.all(names.split('\0').filter((name) => name !== '').slice(0, 100).map(async (name) => ({ path: name, left: await text(a, name), right: await text(b, name) })));
}

/** The script of the run's first array as it was submitted; asks the cluster for the folders that it names. */
export async function jobScriptOfRun(runId: string, context: OperationContext): Promise<string> {
  const { jobScriptsOf } = await import('../../runs/jobScripts.ts');
  const { requireRun } = await import('../../runs/listRuns.ts');
  const { runDepsOf } = await import('../runRequest.ts');
  const deps = await runDepsOf(context);
  const { sidecar } = await requireRun(runId, deps);
  const session = await deps.session(sidecar.cluster ?? '');
  const [first] = await jobScriptsOf(sidecar, undefined, session, await session.facts({ signal: context.signal }), deps);
  return first?.text ?? '';
}
