/**
 * What a cluster has free, asked in one round trip and kept, so that every window and the command line share one question.
 *
 * Rules: an answer younger than `keptMs` is given again without connecting; one process asks at a time, and who waited for it uses its
 * answer. A failed question leaves the last answer in place, which is then given with the reason why it is old.
 */
import * as path from 'node:path';
import { CancelledError } from '../foundation/abort.ts';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import type { Clock } from '../foundation/clock.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import type { ClusterResources } from '../scheduler/port.ts';
import { profileHash } from './profile.ts';
import type { ClusterSession } from './session.ts';

const keptMs = 60_000;
const layout = 1;

export interface SeenResources {
  readonly resources: ClusterResources;
  readonly at: Date;
  /** Given again, not asked for now. */
  readonly cached: boolean;
  /** Why it could not be asked anew; undefined where it was not tried or succeeded. */
  readonly staleReason: string | undefined;
}

export interface ResourcesOptions {
  /** Where what is known of this cluster is kept. */
  readonly directory: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Ask, however young the last answer is. */
  readonly refresh: boolean;
}

interface Kept {
  readonly layout: number;
  readonly at: number;
  readonly profile: string;
  readonly resources: ClusterResources;
}

async function readKept(file: string, profile: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse((await readTextIfThere(file)) ?? '') as Kept;
    if (kept.layout !== layout || kept.profile !== profile) return undefined;
    const waiting = kept.resources.waiting.map((job) => ({ ...job, estimatedStart: job.estimatedStart === null ? null : new Date(job.estimatedStart) }));
    return { ...kept, resources: { ...kept.resources, waiting } };
  } catch {
    // Nothing kept, or not readable: ask.
    return undefined;
  }
}

/** Throws where the cluster cannot be asked and was never asked before. */
export async function clusterResources(session: ClusterSession, options: ResourcesOptions): Promise<SeenResources> {
  if (!session.dialect.resources) throw new HpcError('spec_invalid', `${session.dialect.name} does not tell what it has free.`, { remediation: 'Look at the site’s own pages.' });
  const { directory, clock, signal } = options;
  const file = path.join(directory, 'resources.json');
  const profile = profileHash(session.profile);
  const wantedAt = clock.now().getTime();
  const given = ({ resources, at }: Kept, staleReason?: string): SeenResources => ({ resources, at: new Date(at), cached: true, staleReason });
  // A time that is still to come was written before the clock was set back: it proves nothing.
  const isFresh = (kept: Kept, now: number): boolean => kept.at <= now && (options.refresh ? kept.at >= wantedAt : now - kept.at < keptMs);
  const first = await readKept(file, profile);
  if (first && isFresh(first, wantedAt)) return given(first);
  try {
    return await withFileLock(
      path.join(directory, 'resources.lock'),
      async () => {
        const last = await readKept(file, profile);
        if (last && isFresh(last, clock.now().getTime())) return given(last);
        const tools = await session.tools({ signal });
        const question = session.dialect.resources?.(tools);
        const [resources] = question ? await session.ask([question], { signal }) : [];
        if (!resources) throw new HpcError('remote_command_failed', `${session.connection.label} left out the answer.`);
        const at = clock.now();
        await writeJsonAtomic(file, { layout, at: at.getTime(), profile, resources } satisfies Kept);
        return { resources, at, cached: false, staleReason: undefined };
      },
      { signal, timeoutMs: 120_000 },
    );
  } catch (error) {
    if (CancelledError.is(error) || !first) throw error;
    return given(first, toHpcError(error).message);
  }
}
