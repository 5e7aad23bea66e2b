/** What the verbs of this room work with. Made by the operations' services. */
import type { ClusterProfile } from '../cluster/profile.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import type { ReportProgress } from '../foundation/progress.ts';
import type { Journal } from './journal.ts';

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
