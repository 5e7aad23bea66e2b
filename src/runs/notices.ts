/**
 * What people were told of a run: once per event, over all windows and restarts.
 *
 * Rule: an event is claimed under a lock before it is told. A run that had ended before anybody watched it has nothing to tell any more.
 */
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import type { Journal } from './journal.ts';
import { writeRebuildable } from './rebuildableFile.ts';

const schema = z.object({ since: z.string(), told: z.array(z.string()) });

export interface NoticeClaim {
  readonly experimentDir: string;
  readonly runId: string;
  readonly isOpen: boolean;
  readonly events: readonly string[];
}

/** Those of the events that nobody was told of yet; from now on they count as told. */
export async function claimNotices(claim: NoticeClaim, journal: Journal, now: Date): Promise<readonly string[]> {
  const file = path.join(journal.observationDirectory(claim.experimentDir, claim.runId), 'notices.json');
  if (!claim.isOpen && (await readTextIfThere(file)) === undefined) return [];
  return withFileLock(`${file}.lock`, async () => {
    const known = parse(await readTextIfThere(file));
    const fresh = claim.events.filter((event) => known?.told.includes(event) !== true);
    if (known === undefined || fresh.length > 0) await writeRebuildable(file, { since: known?.since ?? now.toISOString(), told: [...(known?.told ?? []), ...fresh] });
    return fresh;
  });
}

function parse(text: string | undefined): z.output<typeof schema> | undefined {
  try {
    return text === undefined ? undefined : z.parse(schema, JSON.parse(text));
  } catch {
    return undefined;
  }
}
