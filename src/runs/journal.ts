/**
 * The per-user journal under `~/.hpc-agent/journal/<repo_hash>/`: which runs this user has in which workspace, and what
 * was last heard of them. Shared by every window and the command line, so each file is written atomically under a lock.
 *
 * Records are hpc-agent's (`schema_version: 1`). Observations lie beside them as they came from the cluster, unmerged: the
 * event logs are byte-exact prefixes of the remote ones, so a file's size is the offset of the next read.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { FileMemory } from '../foundation/fileMemory.ts';
import { isLocked, withFileLock } from '../foundation/fileLock.ts';
import { sha256Hex } from '../foundation/ids.ts';
import { writeRebuildable } from './rebuildableFile.ts';

/** Inclusive ranges of task ids. */
const ranges = z.array(z.tuple([z.number(), z.number()]));

const recordSchema = z.looseObject({
  schema_version: z.literal(1),
  run_id: z.string(),
  profile: z.string(),
  cluster: z.string(),
  ssh_target: z.string(),
  remote_path: z.string(),
  job_name: z.string(),
  job_ids: z.array(z.string()),
  total_tasks: z.number(),
  submitted_at: z.string(),
  experiment_dir: z.string(),
  /** `submit` until every array has its job id, then hpc-agent's `monitor`. */
  stage: z.string(),
  status: z.string(),
  /** Why the submission stopped short, while `stage` is `submit`. */
  submit_problem: z.optional(z.nullable(z.string())),
  /** Tasks that were asked to end; `all` for the whole run, except those that had ended by themselves before. */
  cancel_requested: z.optional(z.nullable(z.object({ at: z.string(), tasks: z.union([z.literal('all'), ranges]), ended: z.optional(ranges) }))),
});
export type RunRecord = z.output<typeof recordSchema>;

/** What was heard of a run besides its events. */
const factsSchema = z.object({
  observed_at: z.nullable(z.string()),
  stale_reason: z.nullable(z.string()),
  /** The run's folder on the cluster was not there. */
  gone: z.boolean(),
  combined: z.array(z.number()),
  claims: z.record(z.string(), z.nullable(z.string())),
  /** Job ids missing in the queue although not all their tasks have ended: since when (ISO), and how often seen so. */
  absent: z.record(z.string(), z.object({ since: z.string(), times: z.number() })),
});
export type RunFacts = z.output<typeof factsSchema>;
export const noFacts: RunFacts = { observed_at: null, stale_reason: null, gone: false, combined: [], claims: {}, absent: {} };

export function repoHash(experimentDir: string): string {
  return sha256Hex(path.resolve(experimentDir)).slice(0, 12);
}

export class Journal {
  /** What was made of observation files that are still the same. */
  readonly memory = new FileMemory();

  constructor(private readonly home: string) {}

  private repoDirectory(experimentDir: string): string {
    return path.join(this.home, 'journal', repoHash(experimentDir));
  }

  private recordFile(experimentDir: string, runId: string): string {
    return path.join(this.repoDirectory(experimentDir), 'runs', `${runId}.json`);
  }

  private submitLock(experimentDir: string, runId: string): string {
    return `${this.recordFile(experimentDir, runId)}.submit.lock`;
  }

  observationDirectory(experimentDir: string, runId: string): string {
    return path.join(this.repoDirectory(experimentDir), 'observations', runId);
  }

  clusterDirectory(cluster: string): string {
    return path.join(this.home, 'clusters', cluster);
  }

  async read(experimentDir: string, runId: string): Promise<RunRecord | undefined> {
    const file = this.recordFile(experimentDir, runId);
    const text = await readTextIfThere(file);
    if (text === undefined) return undefined;
    try {
      return z.parse(recordSchema, JSON.parse(text));
    } catch (cause) {
      throw new HpcError('journal_corrupt', `${file} cannot be read.`, { cause, remediation: 'Move it aside: the run is then read from its sidecar, and reconcile asks the cluster.' });
    }
  }

  async write(record: RunRecord): Promise<void> {
    const directory = this.repoDirectory(record.experiment_dir);
    const repoFile = path.join(directory, 'repo.json');
    if ((await readTextIfThere(repoFile)) === undefined) {
      await writeJsonAtomic(repoFile, { experiment_dir: path.resolve(record.experiment_dir), first_seen: new Date().toISOString() });
    }
    await writeJsonAtomic(this.recordFile(record.experiment_dir, record.run_id), record);
  }

  /** Changes a record under its lock; undefined where there is none. */
  async update(experimentDir: string, runId: string, change: (record: RunRecord) => RunRecord): Promise<RunRecord | undefined> {
    return withFileLock(`${this.recordFile(experimentDir, runId)}.lock`, async () => {
      const record = await this.read(experimentDir, runId);
      if (record === undefined) return undefined;
      const changed = change(record);
      await this.write(changed);
      return changed;
    });
  }

  /** Runs body while no other process submits or reconciles this run. */
  async withRun<T>(experimentDir: string, runId: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withFileLock(this.submitLock(experimentDir, runId), body, { ...(signal ? { signal } : {}), timeoutMs: 120_000 });
  }

  /** Whether somebody submits or reconciles this run now. */
  async isAtWork(experimentDir: string, runId: string): Promise<boolean> {
    return isLocked(this.submitLock(experimentDir, runId));
  }

  /** Runs body while no other process decides whether to make a new run in this workspace. */
  async withIntent<T>(experimentDir: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withFileLock(path.join(this.repoDirectory(experimentDir), 'intent.lock'), body, { ...(signal ? { signal } : {}), timeoutMs: 60_000 });
  }

  /** Every workspace that has a journal here. */
  async workspaces(): Promise<readonly string[]> {
    let names: string[];
    try {
      names = await fs.readdir(path.join(this.home, 'journal'));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    }
    const directories = await Promise.all(
      names.map(async (name) => {
        const text = await readTextIfThere(path.join(this.home, 'journal', name, 'repo.json'));
        const parsed = z.safeParse(z.object({ experiment_dir: z.string() }), safeJson(text));
        return parsed.success ? parsed.data.experiment_dir : undefined;
      }),
    );
    return directories.filter((directory) => directory !== undefined).sort();
  }

  async readFacts(experimentDir: string, runId: string): Promise<RunFacts> {
    const text = await readTextIfThere(path.join(this.observationDirectory(experimentDir, runId), 'facts.json'));
    const parsed = z.safeParse(factsSchema, safeJson(text));
    // Facts can always be asked for again, so a damaged file costs one full reply.
    return parsed.success ? parsed.data : noFacts;
  }

  async writeFacts(experimentDir: string, runId: string, facts: RunFacts): Promise<void> {
    await writeRebuildable(path.join(this.observationDirectory(experimentDir, runId), 'facts.json'), facts);
  }
}

function safeJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
