/** Every element of the jobs asked about, ended or not. Unlike with other schedulers this is the record itself, not a copy that lags. */
import * as z from 'zod/mini';
import type { AccountingRow, Query, Rows, SchedulerTools } from '../port.ts';
import { elementState, runtimeCommand, runtimeRecords } from './runtimeCommand.ts';

/** first, last, state, exit, signal, elapsed seconds, peak KiB, reason */
const elements = z.tuple([z.number(), z.number(), elementState, z.nullable(z.number()), z.nullable(z.number()), z.nullable(z.number()), z.nullable(z.number()), z.string()]);
const record = z.object({ job: z.string(), name: z.string(), comment: z.string(), node: z.string(), array: z.boolean(), elements: z.array(elements) });

export function accountingQuery(jobIds: readonly string[], _since: Date, tools: SchedulerTools): Query<Rows<AccountingRow>> | undefined {
  if (jobIds.length === 0) return undefined;
  return {
    command: runtimeCommand('accounting', { jobIds }, tools),
    parse: (output, strict) => {
      const { records, malformed } = runtimeRecords('accounting', record, output, strict);
      const rows = records.flatMap(({ job, name, comment, node, array, elements: list }) =>
        list.map(
          ([first, last, state, exitCode, signal, elapsedS, peakKiB, reason]): AccountingRow => ({
            jobId: job,
            ...(array ? { indices: [{ first, last }] } : {}),
            state,
            // The reason is part of the word: `node_fail (host rebooted at …)`.
            rawState: reason === '' ? state : `${state} (${reason})`,
            name,
            comment,
            exitCode,
            signal,
            elapsedS,
            maxRssMiB: peakKiB === null ? null : peakKiB / 1024,
            node: state === 'pending' ? '' : node,
          }),
        ),
      );
      return { rows, malformed };
    },
  };
}
