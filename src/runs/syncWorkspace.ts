/**
 * Copies the workspace to a cluster without submitting anything, or fetches from there what runs left.
 *
 * Rules: a copy takes what a submission would take, by the same rules. It deletes nothing unless a mirror is asked for, which deletes on the
 * cluster what is not here (never results, logs and our own state). Fetching never deletes and never touches `.hpc`.
 */
import * as path from 'node:path';
import { pullTree } from '../connection/transfer/pullTree.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { pushWorkspace } from './pushWorkspace.ts';
import { openWorkspace } from './workspace.ts';

export interface SyncRequest {
  readonly cluster: string;
  readonly direction: 'push' | 'pull';
  /** Of a push: also delete there what is not here. */
  readonly mirror: boolean;
  /** Of a push: only say what would be done. */
  readonly dryRun: boolean;
  /** Of a pull: paths and patterns below the workspace's folder there. */
  readonly paths: readonly string[];
}

export interface SyncOutcome {
  readonly remoteRoot: string;
  readonly files: number;
  readonly bytes: number;
  readonly unchanged: number;
  readonly deleted: readonly string[];
  readonly missing: readonly string[];
  readonly skipped: readonly { readonly path: string; readonly message: string }[];
}

/** What runs leave behind, and what nobody would miss being overwritten here. */
export const fetchedByDefault: readonly string[] = ['results/**', '_combiner/**', 'logs/**'];

const isPattern = (text: string): boolean => /[*?[]/.test(text);

export async function syncWorkspace(request: SyncRequest, deps: RunDeps, call: CallOptions): Promise<SyncOutcome> {
  const session = await deps.session(request.cluster);
  const workspace = await openWorkspace(deps.experimentDir);
  const remoteRoot = await session.remotePathFor(workspace, { signal: call.signal });
  if (request.direction === 'push') {
    const confirmed = { confirmDeletions: () => Promise.resolve(true) };
    const pushed = await pushWorkspace(session, workspace, remoteRoot, [], deps, call, { mode: request.mirror ? 'mirror' : 'additive', dryRun: request.dryRun, ...confirmed });
    return { remoteRoot: pushed.remoteRoot, files: pushed.sentFiles, bytes: pushed.sentBytes, unchanged: pushed.unchangedFiles + pushed.touchedFiles, deleted: pushed.deleted, missing: [], skipped: pushed.skipped };
  }
  const own = request.paths.find((name) => name.split('/').includes('.hpc') || name.startsWith('**'));
  if (own !== undefined) throw new HpcError('spec_invalid', `${own} would fetch the state of the workspace itself.`, { remediation: 'Name the folders that are wanted, such as results/**.' });
  const isHere = session.connection.kind === 'local' && path.resolve(remoteRoot) === path.resolve(workspace.directory);
  if (isHere) return { remoteRoot, files: 0, bytes: 0, unchanged: 0, deleted: [], missing: [], skipped: [] };
  call.progress({ message: `Fetching from ${session.connection.label}` });
  const pulled = await pullTree(session.connection, {
    localRoot: workspace.directory,
    remoteRoot,
    runtimeDir: path.join(deps.assetsDirectory, 'templates', 'runtime'),
    files: request.paths.filter((name) => !isPattern(name)),
    patterns: request.paths.filter(isPattern),
    signal: call.signal,
    log: deps.log,
    onProgress: ({ message }) => call.progress({ message }),
  });
  return { remoteRoot, files: pulled.pulled.length, bytes: pulled.pulledBytes, unchanged: pulled.unchangedFiles, deleted: [], missing: pulled.missing, skipped: pulled.skipped };
}
