/**
 * What the scheduler knows of one job besides its row in the queue: whose it is, and where its output goes.
 *
 * Rule: a help, not a need: what the scheduler leaves out is left out.
 */
import type { IndexRange, JobDetails, Query, SchedulerTools } from './port.ts';
import { remainingIndices, submittedIndices } from './pbs/jobs.ts';
import { parsePbsJobId, sequenceNumber } from './pbs/jobId.ts';
import { pbsAnswer, pbsQuestion } from './pbs/program.ts';
import { readRecords } from './pbs/records.ts';
import { requiredTool } from './requiredTool.ts';
import { framedQuery as sgeQuery, framedText as sgeText } from './sge/framing.ts';
import { framedQuery as slurmQuery, framedText as slurmText } from './slurm/framing.ts';

export function slurmJobDetails(jobId: string, tools: SchedulerTools): Query<JobDetails> {
  return { command: slurmQuery([requiredTool('scontrol', tools), '--oneliner', 'show', 'job', jobId], 30), parse: (output) => parseSlurmDetails(slurmText('scontrol', output), jobId) };
}

export function sgeJobDetails(jobId: string, tools: SchedulerTools): Query<JobDetails> {
  return { command: sgeQuery([requiredTool('qstat', tools), '-j', jobId], 30), parse: (output) => parseSgeDetails(sgeText('qstat', output)) };
}

/** A finished job of OpenPBS is in its history; a plain one and an array have different names, and only one of both is there. */
export function pbsJobDetails(jobId: string, tools: SchedulerTools): Query<JobDetails> {
  const number = sequenceNumber(jobId);
  const command = pbsQuestion(`old=; [ "$family" = torque ] || old=-x\nshow "$old -f" "$@"`, requiredTool('qstat', tools), tools.user, [`${number}[]`, number], 30);
  return { command, parse: (output) => parsePbsDetails(pbsAnswer('qstat', output).text, number) };
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
  const named = (letter: string): string => `${name ?? ''}.${letter}$JOB_ID${isArray ? '.$TASK_ID' : ''}`;
  const words: Readonly<Record<string, string | undefined>> = { JOB_NAME: name, USER: field('owner'), HOME: field('sge_o_home') };
  const filled = (given: string): string => given.replaceAll(/\$(JOB_NAME|USER|HOME)\b/g, (whole, word: string) => words[word] ?? whole);
  const pattern = (list: string, letter: string): string | undefined => {
    // `NONE:host:/path`, several with commas; the first is the job's. A relative one is below the folder where the job works.
    const given = filled(field(list)?.split(',')[0]?.split(':').slice(2).join(':') ?? '');
    const place = given.startsWith('/') || folder === undefined ? given : `${folder}/${given}`;
    if (given !== '' && !given.endsWith('/')) return place.startsWith('/') ? place : undefined;
    return !place.startsWith('/') || name === undefined ? undefined : `${place.replace(/\/$/, '')}/${named(letter)}`;
  };
  const stdout = pattern('stdout_path_list', 'o');
  const merged = /^y|true$/i.test(field('merge') ?? '');
  return {
    owner: field('owner'),
    workdir: field('cwd') ?? field('sge_o_workdir'),
    stdout,
    stderr: merged ? stdout : pattern('stderr_path_list', 'e'),
    ...(name === undefined ? {} : { namesInFolder: { stdout: named('o'), stderr: named(merged ? 'o' : 'e') } }),
    indices: rangesIn(field('job-array tasks')?.replace(/:\d+$/, '') ?? ''),
  };
}

/** In the placeholders of Slurm, which PBS's log paths of ours have as well. */
export function parsePbsDetails(text: string, number: string): JobDetails {
  const record = readRecords(text).records.find(({ id }) => parsePbsJobId(id)?.index === undefined && parsePbsJobId(id)?.jobId.replace('[]', '') === number);
  const field = (name: string): string | undefined => record?.attributes.get(name);
  const pattern = (name: string): string | undefined => {
    // `host:/path`; the host is where qsub ran.
    const file = /^(?:[^:/]*:)?(\/.*)$/.exec(field(name) ?? '')?.[1];
    // A folder: PBS names the file in it by the job's whole id, which holds the server's name.
    return file === undefined || file.endsWith('/') ? undefined : file.replaceAll('%', '%%').replaceAll('^array_index^', '%a');
  };
  const joined = field('Join_Path');
  const [out, err] = [pattern('Output_Path'), pattern('Error_Path')];
  const workdir = /(?:^|,)PBS_O_WORKDIR=([^,]*)/.exec(field('Variable_List') ?? '')?.[1];
  const indices = record === undefined ? [] : submittedIndices(record);
  return {
    owner: field('Job_Owner')?.replace(/@.*$/, ''),
    workdir: workdir?.startsWith('/') === true ? workdir : undefined,
    stdout: joined === 'eo' ? err : out,
    stderr: joined === 'oe' ? out : err,
    indices: indices.length > 0 || record === undefined ? indices : remainingIndices(record),
  };
}
