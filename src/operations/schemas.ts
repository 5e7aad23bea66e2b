/** Wire shapes that several operations share. Keys are snake_case, as hpc-agent's; units are in the names. */
import * as z from 'zod/mini';

const described = <T extends z.ZodMiniType>(schema: T, description: string): T => schema.check(z.describe(description));

export const clusterName = described(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a cluster name has letters, digits, dots, dashes and underscores')), 'Name of a cluster in clusters.yaml; `this-computer` is always there.');
export const runId = described(z.string().check(z.regex(/^[A-Za-z0-9._-]{1,128}$/, 'a run id has letters, digits, dots, dashes and underscores')), 'Run id, as `submit` and `list-runs` give it; or the name of the run, or the beginning of its id, where that fits one run only.');
export const taskId = described(z.number().check(z.int(), z.minimum(0)), 'Index of a task, from 0.');

export const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const resources = z.strictObject({
  cpus: z.optional(described(z.number().check(z.int(), z.positive()), 'CPU cores per task.')),
  memory: z.optional(described(z.union([z.string(), z.number()]), 'Memory per task: `4G`, `800M`, or a number of MiB.')),
  walltime: z.optional(described(z.union([z.string(), z.number()]), 'Time limit per task: `1:30:00`, `90m`, or a number of seconds.')),
  gpus: z.optional(described(z.number().check(z.int(), z.minimum(0)), 'GPUs per task.')),
  gpu_type: z.optional(z.string()),
  nodes: z.optional(described(z.number().check(z.int(), z.positive()), 'Nodes per task.')),
  partition: z.optional(described(z.string(), 'Partition or queue.')),
  account: z.optional(z.string()),
  qos: z.optional(z.string()),
  constraint: z.optional(z.string()),
});
export type ResourcesInput = z.output<typeof resources>;

export const finding = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  code: z.string(),
  message: z.string(),
  suggested_fix: z.optional(z.string()),
});
export type Finding = z.output<typeof finding>;

export const lifecycle = z.enum(['submitting', 'in_flight', 'complete', 'failed', 'cancelled', 'timeout', 'abandoned', 'unknown']);
export type Lifecycle = z.output<typeof lifecycle>;

export const taskState = z.enum(['pending', 'running', 'complete', 'failed', 'cancelled', 'timeout', 'lost', 'unknown']);
export type TaskStateName = z.output<typeof taskState>;

export const taskCounts = z.object({
  complete: z.number(),
  running: z.number(),
  pending: z.number(),
  failed: z.number(),
  cancelled: z.number(),
  unknown: z.number(),
});
export type TaskCounts = z.output<typeof taskCounts>;

export const waveSummary = z.object({
  wave: z.number(),
  first_task: z.number(),
  task_count: z.number(),
  arrays: z.array(z.object({ key: z.string(), job_id: z.nullable(z.string()), first_task: z.number(), task_count: z.number() })),
  counts: taskCounts,
  combined: z.boolean(),
});

export const runSummary = z.object({
  run_id: z.string(),
  run_name: z.string(),
  experiment_dir: z.string(),
  cluster: z.string(),
  scheduler: z.string(),
  executor: z.string(),
  lifecycle_state: lifecycle,
  total_tasks: z.number(),
  counts: taskCounts,
  submitted_at: z.string(),
  /** When the cluster was last asked with success; null: never. */
  observed_at: z.nullable(z.string()),
  /** Why the last attempt to ask failed, if it did: the data is then the last good one. */
  stale_reason: z.nullable(z.string()),
  /** What each source said, in sentences for people. */
  evidence: z.array(z.string()),
  waves: z.array(waveSummary),
  job_ids: z.array(z.string()),
  /** Where `chain` was asked for: how many tasks are in the first, second, … of the jobs that may follow each other. */
  chain: z.optional(z.object({ max_hops: z.number(), tasks_by_link: z.array(z.number()) })),
  remote_path: z.string(),
  cmd_sha: z.string(),
  /** What needs a person: failed or lost tasks, an unknown submission. */
  attention: z.array(z.object({ kind: z.string(), message: z.string(), task_ids: z.array(z.number()) })),
});
export type RunSummary = z.output<typeof runSummary>;

export const taskRow = z.object({
  task_id: z.number(),
  state: taskState,
  kwargs: z.record(z.string(), z.unknown()),
  attempt: z.number(),
  job: z.nullable(z.string()),
  node: z.nullable(z.string()),
  exit_code: z.nullable(z.number()),
  elapsed_s: z.nullable(z.number()),
  peak_rss_mib: z.nullable(z.number()),
  evidence: z.string(),
});
export type TaskRow = z.output<typeof taskRow>;

