/**
 * The user's whole queue with one `qstat -xml`.
 *
 * Rules: a person's `~/.sge_qstat` may add options, so rows of other people (`-u '*'`) and of single elements (`-g d`) must do no harm; whose
 * job it is, its name tells. `-r` names the jobs that a held one still waits for: only so a dependency is told from a hold. Why a job is in
 * error stands only in `qstat -j`, so that is asked as well, for those jobs alone; without an answer the job is in error all the same.
 */
import { HpcError } from '../../foundation/errors.ts';
import { indicesOf, rangesOf, tryParseIndexList } from '../indexRanges.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CommandOutput, Query, QueueRow, Rows, SchedulerTools } from '../port.ts';
import { sgeFailure } from './errors.ts';
import { partsEnd } from '../answerParts.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { framedText } from './framing.ts';
import { sgeState } from './states.ts';
import { elements, field } from './xml.ts';

const reasonsBegin = 'HPCQ-REASONS';

/** $1 qstat, then its words. POSIX awk: passes the document on, and asks about the first jobs in it that are in error. */
const awkProgram = `
/^HPCQ-STATUS / { status = $2; next }
{ print }
/<JB_job_number>/ { id = $0; gsub(/[^0-9]/, "", id) }
/<state>[^<]*E[^<]*<\\/state>/ { if (id != "" && !(id in seen) && count < 20) { seen[id] = 1; count++; list = list sep id; sep = "," } }
END {
  if (status != "0") exit (status == "" ? 1 : status)
  if (list != "") {
    print "\\n${reasonsBegin}"
    system("")
    system("\\"$HPC_QSTAT\\" -j " list " 2>/dev/null | grep -E \\"^(job_number|error reason)\\"")
  }
}
`;
const script = `HPC_QSTAT=$1; export HPC_QSTAT; { "$@"; printf '\\nHPCQ-STATUS %s\\n' "$?"; } | awk "$hpc_awk" && printf '\\n%s\\n' ${partsEnd}`;

/** Job and element to the words of Grid Engine, without the time and the process that said them. */
function parseReasons(text: string): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  let job = '';
  for (const line of text.split('\n')) {
    job = /^job_number:\s+(\d+)/.exec(line)?.[1] ?? job;
    const match = /^error reason\s+(\d+):\s+(?:[\d/]+ [\d:]+ (?:\[[\d:]+\]: )?)?(?:error: )?(.*)$/.exec(line);
    // Equal for all elements, so that a thousand are said as one: no process ids, no log of the element's own.
    if (match?.[1] !== undefined) reasons.set(`${job}.${match[1]}`, (match[2] ?? '').replace(/ KRB5CCNAME=.*$/, '').replaceAll(`.${job}.${match[1]}.`, `.${job}.*.`).trim());
  }
  return reasons;
}

/** A row of elements in error, parted by why. */
function withReasons(row: QueueRow, reasons: ReadonlyMap<string, string>): readonly QueueRow[] {
  if (row.state !== 'held' || !row.rawState.includes('E') || reasons.size === 0) return [row];
  if (row.indices === undefined) {
    const why = reasons.get(`${row.jobId}.1`);
    return [why === undefined ? row : { ...row, reason: `in error: ${why}` }];
  }
  const parts = new Map<string, number[]>();
  for (const index of indicesOf(row.indices)) {
    const why = reasons.get(`${row.jobId}.${index}`);
    const reason = why === undefined ? row.reason : `in error: ${why}`;
    const part = parts.get(reason);
    if (part) part.push(index);
    else parts.set(reason, [index]);
  }
  return [...parts].map(([reason, indices]) => ({ ...row, reason, indices: rangesOf(indices) }));
}

function parseRow(body: string): QueueRow | undefined {
  const jobId = field(body, 'JB_job_number') ?? '';
  const rawState = field(body, 'state') ?? '';
  const tasks = field(body, 'tasks');
  const list = tasks === undefined || tasks === '' ? undefined : tryParseIndexList(tasks);
  if (!/^\d+$/.test(jobId) || rawState === '' || (tasks !== undefined && tasks !== '' && (!list || list.truncated))) return undefined;
  const queue = field(body, 'queue_name') ?? '';
  const { state, reason } = sgeState(rawState, field(body, 'predecessor_jobs') !== undefined);
  return { jobId, ...(list ? { indices: list.ranges } : {}), state, rawState, name: field(body, 'full_job_name') ?? field(body, 'JB_name') ?? '', reason, node: queue.includes('@') ? queue.slice(queue.indexOf('@') + 1) : '' };
}

export function parseQueue(output: CommandOutput, strict: boolean): Rows<QueueRow> {
  const text = framedText('qstat', output);
  const start = text.indexOf('<job_info');
  const reasonsAt = text.lastIndexOf(`\n${reasonsBegin}\n`);
  const end = text.lastIndexOf('</job_info>', reasonsAt < 0 ? undefined : reasonsAt);
  const reasons = reasonsAt < 0 ? new Map<string, string>() : parseReasons(text.slice(reasonsAt));
  if (start < 0 || end < start) throw sgeFailure('qstat', output);
  const { whole, broken } = elements(text.slice(start, end), 'job_list');
  const rows: QueueRow[] = [];
  const malformed = [...broken];
  for (const body of whole) {
    const row = parseRow(body);
    if (row) rows.push(...withReasons(row, reasons));
    else malformed.push(body.replaceAll(/\s+/g, ' ').slice(0, 300));
  }
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `qstat printed rows that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Grid Engine: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  return { rows, malformed };
}

export function queueQuery(tools: SchedulerTools): Query<Rows<QueueRow>> {
  const argv = ['/bin/sh', '-c', script, 'hpc-agent', requiredTool('qstat', tools), '-xml', '-r', '-s', 'a', '-u', tools.user];
  return { command: { argv, unset: sgeUnset, env: { ...sgeEnvironment, hpc_awk: awkProgram }, timeoutS: 45 }, parse: parseQueue };
}
