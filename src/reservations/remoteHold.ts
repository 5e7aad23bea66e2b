/** Questions to `templates/runtime/hpc_hold.py` as data, and what it tells of a reservation's folder on the cluster. */
import * as path from 'node:path';
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import type { CommandOutput, Query, SchedulerTools } from '../scheduler/port.ts';

const jobSchema = z.looseObject({
  job_id: z.string(),
  hop: z.number(),
  node: z.string(),
  nodes: z._default(z.string(), ''),
  started: z.number(),
  ends: z.nullable(z.number()),
  state: z.string(),
  reason: z.optional(z.string()),
  last_used: z._default(z.number(), 0),
  running: z._default(z.number(), 0),
  busy: z._default(z.boolean(), false),
  idle_since: z._default(z.nullable(z.number()), null),
  tmux: z._default(z.nullable(z.object({ program: z.string(), server: z.string() })), null),
  written: z._default(z.number(), 0),
});
export type HoldingJob = z.output<typeof jobSchema>;

const eventSchema = z.looseObject({
  e: z.string(),
  job_id: z.string(),
  hop: z.number(),
  t: z.number(),
  node: z.optional(z.string()),
  ends: z.optional(z.nullable(z.number())),
  gap_s: z.optional(z.nullable(z.number())),
  queue_wait_s: z.optional(z.nullable(z.number())),
  reason: z.optional(z.string()),
  state: z.optional(z.string()),
  successor: z.optional(z.string()),
  error: z.optional(z.string()),
});
export type HopEvent = z.output<typeof eventSchema>;

/** What cannot be read of a list is left out: one odd entry hides no other. */
const tolerant = <T>(schema: z.ZodMiniType<T>) => (values: unknown[]): T[] => values.flatMap((value) => {
  const parsed = z.safeParse(schema, value);
  return parsed.success ? [parsed.data] : [];
});
const receiptSchema = z.looseObject({ state: z.string(), job_id: z.optional(z.string()), at: z.optional(z.number()), err: z.optional(z.string()) });

const folderSchema = z.object({
  directory: z.string(),
  there: z.boolean(),
  token: z._default(z.string(), ''),
  current: z._default(z.nullable(z.looseObject({ job_id: z.string(), hop: z.number() })), null),
  released: z._default(z.nullable(z.looseObject({ reason: z.string(), at: z.number() })), null),
  renewal: z._default(z.nullable(z.looseObject({ state: z.string(), at: z.number(), hop: z.number(), error: z.optional(z.string()) })), null),
  receipts: z._default(z.record(z.string(), receiptSchema), {}),
  chain: z._default(z.pipe(z.array(z.unknown()), z.transform(tolerant(eventSchema))), []),
  jobs: z._default(z.pipe(z.record(z.string(), z.unknown()), z.transform((jobs) => tolerant(jobSchema)(Object.values(jobs)))), []),
});
export type HoldFolder = z.output<typeof folderSchema>;

/** Seconds between the end of the job before and this one's start; negative: so long both held. */
export function gapBefore(up: HopEvent, chain: readonly HopEvent[]): number | null {
  const earlier = chain.findLast(({ e, hop }) => e === 'ended' && hop === up.hop - 1);
  return earlier ? Math.round((up.t - earlier.t) * 1000) / 1000 : (up.gap_s ?? null);
}

export interface HoldFolders {
  readonly folders: readonly HoldFolder[];
  /** The cluster's clock, seconds. */
  readonly now: number;
}

function question<T>(verb: string, body: unknown, tools: SchedulerTools, parse: (reply: Readonly<Record<string, unknown>>) => T, timeoutS = 60): Query<T> {
  const { python } = tools;
  if (python === undefined) throw new HpcError('remote_command_failed', 'There is no Python 3.6 or newer on the cluster.', { remediation: 'Set `python` for this cluster in clusters.yaml.' });
  return {
    command: { argv: [python, '-S', '-E', path.posix.join(tools.runtimeDirectory, 'hpc_hold.py'), verb], stdin: JSON.stringify(body), unset: [], timeoutS },
    parse: (output) => parse(replyOf(verb, output)),
  };
}

function replyOf(verb: string, output: CommandOutput): Readonly<Record<string, unknown>> {
  const line = output.stdout.split('\n').findLast((candidate) => candidate.startsWith('HOLD1 '));
  let reply: unknown;
  try {
    reply = line === undefined ? undefined : JSON.parse(line.slice(6));
  } catch {
    reply = undefined;
  }
  if (output.exitCode !== 0 || typeof reply !== 'object' || reply === null) {
    throw new HpcError(output.exitCode === 124 ? 'cluster_timeout' : 'remote_command_failed', `The question ${verb} about reservations got no complete answer (exit status ${output.exitCode ?? 'none'}): ${output.stderr.trim().split('\n').at(-1) ?? ''}`, {
      remediation: 'Run preflight on this cluster.',
      details: { stderr_tail: output.stderr.slice(-2000) },
    });
  }
  const fields = reply as Record<string, unknown>;
  if (typeof fields.error === 'string') throw new HpcError('remote_command_failed', `On the cluster: ${fields.error}.`, { remediation: /ENOSPC|EDQUOT/.test(String(fields.errno)) ? 'The home folder there is full: make room, then try again.' : 'Check that the home folder there can be read and written.', details: { errno: fields.errno ?? null } });
  return fields;
}

export function showFolders(directories: readonly string[], tools: SchedulerTools): Query<HoldFolders> {
  return question('show', { directories }, tools, (reply) => {
    const parsed = z.safeParse(z.object({ reservations: z.array(folderSchema), now: z.number() }), reply);
    if (!parsed.success) throw new HpcError('remote_command_failed', 'What the cluster says of its reservations cannot be understood.', { remediation: 'Run preflight on this cluster.' });
    return { folders: parsed.data.reservations, now: parsed.data.now };
  });
}

export function prepareFolder(request: { readonly directory: string; readonly spec: Readonly<Record<string, unknown>>; readonly script: string }, tools: SchedulerTools): Query<void> {
  return question('prepare', request, tools, (reply) => {
    if (typeof reply.foreign === 'string') throw new HpcError('spec_invalid', `The folder ${reply.foreign} belongs to another reservation.`, { remediation: 'Book under another name.' });
  });
}

export function keepFolder(directory: string, tools: SchedulerTools): Query<void> {
  return question('keep', { directory }, tools, () => undefined);
}

export function releaseFolder(directory: string, reason: string, tools: SchedulerTools): Query<undefined> {
  return question('release', { directory, reason }, tools, () => undefined, 240);
}

export function renewFolder(directory: string, hop: number, tools: SchedulerTools): Query<{ readonly state: string; readonly error?: string | undefined }> {
  return question('renewal', { directory, hop }, tools, (reply) => {
    const parsed = z.safeParse(z.looseObject({ state: z.string(), error: z.optional(z.string()) }), reply.outcome);
    return parsed.success ? parsed.data : { state: 'unknown', error: 'its answer cannot be understood' };
  }, 240);
}
