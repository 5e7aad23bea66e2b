/** Grid Engine's answers as a real 8.1.9 printed them (`recordings/`), and everything that can come between. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { HpcError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { countIndices, formatIndexRanges, rangesOf } from '../../../../src/scheduler/indexRanges.ts';
import type { AccountingRow, CommandOutput, ResourceRequest, SchedulerTools, SubmitRequest } from '../../../../src/scheduler/port.ts';
import { parseMaxRssMiB } from '../../../../src/scheduler/sge/accountingQuery.ts';
import { sgeDialect as dialect } from '../../../../src/scheduler/sge/dialect.ts';
import { parseSgeBytes, parseSgeDurationS, sgeEnd, sgeState, type EndFacts } from '../../../../src/scheduler/sge/states.ts';
import { field, unescapeXml } from '../../../../src/scheduler/sge/xml.ts';
import { commandText, spawnText } from '../../../contract/scheduler/place.ts';
import { parseBothWays } from '../../../contract/scheduler/readByPattern.ts';

const tools: SchedulerTools = { tools: Object.fromEntries(['qsub', 'qstat', 'qacct', 'qdel', 'qconf'].map((name) => [name, `/usr/bin/${name}`])), python: '/usr/bin/python3', user: 'carol', runtimeDirectory: '/r' };
const since = new Date('2026-11-22T02:00:00Z');
const file = (name: string): URL => new URL(`recordings/${name}`, import.meta.url);
const recording = (name: string): CommandOutput => JSON.parse(fs.readFileSync(file(`${name}.json`), 'utf8')) as CommandOutput;
const queue = dialect.queue(tools);
const accounting = dialect.accounting(['55', '56'], since, tools);
assert.ok(accounting);
const [findQueue, findAccounting] = dialect.findByName('mix-1a2b', since, tools);
const request: SubmitRequest = {
  name: 'sweep-1a2b', comment: 'token', scriptPath: '/w/s.sh', workdir: '/w', array: { ranges: [{ first: 1, last: 7 }], maxConcurrent: 4 }, dependencies: [{ type: 'afterany', jobIds: ['1', '{job:w0a1}'] }], resources: {},
  stdoutPath: '/w/l/k.$JOB_ID.$TASK_ID.out', stderrPath: '/o:x/k.$JOB_ID.$TASK_ID.err',
};
const argvOf = (changes: Partial<SubmitRequest> = {}): readonly string[] => dialect.submit({ ...request, ...changes }, tools).command.argv;
const asking = (resources: ResourceRequest): readonly string[] => argvOf({ resources });
const after = (argv: readonly string[], option: string): string | undefined => (argv.includes(option) ? argv[argv.indexOf(option) + 1] : undefined);
const fails = (run: () => unknown, code: ErrorCode, words: RegExp, also: (error: HpcError) => boolean = () => true): void =>
  assert.throws(run, (error: unknown) => HpcError.is(error, code) && words.test(error.message) && also(error));
const reason = (expected: string) => (error: HpcError): boolean => error.details?.reason === expected && (error.remediation ?? '') !== '';
const unknownOutcome = (error: HpcError): boolean => error.details?.outcome === 'unknown' && !error.retrySafe;
const shown = (rows: readonly { jobId: string; state: string; rawState: string; indices?: AccountingRow['indices'] }[]): string[] => rows.map(({ jobId, indices, rawState, state }) => `${jobId}${indices ? `.${formatIndexRanges(indices)}` : ''} ${rawState} ${state}`);

describe('sge: queue', () => {
  it('reads a recorded queue: condensed, stepped, in error, waiting for a job, held, suspended, being deleted', () => {
    const { rows, malformed } = queue.parse(recording('queue-mixed'), true);
    assert.deepEqual(malformed, []);
    assert.deepEqual(shown(rows), ['58.1 r running', '58.2 r running', '61 s running', '63 dr completing', '60.1-3 Eqw held', '58.8-20 qw pending', '59 hqw pending', '62.1,4,7,10,13,16,19 hqw held']);
    assert.equal(rows.find(({ jobId }) => jobId === '59')?.reason, 'Dependency');
    assert.match(rows.find(({ jobId }) => jobId === '60')?.reason ?? '', /error/);
    assert.deepEqual([rows[0]?.name, rows[0]?.node], ['tc-1a2b', 'exec1']);
  });

  it('says why each element is in error, in the words of Grid Engine', () => {
    const job = (id: number, tasks: string): string => `<job_list state="pending"><JB_job_number>${id}</JB_job_number><JB_name>s</JB_name><state>Eqw</state>${tasks === '' ? '' : `<tasks>${tasks}</tasks>`}</job_list>`;
    const answer = (reasons: string): CommandOutput => ({ stdout: `<?xml version='1.0'?>\n<job_info>\n${job(30, '1-3:1')}${job(31, '')}\n</job_info>\n${reasons}\nHPCQ-END\n`, stderr: '', exitCode: 0 });
    const words = `\nHPCQ-REASONS\njob_number:                 30
error reason          1:      11/22/2026 09:03:36 [2101:4346]: error: can't chdir to /home/carol/d</job_info>: No such file or directory
error reason          3:      11/22/2026 09:03:36 [2101:4347]: error: can't chdir to /home/carol/d</job_info>: No such file or directory
job_number:                 31
error reason    1:          can't get password entry for user "carol". Either the user does not exist or NIS error!
`;
    const seen = (output: CommandOutput): unknown[] => queue.parse(output, true).rows.map(({ jobId, indices, state, reason: why }) => [jobId, indices && formatIndexRanges(indices), state, why]);
    assert.deepEqual(seen(answer(words)), [
      ['30', '1,3', 'held', "in error: can't chdir to /home/carol/d</job_info>: No such file or directory"],
      ['30', '2', 'held', 'in error, see qstat -j'],
      ['31', undefined, 'held', 'in error: can\'t get password entry for user "carol". Either the user does not exist or NIS error!'],
    ]);
    // What differs from element to element is left out: a thousand of them are one reason.
    const folder = (index: number): string => `error reason          ${index}:      11/22/2026 22:31:36 [2101:65${index}]: error: can't stat() "/s/logs/w0a0.30.${index}.out" as stdout_path: Permission denied KRB5CCNAME=none uid=2101 gid=2101 2101 65${index}\n`;
    assert.deepEqual(seen(answer(`\nHPCQ-REASONS\njob_number: 30\n${folder(1)}${folder(2)}${folder(3)}`))[0], ['30', '1-3', 'held', 'in error: can\'t stat() "/s/logs/w0a0.30.*.out" as stdout_path: Permission denied']);
    assert.deepEqual(seen(answer('')), [['30', '1-3', 'held', 'in error, see qstat -j'], ['31', undefined, 'held', 'in error, see qstat -j']]);
  });

  it('an empty queue is an answer; silence, noise, half a document and a dead qmaster are not', () => {
    const empty = recording('queue-empty');
    assert.deepEqual(queue.parse(empty, true), { rows: [], malformed: [] });
    fails(() => queue.parse(recording('queue-down'), false), 'cluster_timeout', /send message to qmaster/, reason('controller_unreachable'));
    fails(() => queue.parse(recording('queue-hung'), false), 'cluster_timeout', /in time/);
    fails(() => queue.parse(recording('queue-without-root'), false), 'remote_command_failed', /SGE_ROOT/, reason('environment'));
    fails(() => queue.parse({ stdout: '', stderr: '', exitCode: 0 }, false), 'remote_command_failed', /not complete/);
    fails(() => queue.parse({ stdout: 'Welcome\n\nHPCQ-END\n', stderr: '', exitCode: 0 }, false), 'remote_command_failed', /not complete/);
    fails(() => queue.parse({ ...empty, stdout: empty.stdout.replace('</job_info>\n\nHPCQ', '\nHPCQ').replaceAll('</job_info>', '') }, false), 'remote_command_failed', /not complete/);
  });

  it('keeps what it understands and lists the rest', () => {
    const broken = { stdout: '<job_info>\n<job_list state="running"><JB_job_number>1</JB_job_number><state>r</state>\n<job_list state="x"><JB_job_number>2</JB_job_number><state>qw</state><tasks>1-3:1,7-...</tasks></job_list><job_list><JB_job_number>3</JB_job_number><state>Y</state></job_list></job_info>\n\nHPCQ-END\n', stderr: '', exitCode: 0 };
    const { rows, malformed } = queue.parse(broken, false);
    assert.deepEqual(shown(rows), ['3 Y unknown']);
    assert.equal(malformed.length, 2);
    fails(() => queue.parse(broken, true), 'remote_command_failed', /cannot be read/);
  });

  it('reads any set of waiting elements, with banners around', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 }), fc.constantFrom('', 'Welcome <b> to & it\n', '<job_list>\n'), (indices, banner) => {
        const ranges = rangesOf(indices);
        const written = ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}:1`)).join(',');
        const { rows } = queue.parse({ stdout: `${banner}<job_info  xmlns:xsd="x">\n<job_info><job_list state="pending"><JB_job_number>9</JB_job_number><JB_name>a&amp;&lt;b&gt;</JB_name><state>qw</state><tasks>${written}</tasks></job_list></job_info>\n</job_info>\n\nHPCQ-END\nlogout\n`, stderr: '', exitCode: 0 }, true);
        assert.deepEqual(rows, [{ jobId: '9', indices: ranges, state: 'pending', rawState: 'qw', name: 'a&<b>', reason: '', node: '' }]);
        assert.equal(countIndices(rows[0]?.indices ?? []), indices.length);
      }),
    );
  });

  it('folds every state; a job in error is never merely pending', () => {
    const folded = { qw: 'pending', hqw: 'held', hRwq: 'held', Rq: 'pending', r: 'running', t: 'running', Rr: 'running', hr: 'running', s: 'running', S: 'running', T: 'running', tT: 'running', Eqw: 'held', Ehqw: 'held', dr: 'completing', dt: 'completing', dRr: 'completing', dEqw: 'completing', z: 'unknown', '': 'unknown', X: 'unknown' };
    for (const [raw, state] of Object.entries(folded)) assert.equal(sgeState(raw).state, state, raw);
    assert.deepEqual(sgeState('hqw', true), { state: 'pending', reason: 'Dependency' });
    assert.equal(sgeState('Ehqw', true).state, 'held');
    fc.assert(fc.property(fc.array(fc.constantFrom(...'qwhRrtsST'), { maxLength: 5 }), (letters) => !['pending', 'running'].includes(sgeState(`E${letters.join('')}`).state)));
  });
});

describe('sge: accounting', () => {
  it('reads recorded ends: exit status, kill, walltime limit, a status above 128 of its own', () => {
    const { rows, malformed } = accounting.parse(recording('accounting-mixed'), true);
    assert.deepEqual(malformed, []);
    const of = (jobId: string, index?: number): AccountingRow | undefined => rows.find((row) => row.jobId === jobId && row.indices?.[0]?.first === index);
    const end = (row: AccountingRow | undefined): unknown => row && [row.state, row.exitCode, row.signal];
    assert.deepEqual(end(of('55', 2)), ['failed', 7, null]);
    assert.deepEqual(end(of('55', 3)), ['failed', null, 9]);
    assert.deepEqual(end(of('55', 4)), ['failed', 137, null]);
    assert.deepEqual(end(of('56')), ['timeout', null, 9]);
    assert.deepEqual([of('56')?.elapsedS, of('56')?.node, of('56')?.name], [3, 'exec1', 'hrt-1a2b']);
    // Deleted by its owner: a kill like any other.
    assert.deepEqual(end(of('63')), ['failed', null, 9]);
    // In error and then deleted: it never ran, and there is no record.
    assert.equal(rows.some(({ jobId }) => jobId === '60'), false);
  });

  it('no record is an answer; no file and a dead host are not', () => {
    assert.deepEqual(accounting.parse(recording('accounting-not-there'), true), { rows: [], malformed: [] });
    fails(() => accounting.parse(recording('accounting-no-file'), false), 'remote_command_failed', /No such file/, reason('accounting_disabled'));
    fails(() => accounting.parse({ stdout: '', stderr: '', exitCode: 0 }, false), 'remote_command_failed', /not complete/);
    fails(() => accounting.parse({ stdout: 'HPCA-END 139\n', stderr: '', exitCode: 0 }, false), 'remote_command_failed', /139/);
    fails(() => accounting.parse({ stdout: 'HPCA-END 1\n', stderr: 'error: something else', exitCode: 0 }, false), 'remote_command_failed', /something else/);
    assert.deepEqual(accounting.parse({ stdout: 'HPCA\u001f1\u001f2\nHPCA-END 0\n', stderr: '', exitCode: 0 }, false).malformed.length, 1);
    assert.equal(dialect.accounting([], since, tools), undefined);
    assert.equal(dialect.accounting(['1'], since, { ...tools, tools: {} }), undefined);
  });

  it('cuts qacct down on the far side: the jobs asked for, the last record of an element, ids given out again told by name', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-qacct-'));
    try {
      const qacct = path.join(folder, 'qacct');
      const raw = fs.readFileSync(file('qacct-raw.txt'), 'utf8');
      const [block = ''] = raw.split(/^=+\n/m).filter((text) => /jobnumber +73 /.test(text));
      const altered = (changes: Readonly<Record<string, string>>): string => `${'='.repeat(62)}\n${Object.entries(changes).reduce((text, [name, value]) => text.replace(new RegExp(`^(${name} +).*$`, 'm'), `$1${value}`), block)}`;
      fs.writeFileSync(path.join(folder, 'answer'), `${altered({ jobname: 'stranger', failed: '100 : assumedly after job', exit_status: '137' })}${altered({ failed: '25  : rescheduling' })}${raw}${altered({ jobnumber: '730' })}${altered({ jobnumber: '76', failed: '26  : opening input/output file' })}`);
      fs.writeFileSync(qacct, `#!/bin/sh\nprintf '%s\\n' "$*" > '${folder}/asked'\ncat '${folder}/answer'\n`, { mode: 0o755 });
      const real = dialect.accounting(['72', '73', '76'], since, { ...tools, tools: { qacct } });
      assert.ok(real);
      const { rows } = real.parse(await spawnText('sh', ['-c', commandText(real.command)]), true);
      assert.equal(fs.readFileSync(path.join(folder, 'asked'), 'utf8'), '-o carol -j *\n');
      assert.deepEqual(rows.map(({ jobId, name, state, indices }) => `${jobId} ${name} ${state} ${indices ? formatIndexRanges(indices) : ''}`).sort(), [
        '72 raw-1a2b completed 1', '72 raw-1a2b completed 2', '73 raw-1a2b completed ', '73 stranger failed ', '76 raw-1a2b held ']);
      const [peak] = rows.flatMap(({ jobId, maxRssMiB }) => (jobId === '72' ? [maxRssMiB ?? 0] : []));
      assert.ok(peak !== undefined && peak > 100 && peak < 120, `${peak} MiB for 100 MiB of data`);
      const [, byName] = dialect.findByName('raw-1a2b', since, { ...tools, tools: { ...tools.tools, qacct } });
      assert.ok(byName);
      assert.deepEqual((byName.parse(await spawnText('sh', ['-c', commandText(byName.command)]), true)).map(({ jobId }) => jobId).sort(), ['72', '73', '730', '74', '76']);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('tells what a failed code means', () => {
    const end = (failed: number, exitStatus: number, more: Partial<EndFacts> = {}): unknown => {
      const { state, exitCode, signal } = sgeEnd({ failed, exitStatus, wallclockS: 10, maxVmemBytes: 1e6, category: '', deletedBy: '', ...more });
      return `${state} ${exitCode ?? '-'} ${signal ?? '-'}`;
    };
    assert.equal(end(0, 0), 'completed 0 -');
    assert.equal(end(0, 3), 'failed 3 -');
    assert.equal(end(100, 143), 'failed - 15');
    // In error and still in the queue.
    assert.equal(end(26, 0), 'held - -');
    assert.equal(end(25, 0), 'pending - -');
    // Seen after a power cut of the host.
    assert.equal(end(19, 0), 'node_fail - -');
    assert.equal(end(37, 137), 'timeout - 9');
    const greedy = { category: '-u carol -l h_rt=3600,h_vmem=1G -pe smp 2', maxVmemBytes: 1.07e9 };
    assert.equal(end(37, 137, greedy), 'out_of_memory - 9');
    assert.equal(end(37, 137, { ...greedy, wallclockS: 3600 }), 'timeout - 9');
    assert.equal(end(100, 137, greedy), 'out_of_memory - 9');
    assert.equal(end(100, 137, { ...greedy, deletedBy: 'carol' }), 'cancelled - 9');
  });

  it('reads sizes and times', () => {
    assert.deepEqual(['4.281KB', '107.855KB', '1.5MB', '512.000B', '110592', '0.000B', '-'].map(parseMaxRssMiB), [4.281, 107.855, 1536, 0.5, 108, null, null]);
    assert.deepEqual(['1G', '1g', '100M', '23.5K', '7', 'INFINITY'].map(parseSgeBytes), [2 ** 30, 1e9, 100 * 2 ** 20, 24_064, 7, undefined]);
    assert.deepEqual(['24:00:00', '5:0', '90', 'INFINITY', ''].map(parseSgeDurationS), [86_400, 300, 90, undefined, undefined]);
    assert.deepEqual([field('<a/>', 'a'), field('<a x="1"> b&#x41;&#66; </a>', 'a'), field('', 'a'), unescapeXml('&nothing;&amp;lt;')], ['', 'bAB', undefined, '&nothing;&lt;']);
  });
});

describe('sge: find by name', () => {
  it('gives ids of the exact name, from the queue and from accounting', () => {
    assert.ok(findQueue && findAccounting);
    assert.deepEqual(parseBothWays(findQueue, recording('find-queue')), []);
    assert.deepEqual(parseBothWays(findAccounting, recording('find-accounting')), [{ jobId: '55', name: 'mix-1a2b', state: 'failed' }]);
    assert.deepEqual(parseBothWays(findAccounting, recording('find-none')), []);
    const [waiting] = dialect.findByName('tc-1a2b', since, tools);
    assert.ok(waiting);
    assert.deepEqual(parseBothWays(waiting, recording('queue-mixed')), [{ jobId: '58', name: 'tc-1a2b', state: 'running' }]);
    fails(() => dialect.findByName('a*', since, tools), 'spec_invalid', /cannot be a job name/);
  });
});

describe('sge: submit', () => {
  it('puts everything on the command line', () => {
    const argv = argvOf();
    assert.deepEqual([after(argv, '-t'), after(argv, '-tc'), after(argv, '-hold_jid'), after(argv, '-wd'), after(argv, '-S'), after(argv, '-N'), after(argv, '-w'), after(argv, '-r'), after(argv, '-b'), argv.at(-1)], ['1-7', '4', '1,{job:w0a1}', '/w', '/bin/sh', 'sweep-1a2b', 'e', 'n', 'n', '/w/s.sh']);
    assert.deepEqual([after(argv, '-o'), after(argv, '-e')], [':l/k.$JOB_ID.$TASK_ID.out', ':/o:x/k.$JOB_ID.$TASK_ID.err']);
    assert.ok(!argv.includes('-V') && !argv.includes('-l') && !argv.includes('-pe'));
    assert.equal(argvOf({ array: undefined }).includes('-t'), false);
  });

  it('divides the memory of a task by its slots, and leaves out what the extra words say', () => {
    assert.equal(after(asking({ memoryMiB: 1000.5, walltimeS: 90, gpus: 2, gpuType: 'A100', constraint: 'highp' }), '-l'), 'h_rt=90,h_data=1001M,gpu=2,A100,highp');
    const parallel = asking({ cpus: 3, memoryMiB: 1000, gpus: 1 });
    assert.deepEqual([parallel[0], after(parallel, '-l'), parallel.slice(4, 9)], ['/bin/sh', 'h_data=334M', ['/usr/bin/qstat', '/usr/bin/qconf', '3', '1', '/usr/bin/qsub']]);
    const own = asking({ cpus: 3, memoryMiB: 1000, extraArguments: ['-pe', 'mine', '3', '-l', 'h_vmem=1G'], account: 'p', partition: 'q' });
    assert.deepEqual([own[0], after(own, '-pe'), after(own, '-l'), after(own, '-P'), after(own, '-q')], ['/usr/bin/qsub', 'mine', 'h_vmem=1G', 'p', 'q']);
  });

  it('keeps away from hosts by their name with and without a domain, unless the hosts are chosen already', () => {
    assert.equal(after(asking({ walltimeS: 90, excludeNodes: ['exec1', 'exec1.lab.example', 'n-2'] }), '-l'), 'h_rt=90,h=!(exec1|exec1.*|n-2|n-2.*)');
    for (const chosen of [{ constraint: 'hostname=fast*' }, { constraint: 'highp,h=fast*' }, { extraArguments: ['-l', 'h=fast*'] }]) assert.ok(!argvOf({ resources: { ...chosen, excludeNodes: ['exec1'] } }).join(' ').includes('!('), JSON.stringify(chosen));
    assert.match(argvOf({ resources: { constraint: 'arch=lx*', excludeNodes: ['exec1'] } }).join(' '), /-l arch=lx\*,h=!\(exec1\|/);
    fails(() => asking({ excludeNodes: ['a|b'] }), 'spec_invalid', /not the name of a host/);
  });

  it('asks the site for a parallel environment, and whether a GPU counts for each core', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-qsub-'));
    try {
      const fake = (name: string, text: string): string => {
        fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        return path.join(folder, name);
      };
      const ask = async (resources: ResourceRequest, consumable: string, known: string): Promise<CommandOutput> => {
        const programs = {
          qsub: fake('qsub', 'echo "$*"'),
          qstat: fake('qstat', `[ "$4" = '${known}' ] || [ $# = 2 ]`),
          qconf: fake('qconf', consumable === '' ? 'echo denied >&2; exit 1' : `echo 'gpu gpu INT <= YES ${consumable} 0 0'`),
          qdel: '/q',
        };
        return spawnText('sh', ['-c', commandText(dialect.submit({ ...request, resources }, { ...tools, tools: programs }).command)]);
      };
      assert.match((await ask({ cpus: 4, gpus: 1 }, 'JOB', 'shared')).stdout, /^-pe shared 4 -l gpu=1 -terse /);
      assert.match((await ask({ cpus: 2, gpus: 4 }, 'YES', 'smp')).stdout, /^-pe smp 2 -l gpu=2 -terse /);
      assert.match((await ask({ cpus: 2, gpus: 1 }, '', 'smp')).stdout, /^-pe smp 2 -l gpu=1 -terse /);
      assert.match((await ask({ cpus: 2 }, 'YES', 'smp')).stdout, /^-pe smp 2 -terse /);
      const odd = await ask({ cpus: 2, gpus: 1 }, 'YES', 'smp');
      fails(() => dialect.submit(request, tools).parse(odd, true), 'spec_invalid', /counts the resource gpu for each core/);
      const none = await ask({ cpus: 2 }, 'YES', 'strange');
      fails(() => dialect.submit(request, tools).parse(none, true), 'spec_invalid', /no parallel environment/);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('refuses what Grid Engine cannot do, before it is asked', () => {
    fails(() => argvOf({ dependencies: [{ type: 'afterok', jobIds: ['3'] }] }), 'spec_invalid', /success of another/);
    fails(() => argvOf({ array: { ranges: [{ first: 1, last: 2 }, { first: 4, last: 4 }] } }), 'internal', /one/);
    fails(() => asking({ qos: 'x' }), 'spec_invalid', /QOS/);
    fails(() => asking({ nodes: 2 }), 'spec_invalid', /several nodes/);
    fails(() => asking({ constraint: 'a b' }), 'spec_invalid', /resource/);
    fails(() => argvOf({ stdoutPath: '/elsewhere/a,b/x' }), 'spec_invalid', /comma/);
    fails(() => dialect.logPath('/a/$HOME', 'k', 'out', true), 'spec_invalid', /replace/);
    fails(() => argvOf({ name: '1abc' }), 'spec_invalid', /job name/);
  });

  it('log paths come back for one element', () => {
    const pattern = dialect.logPath('/a b,c/', 'w0a0', 'err', true);
    assert.equal(pattern, '/a b,c/w0a0.$JOB_ID.$TASK_ID.err');
    assert.equal(dialect.resolveLogPath(pattern, '12', 3), '/a b,c/w0a0.12.3.err');
    assert.equal(dialect.resolveLogPath(dialect.logPath('/a', 'w0c', 'out', false), '12', undefined), '/a/w0c.12.out');
  });

  it('reads the id of arrays and plain jobs', () => {
    const query = dialect.submit(request, tools);
    const plain = dialect.submit({ ...request, array: undefined }, tools);
    assert.equal(query.parse(recording('submit-array'), true).jobId, '55');
    assert.deepEqual(['submit-plain', 'submit-pe', 'submit-dependent'].map((name) => plain.parse(recording(name), true).jobId), ['56', '61', '59']);
    // A wrapper of the site: what it says of hours and projects is no job.
    assert.deepEqual(query.parse({ stdout: '12345\n81.1-3:1\n1 job submitted; balance:\n500\n', stderr: '', exitCode: 0 }, true), { jobId: '81' });
    fails(() => plain.parse({ stdout: '81\n500\n', stderr: '', exitCode: 0 }, true), 'remote_command_failed', /no job id/, (error) => error.details?.outcome === 'unknown');
    assert.deepEqual(query.parse({ stdout: 'module loaded\n7 files\n81.1-3:1\n', stderr: 'noise', exitCode: 0 }, true), { jobId: '81' });
    fails(() => query.parse({ stdout: 'nothing', stderr: '', exitCode: 0 }, true), 'remote_command_failed', /no job id/, (error) => error.details?.outcome === 'unknown');
  });

  it('says why it was refused', () => {
    const query = dialect.submit({ ...request, resources: { memoryMiB: 900_000_000 } }, tools);
    const refused = (name: string, code: ErrorCode, words: RegExp, also?: (error: HpcError) => boolean): void => fails(() => query.parse(recording(name), true), code, words, also);
    refused('submit-bad-memory', 'spec_invalid', /no suitable queues .*900000000 MiB of memory/);
    refused('submit-bad-time', 'spec_invalid', /no suitable queues/);
    refused('submit-bad-queue', 'spec_invalid', /nosuch\.q/);
    refused('submit-bad-project', 'spec_invalid', /project "nosuch"/);
    refused('submit-bad-resource', 'spec_invalid', /unknown resource "nosuch"/);
    refused('submit-bad-pe', 'spec_invalid', /parallel environment "nosuch"/);
    refused('submit-too-large', 'spec_invalid', /75000 tasks/);
    refused('submit-user-limit', 'scheduler_throttled', /only 1 jobs are allowed per user/, reason('submit_limit'));
    refused('submit-without-root', 'remote_command_failed', /SGE_ROOT/, reason('environment'));
    refused('submit-down', 'cluster_timeout', /qmaster/, (error) => error.details?.outcome === undefined);
    refused('submit-down-pe', 'cluster_timeout', /qmaster/);
    refused('submit-hung', 'cluster_timeout', /in time/, unknownOutcome);
    assert.ok(query.throttledPatterns.some((pattern) => new RegExp(pattern).test(recording('submit-user-limit').stderr)));
    fails(() => query.parse({ stdout: '', stderr: 'Unable to run job: failed receiving gdi request response for mid=1 (got syncron message receive timeout error).\nExiting.\n', exitCode: 1 }, true), 'cluster_timeout', /receive timeout/, unknownOutcome);
    fails(() => query.parse({ stdout: '', stderr: 'hpc-agent: this site has no parallel environment of a usual name (smp)\n', exitCode: 2 }, true), 'spec_invalid', /no parallel environment/);
  });
});

describe('sge: cancel', () => {
  it('names jobs and elements, and takes what is gone for cancelled', () => {
    const [query, ...others] = dialect.cancel([{ jobId: '5', indices: rangesOf([9, 1, 2, 3]) }, { jobId: '6' }], tools);
    assert.ok(query);
    assert.deepEqual([query.command.argv, others.length], [['/usr/bin/qdel', '5.1-3', '5.9-9', '6'], 0]);
    query.parse(recording('cancel-elements'), true);
    query.parse(recording('cancel-unknown'), true);
    fails(() => { query.parse(recording('cancel-not-ours'), true); }, 'remote_command_failed', /privileges/, reason('not_permitted'));
    fails(() => { query.parse(recording('cancel-down'), true); }, 'cluster_timeout', /qmaster/);
    fails(() => { query.parse({ stdout: '', stderr: '', exitCode: 1 }, true); }, 'remote_command_failed', /exit status 1/);
    fails(() => dialect.cancel([{ jobId: '5.1' }], tools), 'spec_invalid', /job id/);
    assert.ok(dialect.cancel([{ jobId: '1234567', indices: rangesOf(Array.from({ length: 5000 }, (_, index) => index * 2 + 1)) }], tools).every(({ command }) => command.argv.join(' ').length < 25_000));
  });
});

describe('sge: limits', () => {
  const limits = dialect.limits(tools);
  it('reads queues and the configuration', () => {
    const { partitions, ...rest } = limits.parse(recording('limits'), true);
    assert.deepEqual(rest, { maxArraySize: 75_000, accounting: true, version: '8.1.9' });
    assert.deepEqual(partitions.map(({ name, isDefault, up, maxWalltimeS, nodes, cpusTotal, gres }) => [name, isDefault, up, maxWalltimeS, nodes, cpusTotal, gres]), [['all.q', true, true, 86_400, 2, 32, 'gpu:2'], ['short.q', false, true, 300, 2, 8, 'gpu:2']]);
    assert.ok(partitions.every(({ memoryMiBPerNode, cpusIdle, cpusTotal }) => memoryMiBPerNode === 24_105 && cpusIdle <= cpusTotal));
  });

  it('does without the configuration where qconf is refused, never without the queues', () => {
    const { maxArraySize, partitions } = limits.parse(recording('limits-not-admin'), true);
    assert.deepEqual([maxArraySize, partitions.length], [undefined, 2]);
    fails(() => limits.parse(recording('limits-down'), false), 'cluster_timeout', /qmaster/);
    const lost = recording('limits');
    const without = limits.parse({ ...lost, stdout: lost.stdout.replaceAll('<arch>lx-amd64</arch>', '<arch>-NA-</arch><state>au</state>') }, true);
    assert.deepEqual(without.partitions.map(({ up, cpusIdle }) => [up, cpusIdle]), [[false, 0], [false, 0]]);
  });
});
