/**
 * What tasks of earlier runs took: `.hpc/runtimes/<profile>.<cluster>.json`, hpc-agent's schema version 2.
 *
 * Rules: each attempt of a task is in it once, however often it is told; what others wrote into the file is kept, and hpc-agent's lock is taken
 * beside ours, since it may write at the same time; it is advice and no record, so a file that cannot be read is set aside and made anew, and no run ever waits for it or fails by it.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { withAdvisoryLock } from '../foundation/advisoryLock.ts';
import { readTextIfThere, writeFileAtomic } from '../foundation/atomicFile.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import type { RunDeps } from './deps.ts';
import { openRun } from './listRuns.ts';
import { samplesOfRun } from './runtimeSamples.ts';
import type { OpenRun } from './runView.ts';
import { listRunIds } from './sidecar.ts';
import { hpcDirectory } from './workspace.ts';

/** What hpc-agent reads, and what only we add: `attempt`, `elapsed_s`, `cpu_s`, `memory_requested_mb`. Others' keys are kept as they are. */
export interface RuntimeSample {
  readonly run_id: string;
  readonly task_id: number;
  readonly attempt?: number;
  /** `cpu` where no GPU was asked for: hpc-agent passes over samples without a name. */
  readonly gpu_type: string;
  readonly node: string;
  readonly cmd_sha: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** Whole seconds, 1 at least: hpc-agent passes over 0. */
  readonly elapsed_sec: number;
  readonly exit_code: number;
  readonly walltime_requested_sec: number | null;
  readonly peak_host_mem_mb: number | null;
  readonly cpu_seconds_used: number | null;
  readonly cpus_requested: number | null;
  readonly [more: string]: unknown;
}

export const runtimesVersion = 2;
export const maxSamples = 10_000;

interface RuntimesFile {
  readonly samples: readonly RuntimeSample[];
  readonly rest: Readonly<Record<string, unknown>>;
  readonly torn: boolean;
}

export function runtimesFile(experimentDir: string, profile: string, cluster: string): string {
  return path.join(hpcDirectory(experimentDir), 'runtimes', `${profile.replaceAll('/', '_')}.${cluster}.json`);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

function isSample(value: unknown): value is RuntimeSample {
  return isObject(value) && typeof value.run_id === 'string' && typeof value.task_id === 'number' && typeof value.elapsed_sec === 'number';
}

function parse(text: string | undefined): RuntimesFile {
  if (text === undefined) return { samples: [], rest: {}, torn: false };
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || !Array.isArray(value.samples)) return { samples: [], rest: {}, torn: true };
    const { samples, ...rest } = value;
    return { samples: (samples as unknown[]).filter(isSample), rest, torn: false };
  } catch {
    return { samples: [], rest: {}, torn: true };
  }
}

/** The samples there are; none where the file is not there or cannot be read. */
export async function readRuntimes(experimentDir: string, profile: string, cluster: string): Promise<readonly RuntimeSample[]> {
  try {
    return parse(await readTextIfThere(runtimesFile(experimentDir, profile, cluster))).samples;
  } catch {
    return [];
  }
}

const keyOf = (sample: RuntimeSample): string => `${sample.run_id}/${sample.task_id}/${sample.attempt ?? ''}`;

/** Both together, each attempt once, the newest `limit` of them. hpc-agent's sample of a task gives way to ours: it knows no attempts. */
export function mergeSamples(known: readonly RuntimeSample[], fresh: readonly RuntimeSample[], limit = maxSamples): readonly RuntimeSample[] {
  const ours = new Set(fresh.map(({ run_id, task_id }) => `${run_id}/${task_id}/`));
  const kept = known.filter((sample) => sample.attempt !== undefined || !ours.has(keyOf(sample)));
  const seen = new Set(kept.map(keyOf));
  const added = fresh.filter((sample) => {
    const key = keyOf(sample);
    return !seen.has(key) && seen.add(key);
  });
  if (added.length === 0 && kept.length === known.length && known.length <= limit) return known;
  const all = [...kept, ...added];
  if (all.length <= limit) return all;
  // By time and not by place, so that telling of an old run again does not push newer ones out.
  const endOf = (sample: RuntimeSample): number => Date.parse(sample.ended_at ?? '') || 0;
  const newest = all
    .map((sample, place) => ({ sample, place, end: endOf(sample) }))
    // Of equal times always the same ones stay.
    .sort((a, b) => a.end - b.end || (keyOf(a.sample) < keyOf(b.sample) ? -1 : 1))
    .slice(-limit);
  return newest.sort((a, b) => a.place - b.place).map(({ sample }) => sample);
}

