/**
 * Makes a run of a job that somebody else's program submitted, so that its state, its logs and its cancellation are here too.
 *
 * Rules: the job must be in the queue of this very user, which is the only queue that is asked; its name is recorded with its id, so
 * that another job that gets the id later is not taken for it; what belongs to a run already is refused. Nothing is known of its
 * tasks but what the queue and accounting say: they have no parameters and no results here.
 */
import * as os from 'node:os';
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import { newToken, sha256Hex, timestampId } from '../foundation/ids.ts';
import { isTerminalJobState, type AccountingRow, type IndexRange, type JobDetails, type QueueRow } from '../scheduler/port.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { openRun, runState } from './listRuns.ts';
import { placedArrays, rangesOf } from './placement.ts';
import type { RunView } from './runView.ts';
import { listRunIds, writeSidecar, type Sidecar, type Submission } from './sidecar.ts';
import { openWorkspace, paramsFile } from './workspace.ts';

export interface AdoptRequest {
  readonly cluster: string;
  readonly jobId: string;
  /** The job's name as the caller believes it to be: refused where the scheduler says another. */
  readonly jobName?: string;
  /** For people; default: the job's own. */
  readonly runName?: string;
}

/** An array of more elements is surely a mistake in what was read. */
const maxElements = 1_000_000;

export async function adoptJob(request: AdoptRequest, deps: RunDeps, call: CallOptions): Promise<RunView> {
  const { jobId } = request;
  const session = await deps.session(request.cluster);
  const profile = await deps.profile(request.cluster);
  const tools = await session.tools({ signal: call.signal });
  const since = new Date(deps.clock.now().getTime() - 30 * 86_400_000);
  const details = session.dialect.jobDetails?.(jobId, tools);
  const accounting = session.dialect.accounting([jobId], since, tools);
  call.progress({ message: `Asking ${profile.name} about job ${jobId}` });
  const answers = await session.askEach<unknown>([session.dialect.queue(tools), ...(details ? [details] : []), ...(accounting ? [accounting] : [])], { signal: call.signal, priority: 'interactive' });
  const queue = answers[0];
  if (queue instanceof HpcError) throw queue;
  const rows = (queue as { rows: readonly QueueRow[] }).rows.filter((row) => row.jobId === jobId);
  const [row] = rows;
  if (!row || rows.every(({ state }) => isTerminalJobState(state))) {
    throw new HpcError('spec_invalid', `Job ${jobId} is not in the queue of ${tools.user} on ${profile.name}${row ? ` any more (${row.rawState})` : ''}.`, { remediation: 'Adopt a job of your own that waits or runs; an array by the id of the whole array.' });
  }
  const told = details === undefined || answers[1] instanceof HpcError ? undefined : (answers[1] as JobDetails);
  const said = told && (await withWholePaths(told, session, call));
  if (said?.owner !== undefined && said.owner !== tools.user) throw new HpcError('spec_invalid', `Job ${jobId} on ${profile.name} belongs to ${said.owner}, not to ${tools.user}.`, { remediation: 'Adopt a job of your own.' });
  if (request.jobName !== undefined && request.jobName !== row.name) throw new HpcError('spec_invalid', `Job ${jobId} on ${profile.name} has the name ${JSON.stringify(row.name)}, not ${JSON.stringify(request.jobName)}: it may be another one that has the id now.`, { remediation: 'Look at the queue for the id of the job that you mean.' });
  const accounted = accounting ? answers.at(-1) : undefined;
  const ended = accounted === undefined || accounted instanceof HpcError ? [] : (accounted as { rows: readonly AccountingRow[] }).rows.filter((known) => known.jobId === jobId && known.name === row.name);
  const runId = await deps.journal.withIntent(
    deps.experimentDir,
    async () => {
      await refuseOurs(profile.name, jobId, row.name, deps);
      return record(request, row.name, elementsOf([...rows, ...ended], said), said, session.dialect.name, deps);
    },
    call.signal,
  );
  return runState(runId, { refresh: true }, deps, call);
}

/** Whether a path is a folder only the far side can tell: the scheduler then names the files in it. */
async function withWholePaths(said: JobDetails, session: ClusterSession, call: CallOptions): Promise<JobDetails> {
  const { namesInFolder } = said;
  if (namesInFolder === undefined) return said;
  const { runtime } = await session.facts({ signal: call.signal });
  const whole = async (path: string | undefined, name: string): Promise<string | undefined> => {
    if (path?.startsWith('/') !== true) return path;
    const reply = await runtime.call('tail', { path, in_folder: name, max_bytes: 1 }, { signal: call.signal, priority: 'interactive' }).catch(() => undefined);
    return typeof reply?.path === 'string' ? reply.path : path;
  };
  const stdout = await whole(said.stdout, namesInFolder.stdout);
  return { ...said, stdout, stderr: said.stderr === said.stdout ? stdout : await whole(said.stderr, namesInFolder.stderr) };
}

