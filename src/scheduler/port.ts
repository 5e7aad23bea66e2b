/**
 * What a scheduler is to us: a dialect, that is, functions that return commands as data and parsers of what the commands
 * print. A dialect never runs anything and never sees a connection. `test/contract/scheduler` runs the same suite on
 * every dialect with its real daemon.
 *
 * Rules that every dialect keeps:
 * - Absolute tool paths come from the caller (`SchedulerTools`), never from PATH.
 * - Every command carries a cleaned environment (`unset`), since users' shells hold SQUEUE_FORMAT, SLURM_TIME_FORMAT and the like.
 * - Parsers find their lines by a marker of ours (so a banner cannot be read as a row), take `strict` (tests are strict,
 *   users get the tolerant form, with what was skipped listed), and throw `remote_command_failed` or
 *   `scheduler_throttled`/`cluster_timeout` when the scheduler could not be asked. Empty output is an answer only
 *   together with exit status 0 and our end marker.
 */

export type SchedulerName = 'slurm' | 'sge' | 'pbs' | 'background';

/** A scheduler command as data: what to run, with which variables removed and set. */
export interface SchedulerCommand {
  readonly argv: readonly string[];
  readonly stdin?: string;
  /** Variables removed first; a trailing `*` matches a prefix (`SQUEUE_*`). */
  readonly unset: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** After this long the far side ends the command and reports 124. */
  readonly timeoutS: number;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

export interface Query<T> {
  readonly command: SchedulerCommand;
  parse(output: CommandOutput, strict: boolean): T;
}

/** Resources of one task. Absent means: the site's default. */
export interface ResourceRequest {
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly walltimeS?: number;
  readonly gpus?: number;
  readonly gpuType?: string;
  /** Partition or queue. */
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly constraint?: string;
  readonly nodes?: number;
  /** Where `excludesNodes`: nodes that must not be used. */
  readonly excludeNodes?: readonly string[];
  /** Words handed to the submit command as they are, after ours. */
  readonly extraArguments?: readonly string[];
}

/** What a job script asks for in lines of its own (`#SBATCH`, `#$`, `#PBS`). */
export interface ScriptResources extends Omit<ResourceRequest, 'excludeNodes' | 'extraArguments'> {
  readonly scheduler: 'slurm' | 'sge' | 'pbs';
  readonly array?: string;
  readonly jobName?: string;
  /** Directives that are none of these, as written. */
  readonly other: readonly string[];
}

/** `afterany`: after all of them ended, however. `afterok`: only if all succeeded. */
export interface JobDependency {
  readonly type: 'afterany' | 'afterok';
  readonly jobIds: readonly string[];
}

/** Inclusive range of array indices. */
export interface IndexRange {
  readonly first: number;
  readonly last: number;
}

export interface SubmitRequest {
  /** Unique per submission: it ends in the token's first digits, and finds the job again when the reply was lost. */
  readonly name: string;
  /** Whole token; kept by the scheduler's accounting where the site stores comments. */
  readonly comment: string;
  /** Absolute path of the job script on the cluster. */
  readonly scriptPath: string;
  readonly workdir: string;
  /** Absent for a plain job. */
  readonly array?: { readonly ranges: readonly IndexRange[]; readonly maxConcurrent?: number };
  readonly dependencies: readonly JobDependency[];
  readonly resources: ResourceRequest;
  /** Path patterns in the scheduler's own placeholders: see `SchedulerDialect.logPath`. */
  readonly stdoutPath: string;
  readonly stderrPath: string;
}

export interface SubmitQuery extends Query<{ readonly jobId: string }> {
  /**
   * For the remote submit program, which must know the id at once: a Python regular expression whose first group is the
   * job id, matched against whole lines of standard output.
   */
  readonly jobIdPattern: string;
  /** Python regular expressions over stderr that mean: refused for now by a limit, certainly not submitted. */
  readonly throttledPatterns: readonly string[];
}

/**
 * The question after a job of one name. With the patterns (Python regular expressions; `^` and `$` stand at lines) a program on the cluster can
 * read the answer without us; they are matched against standard output, a line break, and error output.
 */
export interface FindQuery extends Query<readonly { readonly jobId: string; readonly name: string; readonly state: JobState }[]> {
  readonly patterns?: {
    /** The first group is the id of a job of exactly that name. */
    readonly jobId: string;
    /** The answer is whole: without an id in it there is no such job here. Counts with exit status 0 alone. */
    readonly whole: string;
    /** This site does not have what was asked: one source less. */
    readonly noSource: string;
  };
}

/** The scheduler's states, folded into ours. `unknown` keeps the scheduler's word in `rawState`. */
export type JobState = 'pending' | 'held' | 'running' | 'completing' | 'completed' | 'failed' | 'cancelled' | 'timeout' | 'out_of_memory' | 'node_fail' | 'preempted' | 'unknown';

export function isTerminalJobState(state: JobState): boolean {
  return !['pending', 'held', 'running', 'completing', 'unknown'].includes(state);
}

/** One row of the queue: a job, one element of an array, or a condensed set of waiting elements. */
export interface QueueRow {
  /** Of the array as a whole: `123` for the row `123_[5-100%4]`. */
  readonly jobId: string;
  /** Array elements that the row speaks of; absent for a plain job. */
  readonly indices?: readonly IndexRange[];
  readonly state: JobState;
  readonly rawState: string;
  readonly name: string;
  /** Why it waits, in the scheduler's word (`Priority`, `Dependency`, `QOSMaxJobsPerUserLimit`); empty if none. */
  readonly reason: string;
  readonly node: string;
}

/** One row of accounting. */
export interface AccountingRow {
  readonly jobId: string;
  readonly indices?: readonly IndexRange[];
  readonly state: JobState;
  readonly rawState: string;
  readonly name: string;
  readonly comment: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly elapsedS: number | null;
  readonly maxRssMiB: number | null;
  readonly node: string;
}

export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** Lines that carried our marker and could not be understood. */
  readonly malformed: readonly string[];
}

