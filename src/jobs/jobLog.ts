/**
 * The log of any job of the user: ours by the path that we gave, others' by the path that the scheduler knows.
 *
 * Rule: what the scheduler tells is a path and nothing else; it is read by the runtime's `tail`, never by a shell.
 */
import * as z from 'zod/mini';
import type { ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords } from './jobRecord.ts';

export type Stream = 'stdout' | 'stderr';

export interface JobLogRequest {
  readonly cluster: string;
  readonly jobId: string;
  readonly stream: Stream;
  readonly lines: number;
  /** Element of an array; default: the first that the scheduler lists. */
  readonly index?: number;
}

export interface JobLog {
  readonly path: string;
  /** Whose log of an array it is. */
  readonly index: number | null;
  readonly found: boolean;
  readonly text: string;
  readonly size: number;
}

const replySchema = z.looseObject({ found: z.boolean(), path: z.optional(z.string()), size: z.optional(z.number()), data: z.optional(z.string()) });

interface Place {
  readonly path: string;
  /** The file's name, should the path be a folder. */
  readonly inFolder?: string;
  /** Element of an array. */
  readonly index?: number;
}

async function placeOf(session: ClusterSession, { jobId, stream, index }: JobLogRequest, deps: JobDeps, call: CallOptions): Promise<Place> {
  const { profile, dialect } = session;
  const record = await new JobRecords(deps.home).find(profile.name, jobId);
  if (record) return { path: dialect.resolveLogPath(record[stream], jobId, undefined) };
  const { tools } = await session.facts({ signal: call.signal });
  const question = dialect.jobDetails?.(jobId, tools);
  const [said] = question ? await session.askEach([question], { signal: call.signal }) : [];
  // Of a job that it has forgotten a scheduler says that there is no such job, and ends with an error.
  if (said instanceof HpcError && said.code !== 'remote_command_failed') throw said;
  const details = said instanceof HpcError ? undefined : said;
  const listed = (details?.indices ?? []).map(({ first }) => first);
  const element = index ?? (listed.length === 0 ? undefined : Math.min(...listed));
  const resolved = (pattern: string): string => dialect.resolveLogPath(pattern, jobId.replace('[]', ''), element);
  const path = details?.[stream] === undefined ? undefined : resolved(details[stream]);
  if (path?.startsWith('/') === true) return { path, ...(details?.namesInFolder ? { inFolder: resolved(details.namesInFolder[stream]) } : {}), ...(element === undefined ? {} : { index: element }) };
  throw new HpcError('spec_invalid', `Where job ${jobId} writes its ${stream} is not known on ${profile.name}${said instanceof HpcError ? `: ${said.message}` : '.'}`, {
    remediation: 'The scheduler forgets jobs a while after they ended. job-fetch brings files of a job of job-run; the logs of a run’s task are in `logs`.',
  });
}

export async function readJobLog(request: JobLogRequest, deps: JobDeps, call: CallOptions): Promise<JobLog> {
  const session = await deps.session(request.cluster);
  const { path, inFolder, index } = await placeOf(session, request, deps, call);
  const { runtime } = await session.facts({ signal: call.signal });
  const reply = z.safeParse(replySchema, await runtime.call('tail', { path, max_bytes: 256 * 1024, lines: request.lines, ...(inFolder === undefined ? {} : { in_folder: inFolder }) }, { signal: call.signal, priority: 'interactive' }));
  if (!reply.success) throw new HpcError('remote_command_failed', `The answer about ${path} cannot be understood.`);
  return { path: reply.data.path ?? path, index: index ?? null, found: reply.data.found, text: Buffer.from(reply.data.data ?? '', 'base64').toString('utf8'), size: reply.data.size ?? 0 };
}
