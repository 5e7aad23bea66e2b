/** What has not ended on that host: for each job one row of running and one of waiting elements. */
import * as z from 'zod/mini';
import type { Query, QueueRow, Rows, SchedulerTools } from '../port.ts';
import { elementState, rangePair, runtimeCommand, runtimeRecords } from './runtimeCommand.ts';

const record = z.object({ job: z.string(), name: z.string(), indices: z.nullable(z.array(rangePair)), state: elementState, reason: z.string(), node: z.string() });

export function queueQuery(tools: SchedulerTools): Query<Rows<QueueRow>> {
  return {
    command: runtimeCommand('list', undefined, tools),
    parse: (output, strict) => {
      const { records, malformed } = runtimeRecords('list', record, output, strict);
      const rows = records.map(
        ({ job, name, indices, state, reason, node }): QueueRow => ({
          jobId: job,
          ...(indices === null ? {} : { indices: indices.map(([first, last]) => ({ first, last })) }),
          state,
          rawState: state,
          name,
          reason,
          node,
        }),
      );
      return { rows, malformed };
    },
  };
}
