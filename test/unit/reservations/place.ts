/**
 * A user's home, a lease folder and a cluster in one temporary folder. The scheduler is a few lines of shell over a ledger: what it took, it
 * lists until it is cancelled. Everything between is real: the lease files, the programs of `templates/runtime`, the protocol.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { ClusterStore } from '../../../src/cluster/clusterStore.ts';
import { readRuntimeFiles } from '../../../src/cluster/remoteRuntime.ts';
import { ClusterSession } from '../../../src/cluster/session.ts';
import type { RemoteCommand } from '../../../src/connection/port.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import type { CallOptions, ReservationDeps } from '../../../src/reservations/deps.ts';
import { HoldChannels } from '../../../src/reservations/holdChannels.ts';
import { LeaseStore } from '../../../src/reservations/lease.ts';
import { SoftwareScripts } from '../../../src/reservations/software.ts';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { createFakeConnection, type FakeReply } from '../../contract/connection/fakeConnection.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** Itself, not a wrapper that finds it anew at every start. */
export const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

/** Takes the place of a kill: whatever follows does not happen. */
export class Killed extends Error {}

export interface Place {
  readonly directory: string;
  readonly call: CallOptions;
  /** A client as it starts anew; `onStep` is called before and after every exchange with the cluster and every write of a lease. */
  client(onStep?: (what: string) => void): ReservationDeps;
  /** Names of the jobs that the scheduler ever took, and of those that it still lists. */
  taken(): Promise<readonly string[]>;
  listed(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

const programs: Readonly<Record<string, (at: (name: string) => string) => string>> = {
  sbatch: (at) => `for w in "$@"; do case $w in --job-name=*) n=\${w#--job-name=};; esac; done\necho "$n" >>${at('ledger')}\nid=$(wc -l <${at('ledger')} | tr -d ' ')\necho "$id $n" >${at('queue')}/$id\necho $id`,
  squeue: (at) => `[ ! -e ${at('down')} ] || { echo 'squeue: error: Unable to contact slurm controller (connect failure)' >&2; exit 1; }\nfor f in ${at('queue')}/*; do [ -e "$f" ] || continue; read -r id n <"$f"; printf 'HPCQ|%s|PENDING|Priority||%s|HPCE\\n' "$id" "$n"; done`,
  scancel: (at) => `for w in "$@"; do rm -f ${at('queue')}/$w; done`,
  scontrol: () => 'exit 0',
  sacct: () => 'exit 0',
};

async function runHere(command: RemoteCommand): Promise<FakeReply> {
  const [program, ...args] = command.argv ?? ['/bin/sh', '-c', command.script];
  const child = spawn(program ?? '', args, { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...command.env } });
  const out: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(command.stdin ?? '');
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { stdout: Buffer.concat(out), stderr: err, exitCode };
}

class WatchedStore extends LeaseStore {
  private readonly onStep: (what: string) => void;
  constructor(directory: string, onStep: (what: string) => void) {
    super(directory);
    this.onStep = onStep;
  }
  override async create(...args: Parameters<LeaseStore['create']>): ReturnType<LeaseStore['create']> {
    return this.around('create', () => super.create(...args));
  }
  override async update(...args: Parameters<LeaseStore['update']>): ReturnType<LeaseStore['update']> {
    return this.around('update', () => super.update(...args));
  }
  override async remove(...args: Parameters<LeaseStore['remove']>): ReturnType<LeaseStore['remove']> {
    return this.around('remove', () => super.remove(...args));
  }
  private async around<T>(what: string, body: () => Promise<T>): Promise<T> {
    this.onStep(`before ${what}`);
    const value = await body();
    this.onStep(`after ${what}`);
    return value;
  }
}

export async function makePlace(): Promise<Place> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-reservations-'));
  const at = (...parts: string[]): string => path.join(directory, ...parts);
  for (const folder of ['home', 'far', 'bin', 'queue', 'leases']) await fs.mkdir(at(folder));
  await fs.writeFile(at('ledger'), '');
  for (const [name, body] of Object.entries(programs)) await fs.writeFile(at('bin', name), `#!/bin/sh\n${body(at)}\n`, { mode: 0o755 });
  const tools = Object.fromEntries(Object.keys(programs).map((name) => [name, at('bin', name)]));
  await fs.writeFile(at('home', 'clusters.yaml'), JSON.stringify({ bed: { scheduler: 'slurm', host: 'fake', scratch: at('far') } }));
  const profile = await new ClusterStore({ workspaceDirectory: directory, trusted: true, home: directory, env: { HPC_AGENT_HOME: at('home') } }).get('bed');
  const runtime = await readRuntimeFiles(root);
  const lines = async (text: Promise<string>): Promise<readonly string[]> => (await text).split('\n').filter((line) => line !== '');
  const made: { dispose(): void }[] = [];
  return {
    directory,
    call: { signal: new AbortController().signal, progress: () => undefined },
    client: (onStep = () => undefined) => {
      const connection = createFakeConnection({
        environment: { home: at('far'), python, tools, variables: { HOME: at('far'), PATH: process.env.PATH ?? '' } },
        reply: async (command) => {
          onStep('before a request');
          const reply = await runHere(command);
          onStep('after a request');
          return reply;
        },
      });
      const channels = new HoldChannels();
      made.push(connection, channels);
      const session = new ClusterSession({ profile, connection, dialect: dialectFor('slurm'), runtime, log: silentLog, localHome: at('home') });
      return {
        leases: new WatchedStore(at('leases'), onStep),
        channels,
        software: new SoftwareScripts(root),
        clock: { now: () => new Date() },
        log: silentLog,
        home: at('home'),
        assetsDirectory: root,
        hostname: 'here',
        profile: () => Promise.resolve(profile),
        profiles: () => Promise.resolve([profile]),
        session: () => Promise.resolve(session),
      };
    },
    taken: () => lines(fs.readFile(at('ledger'), 'utf8')),
    listed: () => fs.readdir(at('queue')),
    dispose: async () => {
      for (const one of made) one.dispose();
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}
