/**
 * Sets sidecars aside that belong to no job: written for a submission that never happened.
 *
 * Rules: an orphan has neither job ids nor a journal record of this user and is older than an hour, so that one that is being
 * submitted now, here or by hpc-agent, is left alone, or than 30 days where it carries our token: its jobs may be there with their answer
 * lost, and known to the record of another computer or person. It is moved to `.hpc/runs/.pruned/`, never deleted; what cannot be read stays.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { placedArrays } from './placement.ts';
import type { RunDeps } from './deps.ts';
import { listRunIds, readSidecar } from './sidecar.ts';
import { runsDirectory, sidecarFile } from './workspace.ts';

const youngMs = 3_600_000;
const youngOfOursMs = 30 * 86_400_000;

export interface OrphanSidecar {
  readonly runId: string;
  readonly submittedAt: string;
  readonly cluster: string;
  /** File names in `.hpc/runs`. */
  readonly files: readonly string[];
}

export async function pruneOrphans(options: { readonly dryRun: boolean }, deps: RunDeps): Promise<{ readonly orphans: readonly OrphanSidecar[]; readonly movedTo: string }> {
  const directory = runsDirectory(deps.experimentDir);
  const movedTo = path.join(directory, '.pruned');
  const orphans: OrphanSidecar[] = [];
  for (const runId of await listRunIds(deps.experimentDir)) {
    const orphan = await orphanOf(runId, deps).catch((error: unknown) => {
      deps.log.warn('a sidecar was passed over', { run_id: runId, error });
      return undefined;
    });
    if (!orphan) continue;
    orphans.push(orphan);
    if (options.dryRun) continue;
    await fs.mkdir(movedTo, { recursive: true });
    // The sidecar last: where something stops the move, the run is still there to be found.
    for (const name of orphan.files.toSorted((a, b) => Number(a === `${runId}.json`) - Number(b === `${runId}.json`))) await fs.rename(path.join(directory, name), await freeName(path.join(movedTo, name)));
  }
  return { orphans, movedTo };
}

async function orphanOf(runId: string, deps: RunDeps): Promise<OrphanSidecar | undefined> {
  const sidecar = await readSidecar(deps.experimentDir, runId);
  if (!sidecar || (sidecar.job_ids ?? []).length > 0) return undefined;
  const submission = sidecar.extra?.submission;
  if (submission && placedArrays(submission).some(({ jobId }) => jobId !== null)) return undefined;
  if ((await deps.journal.read(deps.experimentDir, runId)) !== undefined) return undefined;
  const now = deps.clock.now().getTime();
  const written = (await fs.stat(sidecarFile(deps.experimentDir, runId))).mtimeMs;
  const submitted = Date.parse(sidecar.submitted_at);
  // The younger of both counts; a time that cannot be read proves no age.
  if (!(now - Math.max(written, submitted) > (submission ? youngOfOursMs : youngMs))) return undefined;
  const files = (await fs.readdir(runsDirectory(deps.experimentDir))).filter((name) => name === `${runId}.json` || /^\.(params\.jsonl|params\.idx|preempt\.jsonl|failed\.json)$/.test(name.startsWith(runId) ? name.slice(runId.length) : ''));
  return { runId, submittedAt: sidecar.submitted_at, cluster: sidecar.cluster ?? '', files: files.sort() };
}

/** What was set aside before under the same name is not replaced. */
async function freeName(file: string): Promise<string> {
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? file : `${file}.${number}`;
    if (!(await fs.stat(name).then(() => true, () => false))) return name;
  }
}
