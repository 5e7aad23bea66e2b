/**
 * The site's limits, in one program: the queues with what they offer, and the global configuration where this host may read it.
 *
 * Rules: only the queues must be readable; hosts that are no admin hosts are refused qconf at many sites, and a part that fails leaves
 * its facts undefined. max_u_jobs and max_jobs count an array as one job, so they are no limit on elements and not given as such.
 * Grid Engine has no default queue, it takes any that fits: the one with the longest walltime stands for the default.
 */
import type { CommandOutput, Query, SchedulerCommand, SchedulerLimits, SchedulerTools } from '../port.ts';
import { answerParts, failedPart, partFunction, partsEnd } from '../answerParts.ts';
import { requiredTool } from '../requiredTool.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';
import { parseQueues } from './queues.ts';

/** `-u` names nobody: rows of jobs would only be in the way. */
const script = `${partFunction}
part queues "$1" -f -xml -F h_rt,mem_total,gpu -u hpc-agent-nobody
part config "$2" -sconf
part version "$1" -help
part accounting "$3" -r "$SGE_ROOT/\${SGE_CELL:-default}/common/accounting"
printf '%s\\n' ${partsEnd}
`;

/** 0 means: no limit. */
function limit(text: string, name: string): number | undefined {
  const value = Number(new RegExp(`^${name}\\s+(\\d+)\\s*$`, 'm').exec(text)?.[1]);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

export function parseLimits(output: CommandOutput, tools: SchedulerTools): SchedulerLimits {
  const found = answerParts(output);
  const queues = found.get('queues');
  if (queues?.exitCode !== 0 || !queues.text.includes('</job_info>')) {
    throw sgeFailure('qstat -f', failedPart(output, queues));
  }
  const maxArraySize = limit(found.text('config') ?? '', 'max_aj_tasks');
  const version = /^\S+ +(\d\S*)$/m.exec(found.get('version')?.text ?? '')?.[1];
  // The file is made with the first job that ends, so its absence tells little.
  const accounting = tools.tools.qacct === undefined ? false : found.get('accounting')?.exitCode === 0 ? true : undefined;
  return {
    ...(maxArraySize === undefined ? {} : { maxArraySize }),
    ...(accounting === undefined ? {} : { accounting }),
    ...(version === undefined ? {} : { version }),
    partitions: parseQueues(queues.text),
  };
}

export function limitsQuery(tools: SchedulerTools): Query<SchedulerLimits> {
  const argv = ['/bin/sh', '-c', script, 'hpc-agent', requiredTool('qstat', tools), tools.tools.qconf ?? '', 'test'];
  const command: SchedulerCommand = { argv, unset: sgeUnset, env: sgeEnvironment, timeoutS: 60 };
  return { command, parse: (output) => parseLimits(output, tools) };
}
