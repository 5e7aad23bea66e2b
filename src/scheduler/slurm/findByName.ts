/**
 * Finding a job whose id was lost, by its name: in the queue with the jobs that ended lately, and in accounting.
 *
 * Rule: a submission that sbatch refused can leave a record that FAILED without ever having a node (seen for memory and node
 * counts that no node has). It is not a job that was accepted, so it is not found here.
 */
import { noPattern, patternOf } from '../namePattern.ts';
import type { CommandOutput, FindQuery, JobState, SchedulerTools } from '../port.ts';
import { assertJobName } from '../jobName.ts';
import { parseSacctRecords, sacctArguments } from './accountingQuery.ts';
import { framedQuery, framedText, rejectSilentRefusal } from './framing.ts';
import { parseSlurmJobId } from './jobId.ts';
import { parseQueue, squeueArguments } from './queueQuery.ts';
import { foldStates, slurmState } from './states.ts';

export interface FoundJob {
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
}

function foldJobs(rows: readonly FoundJob[]): FoundJob[] {
  const states = new Map<string, { name: string; states: JobState[] }>();
  for (const { jobId, name, state } of rows) {
    const known = states.get(jobId) ?? { name, states: [] };
    known.states.push(state);
    states.set(jobId, known);
  }
  return [...states].map(([jobId, { name, states: all }]) => ({ jobId, name, state: foldStates(all) }));
}

function inAccounting(name: string, output: CommandOutput): FoundJob[] {
  const { records, malformed } = parseSacctRecords(framedText('sacct', output));
  rejectSilentRefusal('sacct', output, records.length + malformed.length);
  return foldJobs(
    records.flatMap((record) => {
      const id = parseSlurmJobId(record.JobID);
      if (!id || id.step !== undefined || record.JobName !== name) return [];
      const state = slurmState(record.State);
      return state === 'failed' && record.NodeList === 'None assigned' ? [] : [{ jobId: id.jobId, name, state }];
    }),
  );
}

/** Whole, and no error line that stands for an empty list (see `rejectSilentRefusal`). */
const whole = String.raw`^HPCQ-END$(?![\s\S]*^\S*(?:squeue|sacct)\S*: (?:error|fatal): )`;
const noAccounting = 'accounting storage is disabled|accounting_storage/none|not running a supported accounting_storage plugin';

export function findByName(name: string, since: Date, tools: SchedulerTools): readonly FindQuery[] {
  assertJobName(name);
  const named = patternOf(name);
  const queries: FindQuery[] = [
    {
      command: framedQuery([...squeueArguments(tools, 'all'), `--name=${name}`], 45),
      parse: (output, strict) => foldJobs(parseQueue(output, strict).rows.filter((row) => row.name === name && !(row.state === 'failed' && row.node === ''))),
      patterns: { jobId: String.raw`^HPCQ\|(\d+)(?:_[^|\n]*)?\|(?!FAILED\|[^|\n]*\|\|)(?:[^|\n]*\|){3}${named}\|HPCE$`, whole, noSource: noPattern },
    },
  ];
  const sacct = tools.tools.sacct;
  if (sacct !== undefined) {
    queries.push({
      command: framedQuery([...sacctArguments(sacct, since), '--allocations', `--user=${tools.user}`, `--name=${name}`], 60),
      parse: (output) => inAccounting(name, output),
      patterns: { jobId: String.raw`^(\d+)(?:_[^.\x1f]*)?\x1f(?!FAILED\x1f(?:[^\x1f]*\x1f){3}None assigned\x1f)(?:[^\x1f]*\x1f){7}${named}\x1f\d+$`, whole, noSource: noAccounting },
    });
  }
  return queries;
}
