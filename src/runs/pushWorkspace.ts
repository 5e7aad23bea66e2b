/**
 * Copies the workspace to the cluster: the code, and the files made in memory for a run.
 *
 * Rule: what runs leave behind (results, reduced results) never travels back up; it belongs to the cluster that made it.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { pushTree } from '../connection/transfer/pushTree.ts';
import type { ExtraFile, PushOptions, PushResult } from '../connection/transfer/transferOptions.ts';
import type { ClusterSession } from '../cluster/session.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { tasksFile, type Workspace } from './workspace.ts';

const leftByRuns = ['results', 'results/**', '_combiner', '_combiner/**'];

export async function pushWorkspace(session: ClusterSession, workspace: Workspace, remoteRoot: string, extraFiles: readonly ExtraFile[], deps: RunDeps, call: CallOptions, how: Partial<Pick<PushOptions, 'mode' | 'dryRun' | 'confirmDeletions'>> = {}): Promise<PushResult> {
  const { environment } = await session.facts({ signal: call.signal });
  const isHere = session.connection.kind === 'local' && path.resolve(remoteRoot) === path.resolve(workspace.directory);
  call.progress({ message: isHere ? 'The workspace is there already' : `Copying the workspace to ${session.connection.label}` });
  // A .gitignore may name .hpc, but the sweep is part of the code.
  const sweep: ExtraFile[] = isHere ? [] : await fs.readFile(tasksFile(workspace.directory)).then((data) => [{ path: '.hpc/tasks.py', data, mode: 0o644 }], () => []);
  const pushed = await pushTree(session.connection, {
    localRoot: workspace.directory,
    remoteRoot,
    runtimeDir: path.join(deps.assetsDirectory, 'templates', 'runtime'),
    owner: { workspaceId: workspace.id, user: os.userInfo().username, host: os.hostname() },
    mode: 'additive',
    ...how,
    cacheDir: path.join(deps.home, 'cache', 'hashes'),
    exclude: leftByRuns,
    extraFiles: [...sweep, ...extraFiles],
    refuseRoots: [environment.home],
    signal: call.signal,
    log: deps.log,
    onProgress: (progress) => call.progress({ message: progress.message, ...(progress.done === undefined ? {} : { done: progress.done }), ...(progress.total === undefined ? {} : { total: progress.total }) }),
  });
  for (const skipped of pushed.skipped) deps.log.warn('a file did not travel', { path: skipped.path, reason: skipped.message });
  return pushed;
}
