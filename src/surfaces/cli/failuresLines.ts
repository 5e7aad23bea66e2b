/** Why tasks failed, for somebody tired: what and how many, which, the line that proves it and where it stands, what to do. */
import type { FailuresOutput } from '../../operations/failures.ts';
import { plain } from './terminal.ts';

type Group = FailuresOutput['clusters'][number];

const short = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);
const tasks = (count: number): string => `${count} task${count === 1 ? '' : 's'}`;

/** `3,7,12-14` cut at a comma. */
function shortRanges(ranges: string): string {
  if (ranges.length <= 60) return ranges;
  return `${ranges.slice(0, ranges.lastIndexOf(',', 60) + 1 || 60)}…`;
}

const at = (path: string, line: number | null): string => (line === null ? path : `${path}:${line}`);

function whatToDo(group: Group): string {
  const { retry_advice: retry } = group;
  if (!retry) return group.error_class === 'unknown' ? group.advice : `${group.advice.replace(/\.$/, '')} (resubmit --category ${group.error_class}).`;
  const change = retry.policy.mem_multiplier ? ` × ${retry.policy.mem_multiplier} memory` : retry.policy.walltime_multiplier ? ` × ${retry.policy.walltime_multiplier} time` : '';
  const left = retry.eligible_task_ids.length;
  const used = retry.blocked_task_ids.length;
  const tries = left === 0 ? 'All its tries are used up.' : `May be tried again${change}: ${used === 0 ? (left === 1 ? 'yes' : 'all') : `${left}, and ${used} have used up their tries`}.`;
  return `${group.advice} ${tries}`;
}

function groupLines(group: Group): readonly string[] {
  const [proof] = group.evidence;
  const certainty = group.certainty === 'proved' ? '' : group.certainty === 'likely' ? '  (likely)' : group.error_class === 'unknown' ? '' : '  (a guess)';
  const memory = group.peak_rss_mib === null ? '' : group.peak_rss_mib >= 1024 ? `${(group.peak_rss_mib / 1024).toFixed(1)} GiB` : `${group.peak_rss_mib.toFixed(0)} MiB`;
  const where = [
    ...(group.culprit ? [`at ${at(group.culprit.file, group.culprit.line)}${group.culprit.is_users_code ? '' : ' (a library)'}`] : []),
    ...(memory === '' ? [] : [`peak memory ${memory}`]),
    ...(group.nodes.length === 1 ? [`on ${group.nodes[0]}`] : []),
  ];
  const log = proof?.path ? at(proof.path, proof.line) : group.sample_path === null ? undefined : at(group.sample_path, group.sample_line);
  return [
    `${group.title}: ${tasks(group.count)} (${shortRanges(group.task_ranges)})${certainty}`,
    `    ${short(plain(group.message).replaceAll(/\s+/g, ' '), 160)}`,
    ...(where.length === 0 ? [] : [`    ${plain(where.join(' · '))}`]),
    ...(log === undefined ? [] : [`    ${plain(log)}`]),
    `    → ${plain(whatToDo(group))}`,
  ];
}

export function failuresLines(data: FailuresOutput): string {
  const kinds = data.clusters.length;
  return [
    ...(data.failed_count === 0 ? [] : [`${tasks(data.failed_count)} failed, in ${kinds === 1 ? 'one way' : `${kinds} ways`}.`]),
    ...data.clusters.flatMap((group) => ['', ...groupLines(group)]),
    ...(data.note === undefined ? [] : [...(kinds > 0 ? [''] : []), plain(data.note)]),
  ].join('\n');
}
