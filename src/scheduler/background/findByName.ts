/** Finding a job whose id was lost: one look, as queue and record are the same thing here. */
import * as z from 'zod/mini';
import { assertJobName } from '../jobName.ts';
import type { FindQuery, SchedulerTools } from '../port.ts';
import { elementState, runtimeCommand, runtimeRecords } from './runtimeCommand.ts';

const record = z.object({ job: z.string(), name: z.string(), state: elementState });

export function findByName(name: string, since: Date, tools: SchedulerTools): readonly FindQuery[] {
  assertJobName(name);
  // A day early: the clocks of two machines differ.
  const body = { name, since: Math.floor(since.getTime() / 1000) - 86_400 };
  return [
    {
      command: runtimeCommand('find', body, tools),
      parse: (output, strict) => runtimeRecords('find', record, output, strict).records.map(({ job, name: found, state }) => ({ jobId: job, name: found, state })),
    },
  ];
}
