/**
 * The last good answers of a cluster's scheduler, as they came, one file per source, shared by every window and the
 * command line. A failed question leaves the last good answer in place.
 */
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import type { CommandOutput } from '../scheduler/port.ts';
import { writeRebuildable } from './rebuildableFile.ts';

const schema = z.object({
  at: z.string(),
  /** Changes whenever the cluster was asked again, whatever it said. */
  hash: z.string(),
  output: z.object({ stdout: z.string(), stderr: z.string(), exitCode: z.nullable(z.number()) }),
  /** For accounting: the jobs that were asked for. */
  jobs: z.array(z.string()),
});
export interface SourceSnapshot {
  readonly at: string;
  readonly hash: string;
  readonly output: CommandOutput;
  readonly jobs: readonly string[];
}

export type Source = 'queue' | 'accounting';

export async function readSnapshot(directory: string, source: Source): Promise<SourceSnapshot | undefined> {
  const text = await readTextIfThere(path.join(directory, `${source}.json`));
  if (text === undefined) return undefined;
  try {
    return z.parse(schema, JSON.parse(text));
  } catch {
    // A snapshot can always be asked for again.
    return undefined;
  }
}

export async function writeSnapshot(directory: string, source: Source, snapshot: SourceSnapshot): Promise<void> {
  await writeRebuildable(path.join(directory, `${source}.json`), snapshot);
}
