/** Reads the end, or a part, of a task's standard output or error from the cluster. */
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { requireRun, viewOfRun } from './listRuns.ts';
import { arrayOfTask, indexOf } from './placement.ts';

export interface LogRequest {
  readonly runId: string;
  readonly taskId: number;
  /** The latest where none is named. */
  readonly attempt?: number;
  readonly stream: 'stdout' | 'stderr';
  readonly lines: number;
  readonly maxBytes: number;
  /** Byte position to read on from. */
  readonly offset?: number;
  /** Byte position to end at, instead of the end of the file. */
  readonly before?: number;
}

export interface TaskLog {
  readonly path: string;
  readonly stream: string;
  readonly found: boolean;
  readonly text: string;
  readonly offset: number;
  readonly size: number;
  readonly nextOffset: number;
  readonly ended: boolean;
}

const replySchema = z.looseObject({ found: z.boolean(), offset: z.optional(z.number()), size: z.optional(z.number()), data: z.optional(z.string()) });

/** How many bytes at the end begin a UTF-8 character that is not whole yet. */
export function incompleteTail(data: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, data.length); back += 1) {
    const byte = data[data.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

async function currentAttempt({ runId, taskId }: LogRequest, deps: RunDeps): Promise<number> {
  const view = await viewOfRun(deps.experimentDir, runId, deps);
  const task = view?.tasks[taskId];
  // What waits has no log yet, the one before it has.
  const began = task?.state === 'pending' && task.attempt > 1 ? task.attempt - 1 : task?.attempt;
  return began ?? 1;
}

export async function readTaskLog(request: LogRequest, deps: RunDeps, call: CallOptions): Promise<TaskLog> {
  const run = await requireRun(request.runId, deps);
  const latest = arrayOfTask(run.submission, request.taskId, request.attempt);
  // The last job of a chain may not have begun: the one that speaks for the task is read.
  const array = request.attempt === undefined && latest?.link !== undefined ? arrayOfTask(run.submission, request.taskId, await currentAttempt(request, deps)) ?? latest : latest;
  if (!array && request.attempt !== undefined && arrayOfTask(run.submission, request.taskId)) throw new HpcError('spec_invalid', `Task ${request.taskId} of run ${request.runId} has no attempt ${request.attempt}.`, { remediation: 'Leave the attempt out to read the latest.' });
  if (!array) throw new HpcError('spec_invalid', `Run ${request.runId} has no task ${request.taskId}: it has ${run.sidecar.task_count}, counted from 0.`);
  if (array.jobId === null) throw new HpcError('spec_invalid', `Task ${request.taskId} of run ${request.runId} is not submitted yet: it has no log.`, { remediation: 'Resume the submission first.' });
  const session = await deps.session(run.sidecar.cluster ?? '');
  const pattern = run.submission.logs[array.key]?.[request.stream === 'stdout' ? 'out' : 'err'] ?? '';
  if (pattern === '') throw new HpcError('spec_invalid', `It is not known where job ${array.jobId} writes its output: ${run.sidecar.cluster ?? 'the scheduler'} did not say when the job was adopted.`, { remediation: 'Look at the job’s own script for its output files.' });
  const path = session.dialect.resolveLogPath(pattern, array.jobId, indexOf(array, request.taskId));
  const facts = await session.facts({ signal: call.signal });
  const reply = z.safeParse(
    replySchema,
    await facts.runtime.call('tail', { path, max_bytes: request.maxBytes, ...(request.offset === undefined ? { lines: request.lines, ...(request.before === undefined ? {} : { before: request.before }) } : { offset: request.offset }) }, { signal: call.signal, priority: 'interactive' }),
  );
  if (!reply.success) throw new HpcError('remote_command_failed', `The answer about ${path} cannot be understood.`);
  const view = await viewOfRun(deps.experimentDir, request.runId, deps);
  const state = view?.tasks[request.taskId]?.state ?? 'unknown';
  const ended = ['complete', 'failed', 'cancelled', 'timeout', 'lost'].includes(state);
  const { found, offset = 0, size = 0, data = '' } = reply.data;
  const bytes = Buffer.from(data, 'base64');
  // A character cut at the end is left for the next read, unless nothing else is there.
  const whole = request.before !== undefined ? bytes.length : bytes.length - incompleteTail(bytes) || bytes.length;
  return { path, stream: request.stream, found, text: bytes.subarray(0, whole).toString('utf8'), offset, size, nextOffset: offset + whole, ended };
}
