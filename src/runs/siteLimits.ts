/** What the site's scheduler allows, asked once a day per cluster and kept; a submission that was refused, or a plan that would be, is a reason to ask anew. */
import { rm } from 'node:fs/promises';
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { profileHash } from '../cluster/profile.ts';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { CancelledError } from '../foundation/abort.ts';
import type { SchedulerLimits } from '../scheduler/port.ts';
import type { RunDeps } from './deps.ts';

const keptMs = 24 * 3_600_000;
const fileOf = (cluster: string, deps: RunDeps): string => path.join(deps.journal.clusterDirectory(cluster), 'limits.json');

/** The next plan asks for them. */
export const forgetLimits = (cluster: string, deps: RunDeps): Promise<void> => rm(fileOf(cluster, deps), { force: true });

/** Undefined where the site could not be asked: the plan then rests on clusters.yaml alone. */
export async function siteLimits(session: ClusterSession, deps: RunDeps, options: { readonly signal?: AbortSignal; readonly fresh?: boolean } = {}): Promise<SchedulerLimits | undefined> {
  const file = fileOf(session.profile.name, deps);
  const profile = profileHash(session.profile);
  const now = deps.clock.now().getTime();
  try {
    const kept = JSON.parse((await readTextIfThere(file)) ?? '') as { at: number; profile: string; limits: SchedulerLimits };
    if (options.fresh !== true && kept.profile === profile && now - kept.at < keptMs && now >= kept.at) return kept.limits;
  } catch {
    // Nothing kept, or not readable: ask.
  }
  try {
    const tools = await session.tools(options.signal ? { signal: options.signal } : {});
    const [limits] = await session.ask([session.dialect.limits(tools)], options.signal ? { signal: options.signal } : {});
    if (limits) await writeJsonAtomic(file, { at: now, profile, limits });
    return limits;
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    deps.log.warn('the limits of the site are not known', { cluster: session.profile.name, error });
    return undefined;
  }
}
