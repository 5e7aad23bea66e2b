/** What operations work with; made once by `extension.ts` or `cli.ts` and handed in. */
import type { ClusterStore } from '../cluster/clusterStore.ts';
import type { ClusterProfile } from '../cluster/profile.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { ConnectionState, PromptPort } from '../connection/port.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Disposable } from '../foundation/disposable.ts';
import type { Log } from '../foundation/log.ts';
import type { ReservationDeps } from '../reservations/deps.ts';
import type { RunDeps } from '../runs/deps.ts';

/** What the host (editor or command line) gives. */
export interface Host {
  /** Version of the product. */
  readonly version: string;
  /** Folder that holds `templates/` and `schemas/`. */
  readonly assetsDirectory: string;
  /** The user's home folder. */
  readonly userHome: string;
  /** The user's state: clusters.yaml, journal. `HPC_AGENT_HOME` or `~/.hpc-agent`. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether the workspace's own files may name programs, hosts and templates (workspace trust). */
  readonly trusted: () => boolean;
  /** A connection was made, lost or refused: for who shows their state. */
  readonly connectionChanged?: () => void;
}

export interface Services extends Disposable {
  readonly host: Host;
  store(experimentDir: string): ClusterStore;
  session(profile: ClusterProfile): Promise<ClusterSession>;
  /** What is known of the connection, without connecting. */
  connectionState(profile: ClusterProfile): ConnectionState;
  /** A person's "try again": forgets a refusal and connects. */
  reconnect(profile: ClusterProfile, signal: AbortSignal): Promise<void>;
  runDeps(experimentDir: string): RunDeps;
  reservationDeps(experimentDir: string): ReservationDeps;
}
