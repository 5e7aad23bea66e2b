/** What the verbs of this room work with; made by the operations' services. */
import type { ClusterProfile } from '../cluster/profile.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import type { ReportProgress } from '../foundation/progress.ts';
import type { HoldChannels } from './holdChannels.ts';
import type { LeaseStore } from './lease.ts';
import type { SoftwareScripts } from './software.ts';

export interface ReservationDeps {
  readonly leases: LeaseStore;
  readonly channels: HoldChannels;
  readonly software: SoftwareScripts;
  readonly clock: Clock;
  readonly log: Log;
  /** Folder that holds `templates/`. */
  readonly assetsDirectory: string;
  /** This user's state: what was last heard lies below it. */
  readonly home: string;
  readonly hostname: string;
  /** Throws `cluster_unknown` or `config_invalid`. */
  profile(cluster: string): Promise<ClusterProfile>;
  profiles(): Promise<readonly ClusterProfile[]>;
  session(cluster: string): Promise<ClusterSession>;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}
