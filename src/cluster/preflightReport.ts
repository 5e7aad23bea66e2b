/**
 * What preflight found, and for how long it may be believed.
 *
 * Rule: only a wholly good report is remembered, for 24 hours and for exactly these settings; a bad one erases it.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { systemClock, type Clock } from '../foundation/clock.ts';
import { HpcError } from '../foundation/errors.ts';
import { profileHash, type ClusterProfile } from './profile.ts';

export type PreflightCheckName =
  | 'clusters_yaml' | 'cluster_known' | 'cluster_config_customized' | 'ssh_transport' | 'ssh_agent' | 'cluster_tcp' | 'cluster_login' | 'host_key' | 'login_shell' | 'python'
  | 'scheduler_tools' | 'scheduler_queue' | 'accounting' | 'scratch' | 'scratch_space' | 'clock_skew' | 'home_quota';

export interface PreflightCheck {
  readonly name: PreflightCheckName;
  /** Undefined: could not ask; `detail` says why. */
  readonly ok: boolean | undefined;
  /** Whether work is impossible without it. */
  readonly required: boolean;
  readonly detail: string;
  readonly remediation?: string | undefined;
  readonly durationMs: number;
}
export interface PreflightReport {
  readonly cluster: string;
  /** Every required check was asked and is good. */
  readonly all_ok: boolean;
  readonly checks: readonly PreflightCheck[];
  /** ISO 8601. */
  readonly checkedAt: string;
  readonly fromCache: boolean;
}

export interface CacheOptions {
  /** Holds the cache, below `preflight/`. */
  readonly agentHome: string;
  readonly clock?: Clock;
}

const goodForMs = 24 * 3600 * 1000;

const cachedReport = z.object({
  version: z.literal(1),
  hash: z.string(),
  report: z.object({
    cluster: z.string(),
    all_ok: z.literal(true),
    checkedAt: z.string(),
    checks: z.array(z.object({ name: z.string(), ok: z.optional(z.boolean()), required: z.boolean(), detail: z.string(), remediation: z.optional(z.string()), durationMs: z.number() })),
  }),
});

function cacheFile(profile: ClusterProfile, agentHome: string): { file: string; hash: string } {
  const hash = profileHash(profile);
  return { file: path.join(agentHome, 'preflight', `${profile.name}-${hash}.json`), hash };
}

/** A good report for exactly these settings that is not older than 24 hours. Anything doubtful is none. */
export async function cachedPreflight(profile: ClusterProfile, options: CacheOptions): Promise<PreflightReport | undefined> {
  const { file, hash } = cacheFile(profile, options.agentHome);
  try {
    const parsed = z.safeParse(cachedReport, JSON.parse((await readTextIfThere(file)) ?? 'null'));
    if (!parsed.success || parsed.data.hash !== hash) return undefined;
    const { report } = parsed.data;
    const ageMs = (options.clock ?? systemClock).now().getTime() - Date.parse(report.checkedAt);
    if (!(ageMs >= 0 && ageMs < goodForMs)) return undefined;
    return { ...report, checks: report.checks.map((check) => ({ ...check, ok: check.ok, name: check.name as PreflightCheckName })), fromCache: true };
  } catch {
    return undefined;
  }
}

/** Keeps a good report and forgets an earlier one that no longer holds. A cache that cannot be written is no failure. */
export async function rememberPreflight(profile: ClusterProfile, options: CacheOptions, report: PreflightReport): Promise<void> {
  const { file, hash } = cacheFile(profile, options.agentHome);
  if (!report.all_ok) {
    await fs.rm(file, { force: true }).catch(() => undefined);
    return;
  }
  const { fromCache: _fromCache, ...kept } = report;
  await writeJsonAtomic(file, { version: 1, hash, report: kept }, { mode: 0o600 }).catch(() => undefined);
}

/** The first required check that is not good, as an error that a submission can end with; undefined when all are. */
export function preflightError(report: PreflightReport): HpcError | undefined {
  const failed = report.checks.find(({ required, ok }) => required && ok !== true);
  if (!failed) return undefined;
  const code = failed.name === 'cluster_login' || failed.name === 'host_key' ? 'ssh_unreachable' : failed.name.startsWith('cluster') || failed.name === 'scratch' ? 'config_invalid' : 'remote_command_failed';
  return new HpcError(code, `${report.cluster} is not ready: ${failed.detail}`, {
    ...(failed.remediation === undefined ? {} : { remediation: failed.remediation }),
    details: { failed: report.checks.filter(({ required, ok }) => required && ok !== true).map(({ name }) => name) },
  });
}
