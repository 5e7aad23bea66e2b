/**
 * Finding a job whose id was lost, by its exact name: among what is queued, and in the history.
 *
 * Rule: tables cut names short, so they only say which jobs cannot be meant; the rest are asked for in full. A submission that was refused
 * leaves no job in PBS, at most a gap in the numbers.
 */
import { assertJobName } from '../jobName.ts';
import { requiredTool } from '../requiredTool.ts';
import { patternOf } from '../namePattern.ts';
import type { CommandOutput, FindQuery, JobState, SchedulerTools } from '../port.ts';
import { isShortNameItsOwn, nameVariable, shortJobName } from './carriedNames.ts';
import { endOf } from './jobEnd.ts';
import { gatherJobs, type PbsJob } from './jobs.ts';
import { pbsAnswer, pbsQuestion } from './program.ts';
import { activeState } from './queueQuery.ts';
import { readRecords } from './records.ts';

export interface FoundJob {
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
}

/** TORQUE's arrays have no end of their own, so their elements are asked: what still moves first, then what is not plain success. */
function stateOf(job: PbsJob): JobState {
  const records = job.elements.length > 0 ? job.elements.map(({ record }) => record) : job.record ? [job.record] : [];
  const states = records.map((record) => endOf(record)?.state ?? activeState(record, job.record).state);
  for (const state of ['running', 'completing', 'pending', 'held', 'unknown'] as const) if (states.includes(state)) return state;
  return states.find((state) => state !== 'completed') ?? states[0] ?? 'unknown';
}

function found(name: string, output: CommandOutput): readonly FoundJob[] {
  const { jobs } = gatherJobs(readRecords(pbsAnswer('qstat', output).text).records);
  return jobs.filter((job) => job.name === name || (isShortNameItsOwn(name) && job.name === shortJobName(name))).map((job) => ({ jobId: job.jobId, name, state: stateOf(job) }));
}

export function findByName(name: string, _since: Date, tools: SchedulerTools): readonly FindQuery[] {
  assertJobName(name);
  const qstat = requiredTool('qstat', tools);
  const pattern = patternOf(name);
  const query = (history: string): FindQuery => ({
    // TORQUE has no `-x` of this meaning: what ended a moment ago is in its queue.
    command: pbsQuestion(`${history}\njobs "$old" "$1" "$2"\n{ show "$old -f" $ids; [ "$family" != torque ] || show '-f -t' $(arrays $ids); } | lean`, qstat, tools.user, [name, shortJobName(name)], 60),
    parse: (output) => found(name, output),
    patterns: {
      jobId: String.raw`^Job Id: (\d+(?:\[\])?)[^\n]*\n(?:(?!Job Id: )[^\n]*\n)*?(?:    Job_Name = ${pattern}$|[^\n]*\b${nameVariable}=${pattern}(?:,|$))`,
      whole: String.raw`^HPCQ-BEGIN \w+$(?![\s\S]*(?:^HPCQ-RC [1-9]|maintain job history))[\s\S]*^HPCQ-END$`,
      noSource: 'maintain job history',
    },
  });
  return [query('old='), query('old=; [ "$family" = torque ] || old=-x')];
}
