/**
 * Breaks `submit` at random moments on a real cluster, then does what a user does (the same command again), then proves on
 * the cluster itself that nothing was lost and nothing is there twice.
 *
 * Two ways to break: the process is killed with SIGKILL, or its SSH connection is cut (its sessions on the login node are
 * killed, or the network resets them), while the process lives on. Moments are uniform over an undisturbed submission, every third
 * one in its last third, where the jobs are made. The seed is printed; the same seed gives the same moments.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { eventually, makeWorkspace, type Cli, type CliEnd } from '../sandbox/runs/cli.ts';
import { byKey, jobsNamed, resultsOf, traceTasks } from '../sandbox/runs/ledger.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

export type Way = 'process' | 'connection';

export interface KillOptions {
  readonly way: Way;
  readonly count: number;
  readonly seed: number;
  /** Submissions at once. */
  readonly parallel: number;
  readonly say?: (line: string) => void;
}

export interface KillReport {
  readonly way: Way;
  readonly seed: number;
  readonly count: number;
  /** Of an undisturbed submission. */
  readonly durationMs: number;
  /** Submissions that had not ended when they were hit. */
  readonly hits: number;
  /** How often the command was given again until it was done, summed. */
  readonly repeats: number;
  /** What was found on the cluster when the command was given again: nothing, a part, all of it. */
  readonly codes: Readonly<Record<string, number>>;
  /** Each one is a defect. */
  readonly anomalies: readonly string[];
  readonly elapsedMs: number;
}

const keys = ['w0a0', 'w0c', 'w1a0', 'w1c'];
const tasks = 4;
/** Answers that mean "not now"; after each of them the same command must be right. */
const honest = ['ssh_unreachable', 'cluster_timeout', 'scheduler_throttled', 'remote_command_failed'];

export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const killClusters = (sandbox: Sandbox): Readonly<Record<string, unknown>> => ({
  bed: { scheduler: 'slurm', host: sandbox.ssh.aliases.plain, ssh_config_file: sandbox.ssh.sshConfigFile, scratch: '$HOME/scratch', constraints: { max_array_size: 2, max_concurrent_jobs: 1 } },
});

interface Trial {
  readonly name: string;
  readonly workspace: string;
  readonly momentMs: number;
  end?: CliEnd;
  wasHit?: boolean;
  outcome?: { readonly runId: string; readonly remotePath: string; readonly jobIds: readonly string[] };
  readonly anomalies: string[];
}

const wordsOf = (name: string): string[] => ['submit', '--cluster', 'bed', '--command', 'printf \'{"y": %s}\\n\' "$HPC_KW_X"', '--run-name', name, '--yes'];

async function inBatches<T>(items: readonly T[], size: number, body: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  await Promise.all(
    Array.from({ length: size }, async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await body(item);
    }),
  );
}

/** The middle of several undisturbed submissions, as many at once as later; they also warm the bed. */
async function measure(cli: Cli, root: string, options: KillOptions): Promise<number> {
  const warm = await makeWorkspace(path.join(root, 'warm'), tasks);
  await cli.data(wordsOf(`warm${options.seed}`), { cwd: warm });
  const ends: number[] = [];
  await inBatches(
    Array.from({ length: options.parallel }, (_, index) => index),
    options.parallel,
    async (index) => {
      const workspace = await makeWorkspace(path.join(root, `still${index}`), tasks);
      const { envelope, elapsedMs } = await cli.run(wordsOf(`still${options.seed}x${index}`), { cwd: workspace });
      if (envelope?.ok !== true) throw new Error(`an undisturbed submission failed: ${JSON.stringify(envelope)}`);
      ends.push(elapsedMs);
    },
  );
  return ends.sort((a, b) => a - b)[Math.floor(ends.length / 2)] ?? 2000;
}

async function hitProcesses(cli: Cli, trials: readonly Trial[], options: KillOptions): Promise<void> {
  await inBatches(trials, options.parallel, async (trial) => {
    const running = cli.start(wordsOf(trial.name), { cwd: trial.workspace });
    const timer = setTimeout(() => running.child.kill('SIGKILL'), trial.momentMs);
    trial.end = await running.ended;
    clearTimeout(timer);
    trial.wasHit = trial.end.signal === 'SIGKILL';
    await submitUntilDone(cli, trial);
  });
}

