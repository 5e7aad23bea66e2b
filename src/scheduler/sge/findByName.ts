/** Finding a job whose id was lost, by its name: in the queue, and in accounting. Between the two lie some seconds in which neither knows it. */
import { groupBy } from '../../foundation/collections.ts';
import { assertJobName } from '../jobName.ts';
import { noPattern, patternOf } from '../namePattern.ts';
import type { FindQuery, JobState, SchedulerTools } from '../port.ts';
import { noAccountingFile, parseAccounting, qacctCommand, qacctFields } from './accountingQuery.ts';
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

export function findByName(name: string, _since: Date, tools: SchedulerTools): readonly FindQuery[] {
  assertJobName(name);
  const named = (rows: readonly FoundJob[]): readonly FoundJob[] => fold(rows.filter((row) => row.name === name));
  const queue = queueQuery(tools);
  const pattern = patternOf(name);
  const inQueue = String.raw`<JB_job_number>(\d+)</JB_job_number>(?:(?!</job_list>)[\s\S])*?<JB_name>${pattern}</JB_name>`;
  const queries: FindQuery[] = [{ command: queue.command, parse: (output, strict) => named(queue.parse(output, strict).rows), patterns: { jobId: inQueue, whole: '^HPCQ-END$', noSource: noPattern } }];
  const qacct = tools.tools.qacct;
  if (qacct !== undefined) {
    queries.push({
      command: qacctCommand(qacct, { name }, tools),
      parse: (output, strict) => named(parseAccounting(output, strict).rows),
      patterns: {
        jobId: String.raw`^HPCA\x1f(\d+)\x1f(?:[^\x1f\n]*\x1f){${qacctFields.length - 2}}${pattern}\x1fHPCE$`,
        // An unknown name is an error of qacct's.
        whole: String.raw`^HPCA-END (?:0$|\d+$[\s\S]*(?:not found|no jobs running since startup)\s*(?![\s\S]))`,
        noSource: noAccountingFile.source,
      },
    });
  }
  return queries;
}
