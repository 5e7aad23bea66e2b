/** Finding a job whose id was lost, by its name: in the queue, and in accounting. Between the two lie some seconds in which neither knows it. */
import { groupBy } from '../../foundation/collections.ts';
import { assertJobName } from '../jobName.ts';
import type { JobState, Query, SchedulerTools } from '../port.ts';
import { parseAccounting, qacctCommand } from './accountingQuery.ts';
import { queueQuery } from './queueQuery.ts';

export interface FoundJob {
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
}

/** One state for a job's rows: what still moves first, then what is not plain success. */
function fold(rows: readonly FoundJob[]): readonly FoundJob[] {
  return [...groupBy(rows, ({ jobId }) => jobId)].map(([jobId, own]) => {
    const states = own.map(({ state }) => state);
    const moving = (['running', 'completing', 'pending', 'held', 'unknown'] as const).find((state) => states.includes(state));
    return { jobId, name: own[0]?.name ?? '', state: moving ?? states.find((state) => state !== 'completed') ?? 'completed' };
  });
}

export function findByName(name: string, _since: Date, tools: SchedulerTools): readonly Query<readonly FoundJob[]>[] {
  assertJobName(name);
  const named = (rows: readonly FoundJob[]): readonly FoundJob[] => fold(rows.filter((row) => row.name === name));
  const queue = queueQuery(tools);
  const queries: Query<readonly FoundJob[]>[] = [{ command: queue.command, parse: (output, strict) => named(queue.parse(output, strict).rows) }];
  const qacct = tools.tools.qacct;
  if (qacct !== undefined) queries.push({ command: qacctCommand(qacct, { name }, tools), parse: (output, strict) => named(parseAccounting(output, strict).rows) });
  return queries;
}
