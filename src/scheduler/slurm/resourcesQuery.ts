/**
 * What the cluster has and where the user stands, in one program: partitions, nodes, the user's queue with the estimated
 * starts, the limits of the user's associations and QOS.
 *
 * Rule: only partitions and queue must be readable. Sites hide nodes (PrivateData) or have no accounting: what then is not
 * known is left out, and listed.
 */
import { HpcError } from '../../foundation/errors.ts';
import { answerParts, failedPart, partFunction, partsEnd, type AnswerParts } from '../answerParts.ts';
import { gpusOf } from '../gpuCounts.ts';
import { countIndices } from '../indexRanges.ts';
import type { ClusterResources, CommandOutput, NodeResources, PartitionResources, Query, SchedulerCommand, SchedulerTools, UserLimit, WaitingJob } from '../port.ts';
import { requiredTool } from '../requiredTool.ts';
import { slurmEnvironment, slurmUnset } from './environment.ts';
import { slurmFailure } from './errors.ts';
import { parseSlurmJobId } from './jobId.ts';
import { parseSlurmNodes } from './nodes.ts';
import { parsePartitions, sinfoFormat } from './partitions.ts';
import { slurmState } from './states.ts';
import { explainSlurmReason } from './waitReasons.ts';

const queueFormat = 'HPCR|%i|%T|%P|%S|%C|%r|%j|HPCE';

const script = `${partFunction}
part partitions "$1" --noheader "--format=${sinfoFormat}"
part nodes "$2" --details --oneliner show node
part queue "$3" --noheader "--user=$5" "--format=${queueFormat}"
part associations "$4" --noheader --parsable2 show assoc where "user=$5" format=Account,Partition,MaxJobs,MaxSubmitJobs,MaxTRES,GrpTRES,MaxWall,DefaultQOS,QOS
part qos "$4" --noheader --parsable2 show qos format=Name,MaxJobsPerUser,MaxSubmitJobsPerUser,MaxTRESPerUser,GrpTRES,MaxWall
printf '%s\\n' ${partsEnd}
`;

function partitionsOf(text: string, nodes: readonly NodeResources[]): PartitionResources[] {
  return parsePartitions(text).map(({ cpusIdle, gres, ...facts }) => {
    const gpus = gpusOf(facts.name, nodes);
    // Without the nodes the total of GPUs is known per node at best, which is no count of free ones.
    return { ...facts, cpusFree: cpusIdle, gpus: nodes.length === 0 && gres !== '' ? [] : gpus };
  });
}

interface QueueSums {
  running: number;
  pending: number;
  held: number;
  cpusInUse: number;
}

function readQueue(text: string): { sums: QueueSums; waiting: WaitingJob[]; malformed: string[] } {
  const sums: QueueSums = { running: 0, pending: 0, held: 0, cpusInUse: 0 };
  const waiting: WaitingJob[] = [];
  const malformed: string[] = [];
  for (const piece of text.split(/^HPCR\|/m).slice(1)) {
    const match = /^([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|(\d+)\|([^|\n]*)\|([\s\S]*?)\|HPCE$/m.exec(piece);
    const [, id = '', rawState = '', partition = '', start = '', cpus = '', rawReason = '', name = ''] = match ?? [];
    const parsed = parseSlurmJobId(id);
    if (!match || !parsed || parsed.step !== undefined) {
      malformed.push(`HPCR|${piece.split('\n')[0] ?? ''}`);
      continue;
    }
    const reason = rawReason === 'None' ? '' : rawReason;
    const state = slurmState(rawState, reason);
    const count = parsed.indices === undefined ? 1 : countIndices(parsed.indices);
    if (state === 'running' || state === 'completing') {
      sums.running += count;
      sums.cpusInUse += Number(cpus);
    } else if (state === 'pending' || state === 'held') {
      sums[state] += count;
      const estimatedStart = /^\d{9,11}$/.test(start) ? new Date(Number(start) * 1000) : null;
      waiting.push({ jobId: parsed.jobId, ...(parsed.indices === undefined ? {} : { indices: parsed.indices }), name, partition, state, reason, explanation: explainSlurmReason(reason), estimatedStart });
    }
  }
  return { sums, waiting, malformed };
}

/** Columns of one table in the order of `what`; an empty cell is no limit. */
function stated(cells: readonly string[], what: readonly string[], source: string): UserLimit[] {
  return what.flatMap((word, index) => {
    const value = cells[index] ?? '';
    return value === '' || value === '-1' ? [] : [{ what: word, value, source }];
  });
}

function limitsOf(parts: AnswerParts): UserLimit[] {
  const rows = (name: string): string[][] => (parts.text(name) ?? '').split('\n').filter((line) => line.includes('|')).map((line) => line.split('|'));
  const associations = rows('associations');
  // QOS that the user has at all; `normal` where the site names none.
  const names = new Set(associations.flatMap((cells) => [cells[7] ?? '', ...(cells[8] ?? '').split(',')]).filter((name) => name !== ''));
  if (names.size === 0) names.add('normal');
  return [
    ...associations.flatMap(([account = '', partition = '', ...cells]) =>
      stated(cells, ['running jobs', 'jobs in the queue', 'resources of one job', 'resources of the account at once', 'walltime'], `account ${account}${partition === '' ? '' : ` in ${partition}`}`),
    ),
    ...rows('qos')
      .filter(([name]) => names.has(name ?? ''))
      .flatMap(([name = '', ...cells]) => stated(cells, ['running jobs', 'jobs in the queue', 'resources at once', 'resources of everybody at once', 'walltime'], `QOS ${name}`)),
  ];
}

export function parseResources(output: CommandOutput, strict: boolean): ClusterResources {
  const parts = answerParts(output);
  for (const [name, program] of [['partitions', 'sinfo'], ['queue', 'squeue']] as const) {
    if (!parts.isWhole || parts.text(name) === undefined) throw slurmFailure(program, failedPart(output, parts.get(name)));
  }
  const { nodes, malformed: oddNodes } = parseSlurmNodes(parts.text('nodes') ?? '');
  const queue = readQueue(parts.text('queue') ?? '');
  const malformed = [...oddNodes, ...queue.malformed];
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `Slurm printed lines that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Slurm: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  const { running, pending, held, cpusInUse } = queue.sums;
  return { partitions: partitionsOf(parts.text('partitions') ?? '', nodes), nodes, limits: limitsOf(parts), queue: { running, pending, held, cpusInUse }, waiting: queue.waiting, malformed };
}

export function resourcesQuery(tools: SchedulerTools): Query<ClusterResources> {
  const argv = ['/bin/sh', '-c', script, 'hpc-agent', requiredTool('sinfo', tools), tools.tools.scontrol ?? '', requiredTool('squeue', tools), tools.tools.sacctmgr ?? '', tools.user];
  // Seconds since 1970 mean the same whatever zone the cluster is in.
  const command: SchedulerCommand = { argv, unset: slurmUnset, env: { ...slurmEnvironment, SLURM_TIME_FORMAT: '%s' }, timeoutS: 60 };
  return { command, parse: parseResources };
}