/** The array's elements; undefined for a plain job. */
function elementsOf(rows: readonly { readonly indices?: readonly IndexRange[] }[], said: JobDetails | undefined): readonly (readonly [number, number])[] | undefined {
  const ranges = [...rows.flatMap(({ indices }) => indices ?? []), ...(said?.indices ?? [])];
  if (ranges.length === 0) return undefined;
  const ids = new Set<number>();
  for (const { first, last } of ranges) {
    if (last - first >= maxElements) throw new HpcError('remote_command_failed', `The scheduler lists an array of elements ${first} to ${last}: that cannot be read.`);
    for (let index = first; index <= last; index += 1) ids.add(index);
  }
  return rangesOf([...ids].sort((a, b) => a - b));
}

async function refuseOurs(cluster: string, jobId: string, name: string, deps: RunDeps): Promise<void> {
  for (const directory of new Set([deps.experimentDir, ...(await deps.journal.workspaces())])) {
    for (const runId of await listRunIds(directory)) {
      const run = await openRun(directory, runId, deps).catch(() => undefined);
      if (run?.sidecar.cluster !== cluster) continue;
      const { submission } = run;
      const jobs = [...placedArrays(submission).map(({ jobId: id, jobName }) => ({ id, jobName })), ...[...submission.combiners, ...(submission.attempts ?? []).map(({ combiner }) => combiner)].map(({ job_id, job_name }) => ({ id: job_id, jobName: job_name }))];
      // The name alone tells as well: a submission whose reply was lost has no id yet.
      if (jobs.some((job) => job.jobName === name && (job.id === jobId || job.id === null))) {
        throw new HpcError('spec_invalid', `Job ${jobId} on ${cluster} is ${run.sidecar.extra?.adopted === undefined ? 'a job of run' : 'adopted already, as'} ${runId}${directory === deps.experimentDir ? '' : ` in ${directory}`}.`, { remediation: `Use that run: status ${runId}.` });
      }
    }
  }
}

async function record(request: AdoptRequest, name: string, indices: readonly (readonly [number, number])[] | undefined, said: JobDetails | undefined, scheduler: string, deps: RunDeps): Promise<string> {
  const at = deps.clock.now();
  const count = indices === undefined ? 1 : indices.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const runId = `${timestampId(at)}-job${request.jobId.replaceAll(/[^A-Za-z0-9]+/g, '')}`;
  const { workdir } = said ?? {};
  const submission: Submission = {
    token: newToken(16),
    run_name: request.runName ?? (name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 48) || 'job'),
    workspace_id: (await openWorkspace(deps.experimentDir)).id,
    scheduler,
    // It has no folder of ours: events, receipts and logs of our kind are not there.
    state_dir: path.posix.join('/nonexistent', 'hpc-agent-adopted', runId),
    arrays: [{ key: 'job', wave: 0, first_task: 0, task_count: count, job_name: name, job_id: request.jobId, ...(indices === undefined ? { plain: true } : { indices: indices.map(([first, last]): [number, number] => [first, last]) }) }],
    combiners: [],
    max_concurrent: null,
    env: {},
    logs: { job: { out: said?.stdout ?? '', err: said?.stderr ?? said?.stdout ?? '' } },
  };
  const sidecar: Sidecar = {
    sidecar_schema_version: 2,
    run_id: runId,
    cmd_sha: sha256Hex(`adopted\n${request.cluster}\n${request.jobId}\n${name}`),
    hpc_agent_version: deps.version,
    submitted_at: at.toISOString(),
    executor: name,
    result_dir_template: '',
    task_count: count,
    cluster: request.cluster,
    profile: submission.run_name,
    remote_path: workdir ?? '/',
    job_ids: [request.jobId],
    extra: { adopted: { at: at.toISOString(), job_name: name, by: os.userInfo().username }, submission },
  };
  await writeFileAtomic(paramsFile(deps.experimentDir, runId), '{}\n'.repeat(count));
  await deps.journal.write({
    schema_version: 1, run_id: runId, profile: submission.run_name, cluster: request.cluster, ssh_target: '', remote_path: sidecar.remote_path ?? '', job_name: name, job_ids: [request.jobId],
    total_tasks: count, submitted_at: sidecar.submitted_at, experiment_dir: deps.experimentDir, stage: 'monitor', status: 'in_flight',
  });
  await writeSidecar(deps.experimentDir, sidecar, { exclusive: true });
  return runId;
}
