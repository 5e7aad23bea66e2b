/** What a host that was just reached seems to be: the proposals for a new cluster's settings. */
import type { Connection, ExecOptions, RemoteEnvironment } from '../connection/port.ts';
import type { SchedulerName } from '../scheduler/port.ts';
import { expandRemotePath } from './profile.ts';

/** By the tools that its login PATH finds. SGE and PBS share `qsub`, so that alone decides nothing. */
export function detectScheduler(environment: Pick<RemoteEnvironment, 'tools'>): SchedulerName {
  const has = (tool: string): boolean => environment.tools[tool] !== undefined;
  if (has('sbatch')) return 'slurm';
  if (has('qsub') && (has('qconf') || has('qacct'))) return 'sge';
  if (has('qsub') && has('pbsnodes')) return 'pbs';
  return 'background';
}

/** Folders worth proposing, best first. Whether they are there and may be written is for `writableFolders`. */
export function suggestScratch(environment: Pick<RemoteEnvironment, 'variables' | 'user'>): readonly string[] {
  const named = ['SCRATCH', 'SCRATCHDIR', 'SCRATCH_DIR', 'WORK', 'WORKDIR'].filter((name) => environment.variables[name]?.startsWith('/')).map((name) => `$${name}`);
  return [...named, '/scratch/$USER', '/scratch/users/$USER', '/work/$USER', '$HOME/hpc-agent'];
}

/** Those of the folders into which the user may write: they, or for one that is not there yet its parent. One round trip. */
export async function writableFolders(connection: Pick<Connection, 'run'>, folders: readonly string[], environment: Pick<RemoteEnvironment, 'variables' | 'user' | 'home'>, options: ExecOptions = {}): Promise<readonly string[]> {
  const expanded = folders.map((folder) => expandRemotePath(folder, environment, 'A proposed folder'));
  const script = 'i=0; for d in "$@"; do i=$((i+1)); if [ -d "$d" ]; then [ -w "$d" ] && echo "hpc-writable $i"; elif [ ! -e "$d" ] && [ "$d" = "$HOME/hpc-agent" ] && [ -w "$HOME" ]; then echo "hpc-writable $i"; fi; done; echo hpc-done';
  const result = await connection.run({ argv: ['/bin/sh', '-c', script, 'sh', ...expanded], env: { HOME: environment.home } }, options);
  const numbers = [...result.stdout.matchAll(/^hpc-writable (\d+)$/gm)].map((match) => Number(match[1]));
  return folders.filter((_folder, index) => numbers.includes(index + 1));
}
