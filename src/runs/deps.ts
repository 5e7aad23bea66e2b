/**
 * What the verbs of this room work with. Made by the operations' services, which also lend it what the executors' room
 * knows (`ExecutorPort`), since siblings do not know each other's insides.
 */
import type { ClusterProfile } from '../cluster/profile.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { Connection } from '../connection/port.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import type { ReportProgress } from '../foundation/progress.ts';
import type { ScriptResources } from '../scheduler/port.ts';
import type { Journal } from './journal.ts';

export interface SweepEvaluation {
  readonly taskCount: number;
  /** Canonical JSON, one line per task, as Python printed it. */
  readonly lines: readonly string[];
  readonly cmdSha: string;
  readonly tasksPySha: string;
  /** Names of the kwargs in the order of `resolve()`. */
  readonly keyOrder: readonly string[];
  /** Executors that FLAGS names. */
  readonly flagModules: readonly string[];
  readonly problems: readonly { readonly severity: 'warning' | 'info'; readonly code: string; readonly message: string }[];
}

export interface FoundExecutor {
  /** What names it: its file and, after a space, its subcommand. */
  readonly path: string;
  /** Relative to the workspace, with forward slashes. */
  readonly file: string;
  readonly subcommand?: string;
  readonly kind: string;
  /** Importable name of a Python file. */
  readonly module?: string;
  readonly flags: readonly { readonly name: string; /** `--horizon`; undefined for a positional one. */ readonly option: string | undefined; readonly negativeOption?: string; readonly isSwitch: boolean; readonly repeats?: boolean; readonly beforeSubcommand?: boolean }[];
  /** Of a job script. */
  readonly resources?: ScriptResources;
}

export interface ExecutorPort {
  evaluate(options: { readonly run: Connection['exec']; readonly python: string; readonly cwd: string; /** For tasks.py alone; default a minute. */ readonly timeoutS?: number; readonly signal: AbortSignal }): Promise<SweepEvaluation>;
  /** The frozen parameters and their index, as the dispatcher reads them. */
  freeze(lines: readonly string[]): { readonly params: string; readonly index: Uint8Array; readonly cmdSha: string };
  discover(signal: AbortSignal): Promise<readonly FoundExecutor[]>;
}

export interface RunDeps {
  /** Absolute workspace folder. */
  readonly experimentDir: string;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly assetsDirectory: string;
  readonly home: string;
  readonly trusted: boolean;
  readonly executors: ExecutorPort;
  /** A connection to this machine, for evaluating tasks.py here. */
  readonly local: Connection;
  /** Throws `cluster_unknown` or `config_invalid`. */
  profile(cluster: string): Promise<ClusterProfile>;
  /** Connects to nothing by itself; one session per cluster. */
  session(cluster: string): Promise<ClusterSession>;
}

/** What every call carries besides. */
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}
