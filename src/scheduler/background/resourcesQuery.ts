/**
 * This host as the one partition and the one node: cores, memory, GPUs, and the jobs that have not ended.
 *
 * Rule: cores that others use are not free either; a GPU counts as free while next to nothing of its memory is taken.
 */
import * as z from 'zod/mini';
import { HpcError } from '../../foundation/errors.ts';
import { addGpus } from '../gpuCounts.ts';
import { countIndices } from '../indexRanges.ts';
import type { ClusterResources, Query, SchedulerTools, WaitingJob } from '../port.ts';
import { elementState, rangePair, runtimeCommand, runtimeRecords } from './runtimeCommand.ts';

const host = z.object({
  host: z.string(),
  cpus: z.number(),
  idle: z.number(),
  memoryMiB: z.nullable(z.number()),
  memoryAvailableMiB: z.nullable(z.number()),
  load: z.nullable(z.number()),
  gpus: z.array(z.tuple([z.string(), z.number(), z.number()])),
});
const job = z.object({ job: z.string(), name: z.string(), indices: z.nullable(z.array(rangePair)), state: elementState, reason: z.string() });
const record = z.union([host, job]);

const reasons: Readonly<Record<string, string>> = {
  Dependency: 'It waits for another job to end.',
  JobArrayTaskLimit: 'Its array runs as many elements at once as it was told to.',
  Resources: 'It waits until enough cores of this host are free.',
};

export function resourcesQuery(tools: SchedulerTools): Query<ClusterResources> {
  return {
    command: runtimeCommand('resources', undefined, tools),
    parse: (output, strict) => {
      const { records, malformed } = runtimeRecords('resources', record, output, strict);
      const facts = records.find((one) => 'cpus' in one);
      if (!facts) throw new HpcError('remote_command_failed', 'background resources printed no facts.');
      const jobs = records.filter((one) => 'job' in one);
      const free = facts.load === null ? facts.idle : Math.min(facts.idle, Math.max(0, Math.round(facts.cpus - facts.load)));
      const gpus = addGpus(facts.gpus.map(([name, total, used]) => [{ type: name, total: 1, free: used < total * 0.05 ? 1 : 0 }]));
      const queue = { running: 0, pending: 0, held: 0, cpusInUse: facts.cpus - facts.idle };
      const waiting: WaitingJob[] = [];
      for (const { job: jobId, name, indices, state, reason } of jobs) {
        const ranges = indices?.map(([first, last]) => ({ first, last }));
        if (state !== 'running' && state !== 'pending') continue;
        queue[state] += ranges ? countIndices(ranges) : 1;
        if (state === 'pending') waiting.push({ jobId, ...(ranges ? { indices: ranges } : {}), name, partition: 'this host', state, reason, explanation: reasons[reason] ?? reason, estimatedStart: null });
      }
      const shared = { cpusTotal: facts.cpus, cpusFree: free, gpus };
      return {
        partitions: [{ name: 'this host', isDefault: true, up: true, nodes: 1, ...(facts.memoryMiB === null ? {} : { memoryMiBPerNode: facts.memoryMiB }), ...shared }],
        nodes: [{ name: facts.host, state: free === 0 ? 'busy' : free < facts.cpus ? 'mixed' : 'free', rawState: facts.load === null ? '' : `load ${facts.load.toFixed(1)}`, reason: '', partitions: ['this host'], memoryMiB: facts.memoryMiB, memoryFreeMiB: facts.memoryAvailableMiB, ...shared }],
        limits: [],
        queue,
        waiting,
        malformed,
      };
    },
  };
}
