/**
 * What the cluster has and where the user stands, in one program: queues, hosts, the user's queue, and what the scheduler says about
 * the jobs that wait (the first 50 of them).
 *
 * Rule: only queues and the user's jobs must be readable. Grid Engine makes no estimates of starts, and quotas are told only as it
 * states them to users.
 */
import { HpcError } from '../../foundation/errors.ts';
import { answerParts, failedPart, partFunction, partsEnd } from '../answerParts.ts';
import { gpusOf } from '../gpuCounts.ts';
import { countIndices, tryParseIndexList } from '../indexRanges.ts';
import type { ClusterResources, CommandOutput, PartitionResources, Query, SchedulerCommand, SchedulerTools, UserLimit, WaitingJob } from '../port.ts';
import { requiredTool } from '../requiredTool.ts';
import { sgeEnvironment, sgeUnset } from './environment.ts';
import { sgeFailure } from './errors.ts';
import { gpuTotalsOf, parseSgeHosts } from './hosts.ts';
import { parseQueues } from './queues.ts';
import { sgeState } from './states.ts';
import { explainSgeWait, parseJobWords } from './waitReasons.ts';
import { elements, field } from './xml.ts';

const script = `${partFunction}
qstat=$1; qhost=$2; qconf=$3; user=$4; qquota=$5
waits() {
  ids=$("$qstat" -u "$user" -s p | awk '$1 ~ /^[0-9]+$/ && !seen[$1]++ && n++ < 50 { printf "%s%s", sep, $1; sep = "," }')
  [ -z "$ids" ] || "$qstat" -j "$ids" | awk '/^[a-z][a-z_ ]*[0-9 ]*:/ { keep = 0 } /^(job_number|error reason|scheduling info)/ { keep = 1 } keep'
}
gpuhosts() {
  for host in $("$qhost" -F gpu | awk '/^[^ ]/ { host = $1 } /:gpu=/ && n++ < 200 { print host }'); do "$qconf" -se "$host" || return; done
}
part queues "$qstat" -f -xml -F h_rt,mem_total,gpu -u hpc-agent-nobody
part hosts "$qhost" -q -xml -F gpu,mem_total,mem_free
part gpuhosts \${qconf:+gpuhosts}
part jobs "$qstat" -xml -r -s a -u "$user"
part waits waits
part quotas "$qquota" -u "$user"
printf '%s\\n' ${partsEnd}
`;

interface Jobs {
  readonly queue: { running: number; pending: number; held: number; cpusInUse: number };
  readonly waiting: WaitingJob[];
  readonly malformed: string[];
}

function readJobs(text: string, words: ReturnType<typeof parseJobWords>): Jobs {
  const jobs: Jobs = { queue: { running: 0, pending: 0, held: 0, cpusInUse: 0 }, waiting: [], malformed: [] };
  const { whole, broken } = elements(text, 'job_list');
  jobs.malformed.push(...broken);
  for (const body of whole) {
    const jobId = field(body, 'JB_job_number') ?? '';
    const letters = field(body, 'state') ?? '';
    const tasks = field(body, 'tasks') ?? '';
    const list = tasks === '' ? undefined : tryParseIndexList(tasks);
    if (!/^\d+$/.test(jobId) || letters === '' || (tasks !== '' && !list)) {
      jobs.malformed.push(body.replaceAll(/\s+/g, ' ').slice(0, 300));
      continue;
    }
    const { state, reason } = sgeState(letters, field(body, 'predecessor_jobs') !== undefined);
    const count = list ? countIndices(list.ranges) : 1;
    if (state === 'running' || state === 'completing') {
      jobs.queue.running += count;
      jobs.queue.cpusInUse += Number(field(body, 'slots')) || 1;
    } else if (state === 'pending' || state === 'held') {
      jobs.queue[state] += count;
      const name = field(body, 'full_job_name') ?? field(body, 'JB_name') ?? '';
      jobs.waiting.push({ jobId, ...(list ? { indices: list.ranges } : {}), name, partition: field(body, 'hard_req_queue') ?? '', state, reason: reason || letters, explanation: explainSgeWait(letters, reason, words.get(jobId)), estimatedStart: null });
    }
  }
  return jobs;
}

/** `rule/1   slots=3/10   users carol`, as `qquota` prints it. */
function quotasOf(text: string): UserLimit[] {
  return [...text.matchAll(/^(\S+\/\S+)\s+(\w+)=(?:([\d.]+\w?)\/)?([\d.]+\w?)\s+(.*)$/gm)].map(([, rule = '', what = '', used, limit = '', filter = '']) => ({
    what: `${what} at once`,
    value: used === undefined ? limit : `${limit} (${used} used)`,
    source: `quota ${rule}${filter.trim() === '' ? '' : ` for ${filter.trim()}`}`,
  }));
}

export function parseResources(output: CommandOutput, strict: boolean): ClusterResources {
  const parts = answerParts(output);
  for (const [name, program] of [['queues', 'qstat -f'], ['jobs', 'qstat']] as const) {
    if (!parts.isWhole || parts.text(name)?.includes('</job_info>') !== true) throw sgeFailure(program, failedPart(output, parts.get(name)));
  }
  // A refusal in the middle leaves the totals of the hosts before it.
  const nodes = parseSgeHosts(parts.text('hosts') ?? '', gpuTotalsOf(parts.get('gpuhosts')?.text ?? ''));
  const { queue, waiting, malformed } = readJobs(parts.text('jobs') ?? '', parseJobWords(parts.text('waits') ?? ''));
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `qstat printed rows that cannot be read: ${malformed[0] ?? ''}`, { remediation: 'Report it with the version of Grid Engine: its output has a form that HPC Agent does not know.', details: { malformed: malformed.slice(0, 20) } });
  const partitions = parseQueues(parts.text('queues') ?? '').map(({ cpusIdle, gres: _gres, ...facts }): PartitionResources => ({ ...facts, cpusFree: cpusIdle, gpus: gpusOf(facts.name, nodes) }));
  return { partitions, nodes, limits: quotasOf(parts.text('quotas') ?? ''), queue, waiting, malformed };
}

export function resourcesQuery(tools: SchedulerTools): Query<ClusterResources> {
  const argv = ['/bin/sh', '-c', script, 'hpc-agent', requiredTool('qstat', tools), tools.tools.qhost ?? '', tools.tools.qconf ?? '', tools.user, tools.tools.qquota ?? ''];
  const command: SchedulerCommand = { argv, unset: sgeUnset, env: sgeEnvironment, timeoutS: 60 };
  return { command, parse: parseResources };
}
