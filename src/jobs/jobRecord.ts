/**
 * What this user submitted as single jobs: one small file each, below the user's own state.
 *
 * Rule: the record with its token is on the disk before anything leaves this machine, so that an interrupted submission is taken up
 * again instead of repeated.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import { appendJsonLine, parseJsonLines } from '../foundation/jsonLines.ts';
import type { ResourceRequest } from '../scheduler/port.ts';

const schema = z.object({
  schema: z.literal(1),
  request_id: z.string(),
  cluster: z.string(),
  name: z.string(),
  token: z.string(),
  /** What was asked for, so that the same request id with another wish is refused. */
  wish: z.string(),
  what: z.string(),
  state_dir: z.string(),
  workdir: z.string(),
  resources: z.record(z.string(), z.unknown()),
  stdout: z.string(),
  stderr: z.string(),
  submitted_at: z.string(),
  job_id: z.nullable(z.string()),
});
export type JobRecord = Omit<z.output<typeof schema>, 'resources'> & { readonly resources: ResourceRequest };

export class JobRecords {
  constructor(private readonly home: string) {}

  private directory(cluster: string): string {
    return path.join(this.home, 'jobs', cluster);
  }

  /** For locking: one submission per request id at a time. */
  file(cluster: string, requestId: string): string {
    return path.join(this.directory(cluster), `${sha256Hex(requestId).slice(0, 24)}.json`);
  }

  private async readFile(file: string): Promise<JobRecord | undefined> {
    const text = await readTextIfThere(file);
    if (text === undefined) return undefined;
    try {
      return z.parse(schema, JSON.parse(text));
    } catch (cause) {
      throw new HpcError('journal_corrupt', `${file} cannot be read.`, { cause, remediation: 'Move it aside: the job itself is not touched by that.' });
    }
  }

  read(cluster: string, requestId: string): Promise<JobRecord | undefined> {
    return this.readFile(this.file(cluster, requestId));
  }

  async write(record: JobRecord): Promise<void> {
    await writeJsonAtomic(this.file(record.cluster, record.request_id), record);
  }

  /** Newest first; what cannot be read is left out here, and named when it is asked for by itself. */
  async list(cluster: string): Promise<readonly JobRecord[]> {
    let names: readonly string[];
    try {
      names = (await fs.readdir(this.directory(cluster))).filter((name) => /^[0-9a-f]{24}\.json$/.test(name));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    }
    const read = await Promise.all(names.map((name) => this.readFile(path.join(this.directory(cluster), name)).catch(() => undefined)));
    return read.filter((record) => record !== undefined).sort((a, b) => b.submitted_at.localeCompare(a.submitted_at));
  }

  /** Grid Engine does not tell a deleted job from one that was killed: who asked for it knows. */
  async noteCancelled(cluster: string, jobId: string, name: string): Promise<void> {
    await appendJsonLine(path.join(this.directory(cluster), 'cancelled.jsonl'), { job_id: jobId, name });
  }

  /** By id and name: an id may be given out again. */
  async cancelled(cluster: string): Promise<(jobId: string, name: string) => boolean> {
    const { values } = parseJsonLines((await readTextIfThere(path.join(this.directory(cluster), 'cancelled.jsonl'))) ?? '');
    const known = new Set(values.map((value) => JSON.stringify(value)));
    return (jobId, name) => known.has(JSON.stringify({ job_id: jobId, name }));
  }

  async find(cluster: string, jobId: string): Promise<JobRecord | undefined> {
    return (await this.list(cluster)).find((record) => record.job_id === jobId);
  }
}
