/**
 * The log of any job of the user: ours by the path that we gave, others' by the path that the scheduler knows.
 *
 * Rule: what the scheduler tells is a path and nothing else; it is read by the runtime's `tail`, never by a shell.
 */
import * as z from 'zod/mini';
import type { ClusterFacts, ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CommandOutput, Query, SchedulerName } from '../scheduler/port.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords } from './jobRecord.ts';

export type Stream = 'stdout' | 'stderr';

export interface JobLog {
  readonly path: string;
  readonly found: boolean;
  readonly text: string;
  readonly size: number;
}

const replySchema = z.looseObject({ found: z.boolean(), size: z.optional(z.number()), data: z.optional(z.string()) });

/** `  Key=value` of scontrol, one attribute a line for paths. */
export function slurmLogPath(text: string, stream: Stream): string | undefined {
  const found = new RegExp(`^\\s*${stream === 'stdout' ? 'StdOut' : 'StdErr'}=(.+)$`, 'm').exec(text)?.[1]?.trim();
  return found?.startsWith('/') === true ? found : undefined;
}

/** `stdout_path_list: NONE:NONE:/path`; without one, `NAME.oID` in the working folder or at home. */
export function sgeLogPath(text: string, jobId: string, stream: Stream): string | undefined {
  const value = (key: string): string | undefined => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const merged = stream === 'stderr' && /^y/i.test(value('merge') ?? '');
  const which: Stream = merged ? 'stdout' : stream;
  const name = value('job_name');
  const base = value('cwd') ?? value('sge_o_home');
  const file = `${name ?? ''}.${which === 'stdout' ? 'o' : 'e'}${jobId}`;
  const listed = /^[^:]*:[^:]*:(\/.*?)\/?$/.exec(value(`${which}_path_list`) ?? '')?.[1];
  // Grid Engine takes a folder as well; a name with an ending is a file.
  if (listed !== undefined) return (/\.[^/]*$/.test(listed) ? listed : listed).replaceAll('$JOB_ID', jobId).replaceAll('$JOB_NAME', name ?? '').replaceAll('$TASK_ID', 'undefined');
  return name === undefined || base === undefined ? undefined : `${base}/${file}`;
}

/** `    Output_Path = host:/path`, folded lines put together. */
export function pbsLogPath(text: string, stream: Stream): string | undefined {
  const unfolded = text.replaceAll(/\n\t/g, '');
  const joined = /^\s*Join_Path = (oe|eo)$/m.exec(unfolded)?.[1];
  const which = joined === 'oe' ? 'Output_Path' : joined === 'eo' ? 'Error_Path' : stream === 'stdout' ? 'Output_Path' : 'Error_Path';
  return new RegExp(`^\\s*${which} = (?:[^:/]*:)?(/.*)$`, 'm').exec(unfolded)?.[1]?.trim();
}

function pathQuestion(scheduler: SchedulerName, jobId: string, stream: Stream, facts: ClusterFacts): Query<string | undefined> | undefined {
  const { tools } = facts.tools;
  const asked = (argv: readonly string[], read: (text: string) => string | undefined): Query<string | undefined> => ({
    command: { argv, unset: ['SLURM_TIME_FORMAT', 'SGE_LONG_*'], timeoutS: 45 },
    parse: ({ stdout, exitCode }: CommandOutput) => (exitCode === 0 ? read(stdout.replaceAll('\r\n', '\n')) : undefined),
  });
  if (scheduler === 'slurm' && tools.scontrol !== undefined) return asked([tools.scontrol, 'show', 'job', jobId], (text) => slurmLogPath(text, stream));
  if (scheduler === 'sge' && tools.qstat !== undefined) return asked([tools.qstat, '-j', jobId], (text) => sgeLogPath(text, jobId, stream));
  if (scheduler === 'pbs' && tools.qstat !== undefined) return asked([tools.qstat, '-f', jobId], (text) => pbsLogPath(text, stream));
  return undefined;
}

async function pathOf(session: ClusterSession, jobId: string, stream: Stream, deps: JobDeps, call: CallOptions): Promise<string> {
  const record = await new JobRecords(deps.home).find(session.profile.name, jobId);
  if (record) return session.dialect.resolveLogPath(stream === 'stdout' ? record.stdout : record.stderr, jobId, undefined);
  const question = pathQuestion(session.dialect.name, jobId, stream, await session.facts({ signal: call.signal }));
  const [path] = question ? await session.ask([question], { signal: call.signal }) : [];
  if (path !== undefined) return path;
  throw new HpcError('spec_invalid', `Where job ${jobId} writes its ${stream} is not known on ${session.profile.name}.`, { remediation: 'The scheduler forgets jobs a while after they ended. For a task of a run use `logs`.' });
}

export async function readJobLog(request: { readonly cluster: string; readonly jobId: string; readonly stream: Stream; readonly lines: number }, deps: JobDeps, call: CallOptions): Promise<JobLog> {
  const session = await deps.session(request.cluster);
  const path = await pathOf(session, request.jobId, request.stream, deps, call);
  const { runtime } = await session.facts({ signal: call.signal });
  const reply = z.safeParse(replySchema, await runtime.call('tail', { path, max_bytes: 256 * 1024, lines: request.lines }, { signal: call.signal, priority: 'interactive' }));
  if (!reply.success) throw new HpcError('remote_command_failed', `The answer about ${path} cannot be understood.`);
  return { path, found: reply.data.found, text: Buffer.from(reply.data.data ?? '', 'base64').toString('utf8'), size: reply.data.size ?? 0 };
}
