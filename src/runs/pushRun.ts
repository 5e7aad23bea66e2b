/** Brings a run to the cluster: the code, and the files that only exist for the run (scripts, frozen parameters, the dispatcher). */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ExtraFile } from '../connection/transfer/transferOptions.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { jobScriptsOf } from './jobScripts.ts';
import { pushWorkspace } from './pushWorkspace.ts';
import type { Attempt, Sidecar } from './sidecar.ts';
import { computeStarter } from './taskCommand.ts';
import { paramsFile, runsDirectory, type Workspace } from './workspace.ts';

/** For its first submission, or for one later attempt. In at most two round trips. */
export async function pushRun(session: ClusterSession, workspace: Workspace, sidecar: Sidecar, deps: RunDeps, call: CallOptions, attempt?: Attempt): Promise<void> {
  const facts = await session.facts({ signal: call.signal });
  const remoteRoot = sidecar.remote_path ?? '';
  const runtime = path.posix.join('.hpc', 'runtime', facts.runtime.hash);
  const runs = path.posix.join('.hpc', 'runs', sidecar.run_id);
  const extraFiles: ExtraFile[] = [
    ...Object.entries(facts.runtime.files).filter(([name]) => name.startsWith('_hpc_')).map(([name, data]) => ({ path: path.posix.join(runtime, name), data, mode: 0o644 })),
    ...(await jobScriptsOf(sidecar, attempt, session, facts, deps)).map(({ key, text }) => ({ path: path.posix.join('.hpc', 'state', sidecar.run_id, 'jobs', `${key}.sh`), data: text, mode: 0o755 })),
  ];
  const isHere = session.connection.kind === 'local' && path.resolve(remoteRoot) === path.resolve(workspace.directory);
  if (!isHere) {
    extraFiles.push(
      { path: `${runs}.json`, data: JSON.stringify(sidecar, undefined, 2), mode: 0o644 },
      { path: `${runs}.params.jsonl`, data: await fs.readFile(paramsFile(workspace.directory, sidecar.run_id)), mode: 0o644 },
      { path: `${runs}.params.idx`, data: await fs.readFile(path.join(runsDirectory(workspace.directory), `${sidecar.run_id}.params.idx`)), mode: 0o644 },
    );
  }
  if (usesComputeStarter(sidecar) && !(await exists(path.join(workspace.directory, computeStarter)))) {
    extraFiles.push({ path: computeStarter, data: await fs.readFile(path.join(deps.assetsDirectory, 'templates', 'scaffolds', 'cli.py')), mode: 0o644 });
  }
  await pushWorkspace(session, workspace, remoteRoot, extraFiles, deps, call);
}

function usesComputeStarter({ extra }: Sidecar): boolean {
  const { command, commands } = (extra ?? {}) as { command?: { argv: readonly string[] }; commands?: Readonly<Record<string, { argv: readonly string[] }>> };
  return [command, ...Object.values(commands ?? {})].some((one) => one?.argv.includes(computeStarter));
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(() => true, () => false);
}
