/** What the verbs of this room work with; the runs' dependencies fit. */
import type { ClusterSession } from '../cluster/session.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import type { ReportProgress } from '../foundation/progress.ts';

export interface JobDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Folder that holds `templates/`. */
  readonly assetsDirectory: string;
  /** This user's state. */
  readonly home: string;
  /** Throws `cluster_unknown` or `config_invalid`. */
  session(cluster: string): Promise<ClusterSession>;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}
