/**
 * From raw entries of several files to one profile.
 *
 * Rules: merging is per key, the higher layer wins, and an explicit `key:` without a value takes a lower layer's value away.
 * A profile is made only from layers without an error: a cluster whose entry is half understood is not offered at all.
 */
import * as path from 'node:path';
import type { ConnectionTarget, TransportChoice } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import type { ResourceRequest, SchedulerName } from '../scheduler/port.ts';
import type { ClusterProfile, ContainerSettings, GpuQueue, OriginScope, ValueOrigin } from './profile.ts';
import { parseFlag, placeholderPattern } from './profileSchema.ts';
import type { Layer, LayerValue } from './readLayer.ts';
import { parseDurationS, parseMemoryMiB } from './units.ts';

/** All layers as one, highest first in the arguments. */
export function mergeLayers(layers: readonly Layer[]): Layer {
  const merged = new Map<string, LayerValue>();
  for (const layer of [...layers].reverse()) for (const [key, value] of layer) merged.set(key, value);
  return new Map([...merged].filter(([, { value }]) => value !== null));
}

const defaultOrigin: ValueOrigin = { scope: 'default' };

export interface ResolveContext {
  /** For `~/` in paths of this computer. */
  readonly home: string;
  /** Relative paths of this computer begin here, by scope. */
  readonly baseDirectories: Readonly<Partial<Record<OriginScope, string>>>;
}

