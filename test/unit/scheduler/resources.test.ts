/** What real daemons said about themselves (`resources-…` of the recordings), read as people need it; PBS by its recorded parts. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { backgroundDialect } from '../../../src/scheduler/background/dialect.ts';
import { formatIndexRanges } from '../../../src/scheduler/indexRanges.ts';
import { pbsDialect } from '../../../src/scheduler/pbs/dialect.ts';
import { explainPbsWait } from '../../../src/scheduler/pbs/waitReasons.ts';
import type { ClusterResources, CommandOutput, Query, SchedulerDialect, SchedulerTools } from '../../../src/scheduler/port.ts';
import { sgeDialect } from '../../../src/scheduler/sge/dialect.ts';
import { explainSgeWait, parseJobWords } from '../../../src/scheduler/sge/waitReasons.ts';
import { slurmDialect } from '../../../src/scheduler/slurm/dialect.ts';
import { gresGpus, parseSlurmNodes } from '../../../src/scheduler/slurm/nodes.ts';
import { explainSlurmReason } from '../../../src/scheduler/slurm/waitReasons.ts';
import { readRecording } from './pbs/recording.ts';

const tools: SchedulerTools = { tools: Object.fromEntries(['sinfo', 'scontrol', 'squeue', 'sacctmgr', 'qstat', 'qhost', 'qconf', 'pbsnodes'].map((name) => [name, `/usr/bin/${name}`])), python: '/usr/bin/python3', user: 'carol', runtimeDirectory: '/r' };
function questionOf(dialect: SchedulerDialect): Query<ClusterResources> {
  const query = dialect.resources?.(tools);
  assert.ok(query);
  return query;
}
const recording = (name: string): CommandOutput => JSON.parse(fs.readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as CommandOutput;
const slurm = recording('slurm/recordings/resources-mixed');
const sge = recording('sge/recordings/resources-full');
const ask = (dialect: SchedulerDialect, output: CommandOutput, strict = true): ClusterResources => questionOf(dialect).parse(output, strict);
const free = (all: ClusterResources): string[] => all.partitions.map((p) => `${p.name}${p.isDefault ? '*' : ''} ${p.cpusFree}/${p.cpusTotal} ${p.gpus.map((g) => `${g.type} ${g.free}/${g.total}`).join()}`.trim());
const why = (all: ClusterResources): string[] => all.waiting.map((w) => `${w.jobId}${w.indices ? `[${formatIndexRanges(w.indices)}]` : ''} ${w.name} ${w.state}: ${w.explanation}`);

describe('resources: Slurm', () => {
  it('reads partitions, nodes, limits and why each job waits from a recorded cluster', () => {
    const all = ask(slurmDialect, slurm);
    assert.deepEqual(free(all), ['cpu* 12/64 a100 2/4', 'gpu 0/16 a100 2/4', 'debug 12/16', 'scavenge 12/64 a100 2/4']);
    assert.deepEqual(all.nodes.map((n) => `${n.name} ${n.state} ${n.cpusFree}/${n.cpusTotal} ${n.memoryFreeMiB}/${n.memoryMiB} ${n.reason}`.trim()), [
      'node1 mixed 12/16 62000/64000', 'node2 busy 0/16 56000/64000', 'node3 closed 0/16 0/64000 bad disk, see ticket', 'node4 busy 0/16 49808/64000',
    ]);
    assert.deepEqual(all.nodes[3]?.gpus, [{ type: 'a100', total: 4, free: 2 }]);
    assert.deepEqual(all.limits, [{ what: 'jobs in the queue', value: '500', source: 'QOS normal' }, { what: 'resources at once', value: 'cpu=60', source: 'QOS normal' }]);
    assert.deepEqual([all.queue.running, all.queue.held, all.malformed], [17, 2, []]);
    assert.ok(why(all).includes('51[7-40] big pending: Its array runs as many elements at once as it was told to.'));
    assert.ok(why(all).includes('49 depends pending: It waits for another job to end.'));
    assert.equal(all.waiting.find(({ name }) => name === 'later')?.estimatedStart?.getTime(), 1_795_331_962_000);
  });

  it('does without nodes and accounting, but not without partitions or queue, nor with half an answer', () => {
    const without = (name: string): CommandOutput => ({ ...slurm, stdout: slurm.stdout.replace(new RegExp(`HPCL-BEGIN ${name}\\n[\\s\\S]*?HPCL-END ${name} 0`), `HPCL-BEGIN ${name}\nslurm_load_node error: Access/permission denied\nHPCL-END ${name} 1`) });
    const hidden = ask(slurmDialect, without('nodes'));
    assert.deepEqual([hidden.nodes, hidden.partitions[0]?.cpusFree, hidden.partitions[0]?.gpus], [[], 12, []]);
    assert.deepEqual(ask(slurmDialect, without('qos')).limits, []);
    for (const output of [without('partitions'), without('queue'), { ...slurm, stdout: slurm.stdout.replace('HPCQ-END', '') }, { stdout: '', stderr: '', exitCode: 0 }]) assert.throws(() => ask(slurmDialect, output, false), (error) => HpcError.is(error));
  });

  it('keeps what it understands and lists the rest, or throws where it is strict', () => {
    const odd = { ...slurm, stdout: slurm.stdout.replace('HPCR|49|', 'HPCR|forty-nine|').replace('NodeName=node2 ', 'NodeName=node2 CPUTotal=x ').replace(/(NodeName=node2.*?)CPUAlloc=\d+/, '$1') };
    const all = ask(slurmDialect, odd, false);
    assert.deepEqual([all.malformed.length, all.nodes.length], [2, 3]);
    assert.throws(() => ask(slurmDialect, odd), (error) => HpcError.is(error, 'remote_command_failed'));
  });

  it('counts GPUs by type, whatever stands around them', () => {
    assert.deepEqual([...gresGpus('gpu:a100:4(S:0-1),gpu:h100:2(IDX:0,1),tmp:5,gpu:3')], [['a100', 4], ['h100', 2], ['gpu', 3]]);
    const [node] = parseSlurmNodes('NodeName=g1 CPUAlloc=2 CPUTot=8 Gres=gpu:a100:4 GresUsed=gpu:a100:1(IDX:0) OS=Linux 6 #1 SMP State=IDLE+PLANNED RealMemory=100 AllocMem=40 Partitions=a,b Reason=x').nodes;
    assert.deepEqual([node?.gpus, node?.cpusFree, node?.memoryFreeMiB, node?.partitions], [[{ type: 'a100', total: 4, free: 3 }], 6, 60, ['a', 'b']]);
    for (const state of ['DOWN*', 'IDLE+DRAIN', 'MIXED*', 'IDLE+MAINT']) assert.equal(parseSlurmNodes(`NodeName=g CPUAlloc=0 CPUTot=8 State=${state}`).nodes[0]?.cpusFree, 0, state);
  });

  it('never offers more than there is, whatever the counters say', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(9), fc.nat(9), fc.constantFrom('IDLE', 'MIXED', 'ALLOCATED', 'DOWN', 'IDLE+DRAIN', 'FUTURE', 'ODD'), (total, used, gpus, gpusUsed, state) => {
        const [node] = parseSlurmNodes(`NodeName=n CPUAlloc=${used} CPUTot=${total} Gres=gpu:x:${gpus} GresUsed=gpu:x:${gpusUsed}(IDX:0) State=${state} RealMemory=9 AllocMem=12`).nodes;
        assert.ok(node && node.cpusFree >= 0 && node.cpusFree <= total && (node.memoryFreeMiB ?? -1) >= 0);
        for (const gpu of node.gpus) assert.ok(gpu.free >= 0 && gpu.free <= gpu.total);
      }),
    );
  });

  it('says in words why a job waits, and gives what it does not know as written', () => {
    assert.match(explainSlurmReason('QOSMaxJobsPerUserLimit'), /QOS allows/);
    assert.match(explainSlurmReason('ReqNodeNotAvail, UnavailableNodes:node3'), /down, closed/);
    assert.match(explainSlurmReason('AssocGrpGRES'), /GPUs/);
    assert.equal(explainSlurmReason('NewReasonOf2030'), 'Slurm says: NewReasonOf2030.');
    assert.match(explainSlurmReason(''), /not looked/);
  });
});

describe('resources: Grid Engine', () => {
  it('reads queues, hosts, GPUs and why each job waits from a recorded cell that is full', () => {
    const all = ask(sgeDialect, sge);
    assert.deepEqual(free(all), ['all.q* 0/32 gpu 4/4', 'short.q 0/8 gpu 4/4']);
    assert.deepEqual(all.nodes.map((n) => `${n.name} ${n.state} ${n.cpusFree}/${n.cpusTotal} ${n.memoryMiB} ${n.partitions.join()}`), ['exec1 busy 0/16 24105 all.q,short.q', 'exec2 busy 0/16 24105 all.q,short.q']);
    assert.equal(all.queue.running, 40);
    assert.ok(why(all).some((row) => /^7\[\d+-200\] many pending: All queues that it may use are full\.$/.test(row)), why(all).join('\n'));
    assert.ok(why(all).includes('4 held held: It is held: it starts only after it is released.'));
  });

  it('needs queues and jobs only', () => {
    const cut = (name: string): CommandOutput => ({ ...sge, stdout: sge.stdout.replace(new RegExp(`HPCL-BEGIN ${name}\\n[\\s\\S]*?HPCL-END ${name} 0`), `HPCL-BEGIN ${name}\ndenied\nHPCL-END ${name} 1`) });
    assert.deepEqual([ask(sgeDialect, cut('hosts')).nodes, ask(sgeDialect, cut('waits')).waiting.length > 0], [[], true]);
    for (const name of ['queues', 'jobs']) assert.throws(() => ask(sgeDialect, cut(name), false), (error) => HpcError.is(error));
  });

  it('tells errors, holds, quotas and what can never fit apart', () => {
    const words = parseJobWords('job_number:                 9\nerror reason    1:          can\'t chdir to /gone: No such file\nscheduling info:            queue instance "a" dropped\n                            All queues dropped because of overload or full\n===\njob_number: 10\nscheduling info: (-l gpu=99) cannot run in queue "all.q" because it offers only hc:gpu=2\n');
    assert.match(explainSgeWait('Eqw', '', words.get('9')), /can't chdir to \/gone/);
    assert.match(explainSgeWait('qw', '', words.get('9')), /full/);
    assert.match(explainSgeWait('qw', '', words.get('10')), /offers only hc:gpu=2/);
    assert.match(explainSgeWait('qw', '', undefined), /does not say why/);
    // As Grid Engine 8.1 says it where every queue is disabled, or its host is down: its last line is then not true.
    const closed = ['queue instance "all.q@exec1" dropped because it is temporarily not available', 'queue instance "all.q@exec2" dropped because it is disabled', 'All queues dropped because of overload or full'];
    const explained = (scheduling: readonly string[]): string => explainSgeWait('qw', '', { errors: [], scheduling });
    assert.equal(explained(closed), 'No queue takes jobs at the moment: all.q@exec1 is temporarily not available, all.q@exec2 is disabled.');
    assert.match(explained(['queue instance "short.q@exec1" dropped because it is full', ...closed]), /^All queues .* are full/);
  });
});

describe('resources: PBS', () => {
  const part = (name: string, text: string): string => `\nHPCL-BEGIN ${name}\n${text}\nHPCL-END ${name} 0\n`;
  const queues = 'Queue: workq\n    queue_type = Execution\n    enabled = True\n    started = True\n    resources_max.walltime = 24:00:00\n    max_run = [u:PBS_GENERIC=4]\n\nQueue: shut\n    enabled = True\n    started = False\n';
  const server = 'Server: pbs01\n    default_queue = workq\n    max_queued = [u:carol=50],[u:bob=5]\n';
  const jobs = 'Job Id: 7.pbs01\n    Job_Name = waits\n    job_state = Q\n    queue = workq\n    comment = Not Running: Insufficient amount of resource: ngpus \n    estimated.start_time = Sun Nov 22 02:30:00 2026\n\nJob Id: 8.pbs01\n    Job_Name = runs\n    job_state = R\n    queue = workq\n    Resource_List.ncpus = 3\n    exec_host = pbs01/0*3\n\n';
  const answer = (nodes: string, more: { queues?: string; end?: string } = {}): CommandOutput => ({
    stdout: `\nHPCQ-BEGIN openpbs\n${part('server', server)}${part('queues', more.queues ?? queues)}${part('nodes', nodes)}HPCQ-RC 0\n\nHPCR-JOBS\n${jobs}\nHPCQ-RC 0\n${more.end ?? '\nHPCQ-END\n'}`,
    stderr: '',
    exitCode: 0,
  });

  it('reads recorded nodes, the server’s limits, and why a job waits', () => {
    const all = ask(pbsDialect, answer(readRecording('pbsnodes-a').stdout));
    assert.ok(all.nodes.length > 0 && all.nodes.every((node) => node.cpusFree <= node.cpusTotal && node.partitions.includes('workq')));
    assert.deepEqual(all.partitions.map(({ name, isDefault, up, maxWalltimeS }) => [name, isDefault, up, maxWalltimeS]), [['workq', true, true, 86_400], ['shut', false, false, undefined]]);
    assert.equal(all.partitions[0]?.cpusTotal, all.nodes.reduce((sum, node) => sum + node.cpusTotal, 0));
    assert.deepEqual(all.limits, [{ what: 'jobs in the queue', value: '50', source: 'server pbs01' }, { what: 'running jobs', value: '4', source: 'queue workq' }]);
    assert.deepEqual(why(all), ['7 waits pending: Not enough is free of ngpus.']);
    assert.equal(all.waiting[0]?.estimatedStart?.toISOString(), '2026-11-22T02:30:00.000Z');
    assert.deepEqual(all.queue, { running: 1, pending: 1, held: 0, cpusInUse: 3 });
  });

  it('offers nothing of a node that is down', () => {
    const { nodes } = ask(pbsDialect, answer(readRecording('pbsnodes-a').stdout.replaceAll(/ state = .*/g, ' state = down,offline')));
    assert.deepEqual(nodes.map(({ state, cpusFree }) => [state, cpusFree]), nodes.map(() => ['down', 0]));
    assert.ok(nodes.length > 0);
  });

  it('needs the end mark and the queues', () => {
    assert.throws(() => ask(pbsDialect, answer('', { end: '' }), false), (error) => HpcError.is(error));
    assert.throws(() => ask(pbsDialect, { ...answer(''), stdout: answer('').stdout.replace('HPCL-END queues 0', 'HPCL-END queues 1') }, false), (error) => HpcError.is(error));
  });

  it('says in words why a job waits', () => {
    assert.match(explainPbsWait('pending', 'Can Never Run: Insufficient amount of resource: ncpus'), /can ever/);
    assert.match(explainPbsWait('held', ''), /held/);
    assert.equal(explainPbsWait('pending', 'Moon in the seventh house'), 'PBS says: Moon in the seventh house.');
  });
});

