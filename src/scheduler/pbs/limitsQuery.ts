/**
 * The site's limits in one program: the server, its queues, its nodes.
 *
 * Rule: only the server must be readable. A part that fails leaves its facts undefined; it never becomes a number. Queues of PBS do not own
 * nodes unless a node says so, so each queue shows the nodes that it may use.
 */
import type { CommandOutput, PartitionFacts, Query, SchedulerLimits, SchedulerTools } from '../port.ts';
import { answerParts, failedPart, partFunction, partsEnd } from '../answerParts.ts';
import { requiredTool } from '../requiredTool.ts';
import { pbsFailure } from './errors.ts';
import { pbsUnset } from './environment.ts';
import { parsePbsDurationS } from './jobEnd.ts';
import { parseNodes, type PbsNode } from './nodes.ts';
import { findFamily } from './program.ts';
import { readRecords } from './records.ts';

const program = `qstat=$1 pbsnodes=$2
${findFamily}
${partFunction}
printf '\\n%s %s\\n' HPCQ-BEGIN "$family"
part server "$qstat" -B -f
part queues "$qstat" -Q -f
part nodes "$pbsnodes" -a
printf '%s\\n' ${partsEnd}`;

type Attributes = ReadonlyMap<string, string>;

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const numbers = values.filter((value) => value !== undefined);
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
}

/** `[u:PBS_GENERIC=2]`, `[u:carol=5],[u:PBS_GENERIC=2],[o:PBS_ALL=100]`: what binds this user. */
export function perUserLimit(text: string | undefined, user: string): number | undefined {
  if (text === undefined) return undefined;
  const limits = new Map([...text.matchAll(/([ugop]):"?([^=\]",]+)"?=(\d+)/g)].map((match) => [`${match[1] ?? ''}:${match[2] ?? ''}`, Number(match[3])]));
  return smallest([limits.get(`u:${user}`) ?? limits.get('u:PBS_GENERIC'), limits.get('o:PBS_ALL')]);
}

function submitLimit(attributes: Attributes | undefined, user: string): number | undefined {
  return attributes && smallest([perUserLimit(attributes.get('max_queued'), user), count(attributes.get('max_user_queuable')), count(attributes.get('max_queuable'))]);
}

const isTrue = (text: string | undefined): boolean => text?.trim().toLowerCase() === 'true';

function partitionOf(name: string, attributes: Attributes, isDefault: boolean, nodes: readonly PbsNode[]): PartitionFacts {
  const own = nodes.filter((node) => node.queue === undefined || node.queue === name);
  const maxWalltimeS = parsePbsDurationS(attributes.get('resources_max.walltime')) ?? undefined;
  const defaultWalltimeS = parsePbsDurationS(attributes.get('resources_default.walltime')) ?? undefined;
  const memory = Math.floor(Math.max(0, ...own.map((node) => node.memoryMiB ?? 0)));
  const gpus = Math.max(0, ...own.map((node) => node.gpus));
  const types = [...new Set(own.flatMap((node) => node.gpuType ?? []))];
  return {
    name,
    isDefault,
    up: isTrue(attributes.get('enabled')) && isTrue(attributes.get('started')),
    ...(maxWalltimeS === undefined ? {} : { maxWalltimeS }),
    ...(defaultWalltimeS === undefined ? {} : { defaultWalltimeS }),
    nodes: own.length,
    cpusTotal: own.reduce((sum, node) => sum + node.cpus, 0),
    cpusIdle: own.reduce((sum, node) => sum + node.cpusIdle, 0),
    ...(memory > 0 ? { memoryMiBPerNode: memory } : {}),
    gres: gpus === 0 ? '' : `${types.length === 1 ? (types[0] ?? 'gpu') : 'gpu'}:${gpus}`,
  };
}

export function parseLimits(output: CommandOutput, tools: SchedulerTools): SchedulerLimits {
  const found = answerParts(output);
  const serverPart = found.get('server');
  const [server] = serverPart === undefined ? [] : readRecords(serverPart.text, 'Server').records;
  if (serverPart?.exitCode !== 0 || !server) {
    throw pbsFailure('qstat -B', failedPart(output, serverPart));
  }
  const facts = server.attributes;
  const queues = readRecords(found.text('queues') ?? '', 'Queue').records;
  const nodes = parseNodes(found.text('nodes') ?? '');
  const standard = facts.get('default_queue');
  const defaultQueue = queues.find(({ id }) => id === standard)?.attributes;
  const isTorque = /^\s*HPCQ-BEGIN torque$/m.test(output.stdout);
  const optional: Omit<SchedulerLimits, 'partitions'> = {
    maxArraySize: smallest([count(facts.get('max_array_size')), count(facts.get('max_job_array_size')), count(defaultQueue?.get('max_array_size')), count(defaultQueue?.get('max_job_array_size'))]),
    maxSubmitJobs: smallest([submitLimit(facts, tools.user), submitLimit(defaultQueue, tools.user)]),
    // TORQUE shows what ended for a few minutes, which is no history to rely on but one to ask.
    accounting: isTorque || isTrue(facts.get('job_history_enable')),
    version: facts.get('pbs_version'),
  };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Omit<SchedulerLimits, 'partitions'>;
  return { ...known, partitions: queues.map(({ id, attributes }) => partitionOf(id, attributes, id === standard, nodes)) };
}

export function limitsQuery(tools: SchedulerTools): Query<SchedulerLimits> {
  return {
    command: { argv: ['/bin/sh', '-c', program, 'hpc-agent', requiredTool('qstat', tools), tools.tools.pbsnodes ?? ''], unset: pbsUnset, timeoutS: 60 },
    parse: (output) => parseLimits(output, tools),
  };
}
