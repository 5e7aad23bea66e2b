/**
 * Submits one command or one script as one job, exactly once, and may wait for its end.
 *
 * Order: the record on this disk; the script on the cluster; the job by the protocol of `cluster/submitProtocol.ts`; its id in the
 * record. The same request id takes up where an interrupted call stopped, and never submits again.
 */
import * as path from 'node:path';
import { withDefaultResources } from '../cluster/profile.ts';
import { submissionProblem, submitSteps } from '../cluster/submitProtocol.ts';
import { CancelledError, sleep } from '../foundation/abort.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import { newToken, sha256Hex } from '../foundation/ids.ts';
import type { AccountingRow, ResourceRequest } from '../scheduler/port.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords, type JobRecord } from './jobRecord.ts';
import { commandScript, isJobOf, jobStep, placeScript, type JobEnvironment } from './jobStep.ts';
import { observeJobs } from './observeJobs.ts';

export interface JobRequest {
  readonly cluster: string;
  readonly name: string;
  /** One of both: a shell command, or the text of a script that is submitted as it is. */
  readonly command?: string;
  readonly script?: { readonly name: string; readonly text: string };
  readonly resources: ResourceRequest;
  readonly environment: JobEnvironment;
  /** Absolute, on the cluster. */
  readonly workdir: string;
  readonly requestId?: string;
}

export interface SubmittedJob {
  readonly record: JobRecord;
  readonly resumed: boolean;
}

export async function submitJob(request: JobRequest, deps: JobDeps, call: CallOptions): Promise<SubmittedJob> {
  const { command, script } = request;
  if ((command === undefined) === (script === undefined)) throw new HpcError('spec_invalid', 'A job needs a command or a script, one of both.');
  const session = await deps.session(request.cluster);
  const cluster = await session.facts({ signal: call.signal });
  const records = new JobRecords(deps.home);
  const requestId = request.requestId ?? newToken(16);
  const wish = sha256Hex(JSON.stringify([command ?? null, script?.text ?? null, request.resources, request.environment, request.workdir]));
  const submit = async (): Promise<SubmittedJob> => {
    const known = await records.read(request.cluster, requestId);
    if (known && known.wish !== wish) throw new HpcError('spec_invalid', `The request ${requestId} was another job (${known.what}).`, { remediation: 'Give a new request id for a new job.' });
    if (known && known.job_id !== null) return { record: known, resumed: true };
    const token = newToken(16);
    const stateDir = path.posix.join(cluster.remoteHome, 'jobs', `${token.slice(0, 10)}`);
    const log = (stream: 'out' | 'err'): string => session.dialect.logPath(path.posix.join(stateDir, 'logs'), 'job', stream, false);
    const record: JobRecord = known ?? {
      schema: 1,
      request_id: requestId,
      cluster: request.cluster,
      name: request.name,
      token,
      wish,
      what: command ?? script?.name ?? '',
      state_dir: stateDir,
      workdir: request.workdir,
      // A script says itself what it needs; only what was asked for here goes before it.
      resources: script ? request.resources : withDefaultResources(session.profile, request.resources),
      stdout: log('out'),
      stderr: log('err'),
      submitted_at: deps.clock.now().toISOString(),
      job_id: null,
    };
    const text = script?.text ?? (await commandScript(command ?? '', record, request.environment, session, cluster, deps.assetsDirectory));
    const step = jobStep(record, session, cluster);
    await records.write(record);
    call.progress({ message: `Submitting ${record.name} to ${record.cluster}` });
    await session.ask([placeScript(record, text)], { signal: call.signal });
    const reply = await submitSteps(session, record, [step], { signal: call.signal, log: deps.log }).catch((error: unknown) => {
      throw CancelledError.is(error) ? error : inDoubt(toHpcError(error), request, requestId);
    });
    const receipt = reply.receipts.job;
    const submitted: JobRecord = { ...record, job_id: receipt?.state === 'submitted' ? (receipt.job_id ?? null) : null };
    if (submitted.job_id !== null) await records.write(submitted);
    const problem = submissionProblem(reply, [step]);
    if (problem) throw reply.stopped?.kind === 'unknown' ? inDoubt(problem, request, requestId) : problem;
    return { record: submitted, resumed: known !== undefined };
  };
  return withFileLock(`${records.file(request.cluster, requestId)}.lock`, submit, { signal: call.signal, timeoutMs: 300_000 });
}

/** The scheduler may have taken it: who does not know the id of the request would submit it a second time. */
function inDoubt(error: HpcError, request: JobRequest, requestId: string): HpcError {
  return new HpcError(error.code, error.message, {
    remediation: `Repeat the call with request_id ${requestId} when the cluster answers again: the job is then looked for by its name and never submitted twice.`,
    details: { ...error.details, request_id: requestId },
    retrySafe: request.requestId !== undefined && error.retrySafe,
    cause: error,
  });
}

export interface JobEnd {
  /** Null while it has not ended, or where nobody can say how it did. */
  readonly row: AccountingRow | null;
  /** In the queue, ended, or neither known to be. */
  readonly state: string;
}

/** After leaving the queue a job may take so long to reach accounting. */
const patienceMs = 90_000;

/** Until it ended, or `waitS` passed. */
export async function waitForJob(record: JobRecord, waitS: number, deps: JobDeps, call: CallOptions): Promise<JobEnd> {
  const session = await deps.session(record.cluster);
  const jobId = record.job_id ?? '';
  const since = new Date(Date.parse(record.submitted_at) - 3_600_000);
  const deadline = deps.clock.now().getTime() + waitS * 1000;
  let missingSince: number | undefined;
  for (let pauseMs = 300; ; pauseMs = Math.min(5_000, pauseMs * 1.3)) {
    const seen = await observeJobs(session, [jobId], since, call.signal);
    const queued = seen.queue.find((row) => isJobOf(record, row));
    const ended = seen.ended.find((row) => isJobOf(record, row));
    const now = deps.clock.now().getTime();
    if (!queued && ended) return { row: ended, state: ended.state };
    missingSince = queued ? undefined : (missingSince ?? now);
    if (missingSince !== undefined && now - missingSince > patienceMs) return { row: null, state: 'unknown' };
    if (now >= deadline) return { row: null, state: queued?.state ?? 'unknown' };
    call.progress({ message: queued ? `Job ${jobId} is ${queued.state}${queued.reason === '' ? '' : ` (${queued.reason})`}` : `Job ${jobId} left the queue; how it ended is asked` });
    await sleep(pauseMs, call.signal);
  }
}
