import * as path from 'node:path';
import * as z from 'zod/mini';
import { formatIndexRanges } from '../scheduler/indexRanges.ts';
import type { GpuCount } from '../scheduler/port.ts';
import { defineOperation } from './operation.ts';
import { clusterName } from './schemas.ts';

const gpuCount = z.object({ type: z.string(), total: z.number(), free: z.number() });

const output = z.object({
  cluster: z.string(),
  scheduler: z.string(),
  observed_at: z.string(),
  cached: z.boolean(),
  /** Why the cluster could not be asked anew; null where it was, or was not tried. */
  stale_reason: z.nullable(z.string()),
  partitions: z.array(
    z.object({
      name: z.string(),
      is_default: z.boolean(),
      up: z.boolean(),
      max_walltime_s: z.nullable(z.number()),
      default_walltime_s: z.nullable(z.number()),
      nodes: z.number(),
      cpus_total: z.number(),
      cpus_free: z.number(),
      memory_mib_per_node: z.nullable(z.number()),
      gpus: z.array(gpuCount),
    }),
  ),
  nodes: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['free', 'mixed', 'busy', 'closed', 'down', 'unknown']),
      raw_state: z.string(),
      reason: z.string(),
      partitions: z.array(z.string()),
      cpus_total: z.number(),
      cpus_free: z.number(),
      memory_mib: z.nullable(z.number()),
      memory_free_mib: z.nullable(z.number()),
      gpus: z.array(gpuCount),
    }),
  ),
  limits: z.array(z.object({ what: z.string(), value: z.string(), source: z.string() })),
  queue: z.object({ running: z.number(), pending: z.number(), held: z.number(), cpus_in_use: z.nullable(z.number()) }),
  waiting: z.array(
    z.object({
      job_id: z.string(),
      indices: z.nullable(z.string()),
      name: z.string(),
      partition: z.string(),
      state: z.enum(['pending', 'held']),
      reason: z.string(),
      explanation: z.string(),
      estimated_start: z.nullable(z.string()),
    }),
  ),
  problems: z.array(z.string()),
});
export type ResourcesOutput = z.output<typeof output>;

const mutable = (gpus: readonly GpuCount[]): z.output<typeof gpuCount>[] => gpus.map((gpu) => ({ ...gpu }));

export const resources = defineOperation({
  name: 'resources',
  kind: 'query',
  summary: 'Show what a cluster has and what is free: partitions, nodes, GPUs, your limits, and why your jobs wait.',
  guidance: 'One question, shared for a minute by all windows; refresh asks now. waiting explains each job of yours that has not started, with the scheduler’s own estimate where it makes one: an estimate is no promise. Empty nodes mean that the site hides them.',
  input: z.strictObject({ cluster: clusterName, refresh: z.optional(z.boolean().check(z.describe('Ask the cluster even if it was asked within the last minute.'))) }),
  output,
  idempotent: true,
  tool: true,
  positional: ['cluster'],
  run: async (input, context) => {
    const { clusterResources } = await import('../cluster/resources.ts');
    const { host } = context.services;
    const profile = await context.services.store(context.experimentDir).get(input.cluster);
    const session = await context.services.session(profile);
    const seen = await clusterResources(session, { directory: path.join(host.home, 'clusters', profile.name), clock: host.clock, signal: context.signal, refresh: input.refresh ?? false });
    const { partitions, nodes, limits, queue, waiting, malformed } = seen.resources;
    return {
      cluster: profile.name,
      scheduler: profile.scheduler,
      observed_at: seen.at.toISOString(),
      cached: seen.cached,
      stale_reason: seen.staleReason ?? null,
      partitions: partitions.map((facts) => ({
        name: facts.name,
        is_default: facts.isDefault,
        up: facts.up,
        max_walltime_s: facts.maxWalltimeS ?? null,
        default_walltime_s: facts.defaultWalltimeS ?? null,
        nodes: facts.nodes,
        cpus_total: facts.cpusTotal,
        cpus_free: facts.cpusFree,
        memory_mib_per_node: facts.memoryMiBPerNode ?? null,
        gpus: mutable(facts.gpus),
      })),
      nodes: nodes.map((node) => ({
        name: node.name,
        state: node.state,
        raw_state: node.rawState,
        reason: node.reason,
        partitions: [...node.partitions],
        cpus_total: node.cpusTotal,
        cpus_free: node.cpusFree,
        memory_mib: node.memoryMiB,
        memory_free_mib: node.memoryFreeMiB,
        gpus: mutable(node.gpus),
      })),
      limits: limits.map((limit) => ({ ...limit })),
      queue: { running: queue.running, pending: queue.pending, held: queue.held, cpus_in_use: queue.cpusInUse },
      waiting: waiting.map((job) => ({
        job_id: job.jobId,
        indices: job.indices === undefined ? null : formatIndexRanges(job.indices),
        name: job.name,
        partition: job.partition,
        state: job.state,
        reason: job.reason,
        explanation: job.explanation,
        estimated_start: job.estimatedStart?.toISOString() ?? null,
      })),
      problems: [...malformed],
    };
  },
});
