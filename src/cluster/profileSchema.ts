/**
 * The keys of one cluster in `clusters.yaml`: hpc-agent's, unchanged, plus ours.
 *
 * Rule: this is the one place that lists the keys. Validation, near-miss suggestions and the editor's JSON schema are made
 * from it. Every field's message is what is expected, as the end of the sentence "… must be …".
 */
import * as z from 'zod/mini';
import { isEnvironmentName } from '../foundation/quoting.ts';
import { durationExpectation, memoryExpectation, parseDurationS, parseMemoryMiB } from './units.ts';

/** An unfilled `<your_user>` of a sample file. */
export const placeholderPattern = /<[A-Za-z][\w .-]*>/;

const controlCharacter = /[\x00-\x1f\x7f]/;
const isPlainText = (value: string | number): boolean => String(value).trim() !== '' && !controlCharacter.test(String(value));
// What begins with a dash would be read as an option, white space would end the word.
const isHostOrUser = (value: string | number): boolean => placeholderPattern.test(String(value)) || /^[^\s-][^\s]*$/.test(String(value));
const isRemotePath = (value: string): boolean => isPlainText(value) && (/^(\/|~(\/|$)|\$)/.test(value) || placeholderPattern.test(value));

// Numbers are taken as text too: an account or a module version such as 3.10 looks like one.
function text(expected: string, description: string, accept: (value: string | number) => boolean = isPlainText): z.ZodMiniUnion<readonly [z.ZodMiniString, z.ZodMiniNumber]> {
  return z.union([z.string(), z.number()], { error: expected }).check(z.refine((value) => isPlainText(value) && accept(value), { error: expected }), z.describe(description));
}
const textItem = (): z.ZodMiniUnion<readonly [z.ZodMiniString, z.ZodMiniNumber]> => z.union([z.string(), z.number()], { error: 'a text' }).check(z.refine(isPlainText, { error: 'a text without control characters' }));
function list(expected: string, description: string): z.ZodMiniArray<z.ZodMiniUnion<readonly [z.ZodMiniString, z.ZodMiniNumber]>> {
  return z.array(textItem(), { error: expected }).check(z.describe(description));
}
function remotePath(description: string): z.ZodMiniString {
  const expected = 'an absolute path on the cluster, or one that begins with ~, $HOME or $SCRATCH';
  return z.string({ error: expected }).check(z.refine(isRemotePath, { error: expected }), z.describe(description));
}
function localPath(description: string): z.ZodMiniString {
  const expected = 'a path of a file on this computer';
  return z.string({ error: expected }).check(z.refine(isPlainText, { error: expected }), z.describe(description));
}
function duration(description: string, least = 0): z.ZodMiniUnion<readonly [z.ZodMiniString, z.ZodMiniNumber]> {
  return z.union([z.string(), z.number()], { error: durationExpectation }).check(z.refine((value) => (parseDurationS(value) ?? -1) >= least, { error: durationExpectation }), z.describe(description));
}
function memory(description: string): z.ZodMiniUnion<readonly [z.ZodMiniString, z.ZodMiniNumber]> {
  return z.union([z.string(), z.number()], { error: memoryExpectation }).check(z.refine((value) => parseMemoryMiB(value) !== undefined, { error: memoryExpectation }), z.describe(description));
}
/** A quoted number is a number here: `"1000"`. */
function whole(description: string, least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodMiniUnion<readonly [z.ZodMiniNumber, z.ZodMiniString]> {
  const expected = most === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${least}` : `a whole number from ${least} to ${most}`;
  return z.union([z.number(), z.string()], { error: expected }).check(
    z.refine((value) => (typeof value === 'number' || /^\d+$/.test(value)) && Number.isSafeInteger(Number(value)) && Number(value) >= least && Number(value) <= most, { error: expected }),
    z.describe(description),
  );
}
function fraction(description: string): z.ZodMiniUnion<readonly [z.ZodMiniNumber, z.ZodMiniString]> {
  const expected = 'a number of at least 0, such as 0.15';
  return z.union([z.number(), z.string()], { error: expected }).check(z.refine((value) => (typeof value === 'number' || /^\d+(\.\d+)?$/.test(value)) && Number(value) >= 0 && Number.isFinite(Number(value)), { error: expected }), z.describe(description));
}
const yesWords = ['true', 'yes', 'on'];
const noWords = ['false', 'no', 'off'];
/** `yes`, `no`, `on`, `off` are texts in YAML 1.2, but hpc-agent's reader takes them as truth values, and so do we. */
export function parseFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const word = value.toLowerCase();
  return yesWords.includes(word) ? true : noWords.includes(word) ? false : undefined;
}
function flag(description: string): z.ZodMiniUnion<readonly [z.ZodMiniBoolean, z.ZodMiniString]> {
  return z.union([z.boolean(), z.string()], { error: 'true or false' }).check(z.refine((value) => parseFlag(value) !== undefined, { error: 'true or false' }), z.describe(description));
}
function oneOf<const Words extends readonly string[]>(words: Words, description: string): z.ZodMiniEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, { error: `one of ${words.join(', ')}` }).check(z.describe(description));
}
function environment(description: string): z.ZodMiniRecord<z.ZodMiniString, z.ZodMiniType> {
  return z.record(
    z.string().check(z.refine((name) => isEnvironmentName(name) && !/^(SLURM|SBATCH|SGE|PBS|HPC)_/.test(name), { error: 'a variable name of letters, digits and underscores, outside SLURM_, SBATCH_, SGE_, PBS_ and HPC_' })),
    z.union([z.string(), z.number(), z.boolean()], { error: 'a text or a number' }),
    { error: 'a mapping of variable names to texts' },
  ).check(z.describe(description));
}

/** What `scheduler` may say; hpc-agent's names for the two PBS families are one dialect here. */
export const schedulerWords = ['slurm', 'sge', 'pbs', 'pbspro', 'torque', 'background'] as const;

const constraintFields = {
  max_array_size: whole('Most elements of one job array.', 1),
  max_walltime: duration('Longest wall time to ask for.', 1),
  max_concurrent_jobs: whole('Arrays that may be queued or running at once.', 1),
  est_spin_up: duration('Expected time until an array starts working.'),
  max_tasks: whole('Above this many tasks a submission asks again.', 1),
};
const defaultFields = {
  cpus: whole('Cores of one task.', 1),
  memory: memory('Memory of one task.'),
  walltime: duration('Wall time of one task.', 1),
  gpus: whole('GPUs of one task.', 0),
  gpu_type: text('a GPU type', 'GPU type of a task that asks for GPUs.'),
  partition: text('the name of a partition or queue', 'Partition or queue.'),
  account: text('the name of an account', 'Account that is charged.'),
  qos: text('the name of a quality of service', 'Quality of service.'),
  constraint: text('a node constraint', 'Node constraint of every task.'),
  nodes: whole('Nodes of one task.', 1),
  extra_arguments: list('a list of words, such as ["--exclusive"]', 'Words for the submit command as they are.'),
};
const containerFields = {
  runtime: oneOf(['apptainer', 'singularity', 'pyxis'], 'What runs the container.'),
  image: text('an image file on the cluster or a reference such as docker://python:3.12', 'Image file or reference.'),
  mounts: list('a list such as [/data:/data:ro]', 'Folders to bind: folder, host:container or host:container:ro.'),
  workdir: text('a folder inside the container', 'Folder in which the task starts.'),
  nv: flag('NVIDIA GPUs inside (apptainer, singularity).'),
  rocm: flag('AMD GPUs inside (apptainer, singularity).'),
  cleanenv: flag('Keep the host environment out (apptainer, singularity).'),
  writable_tmpfs: flag('A writable layer in memory (apptainer, singularity).'),
  fakeroot: flag('Appear as root inside (apptainer, singularity).'),
  overlay: text('an overlay image or folder', 'Overlay (apptainer, singularity).'),
  env: environment('Variables inside the container.'),
  extra_arguments: list('a list of words', 'Words for the container command as they are.'),
};
const templateFields = {
  cpu: localPath('Job script template for tasks without GPUs.'),
  gpu: localPath('Job script template for tasks with GPUs.'),
};
const gpuQueue = z.looseObject({ name: z.optional(textItem()), perf: z.optional(fraction('Relative speed.')) }, { error: 'a mapping such as {name: A100, perf: 1.2}' });

/** Keys that hold a mapping whose own keys are fixed; they are merged key by key. */
export const nestedFields = { constraints: constraintFields, defaults: defaultFields, container: containerFields, templates: templateFields } as const;

/** Keys that hold one value. `env` is merged by variable, `gpu_queues` is taken whole. */
export const plainFields = {
  scheduler: oneOf(schedulerWords, 'Which scheduler runs the jobs; background: none, supervised processes on that host.'),
  connection: oneOf(['auto', 'ssh', 'openssh', 'local'], 'How to reach it. auto, or none where a host is given: ssh or openssh, by what the host\'s ssh configuration needs. ssh: built in. openssh: the ssh program of this computer (Kerberos, FIDO keys, ControlMaster). local: this computer itself is (a login node of) the cluster.'),
  host: text('a host name or an alias of your ssh configuration', 'Host name or alias of ~/.ssh/config.', isHostOrUser),
  user: text('a user name on the cluster', 'User name on the cluster.', isHostOrUser),
  port: whole('SSH port.', 1, 65_535),
  identity_file: localPath('Private key on this computer.'),
  proxy_jump: text('hosts to jump through, as user@host:port, separated by commas', 'Hosts to jump through, as ssh -J.', isHostOrUser),
  ssh_config_file: localPath('Instead of ~/.ssh/config.'),
  known_hosts_file: localPath('Instead of ~/.ssh/known_hosts.'),
  connect_timeout: duration('How long to wait for the connection.', 1),
  keepalive_interval: duration('Time between two signs of life on the connection.', 1),
  scratch: remotePath('Folder on the cluster for runs.'),
  modules: list('a list of modules, such as [python/3.11.9]', 'Modules that every job loads.'),
  conda_source: remotePath("Path of the cluster's conda.sh."),
  conda_envs: list('a list of conda environments, such as [sweep]', 'Conda environments to choose from.'),
  venv: remotePath("A virtual environment's folder on the cluster."),
  python: remotePath('Python to use on the cluster.'),
  env_python: remotePath('The same as python, as newer versions of hpc-agent name it.'),
  runtime: oneOf(['uv'], 'uv: run `uv sync` before the task.'),
  gpu_types: list('a list of GPU types, such as [a100, h200]', 'GPU types of this cluster.'),
  default_partition: text('the name of a partition or queue', 'Partition or queue where a request names none.'),
  account: text('the name of an account', 'Account that is charged.'),
  gpu_constraint: text('a constraint such as a100|a40', 'Node constraint of tasks that ask for GPUs.'),
  cold_start_mem_buffer: fraction('Part of the asked memory that is added while nothing is known of the real use.'),
  nfs_data_dir: remotePath('Data folder to copy to the node’s own disk before a task.'),
  walltime_arbitrage: flag('Trim round wall times a little, to fit into gaps of the schedule.'),
  auto_daisy_chain: flag('Chain jobs over the wall time limit: always, never; absent: only with checkpoints.'),
  max_walltime_sec: duration("The cluster's hard wall time limit in seconds.", 1),
  default_walltime_sec: duration('Wall time of a task where nothing is known of it, in seconds.', 1),
  max_node_mem_mb: whole('Largest memory that one node has, in MiB.', 1),
  max_submit_jobs_per_user: whole('Jobs and array elements that you may have in the queue at once.', 1),
  gpu_queues: z.record(z.string(), gpuQueue, { error: 'a mapping of queue prefixes, such as {gpu_a100: {name: A100, perf: 1.2}}' }).check(z.describe('GPU queues by the prefix of their names.')),
  excluded_gpu_queue_prefixes: list('a list of queue prefixes', 'GPU queues to leave out, by the prefix of their names.'),
  env: environment('Variables for every task.'),
};

/** Keys of newer hpc-agent versions that mean nothing here; named, so that the warning can say so. */
export const hpcAgentOnlyKeys: readonly string[] = ['scheduler_profile', 'login_pool', 'ssh_target'];

export type PlainKey = keyof typeof plainFields;
export type NestedKey = keyof typeof nestedFields;

export const topLevelKeys: readonly string[] = [...Object.keys(plainFields), ...Object.keys(nestedFields)];

export function isPlainKey(key: string): key is PlainKey {
  return Object.hasOwn(plainFields, key);
}
export function isNestedKey(key: string): key is NestedKey {
  return Object.hasOwn(nestedFields, key);
}

const optionalAll = (fields: Readonly<Record<string, z.ZodMiniType>>): Record<string, z.ZodMiniOptional<z.ZodMiniType>> =>
  Object.fromEntries(Object.entries(fields).map(([key, schema]) => [key, z.optional(schema)]));

const clusterEntry = z.object({
  ...optionalAll(plainFields),
  ...Object.fromEntries(Object.entries(nestedFields).map(([key, fields]) => [key, z.optional(z.object(optionalAll(fields)))])),
});

/** JSON Schema (2020-12) of `clusters.yaml`, for an editor: the bare mapping of names, or the same below `clusters:`. */
export function clustersJsonSchema(): Record<string, unknown> {
  const { $schema, ...entry } = z.toJSONSchema(clusterEntry) as Record<string, unknown>;
  const cluster = { $ref: '#/$defs/cluster' };
  const byName = { type: 'object', additionalProperties: cluster };
  return {
    $schema,
    title: 'Clusters of HPC Agent',
    type: 'object',
    properties: { clusters: { anyOf: [byName, cluster] } },
    additionalProperties: cluster,
    $defs: { cluster: { description: 'One cluster, under its name.', ...entry } },
  };
}
