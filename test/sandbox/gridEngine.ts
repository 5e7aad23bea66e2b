/**
 * A real Grid Engine cluster behind its own sshd, beside the Slurm sandbox and without it: a state directory of its own, other users,
 * other homes.
 *
 * Hard rule: as with `startSandbox`, what is given back is in order; faults of an earlier test are mended first.
 */
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bedAt, must, type Bed, type CommandResult } from './bed.ts';
import { askForwarder, calmNetwork } from './cluster/forwarderProtocol.ts';
import type { DaemonFaults } from './faults.ts';
import { forwarderSocket, startForwarder } from './startForwarder.ts';

/** Beside the Slurm sandbox that the environment names. */
export const defaultGridDirectory = `${process.env.HPC_AGENT_SANDBOX ?? '/var/tmp/hpc-agent-sandbox'}-grid`;
const execHosts = 2;

export interface GridRunAs {
  /** Default: the login node. Others: head, exec1, exec2. */
  readonly machine?: string;
  /** Default for `asUser`: carol. */
  readonly user?: string;
  readonly stdin?: string;
}

export interface GridFaults {
  /** `start` resolves when the execution hosts have reported to it again, which takes up to half a minute. */
  readonly qmaster: DaemonFaults;
  /** The login node's. */
  readonly sshd: DaemonFaults;
  killMachine(name: string): Promise<void>;
  startMachine(name: string): Promise<void>;
  /** Global settings (`max_u_jobs`, `max_aj_tasks`) in place of earlier ones; empty: back to normal. */
  setOptions(options: Readonly<Record<string, string | number>>): Promise<void>;
  /** Changes Grid Engine's accounting file by a shell script in which `$1` is its path. */
  editAccounting(script: string): Promise<void>;
  /** Open connections end with a TCP reset. */
  resetConnections(): Promise<void>;
  mendAll(): Promise<void>;
}

export interface GridEngine {
  readonly stateDirectory: string;
  readonly ssh: { readonly host: '127.0.0.1'; readonly port: number; readonly user: 'carol'; readonly sshConfigFile: string; readonly aliases: { readonly plain: 'grid'; readonly second: 'grid-dave' } };
  /** exec1, exec2: 16 slots, 64 GB of h_data and 2 GPUs each; queues all.q (a day) and short.q (5 minutes); parallel environments smp and mpi. */
  readonly hosts: readonly string[];
  /** What the login start-up files set: without it Grid Engine's programs find nothing. */
  readonly environment: Readonly<Record<string, string>>;
  readonly faults: GridFaults;
  /** A bash script in the user's home, with the login environment; not through ssh. */
  asUser(script: string, options?: GridRunAs): Promise<CommandResult>;
  asRoot(script: string, options?: Omit<GridRunAs, 'user'>): Promise<CommandResult>;
}

const environment = { SGE_ROOT: '/opt/gridengine', SGE_CELL: 'default' } as const;
const profile = Object.entries(environment).map(([name, value]) => `export ${name}=${value};`).join(' ');

function createGridFaults(bed: Bed, stateDirectory: string): GridFaults {
  const act = async (...args: string[]): Promise<void> => void (await must(bed, args));
  const daemon = (name: string): DaemonFaults => ({
    stop: () => act('daemon', 'stop', name),
    kill: () => act('daemon', 'kill', name),
    hang: () => act('daemon', 'hang', name),
    resume: () => act('daemon', 'resume', name),
    start: () => act('daemon', 'start', name),
  });
  return {
    qmaster: daemon('qmaster'),
    sshd: daemon('sshd'),
    killMachine: (name) => act('machine', 'kill', name),
    startMachine: (name) => act('machine', 'start', name),
    setOptions: (options) => act('grid', ...Object.entries(options).map(([key, value]) => `${key}=${value}`)),
    editAccounting: (script) => act('root', 'head', 'bash', '-c', script, '-', `${environment.SGE_ROOT}/default/common/accounting`),
    resetConnections: async () => void (await askForwarder(forwarderSocket(stateDirectory), { door: 'login', reset: true })),
    mendAll: () => act('mend'),
  };
}

export async function startGridEngine(options: { readonly stateDirectory?: string } = {}): Promise<GridEngine> {
  const stateDirectory = resolve(options.stateDirectory ?? defaultGridDirectory);
  if (stateDirectory.length > 80) throw new Error(`${stateDirectory}: too long for the unix sockets in it (80 characters)`);
  const bed = bedAt(stateDirectory);
  if (process.getuid?.() !== 0) throw new Error('the sandbox needs root (Linux namespaces, a loop mount) on Debian 12');
  const settings = await readFile(join(stateDirectory, 'settings'), 'utf8').catch(() => undefined);
  if (settings !== undefined && !settings.includes('KIND=gridengine')) throw new Error(`${stateDirectory} holds a Slurm sandbox: name another stateDirectory`);
  const env = { KIND: 'gridengine', NODES: String(execHosts), HOME_MIB: '128' };
  if (settings === undefined || (await bed(['status'])).exitCode !== 0) await must(bed, [settings === undefined ? 'up' : 'mend'], { env });
  const { doors } = await startForwarder(stateDirectory, { login: '198.18.0.2' });
  await askForwarder(forwarderSocket(stateDirectory), { door: 'login', set: calmNetwork });
  const port = doors.login?.port ?? 0;
  await writeSshFiles(stateDirectory, port);
  return {
    stateDirectory,
    ssh: { host: '127.0.0.1', port, user: 'carol', sshConfigFile: join(stateDirectory, 'keys', 'ssh_config'), aliases: { plain: 'grid', second: 'grid-dave' } },
    hosts: Array.from({ length: execHosts }, (_, index) => `exec${index + 1}`),
    environment,
    faults: createGridFaults(bed, stateDirectory),
    asUser: (script, { user = 'carol', machine = 'login', ...rest } = {}) => bed(['as', user, machine, `${profile} ${script}`], rest),
    asRoot: (script, { machine = 'login', ...rest } = {}) => bed(['root', machine, 'bash', '-c', `${profile} ${script}`], rest),
  };
}

/** Complete files: whoever names `sshConfigFile` never touches the caller's own ~/.ssh. */
async function writeSshFiles(stateDirectory: string, port: number): Promise<void> {
  const key = (name: string): string => join(stateDirectory, 'keys', name);
  const replace = async (file: string, lines: readonly string[]): Promise<void> => {
    await writeFile(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  const hostKey = (await readFile(key('host_login.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await replace(key('known_hosts'), [`[127.0.0.1]:${port} ${hostKey}`]);
  const host = (alias: string, user: string): string[] => [`Host ${alias}`, '  HostName 127.0.0.1', `  Port ${port}`, `  User ${user}`];
  const common = ['Host *', `  IdentityFile ${key('id_ed25519')}`, '  IdentitiesOnly yes', `  UserKnownHostsFile ${key('known_hosts')}`, '  GlobalKnownHostsFile /dev/null', '  StrictHostKeyChecking yes'];
  await replace(key('ssh_config'), [...host('grid', 'carol'), ...host('grid-dave', 'dave'), ...common]);
}

export async function stopGridEngine(options: { readonly stateDirectory?: string; readonly purge?: boolean } = {}): Promise<void> {
  const stateDirectory = resolve(options.stateDirectory ?? defaultGridDirectory);
  if ((await stat(stateDirectory).catch(() => undefined)) === undefined) return;
  await askForwarder(forwarderSocket(stateDirectory), { quit: true });
  await must(bedAt(stateDirectory), options.purge === true ? ['down', '--purge'] : ['down']);
}