/** Limits as the site states them; undefined where it does not say. */
export interface SchedulerLimits {
  /** Largest array index that may be used, counted inclusively (Slurm: MaxArraySize - 1). */
  readonly maxArrayIndex?: number;
  /** Most elements of one array. */
  readonly maxArraySize?: number;
  /** Jobs and array elements a user may have in the queue at once. */
  readonly maxSubmitJobs?: number;
  /** Jobs and array elements the controller holds for everybody. */
  readonly maxJobCount?: number;
  readonly partitions: readonly PartitionFacts[];
  /** Whether accounting answers (slurmdbd); undefined when not known. */
  readonly accounting?: boolean;
  readonly version?: string;
}

export interface PartitionFacts {
  readonly name: string;
  readonly isDefault: boolean;
  readonly up: boolean;
  readonly maxWalltimeS?: number;
  readonly defaultWalltimeS?: number;
  readonly nodes: number;
  readonly cpusTotal: number;
  readonly cpusIdle: number;
  readonly memoryMiBPerNode?: number;
  /** `a100:4` as the site writes it; empty if none. */
  readonly gres: string;
}

/** GPUs of one type; `gpu` where the site names none. */
export interface GpuCount {
  readonly type: string;
  readonly total: number;
  readonly free: number;
}

/** `free`: all of it; `mixed`: some; `busy`: nothing; `closed`: works, takes no new jobs (drained, disabled, reserved). */
export type NodeState = 'free' | 'mixed' | 'busy' | 'closed' | 'down' | 'unknown';

export interface NodeResources {
  readonly name: string;
  readonly state: NodeState;
  readonly rawState: string;
  /** Why it is closed or down, in the site's words; empty if it does not say. */
  readonly reason: string;
  readonly partitions: readonly string[];
  readonly cpusTotal: number;
  /** What a job could have now: nothing of a node that is closed or down. */
  readonly cpusFree: number;
  readonly memoryMiB: number | null;
  readonly memoryFreeMiB: number | null;
  readonly gpus: readonly GpuCount[];
}

export interface PartitionResources {
  readonly name: string;
  readonly isDefault: boolean;
  readonly up: boolean;
  readonly maxWalltimeS?: number;
  readonly defaultWalltimeS?: number;
  readonly nodes: number;
  readonly cpusTotal: number;
  readonly cpusFree: number;
  /** Of its largest node. */
  readonly memoryMiBPerNode?: number;
  readonly gpus: readonly GpuCount[];
}

/** One limit that binds this user, as the site states it. */
export interface UserLimit {
  /** `jobs in the queue`, `running jobs`, `resources at once`, `walltime`. */
  readonly what: string;
  readonly value: string;
  /** `QOS normal`, `account lab`, `queue batch`. */
  readonly source: string;
}

