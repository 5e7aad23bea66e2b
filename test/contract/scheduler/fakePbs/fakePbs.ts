/** Starts a fake PBS: its server as a process of ours, its programs in a folder for a PATH. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { quoteWord } from '../../../../src/foundation/quoting.ts';
import { spawnText } from '../place.ts';

export type PbsFlavour = 'a' | 'b' | 'torque';

/** What `control.json` may say; see `fake_pbs.py`. */
export interface PbsControl {
  readonly flavour?: PbsFlavour;
  readonly down?: boolean;
  readonly history?: boolean;
  readonly banner?: string;
  readonly server?: string;
  readonly max_array_size?: number;
  readonly max_queued?: number;
  readonly short_names?: boolean;
  /** Whose jobs they are; carol's where it is not said. */
  readonly user?: string;
  readonly lose_reply?: number;
  /** Number of the first job; only at the start. */
  readonly first_id?: number;
}

export interface FakePbs {
  /** A folder of its own, which holds everything. */
  readonly root: string;
  readonly home: string;
  readonly bin: string;
  readonly python: string;
  readonly tools: Readonly<Record<string, string>>;
  readonly env: NodeJS.ProcessEnv;
  set(control: PbsControl): Promise<void>;
  dispose(): Promise<void>;
}

const program = fileURLToPath(new URL('fake_pbs.py', import.meta.url));

export async function startFakePbs(control: PbsControl): Promise<FakePbs> {
  // A socket's path must be short.
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'pbs-')));
  const [home, bin, state] = [path.join(root, 'home'), path.join(root, 'bin'), path.join(root, 'state')];
  for (const folder of [home, bin, state]) await mkdir(folder);
  const python = (await spawnText('sh', ['-c', 'command -v python3'])).stdout.trim();
  const tools: Record<string, string> = {};
  for (const name of ['qsub', 'qstat', 'qdel', 'pbsnodes']) {
    const file = path.join(bin, name);
    await writeFile(file, `#!/bin/sh\n[ "$1" != --version ] || exec cat ${quoteWord(path.join(state, 'version'))}\nexec ${quoteWord(python)} -B -S -E ${quoteWord(program)} ${quoteWord(state)} ${name} "$@"\n`);
    await chmod(file, 0o755);
    tools[name] = file;
  }
  let held = control;
  const set = async (changes: PbsControl): Promise<void> => {
    held = { ...held, ...changes };
    // Asked for with every question: an interpreter less to start.
    await writeFile(path.join(state, 'version'), `${held.banner ?? ''}${held.flavour === 'torque' ? 'Version: 6.1.3\nCommit: 0f2d8b2d0d3a8e2f5f8a1f7a1d5f6e1b3c4d5e6f\n' : 'pbs_version = 23.06.06\n'}`);
    const file = path.join(state, 'control.json');
    await writeFile(`${file}.new`, JSON.stringify({ user: 'carol', ...held }));
    await rename(`${file}.new`, file);
  };
  await set({});
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: home, LOGNAME: 'carol', USER: 'carol', PATH: `${bin}:${process.env.PATH ?? ''}` };
  const server = spawn(python, ['-B', '-S', '-E', program, state, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    server.once('exit', (code) => reject(new Error(`the fake PBS ended with ${code ?? 'a signal'}`)));
    server.once('error', reject);
  });
  return {
    root,
    home,
    bin,
    python,
    tools,
    env,
    set,
    dispose: async () => {
      server.kill('SIGTERM');
      await ended;
      await rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
