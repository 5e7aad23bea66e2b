/**
 * What the cluster has and where the user stands, in one program: server, queues, nodes, and the user's jobs with their comments.
 *
 * Rule: only queues and jobs must be readable. The scheduler's remark on a job (`comment`) is its reason as written; starts are estimated
 * only where the site runs the estimator.
 */
import { partFunction, answerParts, failedPart } from '../answerParts.ts';
import { addGpus } from '../gpuCounts.ts';
import { countIndices } from '../indexRanges.ts';
import type { ClusterResources, CommandOutput, NodeResources, NodeState, PartitionResources, Query, SchedulerTools, UserLimit, WaitingJob } from '../port.ts';
import { requiredTool } from '../requiredTool.ts';
import { pbsFailure } from './errors.ts';
import { parsePbsDurationS } from './jobEnd.ts';
import { gatherJobs } from './jobs.ts';
import { parseNodes, type PbsNode } from './nodes.ts';
import { pbsAnswer, pbsQuestion } from './program.ts';
import { queueRows, showAll } from './queueQuery.ts';
import { readRecords, type PbsRecord } from './records.ts';
import { explainPbsWait } from './waitReasons.ts';

const body = `pbsnodes=$1
${partFunction}
part server "$qstat" -B -f
part queues "$qstat" -Q -f
part nodes "$pbsnodes" -a
jobs ''
printf '\\n%s\\n' HPCR-JOBS
${showAll}`;

const isTrue = (text: string | undefined): boolean => text?.trim().toLowerCase() === 'true';

function stateOf(node: PbsNode): NodeState {
  if (/down|unknown/.test(node.state)) return 'down';
  if (!node.works) return 'closed';
  return node.cpusIdle === 0 ? 'busy' : node.cpusIdle < node.cpus ? 'mixed' : 'free';
}

function nodeResources(node: PbsNode, queues: readonly string[]): NodeResources {
  return {
    name: node.name,
    state: stateOf(node),
    rawState: node.state,
    reason: node.comment,
    // Queues of PBS do not own nodes unless a node says so.
    partitions: node.queue === undefined ? queues : [node.queue],
    cpusTotal: node.cpus,
    cpusFree: node.cpusIdle,
    memoryMiB: node.memoryMiB === null ? null : Math.floor(node.memoryMiB),
    memoryFreeMiB: node.memoryFreeMiB === null ? null : Math.floor(node.memoryFreeMiB),
    gpus: node.gpus === 0 ? [] : [{ type: node.gpuType ?? 'gpu', total: node.gpus, free: node.gpusFree }],
  };
}

function partitionOf({ id, attributes }: PbsRecord, isDefault: boolean, nodes: readonly NodeResources[]): PartitionResources {
  const own = nodes.filter(({ partitions }) => partitions.includes(id));
  const maxWalltimeS = parsePbsDurationS(attributes.get('resources_max.walltime')) ?? undefined;
  const defaultWalltimeS = parsePbsDurationS(attributes.get('resources_default.walltime')) ?? undefined;
  const memory = Math.max(0, ...own.map(({ memoryMiB }) => memoryMiB ?? 0));
  return {
    name: id,
    isDefault,
    up: isTrue(attributes.get('enabled')) && isTrue(attributes.get('started')),
    ...(maxWalltimeS === undefined ? {} : { maxWalltimeS }),
    ...(defaultWalltimeS === undefined ? {} : { defaultWalltimeS }),
    nodes: own.length,
    cpusTotal: own.reduce((sum, node) => sum + node.cpusTotal, 0),
    cpusFree: own.reduce((sum, node) => sum + node.cpusFree, 0),
    ...(memory > 0 ? { memoryMiBPerNode: memory } : {}),
    gpus: addGpus(own.map(({ gpus }) => gpus)),
  };
}

