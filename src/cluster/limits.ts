/**
 * How large arrays may be and how long tasks may run: what the user says and what the site says, put together.
 *
 * Rules: of two stated numbers the tighter holds. A default of ours holds only where nobody states anything: it is a guess, and
 * must neither shrink what the site allows nor loosen what it forbids. Slurm's MaxArraySize caps the *index*; ours begin at 1,
 * so an array has at most `maxArrayIndex` elements.
 */
import { HpcError } from '../foundation/errors.ts';
import type { SchedulerLimits } from '../scheduler/port.ts';
import type { ClusterProfile, ValueOrigin } from './profile.ts';

export type LimitSource =
  | { readonly kind: 'profile'; readonly key: string; readonly origin: ValueOrigin }
  /** What the scheduler reported, by the field of `SchedulerLimits` or the partition. */
  | { readonly kind: 'site'; readonly key: string }
  | { readonly kind: 'default'; readonly key: string };

export interface Limit {
  readonly value: number;
  readonly source: LimitSource;
}

export interface EffectiveLimits {
  /** Most elements of one array whose indices begin at 1. */
  readonly maxElementsPerArray: number;
  /** Largest index an array may use. */
  readonly maxArrayIndex: number;
  /** Arrays that may be queued or running at once. */
  readonly maxConcurrentArrays: number;
  /** Jobs and array elements the user may have in the queue at once; undefined: no limit known. */
  readonly maxSubmitJobs: number | undefined;
  /** Advisory: above this a submission asks again. */
  readonly maxTasks: number | undefined;
  /** Longest wall time in a partition (absent: the profile's, else the site's default one). */
  readonly maxWalltimeS: (partition?: string) => number;
  readonly walltimeLimit: (partition?: string) => Limit;
  readonly origins: Readonly<Partial<Record<'maxElementsPerArray' | 'maxArrayIndex' | 'maxConcurrentArrays' | 'maxSubmitJobs' | 'maxTasks', LimitSource>>>;
}

type LimitProfile = Pick<ClusterProfile, 'name' | 'constraints' | 'defaults' | 'maxWalltimeS' | 'maxSubmitJobs' | 'origins'>;

function fromProfile(profile: LimitProfile, key: string, value: number): Limit {
  const origin = profile.origins[key];
  return { value, source: origin === undefined || origin.scope === 'default' ? { kind: 'default', key } : { kind: 'profile', key, origin } };
}

const fromSite = (key: string, value: number | undefined): Limit[] => (value === undefined ? [] : [{ value, source: { kind: 'site', key } }]);

/** The tightest of the stated ones, else of the defaults. The first wins a tie. */
function tightest(limits: readonly [Limit, ...Limit[]]): Limit {
  const stated = limits.filter(({ source }) => source.kind !== 'default');
  const [first = limits[0], ...others] = stated.length > 0 ? stated : limits;
  return others.reduce((best, limit) => (limit.value < best.value ? limit : best), first);
}

/** Throws `config_invalid` for a site that takes no arrays at all. */
export function effectiveLimits(profile: LimitProfile, site: SchedulerLimits | undefined): EffectiveLimits {
  const { constraints } = profile;
  const ownShare = profile.maxSubmitJobs === undefined ? [] : [fromProfile(profile, 'max_submit_jobs_per_user', profile.maxSubmitJobs)];
  const [share, ...shares] = [...ownShare, ...fromSite('maxSubmitJobs', site?.maxSubmitJobs)];
  const queued = share === undefined ? undefined : tightest([share, ...shares]);
  const arraySize = fromProfile(profile, 'constraints.max_array_size', constraints.maxArraySize);
  const mostElements = tightest([
    arraySize,
    ...fromSite('maxArrayIndex', site?.maxArrayIndex),
    ...fromSite('maxArraySize', site?.maxArraySize),
    // An array that is larger than the user's whole share of the queue would be refused for ever.
    ...fromSite('maxSubmitJobs', site?.maxSubmitJobs),
    ...fromSite('maxJobCount', site?.maxJobCount),
  ]);
  // It says nothing of how large an array may be, but no array may be larger.
  const elements = queued !== undefined && queued.value < mostElements.value ? queued : mostElements;
  if (elements.value < 1) {
    throw new HpcError('config_invalid', `${profile.name} takes no job arrays: its ${elements.source.key} is ${elements.value}.`, {
      remediation: "Ask the site for arrays (Slurm: MaxArraySize of at least 2), or use another cluster.",
    });
  }
  const index = site?.maxArrayIndex === undefined ? elements : ({ value: site.maxArrayIndex, source: { kind: 'site', key: 'maxArrayIndex' } } satisfies Limit);
  const concurrent = fromProfile(profile, 'constraints.max_concurrent_jobs', constraints.maxConcurrentJobs);
  const walltimeLimit = (partition = profile.defaults.partition): Limit => {
    const facts = site?.partitions.find((candidate) => (partition === undefined ? candidate.isDefault : candidate.name === partition));
    return tightest([
      fromProfile(profile, 'constraints.max_walltime', constraints.maxWalltimeS),
      fromProfile(profile, 'max_walltime_sec', profile.maxWalltimeS),
      ...fromSite(`partition ${facts?.name ?? ''}`, facts?.maxWalltimeS),
    ]);
  };
  return {
    maxElementsPerArray: elements.value,
    maxArrayIndex: index.value,
    maxConcurrentArrays: concurrent.value,
    maxSubmitJobs: queued?.value,
    maxTasks: constraints.maxTasks,
    maxWalltimeS: (partition) => walltimeLimit(partition).value,
    walltimeLimit,
    origins: {
      maxElementsPerArray: elements.source,
      maxArrayIndex: index.source,
      maxConcurrentArrays: concurrent.source,
      ...(queued === undefined ? {} : { maxSubmitJobs: queued.source }),
      ...(constraints.maxTasks === undefined ? {} : { maxTasks: fromProfile(profile, 'constraints.max_tasks', constraints.maxTasks).source }),
    },
  };
}

/** Where a limit comes from, for people: `max_array_size in clusters.yaml:7` or `the site's maxArrayIndex`. */
export function describeLimitSource(source: LimitSource): string {
  if (source.kind === 'site') return `the site's ${source.key}`;
  if (source.kind === 'default') return `the default of ${source.key}`;
  const { file, line, scope } = source.origin;
  return file === undefined ? `${source.key} (${scope})` : `${source.key} in ${file}${line === undefined ? '' : `:${line}`}`;
}
