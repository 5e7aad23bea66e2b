import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import { defineOperation } from './operation.ts';
import { clusterName } from './schemas.ts';
import { describeCluster, listClusters, addClusterEntry, sshHosts } from './clusterRequests.ts';

const problem = z.object({ file: z.string(), line: z.nullable(z.number()), severity: z.enum(['error', 'warning']), message: z.string() });

export const clusterSummary = z.object({
  name: z.string(),
  scheduler: z.string(),
  connection: z.string(),
  /** `user@host`, or the name of this computer. */
  target: z.string(),
  scope: z.string(),
  /** What is known of the connection now, without asking: `idle`, `connected`, `broken`, `refused`. */
  state: z.string(),
  state_reason: z.nullable(z.string()),
});
export type ClusterSummary = z.output<typeof clusterSummary>;

export const clustersList = defineOperation({
  name: 'clusters-list',
  kind: 'query',
  summary: 'List the configured clusters.',
  guidance: 'Connects to nothing. `this-computer` is always there and needs no cluster.',
  input: z.strictObject({}),
  output: z.object({ clusters: z.array(clusterSummary), problems: z.array(problem) }),
  idempotent: true,
  tool: false,
  run: (_, context) => listClusters(context),
});

export const clustersDescribe = defineOperation({
  name: 'clusters-describe',
  kind: 'query',
  summary: 'Show every setting of a cluster and where it came from.',
  guidance: 'Precedence is workspace, user, built-in; each value names its file and line.',
  input: z.strictObject({ cluster: clusterName }),
  output: z.object({ name: z.string(), values: z.array(z.object({ key: z.string(), value: z.unknown(), scope: z.string(), file: z.nullable(z.string()), line: z.nullable(z.number()) })) }),
  idempotent: true,
  tool: false,
  positional: ['cluster'],
  run: ({ cluster }, context) => describeCluster(cluster, context),
});

export const clustersCandidates = defineOperation({
  name: 'clusters-candidates',
  kind: 'query',
  summary: 'List the hosts of ~/.ssh/config that could be added as clusters.',
  guidance: 'Use before clusters-add.',
  input: z.strictObject({}),
  output: z.object({ hosts: z.array(z.object({ alias: z.string(), hostname: z.nullable(z.string()), user: z.nullable(z.string()), configured_as: z.nullable(z.string()) })) }),
  idempotent: true,
  tool: false,
  run: (_, context) => sshHosts(context),
});

export const clustersAdd = defineOperation({
  name: 'clusters-add',
  kind: 'mutate',
  summary: 'Add a cluster to clusters.yaml, after testing the connection.',
  guidance: 'With test (the default) it connects first, finds the scheduler and a folder to work in, and writes only when that succeeds.',
  input: z.strictObject({
    name: clusterName,
    host: z.string().check(z.minLength(1)),
    user: z.optional(z.string()),
    port: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(65535))),
    scheduler: z.optional(z.enum(['slurm', 'sge', 'pbs', 'background'])),
    scratch: z.optional(z.string()),
    partition: z.optional(z.string()),
    account: z.optional(z.string()),
    identity_file: z.optional(z.string()),
    scope: z.optional(z.enum(['user', 'workspace'])),
    replace: z.optional(z.boolean()),
    test: z.optional(z.boolean()),
  }),
  output: z.object({ name: z.string(), file: z.string(), scheduler: z.string(), scratch: z.nullable(z.string()), tested: z.boolean(), notes: z.array(z.string()) }),
  idempotent: true,
  tool: false,
  positional: ['name', 'host'],
  confirm: (input) => Promise.resolve(`Add the cluster ${input.name} (${input.user ? `${input.user}@` : ''}${input.host}) to the ${input.scope ?? 'user'}’s clusters.yaml.`),
  run: (input, context) => {
    if (input.name === 'this-computer') throw new HpcError('spec_invalid', 'this-computer is built in and always there.', { remediation: 'Choose another name.' });
    return addClusterEntry(input, context);
  },
});