/** What is asked of `plan` and `submit` alike. */
export const runSpec = z.strictObject({
  cluster: clusterName,
  run_name: z.optional(described(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/, 'letters, digits, dots, dashes and underscores, 48 at most')), 'Name for people; default: the workspace folder’s.')),
  executor: z.optional(described(z.string(), 'Script, relative to the workspace. Default: the one that FLAGS of .hpc/tasks.py names.')),
  command: z.optional(described(z.string(), 'Shell command run for each task instead of the script; kwargs arrive as HPC_KW_* variables (hpc-agent’s contract).')),
  resources: z.optional(resources),
  max_concurrent_tasks: z.optional(described(z.number().check(z.int(), z.positive()), 'Tasks of one array that may run at once.')),
  tasks_per_array: z.optional(described(z.number().check(z.int(), z.positive()), 'Upper bound on the size of one array.')),
  result_dir_template: z.optional(described(z.string(), 'Folder of a task’s results below the run’s folder on the cluster, with {run_id}, {task_id} and kwargs in braces.')),
  est_task_duration_s: z.optional(described(z.number().check(z.positive()), 'Expected seconds per task, for estimates; default: what earlier tasks of this name took on the cluster.')),
  workload_tags: z.optional(described(z.array(z.string()), 'Kinds of work, compared with known_bad_combinations of .hpc/playbook.yaml.')),
  env: z.optional(described(z.record(z.string(), z.string()), 'Extra environment variables for the tasks.')),
  auto_retry: z.optional(described(z.union([z.boolean(), z.record(z.string(), z.unknown())]), 'Submit failed tasks again without asking while the run is monitored: true for the product’s table, or hpc-agent’s rules by class ({"system_oom": {"max_attempts": 1, "mem_multiplier": 1.5}}). Default: off.')),
  max_retries: z.optional(described(z.number().check(z.int(), z.minimum(0)), 'How often one task may be submitted again; default 3.')),
  chain: z.optional(
    described(
      z.strictObject({ max_hops: described(z.number().check(z.int(), z.minimum(1), z.maximum(50)), 'Jobs after the first, at most, for one task.') }),
      'For tasks that take longer than one job may, with an executor that writes checkpoints into its result folder ($RESULT_DIR) and goes on from them: jobs one after the other, all queued at submission. Each starts when the one before was ended by its time limit or preempted, or stopped by itself with exit status 85, in the same folder; when the task is done or failed by itself the rest ends at once. Default: off.',
    ),
  ),
  aggregate_cmd: z.optional(described(z.string().check(z.minLength(1)), 'The workspace’s own reducer: aggregate and cluster-reduce run it in the run’s folder on the cluster.')),
  evaluate_on: z.optional(described(z.enum(['auto', 'local', 'cluster']), 'Where .hpc/tasks.py is evaluated (once). auto: here, else on the cluster.')),
});
export type RunSpec = z.output<typeof runSpec>;

export const planOutput = z.object({
  cluster: z.string(),
  scheduler: z.string(),
  run_name: z.string(),
  executor: z.string(),
  total_tasks: z.number(),
  cmd_sha: z.string(),
  arrays: z.array(z.object({ key: z.string(), wave: z.number(), first_task: z.number(), task_count: z.number() })),
  waves: z.number(),
  limits: z.array(z.object({ name: z.string(), value: z.number(), origin: z.string() })),
  resources,
  /** What it may cost at most: tasks × cpus × walltime. */
  max_core_hours: z.nullable(z.number()),
  max_node_hours: z.nullable(z.number()),
  est_wall_s: z.nullable(z.number()),
  /** What is known about the time that it takes; null: nobody knows. */
  timing: z.object({
    /** Seconds of one task: half of them, and nearly all, take at most so long. */
    task_s: z.nullable(z.object({ p50: z.number(), p95: z.number(), source: z.enum(['given', 'history']), samples: z.number() })),
    time_limit_s: z.nullable(z.number()),
    /** From the start of an array to its first task. */
    spin_up_s: z.number(),
    /** How long the first task of earlier runs of this name waited on this cluster. */
    queue_wait_s: z.nullable(z.object({ p50: z.number(), p95: z.number(), runs: z.number() })),
    concurrent_tasks: z.nullable(z.number()),
  }),
  remote_path: z.string(),
  job_script: z.string(),
  sample_tasks: z.array(z.object({ task_id: z.number(), kwargs: z.record(z.string(), z.unknown()) })),
  findings: z.array(finding),
  verdict: z.enum(['pass', 'warn', 'fail']),
  /** An earlier run of the same tasks on the same cluster. */
  prior_run: z.nullable(z.object({ run_id: z.string(), lifecycle_state: lifecycle, submitted_at: z.string(), complete: z.number(), total_tasks: z.number() })),
  headline: z.string(),
  body: z.string(),
  confirm_prompt: z.string(),
});
export type PlanOutput = z.output<typeof planOutput>;

export const flagShape = z.object({
  name: z.string(),
  type: z.string(),
  default: z.nullable(z.unknown()),
  required: z.boolean(),
  choices: z.nullable(z.array(z.unknown())),
  help: z.string(),
});

export const executorShape = z.object({
  path: described(z.string(), 'What names it: the file and, after a space, its subcommand.'),
  file: described(z.string(), 'Relative to the workspace.'),
  kind: z.string(),
  summary: z.string(),
  flags: z.array(flagShape),
  has_main_guard: z.boolean(),
  has_compute_function: z.boolean(),
  resources: z.optional(described(resources, 'What a job script asks for in its own #SBATCH, #$ or #PBS lines: holds where plan and submit say nothing else.')),
});

/** How far the tasks of one grid point lay apart; std: of the sample, 0 for one task. */
const statistics = z.object({ count: z.number(), std: z.number(), min: z.number(), max: z.number() });

export const resultsTable = z.object({
  run_id: z.string(),
  /** Names of the parameters, in the order of the columns. */
  parameters: z.array(z.string()),
  metrics: z.array(z.string()),
  rows: z.array(z.object({ parameters: z.record(z.string(), z.unknown()), metrics: z.record(z.string(), z.nullable(z.number())), tasks: z.array(z.number()), whole: z.boolean(), missing_tasks: z.array(z.number()), statistics: z.optional(z.record(z.string(), statistics)) })),
  /** What a reader of the numbers has to know: metrics without a mean and why, results of an earlier run, results without a proof of their origin. */
  notes: z.array(z.string()),
  /** All rows that there are; `rows` may be cut. */
  row_count: z.number(),
  task_count: z.number(),
  /** Tasks that are in none of the numbers (`3,7,12-14`): a grid point without any result has no row. */
  missing_task_ranges: z.string(),
  files: z.object({ json: z.string(), csv: z.string() }),
  partial: z.boolean(),
});
export type ResultsTable = z.output<typeof resultsTable>;