/** A job of the user that waits, or the waiting elements of an array. */
export interface WaitingJob {
  readonly jobId: string;
  readonly indices?: readonly IndexRange[];
  readonly name: string;
  readonly partition: string;
  readonly state: 'pending' | 'held';
  /** In the scheduler's word; empty if it gives none. */
  readonly reason: string;
  /** In words for people. */
  readonly explanation: string;
  /** The scheduler's own estimate; null where it has none. */
  readonly estimatedStart: Date | null;
}

/** What a cluster has, what of it is free, and where this user stands. */
export interface ClusterResources {
  readonly partitions: readonly PartitionResources[];
  /** Empty where the site does not show its nodes to users. */
  readonly nodes: readonly NodeResources[];
  readonly limits: readonly UserLimit[];
  /** Jobs and array elements of the user. */
  readonly queue: { readonly running: number; readonly pending: number; readonly held: number; readonly cpusInUse: number | null };
  readonly waiting: readonly WaitingJob[];
  /** Lines and parts that could not be understood or asked. */
  readonly malformed: readonly string[];
}

/** Where the scheduler's programs are, from the connection's environment. */
export interface SchedulerTools {
  readonly tools: Readonly<Record<string, string>>;
  readonly python: string | undefined;
  readonly user: string;
  /** Folder on the far side that holds our runtime files (`hpc_background.py` and others). */
  readonly runtimeDirectory: string;
}

export interface CancelTarget {
  readonly jobId: string;
  /** Only these elements; absent: all of it. */
  readonly indices?: readonly IndexRange[];
}

/** What is known of one job besides its row in the queue. */
export interface JobDetails {
  /** Login name. */
  readonly owner: string | undefined;
  readonly workdir: string | undefined;
  /** In the placeholders that the dialect's `resolveLogPath` replaces. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  /** The files' names, where one of these paths may be a folder. */
  readonly namesInFolder?: { readonly stdout: string; readonly stderr: string };
  /** Elements of an array that the scheduler still holds. */
  readonly indices: readonly IndexRange[];
}

export interface SchedulerDialect {
  readonly name: SchedulerName;
  /** Programs without which this scheduler cannot be used. */
  readonly requiredTools: readonly string[];
  /** Whether `ResourceRequest.excludeNodes` is understood; else it is passed over. */
  readonly excludesNodes?: true;
  /** Whether one array may take several ranges (`3,7,12-14`); else the caller splits. */
  readonly acceptsIndexLists: boolean;
  /**
   * What a job script asks the scheduler about itself: words of POSIX sh that expand, between double quotes, to the id of a plain job, to
   * the id of the array as `submit` returned it, to the element's index, and to the cores of one task. Each is empty where there is no answer.
   */
  readonly jobExpressions: { readonly jobId: string; readonly arrayJobId: string; readonly arrayIndex: string; readonly cores: string };
  /** Log file name pattern for an array (`%A_%a`) or a plain job, below `directory`. */
  logPath(directory: string, key: string, stream: 'out' | 'err', array: boolean): string;
  /** The same path for one element, once the job's id is known. */
  resolveLogPath(pattern: string, jobId: string, index: number | undefined): string;

  submit(request: SubmitRequest, tools: SchedulerTools): SubmitQuery;
  /** The user's whole queue in one call. */
  queue(tools: SchedulerTools): Query<Rows<QueueRow>>;
  /** Finds jobs by their exact name, in the queue and where possible in accounting, `since` a time. */
  findByName(name: string, since: Date, tools: SchedulerTools): readonly FindQuery[];
  /** Undefined where the site has none. */
  accounting(jobIds: readonly string[], since: Date, tools: SchedulerTools): Query<Rows<AccountingRow>> | undefined;
  /** Whose a job is and where its output goes; absent where there is no such question. */
  jobDetails?(jobId: string, tools: SchedulerTools): Query<JobDetails>;
  /** One or more commands that together cancel the targets. Cancelling what is gone already succeeds. */
  cancel(targets: readonly CancelTarget[], tools: SchedulerTools): readonly Query<void>[];
  limits(tools: SchedulerTools): Query<SchedulerLimits>;
  /** All that `ClusterResources` speaks of, in one question. */
  resources?(tools: SchedulerTools): Query<ClusterResources>;
}
