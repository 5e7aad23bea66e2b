/**
 * Where the benchmark works: a sandbox of its own, one folder for all its files, the built program.
 * Rule: each is made when first asked for, and `endPlaces` takes away all that was made.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConnectionTarget, PromptPort } from '../../src/connection/port.ts';
import type { Clock } from '../../src/foundation/clock.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { noProgress } from '../../src/foundation/progress.ts';
import { createServices } from '../../src/operations/createServices.ts';
import type { OperationContext } from '../../src/operations/operation.ts';
import type { Services } from '../../src/operations/services.ts';
import { startSandbox, stopSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { program } from './measure.ts';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const stateDirectory = '/var/tmp/hpc-bench-sandbox';

export const noPrompts: PromptPort = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') };

export type Alias = 'sandbox' | 'sandbox-bob';

export interface Places {
  /** A new empty folder. */
  folder(name: string): Promise<string>;
  sandbox(): Promise<Sandbox>;
  /** The production bundle, built in a folder of its own: `dist/` here is used by others. */
  builtCli(): Promise<string>;
  end(): Promise<void>;
}

export async function createPlaces(): Promise<Places> {
  const base = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-bench-'));
  let number = 0;
  let sandbox: Promise<Sandbox> | undefined;
  let built: Promise<string> | undefined;
  const folder = async (name: string): Promise<string> => {
    const made = path.join(base, `${(number += 1)}-${name}`);
    await fs.mkdir(made);
    return made;
  };
  return {
    folder,
    sandbox: () => (sandbox ??= startSandbox({ stateDirectory })),
    builtCli: () => (built ??= build(folder)),
    end: async () => {
      if (sandbox) await stopSandbox({ stateDirectory, purge: true });
      await fs.rm(base, { recursive: true, force: true });
    },
  };
}

async function build(folder: Places['folder']): Promise<string> {
  const copy = await folder('build');
  for (const name of ['esbuild.mjs', 'package.json', 'tsconfig.json', 'src', 'webview', 'l10n', 'schemas', 'templates']) await fs.cp(path.join(root, name), path.join(copy, name), { recursive: true });
  await fs.symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  await program([process.execPath, 'esbuild.mjs', '--production'], { cwd: copy });
  return path.join(copy, 'dist', 'cli.js');
}

export function targetOf(sandbox: Sandbox, host: Alias = 'sandbox'): ConnectionTarget {
  return { kind: 'ssh', host, sshConfigFile: sandbox.ssh.sshConfigFile, knownHostsFile: sandbox.ssh.knownHostsFile };
}

export interface Master {
  /** The words before the remote command. */
  readonly ssh: readonly string[];
  end(): Promise<void>;
}

/** The system's ssh with a kept master connection. */
export async function startMaster(sandbox: Sandbox, alias: Alias = 'sandbox'): Promise<Master> {
  // Not below the folder of the rest: the path of a unix socket must be short.
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hb-'));
  const ssh = ['ssh', '-F', sandbox.ssh.sshConfigFile, '-o', 'BatchMode=yes', '-o', `ControlPath=${folder}/m`];
  // Its streams must not be ours, or they never end.
  const child = spawn('ssh', [...ssh.slice(1), '-M', '-N', '-f', alias], { stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ssh could not become master (${code})`);
  return {
    ssh: [...ssh, alias],
    end: async () => {
      await program([...ssh, '-O', 'exit', alias]);
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

/** Round-trip time of the sandbox's network while `body` runs. */
export async function withRoundTrip<T>(sandbox: Sandbox, roundTripMs: number, body: () => Promise<T>): Promise<T> {
  await sandbox.faults.setNetwork({ roundTripMs });
  try {
    return await body();
  } finally {
    await sandbox.faults.calmNetwork();
  }
}

export interface Bench {
  readonly services: Services;
  readonly context: OperationContext;
  readonly home: string;
  readonly experimentDir: string;
}

/** The core as the command line puts it together, with a home and a workspace of its own, and the cluster `bench`. */
export async function openCore(places: Places, sandbox: Sandbox, options: { readonly alias?: Alias; readonly clock?: Clock } = {}): Promise<Bench> {
  const home = await places.folder('home');
  const experimentDir = await places.folder('workspace');
  const entry = { scheduler: 'slurm', host: options.alias ?? 'sandbox', ssh_config_file: sandbox.ssh.sshConfigFile, known_hosts_file: sandbox.ssh.knownHostsFile, scratch: '$HOME/bench' };
  await fs.writeFile(path.join(home, 'clusters.yaml'), JSON.stringify({ bench: entry }));
  const services = createServices({
    version: '0.0.0',
    assetsDirectory: root,
    userHome: home,
    home,
    env: process.env,
    prompts: noPrompts,
    log: silentLog,
    clock: options.clock ?? systemClock,
    trusted: () => true,
  });
  return { services, home, experimentDir, context: { services, experimentDir, signal: new AbortController().signal, progress: noProgress } };
}
