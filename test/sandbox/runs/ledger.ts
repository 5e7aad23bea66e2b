/**
 * What is really on the cluster, read as root and not through the product: the jobs that Slurm's controller and its
 * accounting know, and the event logs and results of runs.
 */
import type { Sandbox } from '../sandbox.ts';

export interface LedgerJob {
  readonly jobId: string;
  readonly name: string;
}

/** Array jobs and plain jobs, each once, from squeue (all states) and sacct together. */
export async function jobsNamed(sandbox: Sandbox, prefix: string): Promise<readonly LedgerJob[]> {
  const { stdout, stderr, exitCode } = await sandbox.asRoot(
    `squeue --noheader --states=all --format='%F|%j' --array-unique 2>/dev/null | sort -u
sacct --allusers --allocations --duplicates --noheader --parsable2 --starttime=now-1days --format=JobID%60,JobName%200 | sed 's/_[^|]*|/|/' | sort -u
echo complete`,
  );
  if (exitCode !== 0 || !stdout.trimEnd().endsWith('complete')) throw new Error(`the cluster could not be asked: ${stderr}`);
  const jobs = new Map<string, LedgerJob>();
  for (const line of stdout.split('\n')) {
    const match = /^(\d+)\|(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2]?.startsWith(prefix)) jobs.set(match[1], { jobId: match[1], name: match[2] });
  }
  return [...jobs.values()];
}

/** Ids by key (`w0a0`, `w0c`): a list of more than one is a job that was submitted twice. */
export function byKey(jobs: readonly LedgerJob[], runName: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { jobId, name } of jobs) {
    const key = new RegExp(`^${runName.replaceAll('.', '\\.')}-(w\\d+(?:a\\d+(?:h\\d+)?|c))-[0-9a-f]{10}$`).exec(name)?.[1];
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), jobId]);
  }
  return found;
}

export interface TaskTrace {
  readonly starts: number;
  readonly ends: number;
  readonly firstStartS: number;
  readonly lastEndS: number;
}

/** Start and end events by task, from the logs on the cluster. */
export async function traceTasks(sandbox: Sandbox, stateDir: string): Promise<ReadonlyMap<number, TaskTrace>> {
  const { stdout } = await sandbox.asRoot(`cat "$(printf %s ${JSON.stringify(stateDir)})"/events/*.jsonl; echo`);
  const tasks = new Map<number, TaskTrace>();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const { e, i, t } = JSON.parse(line) as { e: string; i: number; t: number };
    const known = tasks.get(i) ?? { starts: 0, ends: 0, firstStartS: Infinity, lastEndS: -Infinity };
    tasks.set(i, e === 'start' ? { ...known, starts: known.starts + 1, firstStartS: Math.min(known.firstStartS, t) } : { ...known, ends: known.ends + 1, lastEndS: Math.max(known.lastEndS, t) });
  }
  return tasks;
}

/** Result files of a run below its remote folder, by task. */
export async function resultsOf(sandbox: Sandbox, remotePath: string, runId: string): Promise<ReadonlyMap<number, string>> {
  const { stdout } = await sandbox.asRoot(`find ${JSON.stringify(`${remotePath}/results/${runId}`)} -name metrics.json -path '*/task_*' -printf '%P ' -exec cat {} \\; -printf '\\n'`);
  const found = new Map<number, string>();
  for (const line of stdout.split('\n')) {
    const match = /^task_(\d+)\/metrics\.json (.*)$/.exec(line);
    if (!match?.[1]) continue;
    if (found.has(Number(match[1]))) throw new Error(`task ${match[1]} has two results`);
    found.set(Number(match[1]), match[2] ?? '');
  }
  return found;
}
