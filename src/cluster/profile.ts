/**
 * A cluster as everything above sees it: resolved, typed, units in the names, and able to say where each value came from.
 *
 * Rule: a profile is plain data. Paths on the cluster keep their placeholders (`~`, `$SCRATCH`) until a connection's
 * environment is known; `expandRemotePath` is the one place that fills them in.
 */
import type { ConnectionTarget, RemoteEnvironment } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import type { ResourceRequest, SchedulerName } from '../scheduler/port.ts';

export type OriginScope = 'workspace' | 'user' | 'built-in' | 'default';

export interface ValueOrigin {
  readonly scope: OriginScope;
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  readonly column?: number;
}

export interface ClusterConstraints {
  /** Most elements of one array. */
  readonly maxArraySize: number;
  readonly maxWalltimeS: number;
  /** Arrays that may be queued or running at once: the width of a wave. */
  readonly maxConcurrentJobs: number;
  /** Expected time between the start of an array and of its first task. */
  readonly estSpinUpS: number;
  /** Advisory: above this a submission asks again. */
  readonly maxTasks?: number;
}

export interface ContainerSettings {
  readonly runtime: 'apptainer' | 'singularity' | 'pyxis';
  /** Image file on the cluster or a reference such as `docker://python:3.12`. */
  readonly image: string;
  /** `folder`, `host:container` or `host:container:ro`. */
  readonly mounts: readonly string[];
  readonly workdir?: string;
  readonly nv: boolean;
  readonly rocm: boolean;
  readonly cleanEnvironment: boolean;
  readonly writableTmpfs: boolean;
  readonly fakeroot: boolean;
  readonly overlay?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Words for the container command as they are, after ours. */
  readonly extraArguments: readonly string[];
}

export interface GpuQueue {
  readonly name?: string;
  /** Relative speed, for choosing between queues. */
  readonly perf?: number;
}

export interface ClusterProfile {
  readonly name: string;
  readonly scheduler: SchedulerName;
  readonly connection: ConnectionTarget;
  /** Folder on the cluster for runs; absolute or beginning with `~`, `$HOME`, `$SCRATCH` and the like. */
  readonly scratch: string;
  readonly modules: readonly string[];
  /** The cluster's `conda.sh`. */
  readonly condaSource?: string;
  readonly condaEnvs: readonly string[];
  /** A virtual environment's folder on the cluster. */
  readonly venv?: string;
  /** Path of the Python to use on the cluster, instead of the one that is found. */
  readonly python?: string;
  readonly runtime?: 'uv';
  readonly container?: ContainerSettings;
  readonly gpuTypes: readonly string[];
  /** Constraint expression for tasks that ask for GPUs (`a100|a40`); never applied to others. */
  readonly gpuConstraint?: string;
  /** Resources of a task where the request does not say; see `withDefaultResources`. */
  readonly defaults: ResourceRequest;
  readonly constraints: ClusterConstraints;
  /** Part of the asked memory that is added while nothing is known of a task's real use (0.15: 15 %). */
  readonly coldStartMemBuffer: number;
  readonly nfsDataDir?: string;
  readonly walltimeArbitrage: boolean;
  /** Undefined: decided by whether earlier runs left checkpoints. */
  readonly autoDaisyChain?: boolean;
  /** The cluster's hard ceiling, apart from what `constraints` asks for. */
  readonly maxWalltimeS: number;
  readonly maxNodeMemMiB?: number;
  /** Jobs and array elements that the user may have in the queue at once, where the site does not say so itself. */
  readonly maxSubmitJobs?: number;
  readonly gpuQueues: Readonly<Record<string, GpuQueue>>;
  readonly excludedGpuQueuePrefixes: readonly string[];
  /** Absolute paths on this machine of job script templates to use instead of ours. */
  readonly templates: { readonly cpu?: string; readonly gpu?: string };
  /** Variables for every task. */
  readonly env: Readonly<Record<string, string>>;
  /** Keys that still hold an unfilled `<your_…>` of a sample file. */
  readonly placeholders: readonly string[];
  /** Where each value came from, under the key as the file writes it: `constraints.max_array_size`. */
  readonly origins: Readonly<Record<string, ValueOrigin>>;
}

/** The cluster that is always there. */
export const thisComputer = 'this-computer';

/** The same settings give the same hash, wherever they were written. */
export function profileHash(profile: ClusterProfile): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
  };
  const { origins: _origins, ...settings } = profile;
  return sha256Hex(JSON.stringify(sorted(settings))).slice(0, 16);
}

/** What the request says, else what the script itself asks for, else the profile's default; the GPU constraint only where GPUs are asked for. */
export function withDefaultResources(profile: Pick<ClusterProfile, 'defaults' | 'gpuConstraint'>, request: ResourceRequest, ofScript: ResourceRequest = {}): ResourceRequest {
  const stated = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as ResourceRequest;
  const merged: ResourceRequest = { ...profile.defaults, ...ofScript, ...stated };
  if ((merged.gpus ?? 0) > 0 && merged.constraint === undefined && profile.gpuConstraint !== undefined) return { ...merged, constraint: profile.gpuConstraint };
  return merged;
}

/** What `expandRemotePath` has to know of the far side. */
export type PathFacts = Pick<RemoteEnvironment, 'user' | 'home' | 'variables'>;

/**
 * A path of the profile as an absolute path on the cluster. `what` names it in errors ("scratch of hoffman2").
 * Throws `config_invalid` when a variable is not set there or the result is not absolute.
 */
export function expandRemotePath(pattern: string, facts: PathFacts, what = 'The path'): string {
  const invalid = (message: string, remediation: string): HpcError => new HpcError('config_invalid', `${what} is ${JSON.stringify(pattern)}: ${message}`, { remediation });
  const known: Readonly<Record<string, string | undefined>> = { ...facts.variables, HOME: facts.home, USER: facts.user, LOGNAME: facts.user };
  let expanded = pattern;
  if (pattern === '~' || pattern.startsWith('~/')) expanded = facts.home + pattern.slice(1);
  else if (pattern.startsWith('~')) throw invalid('the home folder of another user is not looked up.', 'Write the folder in full.');
  expanded = expanded.replaceAll(/\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g, (_match, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare ?? '';
    const value = known[name];
    if (value === undefined || value === '') throw invalid(`$${name} is not set in the login environment there.`, `Write the folder in full, or set ${name} in the cluster's start-up files.`);
    return value;
  });
  if (!expanded.startsWith('/')) throw invalid('that is no absolute folder.', 'Begin it with /, ~, $HOME or $SCRATCH.');
  const clean = expanded.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '');
  return clean === '' ? '/' : clean;
}
