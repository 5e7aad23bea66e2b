/**
 * Ways to break the sandbox on purpose, each with its remedy. All may be repeated; `mendAll` undoes them all.
 *
 * Hard rule: a promise resolves when the change is in force, so that no test needs to wait after it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, type Bed } from './bed.ts';
import { askForwarder, calmNetwork, type DoorFaults, type DoorState, type ForwarderRequest } from './cluster/forwarderProtocol.ts';

export interface DaemonFaults {
  /** Orderly end: state is saved. */
  readonly stop: () => Promise<void>;
  /** SIGKILL. slurmctld forgets what it has not saved, that is the last seconds. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections are taken, nothing is answered. */
  readonly hang: () => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly start: () => Promise<void>;
}

export type DoorName = 'login' | 'bastion';

export interface Faults {
  readonly slurmctld: DaemonFaults;
  readonly slurmdbd: DaemonFaults;
  /** The login node's. Stopping it leaves established sessions alone. */
  readonly sshd: DaemonFaults;
  /** Power cut of a node, of `login`, `bastion` or `head`: every process ends at once, /tmp is lost. */
  killMachine(name: string): Promise<void>;
  /** Resolves when the machine is usable: a node has registered. */
  startMachine(name: string): Promise<void>;
  /** /home has no room any more ("No space left on device"), or only this much. */
  fillHome(leaveKiB?: number): Promise<void>;
  freeHome(): Promise<void>;
  /** The login node shows another host key than the one in known_hosts. */
  changeHostKey(): Promise<void>;
  restoreHostKey(): Promise<void>;
  /** Ends every established ssh session of the login node. */
  dropSshSessions(): Promise<void>;
  /** Lines of sshd_config such as `MaxSessions 1`, in place of earlier ones; none: back to normal. */
  setSshdOptions(...lines: string[]): Promise<void>;
  /** Changes the named properties and leaves the others. */
  setNetwork(faults: Partial<DoorFaults>, door?: DoorName): Promise<DoorState>;
  networkState(door?: DoorName): Promise<DoorState>;
  /** Open connections end with a TCP reset. */
  resetConnections(door?: DoorName): Promise<void>;
  calmNetwork(): Promise<void>;
  /** Lines laid over slurm.conf, in place of earlier ones; slurmctld restarts. Empty: back to normal. */
  setSlurmOptions(options: Readonly<Record<string, string | number>>): Promise<void>;
  /** Source of a job_submit.lua; undefined takes it away. */
  setSubmitFilter(lua: string | undefined): Promise<void>;
  /** Limits of a user's association such as `{ MaxSubmitJobs: 5, MaxJobs: 2 }`; empty: none. */
  setUserLimits(user: string, limits: Readonly<Record<string, string | number>>): Promise<void>;
  /** Limits of the QOS of all jobs such as `{ MaxSubmitJobsPerUser: 5 }`; empty: none. */
  setQosLimits(limits: Readonly<Record<string, string | number>>): Promise<void>;
  mendAll(): Promise<void>;
}

export function createFaults(bed: Bed, forwarderSocket: string): Faults {
  const act = async (...args: string[]): Promise<void> => void (await must(bed, args));
  const daemon = (name: string): DaemonFaults => ({
    stop: () => act('daemon', 'stop', name),
    kill: () => act('daemon', 'kill', name),
    hang: () => act('daemon', 'hang', name),
    resume: () => act('daemon', 'resume', name),
    start: () => act('daemon', 'start', name),
  });
  const pairs = (record: Readonly<Record<string, string | number>>): string[] => Object.entries(record).map(([key, value]) => `${key}=${value}`);

  const ask = async (request: ForwarderRequest & { readonly door: DoorName }): Promise<DoorState> => {
    const state = (await askForwarder(forwarderSocket, request))?.doors[request.door];
    if (state === undefined) throw new Error('the forwarder of the sandbox does not answer: run startSandbox again');
    return state;
  };
  const quietNetwork = async (): Promise<void> => {
    await ask({ door: 'login', set: calmNetwork });
    await ask({ door: 'bastion', set: calmNetwork });
  };

  return {
    slurmctld: daemon('slurmctld'),
    slurmdbd: daemon('slurmdbd'),
    sshd: daemon('sshd'),
    killMachine: (name) => act('machine', 'kill', name),
    startMachine: (name) => act('machine', 'start', name),
    fillHome: (leaveKiB = 0) => act('home', 'fill', String(leaveKiB)),
    freeHome: () => act('home', 'free'),
    changeHostKey: () => act('host-key', 'other'),
    restoreHostKey: () => act('host-key', 'login'),
    dropSshSessions: () => act('drop-ssh'),
    setSshdOptions: (...lines) => act('sshd', ...lines),
    setNetwork: (faults, door = 'login') => ask({ door, set: faults }),
    networkState: (door = 'login') => ask({ door }),
    resetConnections: async (door = 'login') => void (await ask({ door, reset: true })),
    calmNetwork: quietNetwork,
    setSlurmOptions: (options) => act('slurm', ...pairs(options)),
    setSubmitFilter: async (lua) => {
      if (lua === undefined) return act('submit-filter');
      const directory = await mkdtemp(join(tmpdir(), 'sandbox-filter-'));
      try {
        await writeFile(join(directory, 'job_submit.lua'), lua);
        await act('submit-filter', join(directory, 'job_submit.lua'));
      } finally {
        await rm(directory, { recursive: true });
      }
    },
    setUserLimits: (user, limits) => act('limits', 'user', user, ...pairs(limits)),
    setQosLimits: (limits) => act('limits', 'qos', 'normal', ...pairs(limits)),
    mendAll: async () => {
      await quietNetwork();
      await act('mend');
    },
  };
}
