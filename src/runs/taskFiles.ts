/** What a task left in its result folder on the cluster, in one round trip. The folder's name is worked out there, by the same code that made it. */
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { requireOwnRun } from './listRuns.ts';

const replySchema = z.looseObject({ directory: z.string(), found: z.boolean(), files: z.array(z.tuple([z.string(), z.number()])), more: z.number(), size: z.optional(z.number()), offset: z.optional(z.number()), data: z.optional(z.string()) });
type Reply = z.output<typeof replySchema>;

export interface TaskFiles {
  readonly directory: string;
  /** False: there is no such folder (any more). */
  readonly found: boolean;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly more: number;
}

export interface TaskFile {
  readonly path: string;
  readonly found: boolean;
  readonly size: number;
  /** Where in the file the bytes begin. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

async function ask(runId: string, task: number, more: Readonly<Record<string, unknown>>, deps: RunDeps, call: CallOptions): Promise<Reply> {
  const { sidecar } = await requireOwnRun(runId, deps, 'asked for its files');
  if (task >= sidecar.task_count) throw new HpcError('spec_invalid', `Run ${runId} has no task ${task}: it has ${sidecar.task_count}, counted from 0.`);
  const session = await deps.session(sidecar.cluster ?? '');
  const facts = await session.facts({ signal: call.signal });
  const reply = z.safeParse(replySchema, await facts.runtime.call('files', { root: sidecar.remote_path ?? '', run_id: runId, task, ...more }, { signal: call.signal, priority: 'interactive' }));
  if (reply.success) return reply.data;
  throw new HpcError('remote_command_failed', `The answer about the files of task ${task} of run ${runId} cannot be understood.`);
}

export async function listTaskFiles(runId: string, task: number, limit: number, deps: RunDeps, call: CallOptions): Promise<TaskFiles> {
  const { directory, found, files, more } = await ask(runId, task, { limit }, deps, call);
  return { directory, found, files: files.map(([path, size]) => ({ path, size })), more };
}

export async function readTaskFile(request: { readonly runId: string; readonly task: number; readonly path: string; readonly maxBytes: number }, deps: RunDeps, call: CallOptions): Promise<TaskFile> {
  const { directory, found, size = 0, offset = 0, data = '' } = await ask(request.runId, request.task, { read: request.path, max_bytes: request.maxBytes }, deps, call);
  return { path: `${directory}/${request.path}`, found, size, offset, bytes: Buffer.from(data, 'base64') };
}