/** Each submission of a round begins its own moment before the cut, which is common to all. */
async function hitConnections(cli: Cli, sandbox: Sandbox, trials: readonly Trial[], options: KillOptions): Promise<void> {
  for (let first = 0, round = 0; first < trials.length; first += options.parallel, round += 1) {
    const group = trials.slice(first, first + options.parallel);
    const longest = Math.max(...group.map(({ momentMs }) => momentMs));
    const runs = group.map(async (trial) => {
      await new Promise((resolve) => setTimeout(resolve, longest - trial.momentMs));
      const running = cli.start(wordsOf(trial.name), { cwd: trial.workspace });
      trial.wasHit = true;
      void running.ended.then(() => (trial.wasHit = cut));
      trial.end = await running.ended;
    });
    let cut = false;
    await new Promise((resolve) => setTimeout(resolve, longest));
    cut = true;
    if (round % 2 === 0) await sandbox.faults.dropSshSessions();
    else await sandbox.faults.resetConnections();
    await Promise.all(runs);
    await inBatches(group, options.parallel, (trial) => submitUntilDone(cli, trial));
  }
}

/** What a user does: the same command again, until it says that it is done. */
async function submitUntilDone(cli: Cli, trial: Trial): Promise<void> {
  let { end } = trial;
  for (let attempt = 1; end?.envelope?.ok !== true; attempt += 1) {
    const code = end?.envelope?.error_code;
    if (code !== undefined && (!honest.includes(code) || (end?.envelope?.remediation ?? '') === '')) trial.anomalies.push(`answered ${JSON.stringify(end?.envelope)}`);
    if (end?.signal === null && end.envelope === undefined) trial.anomalies.push(`ended with ${end.code} and no answer: ${end.stderr.slice(-500)}`);
    if (attempt > 6) {
      trial.anomalies.push(`is not done after ${attempt - 1} repeats: ${JSON.stringify(end?.envelope)}`);
      return;
    }
    end = await cli.run(wordsOf(trial.name), { cwd: trial.workspace });
    repeats.set(trial, attempt);
  }
  const data = end.envelope.data as { run_id: string; remote_path: string; job_ids: string[] };
  trial.outcome = { runId: data.run_id, remotePath: data.remote_path, jobIds: data.job_ids };
}

const repeats = new WeakMap<Trial, number>();

/** Reads the cluster, not our files: each job once, each task started once, each result there once. */
async function prove(cli: Cli, sandbox: Sandbox, trials: readonly Trial[], prefix: string, parallel: number): Promise<void> {
  await eventually(
    'all jobs of the trials end',
    async () => {
      const { stdout, exitCode } = await sandbox.asRoot(`squeue --noheader --format=%j && echo asked`);
      return exitCode === 0 && stdout.endsWith('asked\n') && !stdout.split('\n').some((name) => name.startsWith(prefix)) ? true : undefined;
    },
    300_000,
    500,
  );
  // Accounting hears of a job's end a little later, of its existence at its start.
  const jobs = await jobsNamed(sandbox, prefix);
  await inBatches(trials, parallel, async (trial) => {
    const found = byKey(jobs.filter(({ name }) => name.startsWith(`${trial.name}-`)), trial.name);
    for (const key of keys) if (found.get(key)?.length !== 1) trial.anomalies.push(`${key} is on the cluster ${found.get(key)?.length ?? 0} times: ${found.get(key)?.join(', ') ?? ''}`);
    for (const key of found.keys()) if (!keys.includes(key)) trial.anomalies.push(`an unexpected job ${key}`);
    const { outcome } = trial;
    if (!outcome) return;
    const arrays = keys.filter((key) => !key.endsWith('c')).map((key) => found.get(key)?.[0] ?? '');
    if (arrays.join() !== outcome.jobIds.join()) trial.anomalies.push(`it says jobs ${outcome.jobIds.join()}, the cluster has ${arrays.join()}`);
    const traces = await traceTasks(sandbox, `${outcome.remotePath}/.hpc/state/${outcome.runId}`);
    const results = await resultsOf(sandbox, outcome.remotePath, outcome.runId);
    for (let task = 0; task < tasks; task += 1) {
      const trace = traces.get(task);
      if (trace?.starts !== 1 || trace.ends !== 1) trial.anomalies.push(`task ${task} began ${trace?.starts ?? 0} times and ended ${trace?.ends ?? 0} times`);
      if (results.get(task) !== `{"y": ${task}}`) trial.anomalies.push(`the result of task ${task} is ${results.get(task) ?? 'missing'}`);
    }
    if (results.size !== tasks || traces.size !== tasks) trial.anomalies.push(`${results.size} results and ${traces.size} tasks instead of ${tasks}`);
    const { runs } = (await cli.data(['list-runs', '--refresh'], { cwd: trial.workspace })) as unknown as { runs: { run_id: string; lifecycle_state: string; job_ids: string[] }[] };
    const [run, ...others] = runs;
    if (run?.run_id !== outcome.runId || others.length > 0) trial.anomalies.push(`list-runs has ${runs.map(({ run_id }) => run_id).join(', ') || 'nothing'} instead of ${outcome.runId}`);
    if (run?.lifecycle_state !== 'complete') trial.anomalies.push(`list-runs says ${run?.lifecycle_state ?? 'nothing'}`);
  });
}

