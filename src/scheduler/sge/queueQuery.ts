/**
 * The user's whole queue with one `qstat -xml`.
 *
 * Rules: a person's `~/.sge_qstat` may add options, so rows of other people (`-u '*'`) and of single elements (`-g d`) must do no harm; whose
 * job it is, its name tells. `-r` names the jobs that a held one still waits for: only so a dependency is told from a hold.
 */
import { HpcError } from '../../foundation/errors.ts';
import { tryParseIndexList } from '../indexRanges.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CommandOutput, Query, QueueRow, Rows, SchedulerTools } from '../port.ts';
import { sgeFailure } from './errors.ts';
import { framedQuery, framedText } from './framing.ts';
import { sgeState } from './states.ts';
import { elements, field } from './xml.ts';

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
  const end = text.lastIndexOf('</job_info>');
  if (start < 0 || end < start) throw sgeFailure('qstat', output);
  const { whole, broken } = elements(text.slice(start, end), 'job_list');
  const rows: QueueRow[] = [];
  const malformed = [...broken];
  for (const body of whole) {
    const row = parseRow(body);
    if (row) rows.push(row);
    else malformed.push(body.replaceAll(/\s+/g, ' ').slice(0, 300));
  }
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `qstat printed rows that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Grid Engine: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  return { rows, malformed };
}

export function queueQuery(tools: SchedulerTools): Query<Rows<QueueRow>> {
  const argv = [requiredTool('qstat', tools), '-xml', '-r', '-s', 'a', '-u', tools.user];
  return { command: framedQuery(argv, 45), parse: parseQueue };
}
