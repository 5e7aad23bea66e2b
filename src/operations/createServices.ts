/** Puts the core together by hand: cluster store, connections, sessions, journal. The one place that knows all the rooms. */
import * as os from 'node:os';
import * as path from 'node:path';
import { ClusterStore } from '../cluster/clusterStore.ts';
import type { ClusterProfile } from '../cluster/profile.ts';
import { profileHash } from '../cluster/profile.ts';
import { readRuntimeFiles, type RuntimeFiles } from '../cluster/remoteRuntime.ts';
import { ClusterSession } from '../cluster/session.ts';
import type { Connection, ConnectionState } from '../connection/port.ts';
import { createConnectionPool } from '../connection/pool.ts';
import type { ReservationDeps } from '../reservations/deps.ts';
import { HoldChannels } from '../reservations/holdChannels.ts';
import { LeaseStore, leaseDirectory } from '../reservations/lease.ts';
import { SoftwareScripts } from '../reservations/software.ts';
import type { RunDeps } from '../runs/deps.ts';
import { Journal } from '../runs/journal.ts';
import { dialectFor } from '../scheduler/dialects.ts';
import { executorPort } from './executorPort.ts';
import type { Host, Services } from './services.ts';
import { mustTrust } from './trust.ts';

/** Makes nothing that costs: connections and files are opened when first used. */
export function createServices(host: Host): Services {
  const pool = createConnectionPool({ prompts: host.prompts, log: host.log, clock: host.clock });
  const sessions = new Map<string, { readonly hash: string; readonly session: Promise<ClusterSession> }>();
  const journal = new Journal(host.home);
  const channels = new HoldChannels();
  const software = new SoftwareScripts(host.assetsDirectory);
  const leases = new LeaseStore(leaseDirectory(host.userHome, host.env));
  let runtime: Promise<RuntimeFiles> | undefined;

  const store = (experimentDir: string): ClusterStore => new ClusterStore({ workspaceDirectory: experimentDir, trusted: host.trusted(), home: host.userHome, env: { ...host.env, HPC_AGENT_HOME: host.home } });

  const watched = new WeakSet<Connection>();
  const connectionOf = (profile: ClusterProfile): Connection => {
    const connection = pool.get(profile.connection);
    if (host.connectionChanged && !watched.has(connection)) {
      watched.add(connection);
      connection.onDidChangeState(host.connectionChanged);
    }
    return connection;
  };

  const session = (profile: ClusterProfile): Promise<ClusterSession> => {
    const hash = profileHash(profile);
    const known = sessions.get(profile.name);
    // A changed profile gets a fresh session; the connection is shared while its target stays the same.
    if (known?.hash === hash) return known.session;
    runtime ??= readRuntimeFiles(host.assetsDirectory);
    const made = runtime.then((files) => new ClusterSession({ profile, connection: connectionOf(profile), dialect: dialectFor(profile.scheduler), runtime: files, log: host.log.child(`cluster.${profile.name}`), localHome: host.home }));
    sessions.set(profile.name, { hash, session: made });
    return made;
  };

  return {
    host,
    store,
    session,
    connectionState: (profile): ConnectionState => connectionOf(profile).state,
    reconnect: (profile, signal) => connectionOf(profile).reconnect(signal),
    runDeps: (experimentDir): RunDeps => {
      const local = pool.get({ kind: 'local' });
      const profile = (cluster: string): Promise<ClusterProfile> => store(experimentDir).get(cluster);
      return {
        experimentDir: path.resolve(experimentDir),
        journal,
        clock: host.clock,
        log: host.log.child('runs'),
        version: host.version,
        assetsDirectory: host.assetsDirectory,
        home: host.home,
        trusted: host.trusted(),
        executors: executorPort(path.resolve(experimentDir), host.assetsDirectory, host.trusted),
        local,
        profile,
        // The records of a folder name clusters, folders there and jobs: whoever wrote them would have this user's connections used.
        session: async (cluster) => {
          mustTrust(host.trusted(), `${cluster} is not asked about the runs of a workspace that is not trusted`);
          return session(await profile(cluster));
        },
      };
    },
    reservationDeps: (experimentDir): ReservationDeps => {
      const profile = (cluster: string): Promise<ClusterProfile> => store(experimentDir).get(cluster);
      return {
        leases,
        channels,
        software,
        clock: host.clock,
        log: host.log.child('reservations'),
        home: host.home,
        assetsDirectory: host.assetsDirectory,
        hostname: os.hostname(),
        profile,
        profiles: async () => (await store(experimentDir).list()).profiles,
        session: async (cluster) => session(await profile(cluster)),
      };
    },
    dispose: () => {
      channels.dispose();
      pool.dispose();
    },
  };
}
