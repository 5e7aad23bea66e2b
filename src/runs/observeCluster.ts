/**
 * Observes all open runs of one cluster in one round trip: the user's queue, at most one accounting call, and what is new
 * in the runs' event logs. Stores what came, unmerged.
 *
 * Rules:
 * - The queue is asked before the logs are read, so a task that ends in between is seen to have ended.
 * - Accounting is asked only for jobs that the last answer of the queue did not explain, and not more often than
 *   `accountingIntervalMs` (`absentIntervalMs` while a job is newly missing, since accounting lags); most ticks need none.
 * - A site without accounting costs a second round trip, once: see `noteNoAccounting`.
 * - One question at a time per cluster: who finds a snapshot younger than `freshMs` after waiting for the lock uses it.
 * - What could not be asked leaves the last good answer, and the reason, in the run's facts.
 */
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { commandOnWire, isNoAccounting } from '../cluster/session.ts';
import { CancelledError } from '../foundation/abort.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import type { CommandOutput } from '../scheduler/port.ts';
import { readSnapshot, writeSnapshot, type Source, type SourceSnapshot } from './clusterSnapshot.ts';
import type { RunDeps } from './deps.ts';
import { applyDifference, textHash } from './lineDifference.ts';
import { currentArrays } from './placement.ts';
import { eventOffsets, storeEvents } from './taskEvents.ts';
import { writeRebuildable } from './rebuildableFile.ts';
import { storeAccounting, viewRun, type OpenRun, type RunView } from './runView.ts';

export const accountingIntervalMs = 60_000;
/** While a job is in no queue and accounting may be about to tell its end. */
const absentIntervalMs = 15_000;
const absentForMs = 300_000;
const defaultFreshMs = 1_000;
/** In the cluster's folder; changes after every question, whoever asked. */
export const newsFile = 'observed.json';

export interface ObserveOptions {
  readonly signal?: AbortSignal;
  /** Ask even when the last answer is younger than `freshMs`. */
  readonly force?: boolean;
  /** An answer of this age is as good as a new one; default a second. */
  readonly freshMs?: number;
  readonly timeoutMs?: number;
}

/** Asks the cluster about these runs. Throws when it could not be asked; the runs' facts then say why. */
export async function observeCluster(session: ClusterSession, runs: readonly OpenRun[], deps: RunDeps, options: ObserveOptions = {}): Promise<void> {
  const directory = deps.journal.clusterDirectory(session.profile.name);
  const askedAt = deps.clock.now().getTime();
  const locked = <T>(body: () => Promise<T>, timeoutMs = 90_000): Promise<T> => withFileLock(path.join(directory, 'observe.lock'), body, { ...(options.signal ? { signal: options.signal } : {}), timeoutMs });
  const isFresh = async (): Promise<boolean> => {
    const last = await readSnapshot(directory, 'queue');
    const observed = await Promise.all(runs.map((run) => deps.journal.readFacts(run.experimentDir, run.sidecar.run_id)));
    const nowMs = deps.clock.now().getTime();
    // A time that is still to come was written before the clock was set back: it proves nothing.
    const fresh = (at: string | null): boolean => at !== null && Date.parse(at) <= nowMs && (Date.parse(at) >= askedAt || (options.force !== true && nowMs - Date.parse(at) < (options.freshMs ?? defaultFreshMs)));
    return last !== undefined && fresh(last.at) && observed.every((facts) => fresh(facts.observed_at));
  };
  try {
    if (await isFresh()) return;
    // Connecting may wait for a person: not while others wait for the lock.
    await session.facts(callOptionsOf(options));
    await locked(async () => {
      if (await isFresh()) return;
      await observeNow(session, runs, deps, directory, options);
      await writeNews(directory, deps, null);
    });
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    const typed = toHpcError(error);
    // Under the lock too, and on the facts as they are then: what somebody else heard meanwhile is not written over.
    await locked(async () => {
      for (const run of runs) {
        const facts = await deps.journal.readFacts(run.experimentDir, run.sidecar.run_id);
        if (facts.observed_at === null || Date.parse(facts.observed_at) < askedAt) await deps.journal.writeFacts(run.experimentDir, run.sidecar.run_id, { ...facts, stale_reason: typed.message });
      }
      await writeNews(directory, deps, typed.message);
    }, 10_000).catch((problem: unknown) => deps.log.warn('that a cluster could not be asked was not noted', { cluster: session.profile.name, reason: toHpcError(problem).message }));
    throw typed;
  }
}

/** Written when all that was heard is on the disk: who watches this one file reads a whole truth. */
async function writeNews(directory: string, deps: RunDeps, problem: string | null): Promise<void> {
  await writeRebuildable(path.join(directory, newsFile), { at: deps.clock.now().toISOString(), problem });
}

