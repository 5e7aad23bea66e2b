import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import { defineOperation, type OperationContext } from './operation.ts';
import { clusterName } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';
import type { SyncOutcome, SyncRequest } from '../runs/syncWorkspace.ts';

const input = z.strictObject({
  cluster: clusterName,
  direction: z.optional(z.enum(['push', 'pull']).check(z.describe('push (default): the workspace to the cluster. pull: what runs left there to here.'))),
  mirror: z.optional(z.boolean().check(z.describe('Of a push: also delete there what is not here. Results, logs and what .hpcignore names are never deleted.'))),
  dry_run: z.optional(z.boolean().check(z.describe('Of a push: only say what would be copied and deleted.'))),
  paths: z.optional(z.array(z.string().check(z.minLength(1))).check(z.minLength(1), z.describe('Of a pull: files or patterns below the workspace’s folder there; default results/**, _combiner/** and logs/**.'))),
});
type Input = z.output<typeof input>;

const listed = 1000;

async function carriedOut(spec: Input, context: OperationContext, dryRun: boolean): Promise<SyncOutcome> {
  const { fetchedByDefault, syncWorkspace } = await import('../runs/syncWorkspace.ts');
  const direction = spec.direction ?? 'push';
  if (direction === 'pull' && (spec.mirror === true || spec.dry_run === true)) throw new HpcError('spec_invalid', 'mirror and dry_run are for a push: fetching never deletes.', { remediation: 'Leave them out.' });
  if (direction === 'push' && spec.paths !== undefined) throw new HpcError('spec_invalid', 'paths are for a pull: a push copies the whole workspace, which costs nothing for what is there already.', { remediation: 'Name what should stay here in .hpcignore.' });
  const request: SyncRequest = { cluster: spec.cluster, direction, mirror: spec.mirror === true, dryRun, paths: spec.paths ?? fetchedByDefault };
  return syncWorkspace(request, await runDepsOf(context), context);
}

const sizeOf = (bytes: number): string => (bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`);
const counted = (count: number): string => `${count} file${count === 1 ? '' : 's'}`;

export const sync = defineOperation({
  name: 'sync',
  kind: 'mutate',
  summary: 'Copy the workspace to a cluster without submitting, or fetch what runs left there.',
  guidance: 'submit copies by itself; this is for job-run, for reservations and for looking around. The same files travel as for submit (.gitignore and .hpcignore hold). Additive unless mirror; dry_run first shows what a mirror would delete. pull never deletes.',
  input,
  output: z.object({
    cluster: z.string(),
    direction: z.enum(['push', 'pull']),
    dry_run: z.boolean(),
    remote_path: z.string(),
    files: z.number(),
    bytes: z.number(),
    unchanged_files: z.number(),
    deleted_count: z.number(),
    /** At most 1000 of them. */
    deleted: z.array(z.string()),
    /** Asked for by name, and not there. */
    missing: z.array(z.string()),
    skipped: z.array(z.object({ path: z.string(), message: z.string() })),
  }),
  idempotent: true,
  tool: true,
  positional: ['cluster'],
  confirm: async (spec, context) => {
    if (spec.direction === 'pull' || spec.dry_run === true) return undefined;
    const { files, bytes, deleted, remoteRoot } = await carriedOut(spec, context, true);
    const examples = `${deleted.slice(0, 5).join(', ')}${deleted.length > 5 ? ', …' : ''}`;
    return `Copy ${counted(files)} (${sizeOf(bytes)}) to ${spec.cluster}:${remoteRoot}${deleted.length === 0 ? '; nothing is deleted' : `, and delete ${counted(deleted.length)} there that ${deleted.length === 1 ? 'is' : 'are'} not here: ${examples}`}.`;
  },
  run: async (spec, context) => {
    const { remoteRoot, files, bytes, unchanged, deleted, missing, skipped } = await carriedOut(spec, context, spec.dry_run === true);
    return {
      cluster: spec.cluster,
      direction: spec.direction ?? 'push',
      dry_run: spec.dry_run === true,
      remote_path: remoteRoot,
      files,
      bytes,
      unchanged_files: unchanged,
      deleted_count: deleted.length,
      deleted: deleted.slice(0, listed),
      missing: [...missing],
      skipped: skipped.slice(0, listed).map(({ path, message }) => ({ path, message })),
    };
  },
});
