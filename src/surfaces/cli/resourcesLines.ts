/** What a cluster has and what of it is free, for people: one table each for partitions, nodes and waiting jobs. */
import { formatDuration } from '../../foundation/clock.ts';
import type { ResourcesOutput } from '../../operations/resources.ts';
import { plain, table } from './terminal.ts';

/** A cluster may have thousands of nodes: a person wants those where something is free, and how the rest is. */
const shownNodes = 24;

const gib = (mib: number | null): string => (mib === null ? '' : mib < 1024 ? `${mib}M` : `${(mib / 1024).toFixed(mib < 10_240 ? 1 : 0)}G`);
const gpuWords = (gpus: ResourcesOutput['partitions'][number]['gpus']): string => gpus.map(({ type, total, free }) => `${free}/${total} ${type}`).join(', ');
const limit = (seconds: number | null): string => (seconds === null ? 'none' : formatDuration(seconds * 1000));

export function resourcesLines(data: ResourcesOutput): string {
  const roomiest = [...data.nodes].sort((a, b) => b.cpus_free - a.cpus_free || a.name.localeCompare(b.name, 'en', { numeric: true }));
  const nodes = data.nodes.length <= shownNodes ? data.nodes : roomiest.slice(0, shownNodes);
  const rest = data.nodes.length - nodes.length;
  return [
    `${data.cluster} (${data.scheduler}) as of ${data.observed_at}${data.cached ? ', as kept; --refresh asks now' : ''}`,
    ...(data.stale_reason === null ? [] : [`! It could not be asked now: ${plain(data.stale_reason)}`]),
    '',
    table(
      ['partition', 'up', 'cores free', 'of', 'nodes', 'memory per node', 'GPUs free/all', 'walltime'],
      data.partitions.map((p) => [p.is_default ? `${p.name} (default)` : p.name, p.up ? 'yes' : 'no', p.cpus_free, p.cpus_total, p.nodes, gib(p.memory_mib_per_node), gpuWords(p.gpus), limit(p.max_walltime_s)]),
    ),
    '',
    ...(nodes.length === 0
      ? ['The site does not show its nodes.']
      : [
          table(['node', 'state', 'cores free', 'of', 'memory free', 'of', 'GPUs free/all', 'partitions'], nodes.map((n) => [n.name, n.reason === '' ? n.state : `${n.state}: ${n.reason}`, n.cpus_free, n.cpus_total, gib(n.memory_free_mib), gib(n.memory_mib), gpuWords(n.gpus), n.partitions.join(',')])),
          ...(rest > 0 ? [`… and ${rest} nodes more, with less free.`] : []),
        ]),
    '',
    `Your jobs: ${data.queue.running} running${data.queue.cpus_in_use === null ? '' : ` on ${data.queue.cpus_in_use} cores`}, ${data.queue.pending} waiting, ${data.queue.held} held.`,
    ...data.limits.map(({ what, value, source }) => `  at most ${plain(value)} (${what}, ${plain(source)})`),
    ...(data.waiting.length === 0
      ? []
      : ['', table(['job', 'name', 'partition', 'why it waits', 'starts about'], data.waiting.map((job) => [job.indices === null ? job.job_id : `${job.job_id}[${job.indices}]`, job.name, job.partition, job.explanation, job.estimated_start ?? ''])), ...(data.waiting.some(({ estimated_start: at }) => at !== null) ? ['Starts are the scheduler’s estimates, no promises.'] : [])]),
    ...data.problems.map((text) => `! not understood: ${plain(text)}`),
  ].join('\n');
}