/** The profile. Throws `config_invalid` when something that must be said is said nowhere. */
export function resolveProfile(name: string, merged: Layer, context: ResolveContext): ClusterProfile {
  const origins: Record<string, ValueOrigin> = {};
  const raw = (key: string): unknown => {
    const found = merged.get(key);
    if (found) origins[key] = found.origin;
    return found?.value;
  };
  const text = (key: string): string | undefined => {
    const value = raw(key);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  };
  const list = (key: string): readonly string[] => {
    const value = raw(key);
    return Array.isArray(value) ? value.map(String) : [];
  };
  const number = (key: string): number | undefined => (merged.has(key) ? Number(raw(key)) : undefined);
  const duration = (key: string): number | undefined => {
    const value = text(key);
    return value === undefined ? undefined : parseDurationS(value);
  };
  const flag = (key: string): boolean | undefined => parseFlag(raw(key));
  const localPath = (key: string): string | undefined => {
    const value = text(key);
    if (value === undefined) return undefined;
    if (value === '~' || /^~[/\\]/.test(value)) return path.join(context.home, value.slice(1));
    return path.resolve(context.baseDirectories[origins[key]?.scope ?? 'default'] ?? context.home, value);
  };
  const orDefault = <T>(key: string, value: T | undefined, fallback: T): T => {
    if (value !== undefined) return value;
    origins[key] = defaultOrigin;
    return fallback;
  };
  const record = (prefix: string): Record<string, string> => Object.fromEntries([...merged.keys()].filter((key) => key.startsWith(prefix)).map((key) => [key.slice(prefix.length), text(key) ?? '']));
  const missing = (what: string, remediation: string): HpcError => {
    const origin = [...merged.values()][0]?.origin;
    const place = origin?.file === undefined ? '' : `${origin.file}:${origin.line ?? 1}:${origin.column ?? 1}: `;
    return new HpcError('config_invalid', `${place}The cluster "${name}" ${what}`, { remediation });
  };

  const word = text('scheduler');
  if (word === undefined) throw missing('has no scheduler.', 'Add "scheduler: slurm" (or sge, pbs, background).');
  const scheduler = (word === 'pbspro' || word === 'torque' ? 'pbs' : word) as SchedulerName;

  const connection = ((): ConnectionTarget => {
    const host = text('host');
    const stated = text('connection');
    const kind = stated ?? (host !== undefined ? 'auto' : scheduler === 'background' ? 'local' : undefined);
    if (stated === undefined) origins.connection = defaultOrigin;
    if (kind === undefined) throw missing('has no host.', 'Add "host: login.example.org" (or an alias of ~/.ssh/config), or "connection: local" when this computer is its login node.');
    if (kind === 'local') return { kind: 'local' };
    if (host === undefined) throw missing(`says "connection: ${kind}" but has no host.`, 'Add "host: login.example.org", or an alias of ~/.ssh/config.');
    const transport: TransportChoice['transport'] | undefined = stated === 'ssh' || stated === 'openssh' ? stated : undefined;
    const connectTimeoutS = duration('connect_timeout');
    const keepaliveIntervalS = duration('keepalive_interval');
    return withoutUndefined({
      kind: 'ssh' as const,
      host,
      transport,
      user: text('user'),
      port: number('port'),
      identityFile: localPath('identity_file'),
      proxyJump: text('proxy_jump'),
      sshConfigFile: localPath('ssh_config_file'),
      knownHostsFile: localPath('known_hosts_file'),
      connectTimeoutMs: connectTimeoutS === undefined ? undefined : connectTimeoutS * 1000,
      keepaliveIntervalMs: keepaliveIntervalS === undefined ? undefined : keepaliveIntervalS * 1000,
    });
  })();

  const runtime = text('container.runtime');
  const image = text('container.image');
  const hasContainer = [...merged.keys()].some((key) => key.startsWith('container.'));
  if (hasContainer && (runtime === undefined || image === undefined)) throw missing(`has a container without ${image === undefined ? 'an image' : 'a runtime'}.`, 'Give container both, for example {runtime: apptainer, image: /path/to/image.sif}, or remove it.');
  const containerEnv = raw('container.env');
  const container: ContainerSettings | undefined = !hasContainer
    ? undefined
    : withoutUndefined({
        runtime: runtime as ContainerSettings['runtime'],
        image: image ?? '',
        mounts: list('container.mounts'),
        workdir: text('container.workdir'),
        nv: flag('container.nv') ?? false,
        rocm: flag('container.rocm') ?? false,
        cleanEnvironment: flag('container.cleanenv') ?? false,
        writableTmpfs: flag('container.writable_tmpfs') ?? false,
        fakeroot: flag('container.fakeroot') ?? false,
        overlay: text('container.overlay'),
        env: Object.fromEntries(Object.entries((containerEnv ?? {}) as Record<string, unknown>).map(([key, value]) => [key, String(value)])),
        extraArguments: list('container.extra_arguments'),
      });

  const memory = text('defaults.memory');
  const extraArguments = list('defaults.extra_arguments');
  const defaults: ResourceRequest = withoutUndefined({
    cpus: number('defaults.cpus'),
    memoryMiB: memory === undefined ? undefined : parseMemoryMiB(memory),
    walltimeS: duration('defaults.walltime') ?? duration('default_walltime_sec'),
    gpus: number('defaults.gpus'),
    gpuType: text('defaults.gpu_type'),
    partition: text('defaults.partition') ?? text('default_partition'),
    account: text('defaults.account') ?? text('account'),
    qos: text('defaults.qos'),
    constraint: text('defaults.constraint'),
    nodes: number('defaults.nodes'),
    extraArguments: extraArguments.length === 0 ? undefined : extraArguments,
  });

  const gpuQueues = Object.fromEntries(
    Object.entries((raw('gpu_queues') ?? {}) as Record<string, { name?: string | number; perf?: number | string }>).map(([prefix, queue]): [string, GpuQueue] => [
      prefix,
      withoutUndefined({ name: queue.name === undefined ? undefined : String(queue.name), perf: queue.perf === undefined ? undefined : Number(queue.perf) }),
    ]),
  );
  const settings = {
    name,
    scheduler,
    connection,
    scratch: orDefault('scratch', text('scratch'), '~/hpc-agent'),
    modules: list('modules'),
    condaSource: text('conda_source'),
    condaEnvs: list('conda_envs'),
    venv: text('venv'),
    python: text('python') ?? text('env_python'),
    runtime: text('runtime') as 'uv' | undefined,
    container,
    gpuTypes: list('gpu_types'),
    gpuConstraint: text('gpu_constraint'),
    defaults,
    constraints: withoutUndefined({
      maxArraySize: orDefault('constraints.max_array_size', number('constraints.max_array_size'), 1000),
      maxWalltimeS: orDefault('constraints.max_walltime', duration('constraints.max_walltime'), 86_400),
      maxConcurrentJobs: orDefault('constraints.max_concurrent_jobs', number('constraints.max_concurrent_jobs'), 10),
      estSpinUpS: orDefault('constraints.est_spin_up', duration('constraints.est_spin_up'), 300),
      maxTasks: number('constraints.max_tasks'),
    }),
    coldStartMemBuffer: orDefault('cold_start_mem_buffer', number('cold_start_mem_buffer'), 0.15),
    nfsDataDir: text('nfs_data_dir'),
    walltimeArbitrage: orDefault('walltime_arbitrage', flag('walltime_arbitrage'), true),
    autoDaisyChain: flag('auto_daisy_chain'),
    maxWalltimeS: orDefault('max_walltime_sec', duration('max_walltime_sec'), 86_400),
    maxNodeMemMiB: number('max_node_mem_mb'),
    maxSubmitJobs: number('max_submit_jobs_per_user'),
    gpuQueues,
    excludedGpuQueuePrefixes: list('excluded_gpu_queue_prefixes'),
    templates: withoutUndefined({ cpu: localPath('templates.cpu'), gpu: localPath('templates.gpu') }),
    env: record('env.'),
    placeholders: [...merged].filter(([, { value }]) => placeholderPattern.test(JSON.stringify(value))).map(([key]) => key).sort(),
    origins,
  };
  return withoutUndefined(settings);
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };
/** The same without keys whose value is undefined, so that profiles compare and print as they read. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