function callOptionsOf(options: ObserveOptions): { readonly signal?: AbortSignal; readonly timeoutMs: number; readonly priority: 'normal' } {
  return { ...(options.signal ? { signal: options.signal } : {}), timeoutMs: options.timeoutMs ?? 60_000, priority: 'normal' };
}

async function observeNow(session: ClusterSession, runs: readonly OpenRun[], deps: RunDeps, directory: string, options: ObserveOptions): Promise<void> {
  const callOptions = callOptionsOf(options);
  const facts = await session.facts(callOptions);
  const queueQuery = session.dialect.queue(facts.tools);
  const before = { queue: await readSnapshot(directory, 'queue'), accounting: await readSnapshot(directory, 'accounting') };
  const views = await Promise.all(runs.map((run) => viewRun(run, deps, session.dialect, before)));
  const questioned = jobsForAccounting(views, before.accounting, deps.clock.now().getTime());
  const since = new Date(Math.min(...runs.map((run) => Date.parse(run.sidecar.submitted_at))) - 3_600_000);
  const accountingQuery = questioned.length > 0 ? session.dialect.accounting(questioned, since, facts.tools) : undefined;
  let more = true;
  let isOff = false;
  for (let round = 0; more; round += 1) {
    const asked = round === 0;
    const requestedRuns = await Promise.all(
      runs.map(async (run) => {
        const stored = await deps.journal.readFacts(run.experimentDir, run.sidecar.run_id);
        return {
          id: run.sidecar.run_id,
          state_dir: run.submission.state_dir,
          combiner_dir: path.posix.join(run.sidecar.remote_path ?? '', '_combiner', run.sidecar.run_id),
          offsets: await eventOffsets(path.join(deps.journal.observationDirectory(run.experimentDir, run.sidecar.run_id), 'events')),
          claims: Object.keys(stored.claims).length,
          combined: stored.combined.length,
        };
      }),
    );
    const reply = await facts.runtime.call(
      'observe',
      {
        env: facts.commandEnvironment,
        commands: asked ? { queue: commandOnWire(queueQuery.command), ...(accountingQuery ? { accounting: commandOnWire(accountingQuery.command) } : {}) } : {},
        cache: path.posix.join(facts.remoteHome, 'cache', session.profile.name),
        known: asked ? { queue: before.queue?.hash, accounting: before.accounting?.hash } : {},
        runs: requestedRuns,
      },
      callOptions,
    );
    const at = deps.clock.now().toISOString();
    let problem: HpcError | undefined;
    // A queue of which some lines could not be understood may well list what we miss.
    let isWhole = true;
    if (asked) {
      const outputs = (reply.outputs ?? {}) as Record<string, unknown>;
      problem = await storeSource('queue', outputs.queue, before.queue, [], at, directory, (output) => {
        isWhole = queueQuery.parse(output, false).malformed.length === 0;
      });
      if (accountingQuery) {
        // Accounting is a help, not a need: when it cannot be asked, the queue and the task logs still speak.
        const trouble = await storeSource('accounting', outputs.accounting, before.accounting, questioned, at, directory, async (output) => {
          const { rows } = accountingQuery.parse(output, false);
          await Promise.all(runs.map((run) => storeAccounting(deps, run, rows, at)));
        });
        isOff = isNoAccounting(trouble);
        if (trouble) deps.log.info('accounting could not be asked', { cluster: session.profile.name, reason: trouble.message });
      }
    }
    await storeRuns(runs, reply.runs, deps);
    if (asked) await storeFacts(runs, deps, session, directory, at, isWhole, problem);
    if (problem) throw problem;
    more = reply.more === true;
  }
  // Once: the queue is asked anew, now for what ended as well, since nobody else will tell.
  if (isOff && (await session.noteNoAccounting())) await observeNow(session, runs, deps, directory, options);
}

/** Jobs with tasks that neither an event nor the last queue explains, if it is time to ask; else none. */
function jobsForAccounting(views: readonly RunView[], last: SourceSnapshot | undefined, nowMs: number): readonly string[] {
  const open = new Set<string>();
  let urgent = false;
  let intervalMs = accountingIntervalMs;
  for (const view of views) {
    for (const { array, tasks } of currentArrays(view.submission)) {
      if (array.jobId === null) continue;
      // Of a lost one, too: accounting may have been late, or away.
      if (tasks.some((task) => ['unknown', 'lost', 'running', 'pending'].includes(view.tasks[task]?.state ?? ''))) open.add(array.jobId);
      // Missing in the queue since after accounting was last asked of it.
      const absent = view.facts.absent[array.jobId];
      if (absent && !(last !== undefined && last.jobs.includes(array.jobId) && Date.parse(last.at) >= Date.parse(absent.since))) urgent = true;
      if (absent && nowMs - Date.parse(absent.since) < absentForMs) intervalMs = absentIntervalMs;
    }
  }
  const due = last === undefined || Math.abs(nowMs - Date.parse(last.at)) >= intervalMs;
  return due || urgent ? [...open] : [];
}

