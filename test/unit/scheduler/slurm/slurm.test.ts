/** Slurm's answers as a real 22.05 printed them (`recordings/`), and everything that can come between. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import fc from 'fast-check';
import { HpcError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { formatIndexRanges, rangesOf } from '../../../../src/scheduler/indexRanges.ts';
import type { CommandOutput, SchedulerTools, SubmitRequest } from '../../../../src/scheduler/port.ts';
import { parseMaxRssMiB } from '../../../../src/scheduler/slurm/accountingQuery.ts';
import { slurmDialect as dialect } from '../../../../src/scheduler/slurm/dialect.ts';
import { parseSlurmJobId } from '../../../../src/scheduler/slurm/jobId.ts';
import { parseSlurmDurationS } from '../../../../src/scheduler/slurm/partitions.ts';
import { foldStates, slurmState } from '../../../../src/scheduler/slurm/states.ts';
import { parseBothWays } from '../../../contract/scheduler/readByPattern.ts';

const tools: SchedulerTools = {
  tools: Object.fromEntries(['sbatch', 'squeue', 'sacct', 'scancel', 'scontrol', 'sinfo', 'sacctmgr'].map((name) => [name, `/usr/bin/${name}`])),
  python: '/usr/bin/python3', user: 'alice', runtimeDirectory: '/r',
};
const since = new Date('2026-11-22T02:00:00Z');
const recording = (name: string): CommandOutput => JSON.parse(fs.readFileSync(new URL(`recordings/${name}.json`, import.meta.url), 'utf8')) as CommandOutput;
const queue = dialect.queue(tools);
const accounting = dialect.accounting(['34'], since, tools);
assert.ok(accounting);
const [findQueue, findAccounting] = dialect.findByName('mix-1a2b', since, tools);
const request: SubmitRequest = {
  name: 'sweep-1a2b', comment: 'token', scriptPath: '/s', workdir: '/w', array: { ranges: rangesOf([1, 2, 3, 7]), maxConcurrent: 4 }, dependencies: [{ type: 'afterany', jobIds: ['1', '2'] }, { type: 'afterok', jobIds: ['3'] }],
  resources: { cpus: 2, memoryMiB: 1000.5, walltimeS: 90_061, gpus: 2, gpuType: 'a100', partition: 'p', account: 'a', qos: 'q', constraint: 'c&d', nodes: 1, extraArguments: ['--exclusive'] }, stdoutPath: '/o', stderrPath: '/e',
};
const submit = dialect.submit(request, tools);
const fails = (run: () => unknown, code: ErrorCode, words: RegExp, also: (error: HpcError) => boolean = () => true): void =>
  assert.throws(run, (error: unknown) => HpcError.is(error, code) && words.test(error.message) && (error.remediation ?? '') !== '' && also(error));
const reason = (expected: string) => (error: HpcError): boolean => error.details?.reason === expected;

describe('slurm: queue', () => {
  it('reads a recorded queue with condensed arrays, odd names and reasons', () => {
    const { rows, malformed } = queue.parse(recording('queue-mixed'), true);
    assert.deepEqual(malformed, []);
    const waiting = rows.find((row) => row.name === 'slow.x' && row.state === 'pending');
    assert.equal(formatIndexRanges(waiting?.indices ?? []), '7-100');
    assert.equal(waiting?.reason, 'JobArrayTaskLimit');
    const odd = rows.find(({ name }) => name.startsWith('odd'));
    assert.deepEqual([odd?.name, odd?.state, odd?.reason, odd?.indices], ['odd | n|HPCE me\nHPCX "q" é', 'held', 'JobHeldUser', undefined]);
    assert.ok(rows.filter(({ state }) => state === 'running').length >= 4);
  });

  it('an empty queue is an answer; silence, refusals and noise are not', () => {
    assert.deepEqual(queue.parse(recording('queue-empty'), true), { rows: [], malformed: [] });
    fails(() => queue.parse(recording('queue-invalid-user'), false), 'remote_command_failed', /Invalid user: nobodyhere/);
    fails(() => queue.parse(recording('queue-down'), false), 'cluster_timeout', /Unable to contact slurm controller/, reason('controller_unreachable'));
    fails(() => queue.parse(recording('queue-hung'), false), 'cluster_timeout', /Socket timed out/);
    fails(() => queue.parse({ stdout: '', stderr: '', exitCode: 0 }, false), 'remote_command_failed', /not complete/);
    fails(() => queue.parse({ stdout: '\nHPCQ-END\n', stderr: '', exitCode: 1 }, false), 'remote_command_failed', /exit status 1/);
    fails(() => queue.parse({ stdout: '', stderr: '', exitCode: 124 }, false), 'cluster_timeout', /in time/);
    fails(() => queue.parse({ stdout: '', stderr: 'sh: squeue: not found', exitCode: 127 }, false), 'remote_command_failed', /not found/);
  });

  it('keeps what it understands and lists the rest', () => {
    const output = (rows: string): CommandOutput => ({ stdout: `${rows}\nHPCQ-END\n`, stderr: '', exitCode: 0 });
    const some = output('HPCQ|1_[1,3,5...]|PENDING|Priority||a|HPCE\nHPCQ|x|RUNNING|None|n1|b|HPCE\nHPCQ|3|RUNN\nHPCQ|4+1|NEW_STATE|None|n[1-2]|c|HPCE\n');
    const { rows, malformed } = queue.parse(some, false);
    assert.deepEqual(rows.map(({ jobId, state, indices }) => [jobId, state, indices && formatIndexRanges(indices)]), [['1', 'pending', '1,3'], ['4', 'unknown', undefined]]);
    assert.equal(malformed.length, 3);
    fails(() => queue.parse(some, true), 'remote_command_failed', /cannot be read/);
  });

  it('reads any name, with banners around', () => {
    const names = fc.string({ unit: fc.constantFrom('|', '\n', ' ', '"', "'", 'é', 'HPC', 'Q', '\t', '%', '\\', 'a', '|HPC'), maxLength: 12 }).filter((name) => !/^HPCQ\||\|HPCE$/m.test(name) && !`\n${name}|`.includes('\nHPCQ|'));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.nat(1e6), fc.uniqueArray(fc.nat(50), { minLength: 1 })), { maxLength: 6 }), fc.constantFrom('', 'Welcome | to 12_[3]\n', '{"json": 1}\n\n', 'no newline HPCQ|9|RUNNING|'), (jobs, banner) => {
        const stdout = `${banner}${banner.endsWith('|') ? '\n' : ''}${jobs.map(([name, id, list]) => `HPCQ|${id}_[${formatIndexRanges(rangesOf(list))}%3]|PENDING|Priority||${name}|HPCE\n`).join('')}\nHPCQ-END\nlogout\n`;
        const { rows } = queue.parse({ stdout, stderr: 'warning: x', exitCode: 0 }, true);
        assert.deepEqual(rows.map(({ name, jobId, indices }) => [name, jobId, indices]), jobs.map(([name, id, list]) => [name, String(id), rangesOf(list)]));
      }),
    );
  });

  it('asks for ended jobs, too, where the site has no accounting', () => {
    const without = { ...tools, tools: { squeue: '/usr/bin/squeue' } };
    assert.ok(dialect.queue(without).command.argv.includes('--states=all'));
    assert.ok(!queue.command.argv.includes('--states=all'));
    // By user: one id that the controller has forgotten would make the whole answer an error.
    assert.ok(queue.command.argv.every((word) => !/^(-j|--jobs?)/.test(word)), queue.command.argv.join(' '));
    const states = new Set(dialect.queue(without).parse(recording('queue-states-all'), true).rows.map(({ state }) => state));
    for (const state of ['completed', 'failed', 'cancelled', 'running', 'pending'] as const) assert.ok(states.has(state), state);
  });
});

describe('slurm: accounting', () => {
  it('reads a recorded answer: exit codes, signals, peaks of the steps, waiting ranges', () => {
    const { rows, malformed } = accounting.parse(recording('accounting-mixed'), true);
    assert.deepEqual(malformed, []);
    const mix = rows.filter(({ name }) => name === 'mix-1a2b');
    assert.deepEqual(mix.map(({ indices, state, exitCode, signal }) => [formatIndexRanges(indices ?? []), state, exitCode, signal]), [
      ['1', 'completed', 0, null], ['2', 'completed', 0, null], ['3', 'failed', 7, null], ['4', 'failed', null, 9], ['5', 'completed', 0, null], ['6', 'completed', 0, null],
    ]);
    for (const row of mix) {
      assert.ok(row.maxRssMiB !== null && row.maxRssMiB > 30 && row.maxRssMiB < 60);
      assert.ok(row.elapsedS !== null && row.elapsedS > 0 && /^node\d$/.test(row.node));
      // Slurm's database turns double quotes into backquotes.
      assert.equal(row.comment.replaceAll('`', '"'), 'tok en|é "q"');
    }
    const waiting = rows.find(({ state }) => state === 'pending');
    assert.equal(waiting?.exitCode, null);
    assert.equal(waiting.node, '');
  });

  it('passes over a record that is not complete yet, which would read as the whole array', () => {
    const output = recording('accounting-half-record');
    assert.match(output.stdout, /\u001fallocation\u001f/);
    assert.deepEqual(accounting.parse(output, true), { rows: [], malformed: [] });
  });

  it('cancelled elements have no exit status that the script gave', () => {
    const rows = accounting.parse(recording('accounting-cancelled'), true).rows.filter(({ state }) => state === 'cancelled');
    assert.ok(rows.length > 3 && rows.every(({ rawState, exitCode, signal }) => rawState.startsWith('CANCELLED') && exitCode === null && (signal === null || signal === 15)));
    assert.equal(formatIndexRanges(rows.at(-1)?.indices ?? []), '8-19,31-100');
  });

  it('tells a site without accounting from a database that does not answer', () => {
    fails(() => accounting.parse(recording('accounting-disabled'), false), 'remote_command_failed', /disabled/, reason('accounting_disabled'));
    fails(() => accounting.parse(recording('accounting-unreachable'), false), 'cluster_timeout', /database/, reason('accounting_unreachable'));
    assert.equal(dialect.accounting(['1'], since, { ...tools, tools: {} }), undefined);
  });

  it('takes the last try of a requeued element, line breaks in names, and refuses to guess', () => {
    const u = '\u001f';
    const row = (...values: string[]): string => values.join(u);
    const output = (text: string): CommandOutput => ({ stdout: `${text}\n\nHPCQ-END\n`, stderr: '', exitCode: 0 });
    const text = [
      'Message of the day: 7 things',
      row('5_1', 'PREEMPTED', '0:0', '12', '', 'n1', 'p', 'c', 'two\nlines', '5'),
      row('5_1.batch', 'CANCELLED', '0:15', '12', '2048K', 'n1', '', '', 'batch', '5.batch'),
      row('5_1', 'COMPLETED', '0:0', '3', '', 'n2', 'p', 'c\n\nd', 'two\nlines', '5'),
      row('5_1.0', 'COMPLETED', '0:0', '3', '1.5G', 'n2', '', '', 'x', '5.0'),
      row('6_[1,3,5...]', 'PENDING', '0:0', '0', '', 'None assigned', 'p', '', 'n', '6'),
    ].join('\n');
    const { rows, malformed } = accounting.parse(output(text), false);
    assert.deepEqual(rows.map(({ state, maxRssMiB, node, name, comment }) => [state, maxRssMiB, node, name, comment]), [['completed', 1536, 'n2', 'two\nlines', 'c\n\nd'], ['pending', null, '', 'n', '']]);
    assert.equal(malformed.length, 1);
    assert.throws(() => accounting.parse(output(text), true));
    assert.deepEqual(accounting.parse(output(row('7', 'COMPLETED', '0:0')), false), { rows: [], malformed: [`${row('7', 'COMPLETED', '0:0')}\n\n`] });
  });

  it('always gives a start, in UTC, a day early', () => {
    assert.ok(accounting.command.argv.includes('--starttime=2026-11-21T02:00:00'));
    assert.equal(accounting.command.env?.TZ, 'UTC0');
  });

  it('reads memory', () => {
    assert.deepEqual(['2048K', '1.5G', '0', '1048576', '', '?', '3M', '1T'].map(parseMaxRssMiB), [2, 1536, 0, 1, null, null, 3, 1_048_576]);
  });
});

describe('slurm: words', () => {
  it('states: long, compact, cut, with a name, and from the future', () => {
    const cases: Record<string, string> = {
      PENDING: 'pending', PD: 'pending', 'CANCELLED by 1000': 'cancelled', 'CANCELLED+': 'cancelled', 'OUT_OF_ME+': 'out_of_memory', OOM: 'out_of_memory', NODE_FAIL: 'node_fail', BOOT_FAIL: 'node_fail', DEADLINE: 'timeout', TIMEOUT: 'timeout', TO: 'timeout',
      REQUEUED: 'pending', SPECIAL_EXIT: 'held', REQUEUE_HOLD: 'held', PREEMPTED: 'preempted', SUSPENDED: 'running', COMPLETING: 'completing', CG: 'completing', CONFIGURING: 'pending', STAGE_OUT: 'completing', QUANTUM_STATE: 'unknown', '': 'unknown', 'COMPLET+': 'unknown', completed: 'completed',
    };
    for (const [raw, state] of Object.entries(cases)) assert.equal(slurmState(raw), state, raw);
    assert.equal(slurmState('PENDING', 'JobHeldAdmin'), 'held');
    assert.equal(slurmState('PENDING', 'Priority'), 'pending');
    assert.equal(foldStates(['completed', 'failed', 'pending', 'running']), 'running');
    assert.equal(foldStates(['completed', 'timeout']), 'timeout');
  });

  it('ids', () => {
    const read = (text: string): unknown => {
      const id = parseSlurmJobId(text);
      return id && [id.jobId, id.indices && formatIndexRanges(id.indices), id.step, id.truncated];
    };
    assert.deepEqual(['123', '123_4', '123_[5-100%4]', '123+0', '123_4.batch', '123.0', '123_[1-9:4]', '123+1.batch', '123_[1,2,...'].map(read), [
      ['123', undefined, undefined, false], ['123', '4', undefined, false], ['123', '5-100', undefined, false], ['123', undefined, undefined, false], ['123', '4', 'batch', false], ['123', undefined, '0', false], ['123', '1,5,9', undefined, false], ['123', undefined, 'batch', false], ['123', '1-2', undefined, true],
    ]);
    for (const text of ['', 'x', '12 3', '123_', '123_[]', '-1', '123_[a]']) assert.equal(read(text), undefined, text);
  });

  it('durations', () => {
    assert.deepEqual(['1-00:00:00', '10:00', '12:00:00', '30', 'infinite', 'n/a', '5:00', '2-12'].map(parseSlurmDurationS), [86_400, 600, 43_200, 1_800, undefined, undefined, 300, 216_000]);
  });
});

describe('slurm: submit', () => {
  it('says everything on the command line', () => {
    assert.deepEqual(submit.command.argv, [
      '/usr/bin/sbatch', '--parsable', '--job-name=sweep-1a2b', '--comment=token', '--chdir=/w', '--output=/o', '--error=/e', '--open-mode=append', '--export=ALL', '--array=1-3,7%4', '--dependency=afterany:1:2,afterok:3', '--kill-on-invalid-dep=yes',
      '--nodes=1', '--cpus-per-task=2', '--mem=1001M', '--time=1-01:02:00', '--gres=gpu:a100:2', '--partition=p', '--account=a', '--qos=q', '--constraint=c&d', '--exclusive', '/s',
    ]);
    for (const name of ['SBATCH_WAIT*', 'SBATCH_ARRAY_INX', 'SLURM_CLUSTERS', 'HPC_KW_*']) assert.ok(submit.command.unset.includes(name), name);
    for (const name of ['SLURM_CONF', 'SBATCH_ACCOUNT', 'SBATCH_PARTITION']) assert.ok(!submit.command.unset.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern)), name);
  });

  it('takes a valid id with status 0, whatever else was printed', () => {
    assert.deepEqual(submit.parse(recording('submit-array'), true).jobId, recording('submit-array').stdout.trim());
    assert.equal(submit.parse({ stdout: 'Welcome\n7 days\n123;fed\n', stderr: 'sbatch: warning: can’t honour', exitCode: 0 }, true).jobId, '123');
    fails(() => submit.parse({ stdout: 'Submitted\n', stderr: '', exitCode: 0 }, true), 'remote_command_failed', /no job id/, ({ details }) => details?.outcome === 'unknown');
    assert.equal(new RegExp(submit.jobIdPattern).exec('123;fed')?.[1], '123');
  });

  const refusals: [string, ErrorCode, RegExp][] = [
    ['submit-bad-partition', 'spec_invalid', /invalid partition specified: nope/], ['submit-drained-partition', 'spec_invalid', /inactive or drain/], ['submit-bad-account', 'spec_invalid', /Invalid account/], ['submit-bad-time', 'spec_invalid', /time limit is invalid/], ['submit-bad-qos', 'spec_invalid', /Invalid qos/],
    ['submit-bad-memory', 'spec_invalid', /Memory specification/], ['submit-bad-gres', 'spec_invalid', /node configuration/], ['submit-bad-option', 'spec_invalid', /--nope/], ['submit-too-large', 'spec_invalid', /Invalid job array/],
    ['submit-qos-limit', 'scheduler_throttled', /QOSMaxSubmitJobPerUserLimit/], ['submit-down', 'cluster_timeout', /Unable to contact/],
  ];
  for (const [name, code, words] of refusals) {
    it(`refused: ${name}`, () => {
      const output = recording(name);
      fails(() => submit.parse(output, true), code, words, ({ details }) => details?.outcome === undefined);
      assert.equal(submit.throttledPatterns.some((pattern) => new RegExp(pattern).test(output.stderr)), code === 'scheduler_throttled');
    });
  }

  it('does not know the outcome when only the reply is missing', () => {
    fails(() => submit.parse(recording('submit-hung'), true), 'cluster_timeout', /Socket timed out/, ({ details, retrySafe }) => details?.outcome === 'unknown' && !retrySafe);
    const sleeping = 'sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n';
    fails(() => submit.parse({ stdout: '', stderr: sleeping, exitCode: 124 }, true), 'scheduler_throttled', /in time/, ({ details, retrySafe }) => details?.outcome === 'unknown' && !retrySafe);
    assert.ok(!submit.throttledPatterns.some((pattern) => new RegExp(pattern).test(sleeping)));
    const refused = { stdout: '', stderr: `${sleeping}sbatch: error: Batch job submission failed: Resource temporarily unavailable\n`, exitCode: 1 };
    fails(() => submit.parse(refused, true), 'scheduler_throttled', /temporarily/, ({ retrySafe }) => retrySafe);
    assert.ok(submit.throttledPatterns.some((pattern) => new RegExp(pattern).test(refused.stderr)));
  });

  it('refuses names and paths that Slurm would read otherwise', () => {
    for (const name of ['a b', '', '1a', 'a,b', 'é', '-a', 'a'.repeat(101)]) fails(() => dialect.submit({ ...request, name }, tools), 'spec_invalid', /job name/);
    fails(() => dialect.logPath('/a\\b', 'k', 'out', true), 'spec_invalid', /backslash/);
    fails(() => dialect.submit(request, { ...tools, tools: {} }), 'config_invalid', /sbatch/);
  });

  it('log paths come back as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('%', 'A', 'a', 'j', ' ', 'é', '/', "'"), maxLength: 12 }), fc.nat(99), (folder, index) => {
        const directory = `/d${folder}`;
        assert.equal(dialect.resolveLogPath(dialect.logPath(directory, 'k', 'err', true), '12', index), `${directory.replace(/\/+$/, '')}/k.12_${index}.err`);
        assert.equal(dialect.resolveLogPath(dialect.logPath(directory, 'k', 'out', false), '12', undefined), `${directory.replace(/\/+$/, '')}/k.12.out`);
      }),
    );
  });
});

describe('slurm: finding, cancelling, limits', () => {
  it('finds by exact name, and never a submission that was refused', () => {
    assert.ok(findQueue && findAccounting);
    assert.deepEqual(parseBothWays(findAccounting, recording('find-accounting')).map(({ name, state }) => [name, state])[0], ['mix-1a2b', 'failed']);
    const [queueOfRefused, accountingOfRefused] = dialect.findByName('refused-mem', since, tools);
    const [hung] = dialect.findByName('hung', since, tools);
    assert.ok(queueOfRefused && accountingOfRefused && hung);
    const kept = ['2', 'FAILED', '1:0', '0', '', 'None assigned', 'cpu', 'token', 'refused-mem', '2'].join('\u001f');
    assert.deepEqual(parseBothWays(accountingOfRefused, { stdout: `${kept}\n\nHPCQ-END\n`, stderr: '', exitCode: 0 }), []);
    assert.equal(parseBothWays(accountingOfRefused, { stdout: `${kept.replace('None assigned', 'node1')}\n\nHPCQ-END\n`, stderr: '', exitCode: 0 }).length, 1);
    assert.match(recording('find-refused-queue').stdout, /FAILED\|BadConstraints\|\|refused-mem/, 'Slurm itself keeps a record of it');
    assert.deepEqual(parseBothWays(queueOfRefused, recording('find-refused-queue')), []);
    // The controller hung while it was submitted, and sbatch failed: it was accepted all the same.
    assert.equal(parseBothWays(hung, recording('find-hung')).length, 1);
  });

  it('cancels lists in pieces that fit a command line, and tells gone from foreign', () => {
    const [first] = dialect.cancel([{ jobId: '5' }, { jobId: '6', indices: rangesOf([3, 1, 2, 9]) }], tools);
    assert.deepEqual(first?.command.argv, ['/usr/bin/scancel', '5', '6_[1-3,9]']);
    const many = dialect.cancel([{ jobId: '7', indices: rangesOf(Array.from({ length: 30_000 }, (_, i) => 2 * i)) }], tools);
    assert.ok(many.length > 1 && many.every(({ command }) => command.argv.join(' ').length < 40_000 && command.argv.every((word) => word.length < 1_700)));
    assert.deepEqual(many.flatMap(({ command }) => command.argv.slice(1).flatMap((word) => [...(parseSlurmJobId(word)?.indices ?? [])])).length, 30_000);
    assert.ok(first);
    first.parse(recording('cancel-unknown'), true);
    first.parse({ stdout: '', stderr: 'scancel: error: Kill job error on job id 5: Invalid job id specified\nscancel: error: Kill job error on job id 6: Job/step already completing or completed\n', exitCode: 1 }, true);
    fails(() => first.parse(recording('cancel-not-ours'), true), 'remote_command_failed', /denied/, reason('not_permitted'));
    fails(() => first.parse({ stdout: '', stderr: 'scancel: error: Kill job error on job id 5: Invalid job id specified\nscancel: error: Kill job error on job id 6: Access/permission denied\n', exitCode: 1 }, true), 'remote_command_failed', /denied/);
    fails(() => first.parse(recording('cancel-down'), true), 'cluster_timeout', /contact/);
    fails(() => dialect.cancel([{ jobId: '5;rm' }], tools), 'spec_invalid', /not a Slurm job id/);
  });

  it('limits: the index is one below MaxArraySize; partitions are added up', () => {
    const limits = dialect.limits(tools).parse(recording('limits'), true);
    assert.deepEqual({ ...limits, partitions: limits.partitions.length }, { maxArrayIndex: 1000, maxArraySize: 1001, maxJobCount: 10_000, accounting: true, version: '22.05.8', partitions: 5 });
    const [cpu] = limits.partitions;
    assert.deepEqual({ ...cpu, cpusIdle: 0 }, { name: 'cpu', isDefault: true, up: true, maxWalltimeS: 86_400, defaultWalltimeS: 600, nodes: 4, cpusTotal: 64, cpusIdle: 0, memoryMiBPerNode: 64_000, gres: 'gpu:a100:4' });
  });

  it('limits: a part that cannot be asked leaves its facts open', () => {
    const limits = dialect.limits(tools).parse(recording('limits-without-database'), true);
    assert.equal(limits.maxArraySize, 1001);
    assert.equal(limits.accounting, false);
    assert.equal(limits.maxSubmitJobs, undefined);
    fails(() => dialect.limits(tools).parse(recording('limits-down'), true), 'cluster_timeout', /Unable to contact/);
    const changed = { ...recording('limits'), stdout: recording('limits').stdout.replace('sandbox|lab||', 'sandbox|lab|300|').replace('normal|\n', 'normal|200\n').replace(/(SchedulerParameters +=).*/, '$1 bf_interval=2,max_array_tasks=500') };
    const tighter = dialect.limits(tools).parse(changed, true);
    assert.deepEqual([tighter.maxSubmitJobs, tighter.maxArraySize, tighter.maxArrayIndex], [200, 500, 1000]);
  });
});
