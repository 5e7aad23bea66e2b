/**
 * Accounting with one sacct call for all jobs asked about.
 *
 * Rules: always `--starttime` (else sacct's window begins at midnight); the start is taken a day early, as the clocks of two
 * machines differ. Steps are asked for too, since only they hold the peak memory, but a step's state never speaks for
 * the job: `.batch` is CANCELLED in jobs that FAILED. Rows that stand only for finished elements prove nothing about the
 * rest of an array, and a row without elements proves nothing about any element of an array.
 */
import { HpcError } from '../../foundation/errors.ts';
import type { AccountingRow, CommandOutput, Query, Rows, SchedulerTools } from '../port.ts';
import { isTerminalJobState } from '../port.ts';
import { framedQuery, framedText, rejectSilentRefusal, unitSeparator } from './framing.ts';
import { parseSlurmJobId } from './jobId.ts';
import { slurmState } from './states.ts';

/** What users type is not last, so that a line break in it cannot be taken for the end of a row. */
const fields = ['JobID', 'State', 'ExitCode', 'ElapsedRaw', 'MaxRSS', 'NodeList', 'Partition', 'Comment', 'JobName', 'JobIDRaw'] as const;
export type SacctRecord = Record<(typeof fields)[number], string>;

export function sacctArguments(sacct: string, since: Date): string[] {
  const start = new Date(since.getTime() - 86_400_000).toISOString().slice(0, 19);
  return [sacct, '--noheader', '--parsable2', `--delimiter=${unitSeparator}`, `--starttime=${start}`, `--format=${fields.join(',')}`];
}

/** Records by counting separators: names and comments may hold line breaks. */
export function parseSacctRecords(text: string): { records: SacctRecord[]; malformed: string[] } {
  const records: SacctRecord[] = [];
  const malformed: string[] = [];
  let open = '';
  const startsRow = new RegExp(`^\\d[^${unitSeparator}\\s]*${unitSeparator}`);
  for (const line of text.split('\n')) {
    if (open === '') {
      if (!line.includes(unitSeparator)) continue;
      open = line;
    } else if (startsRow.test(line) && line.split(unitSeparator).length === fields.length) {
      malformed.push(open);
      open = line;
    } else open += `\n${line}`;
    const values = open.split(unitSeparator);
    if (values.length < fields.length) continue;
    if (values.length === fields.length && startsRow.test(open)) records.push(Object.fromEntries(fields.map((field, position) => [field, values[position] ?? ''])) as SacctRecord);
    else malformed.push(open);
    open = '';
  }
  if (open !== '') malformed.push(open);
  return { records, malformed };
}

/** `38788K`, `1.50G`, `0`; null where it says nothing. */
export function parseMaxRssMiB(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)([KMGTP]?)$/.exec(text.trim());
  if (!match) return null;
  const power = { '': -2, K: -1, M: 0, G: 1, T: 2, P: 3 }[match[2] ?? ''] ?? 0;
  return Number(match[1]) * 1024 ** power;
}

/**
 * For a few seconds after a short job ended, its record lacks what slurmctld sends a little later: its name, its partition and its
 * element, so that one ended element of an array reads as `81 COMPLETED`, the whole array. Such a record says nothing yet.
 */
export function isHalfRecord(record: SacctRecord): boolean {
  return record.Partition === '' && record.JobName === 'allocation';
}

function toRow(record: SacctRecord, maxRssMiB: number | null): { row: AccountingRow; truncated: boolean } | undefined {
  const id = parseSlurmJobId(record.JobID);
  const exit = /^(\d+):(\d+)$/.exec(record.ExitCode);
  if (!id || id.step !== undefined || record.State === '') return undefined;
  const state = slurmState(record.State);
  const [code, signal] = exit ? [Number(exit[1]), Number(exit[2])] : [null, null];
  // `0:0` of a job that was cancelled, or ended with its node, is not an exit status that the script gave.
  const says = isTerminalJobState(state) && (state === 'completed' || code !== 0 || signal !== 0);
  const row: AccountingRow = {
    jobId: id.jobId,
    ...(id.indices === undefined ? {} : { indices: id.indices }),
    state,
    rawState: record.State,
    name: record.JobName,
    comment: record.Comment,
    // Killed by a signal means: no exit status, although Slurm writes 0.
    exitCode: says && !(code === 0 && signal !== 0) ? code : null,
    signal: says && signal !== 0 ? signal : null,
    elapsedS: /^\d+$/.test(record.ElapsedRaw) ? Number(record.ElapsedRaw) : null,
    maxRssMiB,
    node: record.NodeList === 'None assigned' ? '' : record.NodeList,
  };
  return { row, truncated: id.truncated };
}

export function parseAccounting(output: CommandOutput, strict: boolean): Rows<AccountingRow> {
  const { records, malformed } = parseSacctRecords(framedText('sacct', output));
  const allocations = new Map<string, SacctRecord>();
  const peaks = new Map<string, number>();
  for (const record of records) {
    // Not the dots of an index list that was cut short (`6_[1,3,...]`).
    const dot = record.JobID.indexOf('.', record.JobID.lastIndexOf(']'));
    if (dot < 0 || record.JobID.endsWith(']')) {
      if (isHalfRecord(record)) continue;
      // A later record of the same id is a later try of it (requeue, preemption) and replaces the earlier.
      allocations.delete(record.JobID);
      allocations.set(record.JobID, record);
      continue;
    }
    const peak = parseMaxRssMiB(record.MaxRSS);
    const owner = record.JobID.slice(0, dot);
    if (peak !== null) peaks.set(owner, Math.max(peak, peaks.get(owner) ?? 0));
  }
  const rows: AccountingRow[] = [];
  for (const [id, record] of allocations) {
    const parsed = toRow(record, peaks.get(id) ?? null);
    if (parsed) rows.push(parsed.row);
    if (!parsed || parsed.truncated) malformed.push(Object.values(record).join('|'));
  }
  rejectSilentRefusal('sacct', output, rows.length + malformed.length);
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `sacct printed rows that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Slurm: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  return { rows, malformed };
}

export function accountingQuery(jobIds: readonly string[], since: Date, tools: SchedulerTools): Query<Rows<AccountingRow>> | undefined {
  const sacct = tools.tools.sacct;
  if (sacct === undefined || jobIds.length === 0) return undefined;
  return { command: framedQuery([...sacctArguments(sacct, since), `--jobs=${jobIds.join(',')}`], 60), parse: parseAccounting };
}
