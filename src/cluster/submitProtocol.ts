/**
 * The client's half of exactly-once submission; the other half is `submit` in `templates/runtime/hpc_remote.py`.
 *
 * Rules:
 * - The token and every job name are on this machine's disk before the first request leaves it.
 * - The remote program writes a receipt before and after each submit command and holds a lock that the command inherits.
 * - A job id that is recorded on this machine is as good as its receipt: sites purge folders that nobody touched for weeks.
 * - A receipt `submitting` without a job id means: not known. It is settled by the mark that the job itself left when it began
 *   (the remote program reads it), or by looking for the job's name in the queue and in accounting, never by time alone and
 *   never by submitting again. Only when every source that the site has was asked with success, the lock is free, and
 *   `settleS` have passed since the attempt, the job counts as never submitted.
 * - Everything here can be repeated at any time: the answer converges.
 */
import * as z from 'zod/mini';
import type { ClusterSession, ClusterFacts } from './session.ts';
import { commandOnWire } from './session.ts';
import { sleep } from '../foundation/abort.ts';
import { HpcError } from '../foundation/errors.ts';
import type { Log } from '../foundation/log.ts';
import type { CommandOutput, SubmitQuery } from '../scheduler/port.ts';

const receiptSchema = z.looseObject({
  state: z.enum(['submitting', 'submitted', 'refused', 'throttled']),
  job_id: z.optional(z.string()),
  at: z.optional(z.number()),
  host: z.optional(z.string()),
  rc: z.optional(z.nullable(z.number())),
  err: z.optional(z.string()),
  out: z.optional(z.string()),
  found: z.optional(z.string()),
});
export type Receipt = z.output<typeof receiptSchema>;

const replySchema = z.looseObject({
  receipts: z.record(z.string(), receiptSchema),
  stopped: z.optional(z.nullable(z.object({ kind: z.enum(['unknown', 'throttled', 'refused', 'blocked']), key: z.string() }))),
  busy: z.optional(z.boolean()),
  foreign: z.optional(z.nullable(z.string())),
  now: z.optional(z.number()),
});

/** What the remote program needs of a submission: where its receipts lie, and the token that makes the folder its own. */
export interface SubmissionPlace {
  readonly state_dir: string;
  readonly token: string;
}

/** One submit command of the run, in the order in which they must go. */
export interface SubmitStep {
  readonly key: string;
  readonly jobName: string;
  readonly query: SubmitQuery;
  /** Its job, where that is recorded here: then it is submitted, also when its receipt is gone. */
  readonly jobId?: string;
  /** Keys whose job ids the command needs. */
  readonly after: readonly string[];
}

/** What the scheduler prints when it cannot be told whether it took the job. */
export const unknownPattern = String.raw`[Tt]imed out|[Uu]nable to contact|[Cc]onnect(ion)? (failure|refused|reset)|[Zz]ero [Bb]ytes|[Cc]ommunication|not respond|Transport endpoint|send/recv|Unexpected message|commlib|got (send|read|select) error|receive timeout|answer list from qmaster|[Ee]nd of [Ff]ile|[Pp]remature end|[Pp]rotocol|[Ii]nternal error|write error|\[Errno `;

/** Longest time a request that a dead submit command sent may still be on its way into the scheduler, seconds. */
const settleS = 10;

export interface SubmitReply {
  readonly receipts: Readonly<Record<string, Receipt>>;
  readonly stopped: { readonly kind: 'unknown' | 'throttled' | 'refused' | 'blocked'; readonly key: string } | undefined;
}

export interface ProtocolOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
}

type Resolved = Readonly<Record<string, { job_id?: string; absent?: boolean; at?: number | undefined; evidence: string }>>;

