/**
 * Which events of something people were told of: once per event, over all windows and restarts.
 *
 * Rule: an event is claimed under a lock before it is told. What had ended before anybody watched it has nothing to tell any more.
 */
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from './atomicFile.ts';
import { withFileLock } from './fileLock.ts';

const schema = z.object({ since: z.string(), told: z.array(z.string()) });

export interface EventClaim {
  /** Where what was told is kept. */
  readonly file: string;
  /** Whether it goes on, so that there will be something to tell of it. */
  readonly isOpen: boolean;
  readonly events: readonly string[];
}

/** Those of the events that nobody was told of yet; from now on they count as told. */
export async function claimEvents({ file, isOpen, events }: EventClaim, now: Date): Promise<readonly string[]> {
  if (!isOpen && (await readTextIfThere(file)) === undefined) return [];
  return withFileLock(`${file}.lock`, async () => {
    const known = parse(await readTextIfThere(file));
    const fresh = events.filter((event) => known?.told.includes(event) !== true);
    if (known === undefined || fresh.length > 0) await writeJsonAtomic(file, { since: known?.since ?? now.toISOString(), told: [...(known?.told ?? []), ...fresh] }, { mode: 0o600 });
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
