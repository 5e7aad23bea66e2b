/**
 * Accounting: one qacct over the user's jobs, cut down on the far side to one line for each record that is asked for.
 *
 * Rules: qacct reads the site's whole file, so it is run once and never once for each job; its records are long, so awk keeps the
 * fields that we read. It is given no earliest time (`-b`): that hides records without a start, and so the jobs whose host lost its
 * power. Ids that were given out again are told by their names. It lags behind the queue by seconds, and does not know what was deleted before it ran: no record proves
 * nothing. An element can have several records (it was rescheduled, or put in error first): the last one counts.
 * A record does not say that a person deleted the job: that looks like any kill, and who asked for it is for our own notes.
 */
import { HpcError } from '../../foundation/errors.ts';
import type { AccountingRow, CommandOutput, Query, Rows, SchedulerTools } from '../port.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';
import { unitSeparator } from './framing.ts';
import { parseSgeBytes, sgeEnd } from './states.ts';

export const qacctFields = ['jobnumber', 'taskid', 'hostname', 'failed', 'exit_status', 'ru_wallclock', 'ru_maxrss', 'maxvmem', 'deleted_by', 'category', 'jobname'] as const;
type QacctRecord = Record<(typeof qacctFields)[number], string>;

/** Written for Python too. */
export const noAccountingFile = /[Nn]o accounting file|[Aa]ccounting.*(No such file|not exist)|[Cc]annot find|[Cc]an't (stat|open|read).*accounting/;

/** POSIX awk. Prints the wanted records, and at the end qacct's exit status, which a pipe would lose. */
const awkProgram = `
function flush(  i, line) {
  if (number in ids || (name != "" && value["jobname"] == name)) {
    line = "HPCA"
    for (i = 1; i <= count; i++) line = line "\\037" value[names[i]]
    print line "\\037HPCE"
  }
  for (i = 1; i <= count; i++) value[names[i]] = ""
  number = ""
}
BEGIN { count = split(wanted, names, " "); n = split(idlist, list, " "); for (i = 1; i <= n; i++) ids[list[i]] = 1 }
/^HPCA-STATUS / { status = $2; next }
/^=====/ { flush(); next }
{
  text = $0
  sub(/^[^ \\t]+[ \\t]*/, "", text)
  sub(/[ \\t\\r]+$/, "", text)
  value[$1] = text
  if ($1 == "jobnumber") number = text
}
END { flush(); print "HPCA-END " status }
`;

const script = `{ "$1" -o "$2" -j "$3"; printf '\\nHPCA-STATUS %s\\n' "$?"; } | awk -v "wanted=$4" -v "idlist=$5" -v "name=$6" "$7"`;

export interface AccountingSelection {
  readonly jobIds?: readonly string[];
  readonly name?: string;
}

export function qacctCommand(qacct: string, selection: AccountingSelection, tools: SchedulerTools): Query<unknown>['command'] {
  const { jobIds = [], name = '' } = selection;
  const which = name !== '' ? name : jobIds.length === 1 ? (jobIds[0] ?? '*') : '*';
  return { argv: ['/bin/sh', '-c', script, 'hpc-agent', qacct, tools.user, which, qacctFields.join(' '), jobIds.join(' '), name, awkProgram], unset: sgeUnset, env: sgeEnvironment, timeoutS: 120 };
}

export function parseQacctRecords(output: CommandOutput): { records: QacctRecord[]; malformed: string[] } {
  const text = output.stdout.replaceAll('\r\n', '\n');
  const end = /^HPCA-END (\d+)$/m.exec(text);
  if (output.exitCode !== 0 || !end) throw sgeFailure('qacct', output);
  const status = Number(end[1]);
  if (status !== 0) {
    const nothing = /(not found|no jobs running since startup)\s*$/im.test(output.stderr.trim());
    if (noAccountingFile.test(output.stderr)) {
      throw new HpcError('remote_command_failed', `qacct: ${output.stderr.trim().slice(-300)}`, { remediation: 'This host cannot read the accounting file: states come from the queue and from the task events.', details: { reason: 'accounting_disabled' } });
    }
    if (!nothing) throw sgeFailure('qacct', { ...output, exitCode: status });
  }
  const records: QacctRecord[] = [];
  const malformed: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(`HPCA${unitSeparator}`)) continue;
    const values = line.split(unitSeparator).slice(1);
    const record = Object.fromEntries(qacctFields.map((field, position) => [field, values[position] ?? ''])) as QacctRecord;
    if (values.length === qacctFields.length + 1 && values.at(-1) === 'HPCE' && /^\d+$/.test(record.jobnumber) && /^\d+/.test(record.failed) && /^\d+/.test(record.exit_status)) records.push(record);
    else malformed.push(line);
  }
  return { records, malformed };
}

/** ru_maxrss: the kernel's KiB, which qacct 8.1 dresses up as if they were bytes (`4.281KB` for 4384 KiB), and 6.2 prints as they are. */
export function parseMaxRssMiB(text: string): number | null {
  const asIfBytes = parseSgeBytes(text.trim());
  return asIfBytes === undefined || asIfBytes === 0 ? null : asIfBytes / 1024;
}

function seconds(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)s?$/.exec(text.trim());
  return match ? Math.round(Number(match[1])) : null;
}

export function toAccountingRow(record: QacctRecord): AccountingRow {
  const failed = Number(/^\d+/.exec(record.failed)?.[0]);
  const exitStatus = Number(/^\d+/.exec(record.exit_status)?.[0]);
  const elapsedS = seconds(record.ru_wallclock);
  const end = sgeEnd({ failed, exitStatus, wallclockS: elapsedS, maxVmemBytes: parseSgeBytes(record.maxvmem) ?? null, category: record.category, deletedBy: record.deleted_by });
  const index = /^\d+$/.test(record.taskid) ? Number(record.taskid) : undefined;
  const why = failed === 0 ? `exit ${exitStatus}` : `failed ${record.failed.replace(/\s+/g, ' ')}`;
  return {
    jobId: record.jobnumber,
    ...(index === undefined || index === 0 ? {} : { indices: [{ first: index, last: index }] }),
    state: end.state,
    rawState: why,
    name: record.jobname,
    // Grid Engine keeps a comment only while a job is in the queue.
    comment: '',
    exitCode: end.exitCode,
    signal: end.signal,
    elapsedS,
    maxRssMiB: parseMaxRssMiB(record.ru_maxrss),
    node: record.hostname,
  };
}

export function parseAccounting(output: CommandOutput, strict: boolean): Rows<AccountingRow> {
  const { records, malformed } = parseQacctRecords(output);
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `qacct printed records that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Grid Engine: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  const latest = new Map<string, AccountingRow>();
  for (const record of records) {
    const key = `${record.jobnumber}.${record.taskid}.${record.jobname}`;
    latest.delete(key);
    latest.set(key, toAccountingRow(record));
  }
  return { rows: [...latest.values()], malformed };
}

export function accountingQuery(jobIds: readonly string[], _since: Date, tools: SchedulerTools): Query<Rows<AccountingRow>> | undefined {
  const qacct = tools.tools.qacct;
  if (qacct === undefined || jobIds.length === 0) return undefined;
  return { command: qacctCommand(qacct, { jobIds }, tools), parse: parseAccounting };
}