async function request(facts: ClusterFacts, submission: SubmissionPlace, steps: readonly SubmitStep[], resolved: Resolved, options: ProtocolOptions): Promise<SubmitReply & { now: number }> {
  const reply = z.safeParse(
    replySchema,
    await facts.runtime.call(
      'submit',
      {
        env: facts.commandEnvironment,
        state_dir: submission.state_dir,
        token: submission.token,
        unknown_pattern: unknownPattern,
        resolved,
        arrays: steps.map((step) => ({
          key: step.key,
          after: step.after,
          ...(step.jobId === undefined ? {} : { job_id: step.jobId }),
          job_id_pattern: step.query.jobIdPattern,
          throttled_patterns: step.query.throttledPatterns,
          ...commandOnWire(step.query.command),
        })),
      },
      { signal: options.signal, timeoutMs: 60_000 + steps.reduce((sum, step) => sum + step.query.command.timeoutS * 1000, 0), priority: 'interactive' },
    ),
  );
  if (!reply.success) throw new HpcError('remote_command_failed', 'The cluster’s answer to the submission cannot be understood.', { remediation: 'Reconcile the run: it asks what became of it.' });
  const { receipts, stopped, busy, foreign, now } = reply.data;
  if (foreign) throw new HpcError('spec_invalid', `The folder ${submission.state_dir} belongs to another submission of the same run id.`, { remediation: 'Submit again: a new run id is made.' });
  if (busy) {
    throw new HpcError('scheduler_throttled', 'Another process is submitting this run, or a submit command of it is still at work on the cluster.', {
      remediation: 'Wait a moment, then resume the submission: what is there is not submitted again.',
    });
  }
  return { receipts, stopped: stopped ?? undefined, now: now ?? Date.now() / 1000 };
}

/** Submits what is missing. Converges: may be called again after any failure. */
export async function submitSteps(session: ClusterSession, submission: SubmissionPlace, steps: readonly SubmitStep[], options: ProtocolOptions): Promise<SubmitReply> {
  const facts = await session.facts({ signal: options.signal });
  let reply = await request(facts, submission, steps, {}, options);
  const absent = new Set<string>();
  // Each turn settles at least one receipt, so there are at most as many turns as steps.
  for (let turn = 0; turn <= steps.length && reply.stopped?.kind === 'unknown'; turn += 1) {
    const fresh = await settleUnknown(session, facts, steps, reply, options);
    if (fresh === undefined) return reply;
    const { key } = reply.stopped;
    const said = reply.receipts[key];
    // It came to its end twice, and both times no job of it was there: a refusal, whatever its words sound like.
    if (fresh[key]?.absent === true && absent.has(key) && (said?.rc ?? -1) >= 0) {
      const settled = await request(facts, submission, [], fresh, options);
      return { ...settled, receipts: { ...settled.receipts, [key]: { ...said, state: 'refused' } }, stopped: { kind: 'refused', key } };
    }
    if (fresh[key]?.absent === true) absent.add(key);
    reply = await request(facts, submission, steps, fresh, options);
  }
  return reply;
}

/** Reads the receipts and settles what is unknown; submits nothing. */
export async function reconcileSteps(session: ClusterSession, submission: SubmissionPlace, steps: readonly SubmitStep[], options: ProtocolOptions): Promise<SubmitReply> {
  const facts = await session.facts({ signal: options.signal });
  const reply = await request(facts, submission, [], {}, options);
  const key = Object.entries(reply.receipts).find(([, receipt]) => receipt.state === 'submitting')?.[0];
  if (key === undefined) return reply;
  const fresh = await settleUnknown(session, facts, steps, { ...reply, stopped: { kind: 'unknown', key } }, options);
  return fresh === undefined ? { ...reply, stopped: { kind: 'unknown', key } } : request(facts, submission, [], fresh, options);
}

