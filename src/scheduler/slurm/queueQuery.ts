/**
 * The user's whole queue with one squeue.
 *
 * Rule: never `--jobs=ID`, which fails as soon as one of the ids has left the queue. The format is ours, with a marker at
 * both ends of a row: job names may hold bars, quotes and line breaks.
 */
import { HpcError } from '../../foundation/errors.ts';
import { requiredTool } from '../requiredTool.ts';
import type { CommandOutput, Query, QueueRow, Rows, SchedulerTools } from '../port.ts';
import { framedQuery, framedText, rejectSilentRefusal } from './framing.ts';
import { parseSlurmJobId } from './jobId.ts';
import { slurmState } from './states.ts';

const rowStart = 'HPCQ|';
const rowEnd = '|HPCE';
const format = `${rowStart}%i|%T|%r|%N|%j${rowEnd}`;

/** The texts between row markers; a row cut short by the next one's start is given back as malformed. */
function rowTexts(text: string): { rows: string[]; malformed: string[] } {
  const rows: string[] = [];
  const malformed: string[] = [];
  for (const piece of text.split(new RegExp(`^${rowStart.replace('|', '\\|')}`, 'm')).slice(1)) {
    const end = piece.search(/\|HPCE$/m);
    if (end >= 0) rows.push(piece.slice(0, end));
    else malformed.push(`${rowStart}${piece.split('\n')[0] ?? ''}`);
  }
  return { rows, malformed };
}

function parseRow(text: string): { row: QueueRow; truncated: boolean } | undefined {
  const match = /^([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([\s\S]*)$/.exec(text);
  if (!match) return undefined;
  const [, id = '', rawState = '', rawReason = '', node = '', name = ''] = match;
  const parsed = parseSlurmJobId(id);
  if (!parsed || parsed.step !== undefined || rawState === '') return undefined;
  const reason = rawReason === 'None' ? '' : rawReason;
  const indices = parsed.indices === undefined ? {} : { indices: parsed.indices };
  return { row: { jobId: parsed.jobId, ...indices, state: slurmState(rawState, reason), rawState, name, reason, node }, truncated: parsed.truncated };
}

export function parseQueue(output: CommandOutput, strict: boolean): Rows<QueueRow> {
  const { rows: texts, malformed } = rowTexts(framedText('squeue', output));
  const rows: QueueRow[] = [];
  for (const text of texts) {
    const parsed = parseRow(text);
    if (parsed) rows.push(parsed.row);
    // A list that Slurm cut short is listed as well: with it, "not in a row" proves nothing about that job's elements.
    if (!parsed || parsed.truncated) malformed.push(`${rowStart}${text}${rowEnd}`);
  }
  rejectSilentRefusal('squeue', output, rows.length + malformed.length);
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `squeue printed rows that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Slurm: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  return { rows, malformed };
}

/** `states: all` adds jobs that ended within the controller's memory (MinJobAge, 300 s by default). */
export function squeueArguments(tools: SchedulerTools, states: 'active' | 'all'): string[] {
  return [requiredTool('squeue', tools), '--noheader', `--user=${tools.user}`, ...(states === 'all' ? ['--states=all'] : []), `--format=${format}`];
}

export function queueQuery(tools: SchedulerTools): Query<Rows<QueueRow>> {
  // Without accounting the controller's short memory of ended jobs is the only place that tells a timeout from a success.
  const states = tools.tools.sacct === undefined ? 'all' : 'active';
  return { command: framedQuery(squeueArguments(tools, states), 45), parse: parseQueue };
}