const textOf = (file: RuntimesFile, samples: readonly RuntimeSample[], profile: string, cluster: string): string => {
  const head = JSON.stringify({ profile, cluster, ...file.rest, schema_version: runtimesVersion }, undefined, 1).slice(0, -2);
  // A line per sample: thousands of them are read by people and kept in version control.
  return `${head},\n "samples": [${samples.map((sample) => `\n  ${JSON.stringify(sample)}`).join(',')}\n ]\n}\n`;
};

/** Adds samples under the lock. A file that cannot be read is set aside, and what `rebuild` gives takes its place. */
export async function storeSamples(
  place: { readonly experimentDir: string; readonly profile: string; readonly cluster: string },
  fresh: readonly RuntimeSample[],
  options: { readonly rebuild: () => Promise<readonly RuntimeSample[]>; readonly now: Date },
): Promise<{ added: number; setAside: string | null }> {
  const file = runtimesFile(place.experimentDir, place.profile, place.cluster);
  if (!hasNews(parse(await readTextIfThere(file)), fresh)) return { added: 0, setAside: null };
  const store = async (): Promise<{ added: number; setAside: string | null }> => {
    const before = parse(await readTextIfThere(file));
    if (!hasNews(before, fresh)) return { added: 0, setAside: null };
    const known = before.torn ? mergeSamples([], await options.rebuild()) : before.samples;
    const samples = mergeSamples(known, fresh);
    const setAside = before.torn ? `${file}.unreadable-${options.now.toISOString().replaceAll(/[^0-9]/g, '').slice(0, 14)}` : null;
    if (setAside !== null) await fs.rename(file, setAside);
    await writeFileAtomic(file, textOf(before, samples, place.profile, place.cluster));
    return { added: samples.length - before.samples.length, setAside };
  };
  // Ours first, so that the windows and programs of this product do not each start a Python to wait for the other's lock.
  return withFileLock(path.join(path.dirname(file), `.${path.basename(file)}.write-lock`), () => withAdvisoryLock(`${file}.lock`, store, { timeoutMs: 5000 }), { timeoutMs: 5000 });
}

/** Whether the file is to be written; a newer product's file is not ours to write. */
function hasNews(file: RuntimesFile, fresh: readonly RuntimeSample[]): boolean {
  const version = file.rest.schema_version;
  return !(typeof version === 'number' && version > runtimesVersion) && (file.torn || mergeSamples(file.samples, fresh) !== file.samples);
}

/** Tells the memory of a run's ended tasks, again only where more was heard of them. Never throws: what goes wrong is logged. */
export async function rememberRuntimes(runId: string, deps: RunDeps): Promise<void> {
  try {
    const folder = path.join(deps.journal.observationDirectory(deps.experimentDir, runId), 'events');
    await deps.journal.memory.recall('told to the memory of run times', { folder, ending: '.jsonl' }, () => tell(runId, deps));
  } catch (error) {
    deps.log.warn('the run times of a run were not remembered', { run_id: runId, error });
  }
}

const profileOf = ({ sidecar, submission }: OpenRun): string => sidecar.profile ?? submission.run_name;

async function tell(runId: string, deps: RunDeps): Promise<void> {
  const run = await openRun(deps.experimentDir, runId, deps);
  const fresh = run ? await samplesOfRun(run, deps) : [];
  if (!run || fresh.length === 0) return;
  const profile = profileOf(run);
  const cluster = run.sidecar.cluster ?? '';
  const { setAside } = await storeSamples({ experimentDir: deps.experimentDir, profile, cluster }, fresh, { rebuild: () => samplesOfAll(profile, cluster, deps), now: deps.clock.now() });
  if (setAside !== null) deps.log.warn('the memory of run times could not be read and was made anew', { set_aside: setAside });
}

/** Of every run of this profile and cluster whose task events are still on this computer. */
async function samplesOfAll(profile: string, cluster: string, deps: RunDeps): Promise<readonly RuntimeSample[]> {
  const all: RuntimeSample[] = [];
  for (const runId of (await listRunIds(deps.experimentDir)).toReversed()) {
    try {
      const run = await openRun(deps.experimentDir, runId, deps);
      if (run && profileOf(run) === profile && run.sidecar.cluster === cluster) all.push(...(await samplesOfRun(run, deps)));
    } catch (error) {
      deps.log.warn('a run was passed over', { run_id: runId, error });
    }
  }
  return all;
}
