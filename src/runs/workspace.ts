/** The `.hpc/` folder of a workspace: shared with collaborators and with hpc-agent, so its layout is hpc-agent's plus files of ours beside. */
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { newToken } from '../foundation/ids.ts';

export interface Workspace {
  /** Absolute folder. */
  readonly directory: string;
  /** The folder's own name, for people. */
  readonly name: string;
  /** Random, made once and kept in `.hpc/workspace.json`: the same workspace on another machine finds its runs by it. */
  readonly id: string;
}

export const hpcDirectory = (directory: string): string => path.join(directory, '.hpc');
export const tasksFile = (directory: string): string => path.join(directory, '.hpc', 'tasks.py');
export const runsDirectory = (directory: string): string => path.join(directory, '.hpc', 'runs');
export const sidecarFile = (directory: string, runId: string): string => path.join(runsDirectory(directory), `${runId}.json`);
/** One line of canonical JSON per task: the kwargs, frozen at submission. Its text without the last newline hashes to cmd_sha. */
export const paramsFile = (directory: string, runId: string): string => path.join(runsDirectory(directory), `${runId}.params.jsonl`);
export const resultsDirectory = (directory: string, runId: string): string => path.join(directory, 'results', runId);

const schema = z.object({ workspace_id: z.string().check(z.regex(/^[0-9a-f]{16,64}$/)) });

/** Reads the workspace's id, making it where there is none. */
export async function openWorkspace(directory: string): Promise<Workspace> {
  const absolute = path.resolve(directory);
  const name = path.basename(absolute) || 'workspace';
  const file = path.join(hpcDirectory(absolute), 'workspace.json');
  for (;;) {
    const text = await readTextIfThere(file);
    if (text !== undefined) {
      try {
        return { directory: absolute, name, id: z.parse(schema, JSON.parse(text)).workspace_id };
      } catch (cause) {
        throw new HpcError('config_invalid', `${file} is damaged.`, { cause, remediation: 'Restore it from version control; without it the runs of this workspace on clusters are not found again. As a last resort delete it.' });
      }
    }
    try {
      await writeJsonAtomic(file, { workspace_id: newToken(16) }, { exclusive: true });
    } catch (error) {
      // Another process made it at the same moment: theirs counts.
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
  }
}