export async function killSubmissions(cli: Cli, sandbox: Sandbox, options: KillOptions): Promise<KillReport> {
  const startedMs = performance.now();
  const say = options.say ?? (() => undefined);
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-kills-'));
  try {
    const durationMs = await measure(cli, root, options);
    const random = randomFrom(options.seed);
    // The bed remembers earlier tests, also those with this seed: names are new each time.
    const prefix = `k${options.way[0] ?? ''}${Date.now().toString(36)}x`;
    const trials: Trial[] = [];
    for (let index = 0; index < options.count; index += 1) {
      const at = random();
      const momentMs = durationMs * (index % 3 === 2 ? 2 / 3 + at / 3 : at);
      trials.push({ name: `${prefix}${index}`, workspace: await makeWorkspace(path.join(root, `trial${index}`), tasks), momentMs, anomalies: [] });
    }
    say(`${options.way}: seed ${options.seed}, ${options.count} moments over ${durationMs.toFixed(0)} ms, ${options.parallel} at once`);
    if (options.way === 'process') await hitProcesses(cli, trials, options);
    else await hitConnections(cli, sandbox, trials, options);
    await prove(cli, sandbox, trials, prefix, options.parallel);
    const codes: Record<string, number> = {};
    for (const { end } of trials) {
      const word = end?.signal === 'SIGKILL' ? 'killed' : end?.envelope?.ok === true ? 'ok' : (end?.envelope?.error_code ?? 'no answer');
      codes[word] = (codes[word] ?? 0) + 1;
    }
    return {
      way: options.way,
      seed: options.seed,
      count: options.count,
      durationMs,
      hits: trials.filter(({ wasHit }) => wasHit).length,
      repeats: trials.reduce((sum, trial) => sum + (repeats.get(trial) ?? 0), 0),
      codes,
      anomalies: trials.flatMap((trial) => trial.anomalies.map((words) => `${trial.name} at ${trial.momentMs.toFixed(0)} ms: ${words}`)),
      elapsedMs: performance.now() - startedMs,
    };
  } finally {
    await sandbox.asUser('rm -rf "$HOME/scratch/hpc-agent"');
    await fs.rm(root, { recursive: true, force: true });
  }
}

export function describeReport(report: KillReport): string {
  const codes = Object.entries(report.codes).map(([word, count]) => `${count} ${word}`).join(', ');
  return `${report.way}: ${report.count} submissions, seed ${report.seed}: ${report.hits} hit while at work (${codes}), ${report.repeats} repeats until done, ${report.anomalies.length} anomalies; undisturbed ${report.durationMs.toFixed(0)} ms; ${(report.elapsedMs / 1000).toFixed(0)} s in all`;
}