const limitNames: Readonly<Record<string, string>> = {
  max_queued: 'jobs in the queue',
  max_user_queuable: 'jobs in the queue',
  max_queuable: 'jobs of everybody in the queue',
  max_run: 'running jobs',
  max_user_run: 'running jobs',
};

function limitsOf({ id, attributes }: PbsRecord, source: string, user: string): UserLimit[] {
  return [...attributes].flatMap(([name, value]) => {
    const resource = /^max_(?:run|queued)_res\.(\w+)$/.exec(name)?.[1];
    const what = limitNames[name] ?? (resource === undefined ? undefined : `${resource} at once`);
    if (what === undefined) return [];
    // `[u:PBS_GENERIC=2],[u:bob=5]`: only what speaks of this user or of everybody.
    const entries = [...value.matchAll(/([ugop]):"?([^=\]",]+)"?=([^\],]+)/g)];
    const own = entries.filter(([, kind, who]) => (kind === 'u' && (who === user || who === 'PBS_GENERIC')) || (kind === 'o' && who === 'PBS_ALL')).map((match) => match[3] ?? '');
    const texts = entries.length > 0 ? own : [value];
    return texts.map((text) => ({ what, value: text.trim(), source: `${source} ${id}` }));
  });
}

function estimateOf(record: PbsRecord | undefined): Date | null {
  const text = record?.attributes.get('estimated.start_time');
  if (text === undefined) return null;
  const at = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(`${text} UTC`);
  return Number.isFinite(at) && at > 0 ? new Date(at) : null;
}

export function parseResources(output: CommandOutput, strict: boolean, user: string): ClusterResources {
  const { text } = pbsAnswer('qstat', output);
  const parts = answerParts({ ...output, stdout: text });
  const queuesText = parts.text('queues');
  const split = text.split('\nHPCR-JOBS\n');
  if (queuesText === undefined || split.length !== 2) throw pbsFailure('qstat -Q', failedPart(output, parts.get('queues')));
  const server = readRecords(parts.text('server') ?? '', 'Server').records[0];
  const queues = readRecords(queuesText, 'Queue').records;
  const nodes = parseNodes(parts.text('nodes') ?? '').map((node) => nodeResources(node, queues.map(({ id }) => id)));
  const jobsText = split[1] ?? '';
  const { rows, malformed } = queueRows(jobsText, strict);
  const records = new Map(gatherJobs(readRecords(jobsText).records).jobs.map(({ jobId, record }) => [jobId, record]));
  const queue = { running: 0, pending: 0, held: 0, cpusInUse: 0 };
  const waiting: WaitingJob[] = [];
  for (const { jobId, indices, name, state, reason } of rows) {
    const count = indices === undefined ? 1 : countIndices(indices);
    const record = records.get(jobId);
    if (state === 'running' || state === 'completing') {
      queue.running += count;
      queue.cpusInUse += count * (Number(record?.attributes.get('Resource_List.ncpus')) || 1);
    } else if (state === 'pending' || state === 'held') {
      queue[state] += count;
      waiting.push({ jobId, ...(indices === undefined ? {} : { indices }), name, partition: record?.attributes.get('queue') ?? '', state, reason, explanation: explainPbsWait(state, reason), estimatedStart: estimateOf(record) });
    }
  }
  const standard = server?.attributes.get('default_queue');
  return {
    partitions: queues.map((record) => partitionOf(record, record.id === standard, nodes)),
    nodes,
    limits: [...(server ? limitsOf(server, 'server', user) : []), ...queues.flatMap((record) => limitsOf(record, 'queue', user))],
    queue,
    waiting,
    malformed,
  };
}

export function resourcesQuery(tools: SchedulerTools): Query<ClusterResources> {
  const command = pbsQuestion(body, requiredTool('qstat', tools), tools.user, [tools.tools.pbsnodes ?? ''], 60);
  // The text form prints times in the client's zone.
  return { command: { ...command, env: { ...command.env, TZ: 'UTC0' } }, parse: (output, strict) => parseResources(output, strict, tools.user) };
}
