/**
 * What the scheduler knows of one job besides its row in the queue: whose it is, and where its output goes.
 *
 * Rule: a help, not a need: what the scheduler leaves out is left out.
 */
import type { IndexRange, JobDetails, Query, SchedulerTools } from './port.ts';
import { requiredTool } from './requiredTool.ts';
import { framedQuery as sgeQuery, framedText as sgeText } from './sge/framing.ts';
import { framedQuery as slurmQuery, framedText as slurmText } from './slurm/framing.ts';

export function slurmJobDetails(jobId: string, tools: SchedulerTools): Query<JobDetails> {
  return { command: slurmQuery([requiredTool('scontrol', tools), '--oneliner', 'show', 'job', jobId], 30), parse: (output) => parseSlurmDetails(slurmText('scontrol', output), jobId) };
}

export function sgeJobDetails(jobId: string, tools: SchedulerTools): Query<JobDetails> {
  return { command: sgeQuery([requiredTool('qstat', tools), '-j', jobId], 30), parse: (output) => parseSgeDetails(sgeText('qstat', output)) };
}

function rangesIn(text: string): readonly IndexRange[] {
  return text
    .replace(/%\d+$/, '')
    .split(',')
    .flatMap((part) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
      return match ? [{ first: Number(match[1]), last: Number(match[2] ?? match[1]) }] : [];
    });
}

/** One line for each record: of an array, one for what waits and one for each element that began. */
export function parseSlurmDetails(text: string, jobId: string): JobDetails {
  const lines = text.split('\n').filter((line) => line.startsWith('JobId='));
  // Values may hold blanks, so a field ends where the next name of Slurm's begins.
  const field = (line: string, name: string): string | undefined => new RegExp(`(?:^| )${name}=(.*?)(?= [A-Z][A-Za-z/:]*=|$)`).exec(line)?.[1]?.trim();
  const [first = ''] = lines;
  const own = field(first, 'JobId') ?? '';
  const pattern = (name: string): string | undefined => {
    const value = field(first, name);
    if (!value?.startsWith('/')) return undefined;
    const index = field(first, 'ArrayTaskId');
    const plain = value.replaceAll('%', '%%');
    if (index === undefined) return plain;
    // Slurm shows the path of this very record; 4294967294 stands for the element where none has begun.
    for (const shown of [index, '4294967294']) {
      for (const head of [jobId, own]) if (plain.includes(`${head}_${shown}`)) return plain.replaceAll(`${head}_${shown}`, '%A_%a');
    }
    return plain.includes('4294967294') ? plain.replaceAll('4294967294', '%a') : plain;
  };
  return {
    owner: field(first, 'UserId')?.replace(/\(\d+\)$/, ''),
    workdir: field(first, 'WorkDir'),
    stdout: pattern('StdOut'),
    stderr: pattern('StdErr'),
    indices: lines.flatMap((line) => rangesIn(field(line, 'ArrayTaskId') ?? '')),
  };
}

export function parseSgeDetails(text: string): JobDetails {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1]?.trim();
  const name = field('job_name');
  const folder = field('cwd') ?? field('sge_o_home');
  const isArray = field('job-array tasks') !== undefined;
  const pattern = (list: string, letter: string): string | undefined => {
    // `NONE:host:/path`, several with commas; the first is the job's.
    const given = field(list)?.split(',')[0]?.split(':').slice(2).join(':');
    if (given?.startsWith('/') && !given.endsWith('/')) return given;
    return folder === undefined || name === undefined ? undefined : `${given?.startsWith('/') ? given.replace(/\/$/, '') : folder}/${name}.${letter}$JOB_ID${isArray ? '.$TASK_ID' : ''}`;
  };
  const stdout = pattern('stdout_path_list', 'o');
  return {
    owner: field('owner'),
    workdir: field('cwd') ?? field('sge_o_workdir'),
    stdout,
    stderr: /^y|true$/i.test(field('merge') ?? '') ? stdout : pattern('stderr_path_list', 'e'),
    indices: rangesIn(field('job-array tasks')?.replace(/:\d+$/, '') ?? ''),
  };
}