/** What became of the steps whose receipts say `submitting`; undefined when some source could not be asked. */
async function settleUnknown(session: ClusterSession, facts: ClusterFacts, steps: readonly SubmitStep[], reply: SubmitReply & { now?: number }, options: ProtocolOptions): Promise<Resolved | undefined> {
  const open = steps.filter((step) => reply.receipts[step.key]?.state === 'submitting');
  const resolved: Record<string, { job_id?: string; absent?: boolean; at?: number | undefined; evidence: string }> = {};
  for (const step of open) {
    const receipt = reply.receipts[step.key];
    if (!receipt) continue;
    // The two clocks are the cluster's own: `now` came with the receipts.
    const ageS = (reply.now ?? 0) - (receipt.at ?? 0);
    if (receipt.at !== undefined && ageS >= 0 && ageS < settleS) await sleep((settleS - ageS) * 1000, options.signal);
    const since = new Date(((receipt.at ?? reply.now ?? Date.now() / 1000) - 86_400) * 1000);
    const queries = session.dialect.findByName(step.jobName, since, facts.tools);
    const found = new Set<string>();
    let silent: HpcError | undefined;
    for (const answer of await session.askEach(queries, { signal: options.signal })) {
      if (!(answer instanceof HpcError)) for (const job of answer.filter(({ name }) => name === step.jobName)) found.add(job.jobId);
      // A site without accounting has one source less; one whose accounting is down has not answered.
      else if (answer.details?.reason !== 'accounting_disabled') silent = answer;
    }
    if (found.size === 0 && silent !== undefined) {
      options.log.warn('could not look for a job by its name', { key: step.key, reason: silent.message });
      return Object.keys(resolved).length > 0 ? resolved : undefined;
    }
    const [jobId, ...others] = [...found].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    if (others.length > 0) options.log.error('one submission is in the queue twice', { key: step.key, jobs: [jobId, ...others] });
    resolved[step.key] = jobId === undefined ? { absent: true, at: receipt.at, evidence: 'in no queue and not in accounting' } : { job_id: jobId, at: receipt.at, evidence: 'found by its name' };
  }
  return Object.keys(resolved).length > 0 ? resolved : undefined;
}

/** Why the submission stopped, as an error; undefined when everything is submitted. */
export function submissionProblem(reply: SubmitReply, steps: readonly SubmitStep[]): HpcError | undefined {
  const { stopped } = reply;
  if (!stopped) return undefined;
  const receipt = reply.receipts[stopped.key];
  const submitted = Object.values(reply.receipts).filter(({ state }) => state === 'submitted').length;
  const part = submitted > 0 ? ` ${submitted} of ${steps.length} jobs are submitted and stay so.` : stopped.kind === 'unknown' ? ' Nothing else was submitted.' : ' No job was submitted.';
  const details = { key: stopped.key, submitted, stderr_tail: receipt?.err?.slice(-2000) ?? '' };
  const step = steps.find(({ key }) => key === stopped.key);
  // Grid Engine says why, and then "Exiting.".
  const words = receipt?.err?.split('\n').map((line) => line.trim()).filter((line) => line !== '' && line !== 'Exiting.').at(-1) ?? '';
  switch (stopped.kind) {
    case 'throttled':
      return new HpcError('scheduler_throttled', `The scheduler accepts no more jobs for now: ${words}.${part}`, { remediation: 'Resume the submission when some of your jobs have ended: only what is missing is submitted.', details });
    case 'unknown':
      return new HpcError('cluster_timeout', `It is not known whether the scheduler took ${stopped.key}: ${words || 'its answer was lost'}, and it could not be asked.${part}`, {
        remediation: 'Reconcile or resume the run when the scheduler answers again: the job is looked for by its name before anything is submitted.',
        details,
        retrySafe: true,
      });
    default:
      return refusalError(step, { stdout: receipt?.out ?? '', stderr: receipt?.err ?? '', exitCode: receipt?.rc ?? 1 }, words, part, details);
  }
}

/** The dialect knows what a refusal means (a wrong account, a limit). */
function refusalError(step: SubmitStep | undefined, output: CommandOutput, words: string, part: string, details: Readonly<Record<string, unknown>>): HpcError {
  if (output.exitCode === 0) {
    return new HpcError('remote_command_failed', `The submit command ended without an error, twice, and no job came of it. It printed: ${output.stdout.trim().slice(-300) || words || 'nothing'}.${part}`, {
      remediation: 'Submit a job by hand on the login node: an option in its defaults (as -verify in ~/.sge_request) or a wrapper of the site keeps it from being submitted.',
      details,
    });
  }
  try {
    step?.query.parse(output, false);
  } catch (error) {
    if (HpcError.is(error)) return new HpcError(error.code, `${error.message}${/[.!?:]$/.test(error.message) ? '' : '.'}${part}`, { ...(error.remediation === undefined ? {} : { remediation: error.remediation }), details: { ...error.details, ...details } });
  }
  return new HpcError('remote_command_failed', `The scheduler refused the job: ${words || 'it said nothing'}.${part}`, { remediation: 'The scheduler’s words are above; correct the request and submit again.', details });
}

