/**
 * Aggregates a run: combines on the cluster what the sentinel jobs left, fetches only the reduced files, and checks that
 * every task is in them exactly once. A number is shown only from files that passed the check, or with what is missing named.
 */
import * as path from 'node:path';
import { pullTree } from '../connection/transfer/pullTree.ts';
import { readTextIfThere, writeFileAtomic, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { requireRun, runState } from './listRuns.ts';
import { rangesOf } from './placement.ts';
import { rememberRuntimes } from './runtimes.ts';
import { csvOf, expandTaskIds, parseCombined, tableOf, type Combined, type ResultRow } from './resultsTable.ts';
import type { OpenRun } from './runView.ts';
import { resultsDirectory } from './workspace.ts';

/** In the shape of the wire: hpc-agent's `verify-aggregation-complete`, and duplicates. */
export interface AggregationReport {
  ok: boolean;
  all_waves_combined: boolean;
  missing_waves: number[];
  all_tasks_present: boolean;
  missing_tasks: number[];
  unexpected_tasks: number[];
  duplicate_tasks: number[];
  provenance_present: boolean;
  errors: string[];
}

export interface AggregatedTable {
  run_id: string;
  parameters: string[];
  metrics: string[];
  rows: ResultRow[];
  files: { json: string; csv: string };
  partial: boolean;
}

const combinerDirectory = (run: OpenRun): string => path.join(run.experimentDir, '_combiner', run.sidecar.run_id);

export async function aggregateRun(runId: string, options: { readonly allowPartial: boolean; readonly force: boolean }, deps: RunDeps, call: CallOptions): Promise<{ report: AggregationReport; table: AggregatedTable }> {
  const run = await requireRun(runId, deps);
  const view = await runState(runId, { refresh: true }, deps, call);
  if (view.counts.complete === 0) throw new HpcError('outputs_missing', `No task of run ${runId} is done yet.`, { remediation: 'Wait for the first tasks, or look at their logs.', details: { missing_tasks: view.tasks.length } });
  await combine(run, options.force, deps, call);
  await fetchCombined(run, deps, call);
  let report = await verifyAggregation(runId, deps);
  const expected = view.tasks.flatMap((task, index) => (task.state === 'complete' ? [index] : []));
  const stale = report.missing_tasks.some((task) => view.tasks[task]?.state === 'complete') || !report.all_waves_combined;
  if (stale && !options.force) {
    // A wave was combined before its last tasks had ended (they were submitted again): combine it anew.
    await combine(run, true, deps, call);
    await fetchCombined(run, deps, call);
    report = await verifyAggregation(runId, deps);
  }
  if (!report.ok && !options.allowPartial) {
    const missing = report.missing_tasks;
    throw new HpcError('outputs_missing', `Run ${runId} is not whole: ${describe(report)}.`, {
      remediation: missing.length > 0 ? `Submit the missing tasks again, or aggregate what is there (allow_partial). Missing: ${compact(missing)}.` : 'See details.errors; aggregate with force combines everything anew.',
      details: { report: { ...report, missing_tasks: missing.slice(0, 1000) }, done_tasks: expected.length },
    });
  }
  await rememberRuntimes(runId, deps);
  return { report, table: await writeTable(run, report) };
}

function compact(ids: readonly number[]): string {
  const text = rangesOf(ids).map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
  return text.length > 20 ? `${text.slice(0, 20).join(',')},…` : text.join(',');
}

function describe(report: AggregationReport): string {
  const parts: string[] = [];
  if (report.missing_waves.length > 0) parts.push(`waves ${report.missing_waves.join(', ')} are not combined`);
  if (report.missing_tasks.length > 0) parts.push(`${report.missing_tasks.length} tasks have no result`);
  if (report.unexpected_tasks.length > 0) parts.push(`tasks ${compact(report.unexpected_tasks)} do not belong to it`);
  if (report.duplicate_tasks.length > 0) parts.push(`tasks ${compact(report.duplicate_tasks)} were counted twice`);
  if (!report.provenance_present) parts.push('some results carry no proof of their origin');
  if (parts.length === 0 && report.errors.length > 0) parts.push(report.errors[0] ?? '');
  return parts.join('; ');
}

async function combine(run: OpenRun, force: boolean, deps: RunDeps, call: CallOptions): Promise<void> {
  const session = await deps.session(run.sidecar.cluster ?? '');
  const facts = await session.facts({ signal: call.signal });
  const remotePath = run.sidecar.remote_path ?? '';
  call.progress({ message: 'Combining the results on the cluster' });
  const program = path.posix.join(facts.runtime.directory, '_hpc_combiner.py');
  await facts.runtime.install({ signal: call.signal });
  const result = await session.connection.exec(
    { argv: [facts.python, '-E', program, '--all', '--run-id', run.sidecar.run_id, ...(force ? ['--force'] : []), '--settle', '2'], cwd: remotePath, env: { HPC_DIR: path.posix.join(remotePath, '.hpc') } },
    { signal: call.signal, timeoutMs: 1_800_000 },
  );
  if (result.exitCode === 0) return;
  throw new HpcError('combiner_failed', `Combining run ${run.sidecar.run_id} failed: ${result.stderr.trim().split('\n').at(-1) ?? 'no message'}.`, {
    remediation: 'The message is the combiner’s own; the results of the tasks are untouched.',
    details: { stderr_tail: result.stderr.slice(-2000), exit_code: result.exitCode },
  });
}

async function fetchCombined(run: OpenRun, deps: RunDeps, call: CallOptions): Promise<void> {
  const session = await deps.session(run.sidecar.cluster ?? '');
  const remoteRoot = run.sidecar.remote_path ?? '';
  if (session.connection.kind === 'local' && path.resolve(remoteRoot) === path.resolve(run.experimentDir)) return;
  call.progress({ message: 'Fetching the reduced results' });
  await pullTree(session.connection, {
    localRoot: run.experimentDir,
    remoteRoot,
    runtimeDir: path.join(deps.assetsDirectory, 'templates', 'runtime'),
    patterns: [`_combiner/${run.sidecar.run_id}/*.json`],
    signal: call.signal,
    log: deps.log,
  });
}

async function readCombined(run: OpenRun, name: string): Promise<Combined | undefined> {
  const file = path.join(combinerDirectory(run), name);
  const text = await readTextIfThere(file);
  return text === undefined ? undefined : parseCombined(text, file);
}

/** The invariants, from the fetched files alone. */
export async function verifyAggregation(runId: string, deps: RunDeps): Promise<AggregationReport> {
  const run = await requireRun(runId, deps);
  const all = await readCombined(run, 'all.json');
  const waves = await Promise.all(run.submission.combiners.map(async ({ wave }) => ({ wave, combined: await readCombined(run, `wave_${wave}.json`) })));
  const missingWaves = waves.flatMap(({ wave, combined }) => (combined?.run_id === runId ? [] : [wave]));
  const seen = new Map<number, number>();
  for (const ids of Object.values(all?.grid_tasks ?? {})) for (const task of expandTaskIds(ids)) seen.set(task, (seen.get(task) ?? 0) + 1);
  const total = run.sidecar.task_count;
  const missingTasks = Array.from({ length: total }, (_, task) => task).filter((task) => !seen.has(task));
  const unexpected = [...seen.keys()].filter((task) => task < 0 || task >= total);
  const duplicates = [...seen].filter(([, times]) => times > 1).map(([task]) => task);
  const errors = [...(all === undefined ? ['the results were not fetched yet'] : all.errors), ...(all !== undefined && all.run_id !== runId ? [`all.json belongs to run ${all.run_id}`] : [])];
  const provenance = all !== undefined && !(all.notes ?? []).some((note) => note.includes('.hpc_cmd_sha'));
  return {
    ok: missingWaves.length === 0 && missingTasks.length === 0 && unexpected.length === 0 && duplicates.length === 0 && errors.length === 0 && provenance,
    all_waves_combined: missingWaves.length === 0,
    missing_waves: missingWaves,
    all_tasks_present: missingTasks.length === 0,
    missing_tasks: missingTasks,
    unexpected_tasks: unexpected,
    duplicate_tasks: duplicates,
    provenance_present: provenance,
    errors,
  };
}

async function writeTable(run: OpenRun, report: AggregationReport): Promise<AggregatedTable> {
  const all = await readCombined(run, 'all.json');
  if (!all) throw new HpcError('combiner_failed', `The combined results of run ${run.sidecar.run_id} did not arrive.`, { remediation: 'Aggregate again.' });
  const keyOrder = stringsOf(run.sidecar.extra?.key_order);
  const table = tableOf(all, keyOrder);
  const directory = resultsDirectory(run.experimentDir, run.sidecar.run_id);
  const files = { json: path.join(directory, 'summary.json'), csv: path.join(directory, 'summary.csv') };
  const whole: AggregatedTable = { run_id: run.sidecar.run_id, ...table, files, partial: !report.ok };
  await writeJsonAtomic(files.json, { ...whole, report, cmd_sha: run.sidecar.cmd_sha });
  await writeFileAtomic(files.csv, csvOf(table));
  return whole;
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** The table as it was fetched, aggregating first where that was not done. */
export async function readResults(runId: string, deps: RunDeps, call: CallOptions): Promise<AggregatedTable> {
  const run = await requireRun(runId, deps);
  const report = await verifyAggregation(runId, deps);
  if (report.ok) return writeTable(run, report);
  return (await aggregateRun(runId, { allowPartial: true, force: false }, deps, call)).table;
}