async function storeSource(source: Source, raw: unknown, before: SourceSnapshot | undefined, jobs: readonly string[], at: string, directory: string, parse: (output: CommandOutput) => unknown): Promise<HpcError | undefined> {
  try {
    const output = readOutput(raw, before);
    await parse(output);
    await writeSnapshot(directory, source, { at, hash: textHash(output.stdout), output, jobs });
    return undefined;
  } catch (error) {
    return toHpcError(error);
  }
}

/** The command's output from the reply, put together with what we still hold. */
function readOutput(raw: unknown, before: SourceSnapshot | undefined): CommandOutput {
  const fields = (typeof raw === 'object' && raw !== null ? raw : {}) as Record<string, unknown>;
  const out = fields.out;
  const hash = typeof fields.hash === 'string' ? fields.hash : '';
  const stdout = typeof out === 'string' ? out : out === null && before?.hash === hash ? before.output.stdout : Array.isArray(out) && before ? applyDifference(before.output.stdout, out, hash) : undefined;
  if (stdout === undefined) throw new HpcError('remote_command_failed', 'The cluster sent a difference to an answer that is not held here.', { retrySafe: true, remediation: 'Refresh again.' });
  return { stdout, stderr: typeof fields.err === 'string' ? fields.err : '', exitCode: typeof fields.rc === 'number' ? fields.rc : null };
}

interface RunReply {
  readonly id: string;
  readonly gone?: boolean;
  readonly events?: Readonly<Record<string, { readonly from: number; readonly text: string }>>;
  readonly claims?: Readonly<Record<string, string | null>>;
  readonly combined?: readonly string[];
}

async function storeRuns(runs: readonly OpenRun[], raw: unknown, deps: RunDeps): Promise<void> {
  for (const reply of (Array.isArray(raw) ? raw : []) as readonly RunReply[]) {
    const run = runs.find((candidate) => candidate.sidecar.run_id === reply.id);
    if (!run) continue;
    const runId = run.sidecar.run_id;
    for (const [name, part] of Object.entries(reply.events ?? {})) await storeEvents(path.join(deps.journal.observationDirectory(run.experimentDir, runId), 'events'), name, part);
    const facts = await deps.journal.readFacts(run.experimentDir, runId);
    await deps.journal.writeFacts(run.experimentDir, runId, {
      ...facts,
      // An adopted job has no folder of ours.
      gone: reply.gone === true && run.sidecar.extra?.adopted === undefined,
      ...(reply.claims ? { claims: reply.claims } : {}),
      ...(reply.combined ? { combined: reply.combined.map((name) => Number(/\d+/.exec(name)?.[0])).sort((a, b) => a - b) } : {}),
    });
  }
}

/** Notes when each run was seen, and which of its jobs were missing in the queue. */
async function storeFacts(runs: readonly OpenRun[], deps: RunDeps, session: ClusterSession, directory: string, at: string, isWhole: boolean, problem: HpcError | undefined): Promise<void> {
  const queue = await readSnapshot(directory, 'queue');
  await Promise.all(
    runs.map(async (run) => {
      const runId = run.sidecar.run_id;
      const facts = await deps.journal.readFacts(run.experimentDir, runId);
      if (problem) {
        await deps.journal.writeFacts(run.experimentDir, runId, { ...facts, stale_reason: problem.message });
        return;
      }
      const view = await viewRun(run, deps, session.dialect, { queue }, { ...facts, observed_at: at });
      const absent: Record<string, { since: string; times: number }> = {};
      for (const { array, tasks } of currentArrays(view.submission)) {
        if (array.jobId === null) continue;
        const missing = tasks.some((task) => ['unknown', 'lost'].includes(view.tasks[task]?.state ?? ''));
        if (!missing) continue;
        const seen = facts.absent[array.jobId];
        // Counted anew where the clock was set back: what is still to come says nothing about how long.
        const before = seen !== undefined && Date.parse(seen.since) <= Date.parse(at) ? seen : undefined;
        if (isWhole || before) absent[array.jobId] = { since: before?.since ?? at, times: (before?.times ?? 0) + (isWhole ? 1 : 0) };
      }
      await deps.journal.writeFacts(run.experimentDir, runId, { ...facts, observed_at: at, stale_reason: null, absent });
    }),
  );
}