describe('resources: this host', () => {
  const line = (value: unknown): string => `HPCBG ${JSON.stringify(value)}\n`;
  const facts = { host: 'vm', cpus: 8, idle: 6, memoryMiB: 1000, memoryAvailableMiB: 600, load: 3.2, python: '3.11.2', gpus: [['A100', 80_000, 10], ['A100', 80_000, 60_000]] };
  it('is one partition and one node, with its GPUs and what runs', () => {
    const output = { stdout: line(facts) + line({ job: '4', name: 'a', indices: [[3, 9]], state: 'pending', reason: 'Dependency', node: '' }) + line({ job: '3', name: 'b', indices: null, state: 'running', reason: '', node: 'vm' }) + line({ end: true, rows: 3 }), stderr: '', exitCode: 0 };
    const all = ask(backgroundDialect, output);
    assert.deepEqual(free(all), ['this host* 5/8 A100 1/2']);
    assert.deepEqual(why(all), ['4[3-9] a pending: It waits for another job to end.']);
    assert.deepEqual([all.queue, all.nodes[0]?.memoryFreeMiB], [{ running: 1, pending: 7, held: 0, cpusInUse: 2 }, 600]);
    assert.throws(() => ask(backgroundDialect, { ...output, stdout: line({ end: true, rows: 0 }) }), (error) => HpcError.is(error));
  });
});
