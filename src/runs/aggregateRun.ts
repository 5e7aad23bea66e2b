/**
 * Aggregates a run: combines on the cluster what the sentinel jobs left, fetches only the reduced files, and checks that
 * every task is in them exactly once. A number is shown only from files that passed the check, or with what is missing named.
 */
import * as path from 'node:path';
import { pullTree } from '../connection/transfer/pullTree.ts';
import { readTextIfThere, writeFileAtomic, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { requireOwnRun, runState } from './listRuns.ts';
import { rangesOf } from './placement.ts';
import { rememberRuntimes } from './runtimes.ts';
import { compactTaskIds } from './diagnosis/taskRanges.ts';
import { csvOf, expandTaskIds, parseCombined, tableOf, type Combined, type Results } from './resultsTable.ts';
import type { OpenRun } from './runView.ts';
import { foldEvents, readEvents } from './taskEvents.ts';
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
  /** Fetched files that do not count, each with why: another run's, torn, older than what the tasks did since. */
  refused_files: string[];
  provenance_present: boolean;
  errors: string[];
}

export interface AggregatedTable extends Results {
  run_id: string;
  /** All rows that there are: a reader may be given fewer. */
  row_count: number;
  /** Tasks of the run, and those of them that are in none of the numbers (`3,7,12-14`): a grid point without any result has no row. */
  task_count: number;
  missing_task_ranges: string;
  files: { json: string; csv: string };
  partial: boolean;
}

const combinerDirectory = (run: OpenRun): string => path.join(run.experimentDir, '_combiner', run.sidecar.run_id);

