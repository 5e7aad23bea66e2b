/**
 * A real Slurm cluster behind a real sshd, on this machine. `npx tsx test/sandbox/sandbox.ts` for the command line.
 *
 * Hard rule: `startSandbox` gives a cluster in order. Whatever runs is kept, whatever does not run is started, and
 * faults that an earlier test left behind are mended first.
 */
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bedAt, must, type Bed, type CommandResult } from './bed.ts';
import { askForwarder, type DoorFaults } from './cluster/forwarderProtocol.ts';
import { createFaults, type Faults } from './faults.ts';
import { startGridEngine } from './gridEngine.ts';
import { describeSsh, startAgent, writeSshFiles, type Agent, type SshAccess } from './sshAccess.ts';
import { forwarderSocket, startForwarder } from './startForwarder.ts';

/** Whoever breaks things while others work names a directory of their own in the environment. */
export const defaultStateDirectory = process.env.HPC_AGENT_SANDBOX ?? '/var/tmp/hpc-agent-sandbox';

export interface SandboxOptions {
  /** Everything lives below it. Another directory is another sandbox; they do not meet. */
  readonly stateDirectory?: string;
  /** Compute nodes, 16 declared CPUs each; fixed when the sandbox is made. Default 4. */
  readonly nodes?: number;
  /** Default 1001. */
  readonly maxArraySize?: number;
}

export interface RunAs {
  /** Default: the login node. */
  readonly machine?: string;
  /** Default for `asUser`: alice. */
  readonly user?: string;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
}

export interface Sandbox {
  readonly stateDirectory: string;
  readonly ssh: SshAccess;
  /** node1, node2, ... */
  readonly nodes: readonly string[];
  readonly account: 'lab';
  /** Partitions: cpu is the default; debug allows 5 minutes; jobs of scavenge are cancelled when others need the room. */
  readonly partitions: readonly ['cpu', 'gpu', 'debug', 'scavenge'];
  readonly faults: Faults;
  /** Runs a bash script in the user's home; not through ssh, so it works whatever is broken. */
  asUser(script: string, options?: RunAs): Promise<CommandResult>;
  asRoot(script: string, options?: Omit<RunAs, 'user'>): Promise<CommandResult>;
  startAgent(keys?: readonly string[]): Promise<Agent>;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const stateDirectory = resolve(options.stateDirectory ?? defaultStateDirectory);
  if (stateDirectory.length > 80) throw new Error(`${stateDirectory}: too long for the unix sockets in it (80 characters)`);
  const bed = bedAt(stateDirectory);
  await requireRoot(bed);

  const before = await readSettings(stateDirectory);
  if (before?.kind === 'gridengine') throw new Error(`${stateDirectory} holds a Grid Engine sandbox: name another stateDirectory`);
  const nodes = options.nodes ?? before?.nodes ?? 4;
  const maxArraySize = options.maxArraySize ?? 1001;
  if (before !== undefined && before.nodes !== nodes) {
    throw new Error(`the sandbox in ${stateDirectory} has ${before.nodes} nodes, not ${nodes}: name another stateDirectory, or purge it with "down --purge"`);
  }
  if ((await bed(['status'])).exitCode !== 0) {
    await must(bed, [before === undefined ? 'up' : 'mend'], { env: { NODES: String(nodes), MAX_ARRAY_SIZE: String(maxArraySize) } });
  }
  if (before !== undefined && before.maxArraySize !== maxArraySize) await must(bed, ['array-size', String(maxArraySize)]);

  const { doors } = await startForwarder(stateDirectory, { login: '198.18.0.2', bastion: '198.18.0.3' });
  const ssh = describeSsh(stateDirectory, { login: doors.login?.port ?? 0, bastion: doors.bastion?.port ?? 0 });
  await writeSshFiles(ssh);
  const faults = createFaults(bed, forwarderSocket(stateDirectory));
  await faults.calmNetwork();
  return {
    stateDirectory,
    ssh,
    nodes: Array.from({ length: nodes }, (_, index) => `node${index + 1}`),
    account: 'lab',
    partitions: ['cpu', 'gpu', 'debug', 'scavenge'],
    faults,
    asUser: (script, { user = ssh.user, machine = 'login', ...rest } = {}) => bed(['as', user, machine, script], rest),
    asRoot: (script, { machine = 'login', ...rest } = {}) => bed(['root', machine, 'bash', '-c', script], rest),
    startAgent: (keys) => startAgent(ssh, keys),
  };
}

/** Ends every process of the sandbox, unmounts its /home. Jobs, accounting, homes and keys stay, unless it is purged. */
export async function stopSandbox(options: { readonly stateDirectory?: string; readonly purge?: boolean } = {}): Promise<void> {
  const stateDirectory = resolve(options.stateDirectory ?? defaultStateDirectory);
  if ((await stat(stateDirectory).catch(() => undefined)) === undefined) return;
  const bed = bedAt(stateDirectory);
  await requireRoot(bed);
  await askForwarder(forwarderSocket(stateDirectory), { quit: true });
  await must(bed, options.purge === true ? ['down', '--purge'] : ['down']);
}

