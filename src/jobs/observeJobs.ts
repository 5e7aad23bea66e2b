/**
 * The user's queue together with what accounting says of some jobs, in one round trip.
 *
 * Rule: a job is ended only when accounting says so, or the queue of a site that keeps none. One that is in neither is `unknown`: it may be on its way from one to the other.
 */
import { isNoAccounting, type ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import { isTerminalJobState, type AccountingRow, type QueueRow, type Rows } from '../scheduler/port.ts';

export interface SeenJobs {
  readonly queue: readonly QueueRow[];
  readonly ended: readonly AccountingRow[];
  /** Whether the site keeps accounting and it answered. */
  readonly accountingSpoke: boolean;
}

/** Throws where the queue cannot be asked; accounting is a help. */
export async function observeJobs(session: ClusterSession, jobIds: readonly string[], since: Date, signal: AbortSignal): Promise<SeenJobs> {
  const { tools } = await session.facts({ signal });
  const accounting = jobIds.length === 0 ? undefined : session.dialect.accounting(jobIds, since, tools);
  const [queue, told] = await session.askEach<Rows<QueueRow | AccountingRow>>([session.dialect.queue(tools), ...(accounting ? [accounting] : [])], { signal });
  if (queue === undefined || queue instanceof HpcError) throw queue ?? new HpcError('remote_command_failed', `${session.connection.label} left out the queue.`);
  if (isNoAccounting(told) && (await session.noteNoAccounting())) return observeJobs(session, jobIds, since, signal);
  if (accounting === undefined && jobIds.length > 0) {
    const ended = queue.rows.filter(({ state, jobId }) => isTerminalJobState(state) && jobIds.includes(jobId)) as readonly QueueRow[];
    const row = ({ jobId, indices, state, rawState, name, node }: QueueRow): AccountingRow => ({ jobId, ...(indices === undefined ? {} : { indices }), state, rawState, name, comment: '', exitCode: state === 'completed' ? 0 : null, signal: null, elapsedS: null, maxRssMiB: null, node });
    return { queue: (queue.rows as readonly QueueRow[]).filter(({ state }) => !isTerminalJobState(state)), ended: ended.map(row), accountingSpoke: false };
  }
  const rows = told === undefined || told instanceof HpcError ? [] : (told.rows as readonly AccountingRow[]);
  // Some schedulers list what just ended in the queue as well.
  const active = (queue.rows as readonly QueueRow[]).filter(({ state }) => !isTerminalJobState(state));
  return { queue: active, ended: rows.filter(({ jobId, state }) => jobIds.includes(jobId) && isTerminalJobState(state)), accountingSpoke: told !== undefined && !(told instanceof HpcError) };
}
