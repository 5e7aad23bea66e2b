/** The host as one partition: cores, memory, what is free. Memory and GPUs are not scheduled here, only cores are. */
import * as z from 'zod/mini';
import { HpcError } from '../../foundation/errors.ts';
import type { Query, SchedulerLimits, SchedulerTools } from '../port.ts';
import { runtimeCommand, runtimeRecords } from './runtimeCommand.ts';

const record = z.object({ host: z.string(), cpus: z.number(), idle: z.number(), memoryMiB: z.nullable(z.number()), load: z.nullable(z.number()), python: z.string() });

export function limitsQuery(tools: SchedulerTools): Query<SchedulerLimits> {
  return {
    command: runtimeCommand('limits', undefined, tools),
    parse: (output, strict) => {
      const [facts] = runtimeRecords('limits', record, output, strict).records;
      if (!facts) throw new HpcError('remote_command_failed', 'background limits printed no facts.');
      // Cores that others use are not idle either.
      const free = facts.load === null ? facts.idle : Math.min(facts.idle, Math.max(0, Math.round(facts.cpus - facts.load)));
      return {
        maxArraySize: 1_000_000,
        accounting: true,
        version: `Python ${facts.python}`,
        partitions: [{ name: 'this host', isDefault: true, up: true, nodes: 1, cpusTotal: facts.cpus, cpusIdle: free, ...(facts.memoryMiB === null ? {} : { memoryMiBPerNode: facts.memoryMiB }), gres: '' }],
      };
    },
  };
}
