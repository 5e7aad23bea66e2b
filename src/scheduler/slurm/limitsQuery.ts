/**
 * The site's limits, in one program: controller configuration, partitions, and the associations where there is accounting.
 *
 * Rule: only the configuration must be readable. A part that fails leaves its facts undefined; it never becomes a number.
 * MaxArraySize caps the index: with 1001 the highest index is 1000.
 */
import type { CommandOutput, Query, SchedulerCommand, SchedulerLimits, SchedulerTools } from '../port.ts';
import { answerParts, failedPart, partFunction, partsEnd, type AnswerParts } from '../answerParts.ts';
import { requiredTool } from '../requiredTool.ts';
import { slurmEnvironment, slurmUnset } from './environment.ts';
import { slurmFailure } from './errors.ts';
import { parsePartitions, sinfoFormat } from './partitions.ts';

/** Each part between two marks with its exit status; an absent program gives 127. */
const script = `${partFunction}
part config "$1" show config
part partitions "$2" --noheader "--format=${sinfoFormat}"
part associations "$3" --noheader --parsable2 show assoc where "user=$4" format=Cluster,Account,MaxSubmitJobs,DefaultQOS
part qos "$3" --noheader --parsable2 show qos format=Name,MaxSubmitJobsPerUser
part defaults "$3" --noheader --parsable2 show user where "user=$4" format=User,DefaultAccount
printf '%s\\n' ${partsEnd}
`;

function configValues(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\w+) *= ?(.*)$/gm)].map((match) => [(match[1] ?? '').toLowerCase(), (match[2] ?? '').trim()]));
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const numbers = values.filter((value) => value !== undefined);
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
}

/** The strictest of what binds the user's default account (all accounts where none is the default) and its QOS. */
function maxSubmitJobs(found: AnswerParts, cluster: string | undefined): number | undefined {
  const rows = (name: string): string[][] => (found.text(name) ?? '').split('\n').filter((line) => line.includes('|')).map((line) => line.split('|'));
  const defaultAccount = rows('defaults')[0]?.[1] ?? '';
  const ours = rows('associations').filter(([name]) => cluster === undefined || name === cluster);
  const bound = ours.filter(([, account]) => account === defaultAccount);
  const applying = bound.length > 0 ? bound : ours;
  const qosNames = new Set(applying.map(([, , , qos]) => (qos === undefined || qos === '' ? 'normal' : qos)));
  return smallest([...applying.map(([, , limit]) => count(limit)), ...rows('qos').filter(([name]) => qosNames.has(name ?? '')).map(([, limit]) => count(limit))]);
}

function accountingAnswers(found: AnswerParts, config: Map<string, string>, tools: SchedulerTools): boolean | undefined {
  if (/\/none$|^\(null\)$/.test(config.get('accountingstoragetype') ?? '') || tools.tools.sacct === undefined) return false;
  const part = found.get('qos');
  return part === undefined || part.exitCode === 127 ? undefined : part.exitCode === 0;
}

export function parseLimits(output: CommandOutput, tools: SchedulerTools): SchedulerLimits {
  const found = answerParts(output);
  const configPart = found.get('config');
  const config = configValues(configPart?.text ?? '');
  if (configPart?.exitCode !== 0 || !config.has('maxarraysize')) {
    throw slurmFailure('scontrol show config', failedPart(output, configPart));
  }
  const partitions = found.text('partitions');
  const arraySize = count(config.get('maxarraysize'));
  const arrayTasks = count(/(?:^|,)max_array_tasks=(\d+)/i.exec(config.get('schedulerparameters') ?? '')?.[1]);
  const optional = {
    maxArrayIndex: arraySize === undefined ? undefined : Math.max(0, arraySize - 1),
    maxArraySize: smallest([arraySize, arrayTasks]),
    maxSubmitJobs: maxSubmitJobs(found, config.get('clustername')),
    maxJobCount: count(config.get('maxjobcount')),
    accounting: accountingAnswers(found, config, tools),
    version: config.get('slurm_version'),
  };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Omit<SchedulerLimits, 'partitions'>;
  return { ...known, partitions: partitions === undefined ? [] : parsePartitions(partitions) };
}

export function limitsQuery(tools: SchedulerTools): Query<SchedulerLimits> {
  const argv = ['/bin/sh', '-c', script, 'hpc-agent', requiredTool('scontrol', tools), tools.tools.sinfo ?? '', tools.tools.sacctmgr ?? '', tools.user];
  const command: SchedulerCommand = { argv, unset: slurmUnset, env: slurmEnvironment, timeoutS: 60 };
  return { command, parse: (output) => parseLimits(output, tools) };
}