export async function aggregateRun(runId: string, options: { readonly allowPartial: boolean; readonly force: boolean }, deps: RunDeps, call: CallOptions): Promise<{ report: AggregationReport; table: AggregatedTable }> {
  const run = await requireOwnRun(runId, deps, 'aggregated');
  const view = await runState(runId, { refresh: true }, deps, call);
  if (view.counts.complete === 0) throw new HpcError('outputs_missing', `No task of run ${runId} is done yet.`, { remediation: 'Wait for the first tasks, or look at their logs.', details: { missing_tasks: view.tasks.length } });
  await combine(run, options.force, deps, call);
  await fetchCombined(run, deps, call);
  let report = await verifyAggregation(runId, deps);
  const expected = view.tasks.flatMap((task, index) => (task.state === 'complete' ? [index] : []));
  const stale = report.missing_tasks.some((task) => view.tasks[task]?.state === 'complete') || !report.all_waves_combined || report.refused_files.length > 0;
  if (stale && !options.force) {
    // A wave was combined before its last tasks had ended (they were submitted again), or its file cannot count: combine it anew.
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
  if (report.refused_files.length > 0) parts.push(report.refused_files.slice(0, 3).join('; '));
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

/** Why this file's content cannot count for the run; undefined where it can. */
function foreignness(combined: Combined, run: OpenRun): string | undefined {
  if (combined.run_id !== run.sidecar.run_id) return `belongs to run ${combined.run_id}`;
  if (combined.cmd_sha !== undefined && combined.cmd_sha !== run.sidecar.cmd_sha) return `was made of other parameters (cmd_sha ${combined.cmd_sha.slice(0, 12)})`;
  return undefined;
}

const tasksIn = (combined: Combined | undefined): readonly number[] => Object.values(combined?.grid_tasks ?? {}).flatMap((ids) => [...expandTaskIds(ids)]);

/** A wave's file, or why it does not count. Against `all`, which is made anew every time, an older file of a wave is found out. */
async function judgeWave(wave: number, all: Combined | undefined, run: OpenRun): Promise<{ combined?: Combined; refused?: string }> {
  const name = `wave_${wave}.json`;
  let combined: Combined | undefined;
  try {
    combined = await readCombined(run, name);
  } catch {
    return { refused: `${name} is torn` };
  }
  if (!combined) return {};
  const foreign = combined.wave === null || combined.wave === wave ? foreignness(combined, run) : `is that of wave ${combined.wave}`;
  if (foreign !== undefined) return { refused: `${name} ${foreign}` };
  const its = new Set(run.sidecar.wave_map?.[String(wave)] ?? run.submission.arrays.filter((array) => array.wave === wave).flatMap(({ first_task, task_count }) => Array.from({ length: task_count }, (_, offset) => first_task + offset)));
  const held = new Set(tasksIn(combined));
  const strange = [...held].filter((task) => !its.has(task));
  if (strange.length > 0) return { refused: `${name} holds tasks ${compact(strange)}, which are not its own` };
  const lacking = tasksIn(all).filter((task) => its.has(task) && !held.has(task));
  if (lacking.length > 0) return { refused: `${name} was written before the results of tasks ${compact(lacking.toSorted((a, b) => a - b))}` };
  const older = outdatedTasks(combined, all);
  return older.length > 0 ? { refused: `${name} has an older attempt’s results of tasks ${compact(older)}` } : { combined };
}

/** Tasks with the attempt whose result the file holds, as far as it says. */
function attemptsIn(combined: Combined | undefined): ReadonlyMap<number, number> {
  return new Map(Object.entries(combined?.attempts ?? {}).flatMap(([attempt, ids]) => expandTaskIds(ids).map((task) => [task, Number(attempt)] as const)));
}

function outdatedTasks(combined: Combined, newer: Combined | undefined): readonly number[] {
  const now = attemptsIn(newer);
  return [...attemptsIn(combined)].filter(([task, attempt]) => (now.get(task) ?? attempt) > attempt).map(([task]) => task).toSorted((a, b) => a - b);
}

/** Tasks of which the file has an attempt older than the one that, by its own word, made the result anew. */
async function overtakenTasks(all: Combined, run: OpenRun, deps: RunDeps): Promise<readonly number[]> {
  const held = attemptsIn(all);
  if (held.size === 0 || (run.submission.attempts ?? []).length === 0) return [];
  const { events } = await readEvents(path.join(deps.journal.observationDirectory(run.experimentDir, run.sidecar.run_id), 'events'));
  const { histories } = foldEvents(events, run.sidecar.task_count);
  // `skipped` means that the older attempt's result was found and kept: that one is right.
  return [...held].filter(([task, attempt]) => histories[task]?.end?.o === 'done' && (histories[task].end.a ?? 1) > attempt).map(([task]) => task).toSorted((a, b) => a - b);
}

/** The invariants, from what was fetched alone. */
export async function verifyAggregation(runId: string, deps: RunDeps): Promise<AggregationReport> {
  const run = await requireOwnRun(runId, deps, 'aggregated');
  const all = await readCombined(run, 'all.json');
  const foreign = all && foreignness(all, run);
  const ours = foreign === undefined ? all : undefined;
  const waves = await Promise.all(run.submission.combiners.map(async ({ wave }) => ({ wave, ...(await judgeWave(wave, ours, run)) })));
  const missingWaves = waves.flatMap(({ wave, combined }) => (combined === undefined ? [wave] : []));
  const overtaken = ours === undefined ? [] : await overtakenTasks(ours, run, deps);
  const refused = [
    ...(foreign === undefined ? [] : [`all.json ${foreign}`]),
    ...(overtaken.length > 0 ? [`all.json has an older attempt’s results of tasks ${compact(overtaken)}`] : []),
    ...waves.flatMap((wave) => wave.refused ?? []),
  ];
  const seen = new Map<number, number>();
  for (const task of tasksIn(ours)) seen.set(task, (seen.get(task) ?? 0) + 1);
  const total = run.sidecar.task_count;
  const missingTasks = Array.from({ length: total }, (_, task) => task).filter((task) => !seen.has(task));
  const unexpected = [...seen.keys()].filter((task) => task < 0 || task >= total);
  const duplicates = [...seen].filter(([, times]) => times > 1).map(([task]) => task);
  const errors = all === undefined ? ['the results were not fetched yet'] : ours === undefined ? [] : [...ours.errors];
  const provenance = ours !== undefined && !(ours.notes ?? []).some((note) => note.includes('.hpc_cmd_sha'));
  return {
    ok: refused.length === 0 && missingWaves.length === 0 && missingTasks.length === 0 && unexpected.length === 0 && duplicates.length === 0 && errors.length === 0 && provenance,
    all_waves_combined: missingWaves.length === 0,
    missing_waves: missingWaves,
    all_tasks_present: missingTasks.length === 0,
    missing_tasks: missingTasks,
    unexpected_tasks: unexpected,
    duplicate_tasks: duplicates,
    refused_files: refused,
    provenance_present: provenance,
    errors,
  };
}

async function writeTable(run: OpenRun, report: AggregationReport): Promise<AggregatedTable> {
  const all = await readCombined(run, 'all.json');
  if (!all) throw new HpcError('combiner_failed', `The combined results of run ${run.sidecar.run_id} did not arrive.`, { remediation: 'Aggregate again.' });
  const foreign = foreignness(all, run);
  if (foreign !== undefined) throw new HpcError('combiner_failed', `The combined results of run ${run.sidecar.run_id} are not its own: all.json ${foreign}.`, { remediation: 'Aggregate again with force; if that gives the same, look what else writes to _combiner/ in the run’s folder on the cluster.' });
  const keyOrder = stringsOf(run.sidecar.extra?.key_order);
  const table = tableOf(all, keyOrder);
  const directory = resultsDirectory(run.experimentDir, run.sidecar.run_id);
  const files = { json: path.join(directory, 'summary.json'), csv: path.join(directory, 'summary.csv') };
  const whole: AggregatedTable = { run_id: run.sidecar.run_id, ...table, row_count: table.rows.length, task_count: run.sidecar.task_count, missing_task_ranges: compactTaskIds(report.missing_tasks), files, partial: !report.ok };
  await writeJsonAtomic(files.json, { ...whole, report, cmd_sha: run.sidecar.cmd_sha });
  await writeFileAtomic(files.csv, csvOf(table));
  return whole;
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** The table as it was fetched where it is whole; else what is done by now, combined anew, with the grid points that are whole marked. */
export async function readResults(runId: string, options: { readonly partial: boolean }, deps: RunDeps, call: CallOptions): Promise<AggregatedTable> {
  const run = await requireOwnRun(runId, deps, 'aggregated');
  const report = await verifyAggregation(runId, deps).catch((error: unknown) => {
    // A torn file is replaced by what is combined now.
    if (HpcError.is(error, 'combiner_failed')) return { ok: false };
    throw error;
  });
  if ('errors' in report && report.ok) return writeTable(run, report);
  return (await aggregateRun(runId, { allowPartial: options.partial, force: false }, deps, call)).table;
}