async function requireRoot(bed: Bed): Promise<void> {
  if (process.getuid?.() === 0) return;
  const missing = (await bed(['missing'])).stdout.trim().split('\n').filter(Boolean);
  throw new Error(
    'the sandbox needs root (Linux namespaces, a loop mount) on Debian 12; ' +
      (missing.length === 0 ? 'its packages are all installed.' : `these packages are missing as well: apt-get install ${missing.join(' ')}`),
  );
}

async function readSettings(stateDirectory: string): Promise<{ readonly kind: string; readonly nodes: number; readonly maxArraySize: number } | undefined> {
  const content = await readFile(join(stateDirectory, 'settings'), 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const value = (key: string): number => Number(new RegExp(`^${key}=(\\d+)$`, 'm').exec(content)?.[1]);
  return { kind: /^KIND=(\w+)$/m.exec(content)?.[1] ?? 'slurm', nodes: value('NODES'), maxArraySize: value('MAX_ARRAY_SIZE') };
}

const usage = `usage: sandbox.ts [--state DIRECTORY] COMMAND
  up | down [--purge] | status      up grid: a Grid Engine cluster instead, in a state directory of its own
  fault network [door=login|bastion] [roundTripMs=N] [bytesPerSecond=N] [stalled=true] [refused=true] | reset
  fault VERB ...    see cluster/bed, e.g. fault daemon kill slurmctld, fault slurm MaxArraySize=10, fault mend
  as USER SCRIPT | root MACHINE COMMAND...`;

async function main(argv: readonly string[]): Promise<number> {
  const [first, second, ...others] = argv;
  const stateDirectory = first === '--state' && second !== undefined ? second : defaultStateDirectory;
  const [command, ...rest] = first === '--state' ? others : argv;
  const bed = bedAt(resolve(stateDirectory));
  const print = (result: CommandResult): number => {
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
    return result.exitCode;
  };
  switch (command) {
    case 'up': {
      if (rest[0] === 'grid') {
        const { ssh, hosts } = await startGridEngine({ stateDirectory });
        console.log(JSON.stringify({ stateDirectory, hosts, ssh }, undefined, 2));
        console.error(`try: ssh -F ${ssh.sshConfigFile} ${ssh.aliases.plain} "bash -lc 'qstat -f'"`);
        return 0;
      }
      const { ssh, nodes } = await startSandbox({ stateDirectory });
      console.log(JSON.stringify({ stateDirectory, nodes, ssh }, undefined, 2));
      console.error(`try: ssh -F ${ssh.sshConfigFile} ${ssh.aliases.plain} sinfo`);
      return 0;
    }
    case 'down':
      await stopSandbox({ stateDirectory, purge: rest.includes('--purge') });
      return 0;
    case 'status': {
      const cluster = (await bed(['status'])).exitCode === 0;
      const forwarder = await askForwarder(forwarderSocket(resolve(stateDirectory)), {});
      console.log(JSON.stringify({ cluster: cluster ? 'in order' : 'not running or not in order', doors: forwarder?.doors ?? {} }, undefined, 2));
      return cluster && forwarder !== undefined ? 0 : 1;
    }
    case 'fault':
      if (rest[0] === 'network') return faultNetwork(createFaults(bed, forwarderSocket(resolve(stateDirectory))), rest.slice(1));
      if (rest[0] === 'mend') return createFaults(bed, forwarderSocket(resolve(stateDirectory))).mendAll().then(() => 0);
      return print(await bed(rest));
    case 'as':
      return print(await bed(['as', rest[0] ?? '', 'login', rest.slice(1).join(' ')]));
    case 'root':
      return print(await bed(['root', ...rest]));
    case undefined:
    default:
      console.error(usage);
      return 1;
  }
}

async function faultNetwork(faults: Faults, words: readonly string[]): Promise<number> {
  const given = Object.fromEntries(words.map((word) => word.split('=') as [string, string]));
  const door = given.door === 'bastion' ? 'bastion' : 'login';
  const number = (key: keyof DoorFaults): object => (given[key] === undefined ? {} : { [key]: Number(given[key]) });
  const flag = (key: keyof DoorFaults): object => (given[key] === undefined ? {} : { [key]: given[key] === 'true' });
  if ('reset' in given) await faults.resetConnections(door);
  const set = { ...number('roundTripMs'), ...number('bytesPerSecond'), ...flag('stalled'), ...flag('refused') } as Partial<DoorFaults>;
  console.log(JSON.stringify(await faults.setNetwork(set, door)));
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
}
