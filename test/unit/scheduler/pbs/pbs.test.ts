/** The PBS dialect's commands and rules, without a server: what is asked of which family, and what answers mean. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { HpcError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { renderJobScript, type JobProgram } from '../../../../src/scheduler/jobScript.ts';
import { carriedVariables, commentOf, nameOf, shortJobName } from '../../../../src/scheduler/pbs/carriedNames.ts';
import { pbsDialect as dialect } from '../../../../src/scheduler/pbs/dialect.ts';
import { endOf, parsePbsDurationS, parsePbsSizeMiB } from '../../../../src/scheduler/pbs/jobEnd.ts';
import { parsePbsJobId } from '../../../../src/scheduler/pbs/jobId.ts';
import { readJsonForm } from '../../../../src/scheduler/pbs/jsonForm.ts';
import { perUserLimit } from '../../../../src/scheduler/pbs/limitsQuery.ts';
import { parseNodes } from '../../../../src/scheduler/pbs/nodes.ts';
import { readRecords, type PbsRecord } from '../../../../src/scheduler/pbs/records.ts';
import { queueRows } from '../../../../src/scheduler/pbs/queueQuery.ts';
import type { CommandOutput, SchedulerTools, SubmitRequest } from '../../../../src/scheduler/port.ts';
import { commandText, spawnText } from '../../../contract/scheduler/place.ts';

const tools: SchedulerTools = { tools: { qsub: '/q/qsub', qstat: '/q/qstat', qdel: '/q/qdel' }, python: '/p', user: 'carol', runtimeDirectory: '/r' };
const request: SubmitRequest = { name: 'sweep-w0a0-0123456789', comment: '0123456789abcdef', scriptPath: '/s', workdir: '/w', array: { ranges: [{ first: 1, last: 9 }], maxConcurrent: 3 }, dependencies: [], resources: {}, stdoutPath: '/o', stderrPath: '/e' };
const fails = (run: () => unknown, code: ErrorCode, words: RegExp): void => assert.throws(run, (error: unknown) => HpcError.is(error, code) && words.test(error.message) && (error.remediation ?? '') !== '');
const record = (id: string, attributes: Readonly<Record<string, string>>): PbsRecord => ({ id, attributes: new Map(Object.entries(attributes)) });
const said = (stderr: string, exitCode = 1): CommandOutput => ({ stdout: '', stderr, exitCode });

/** A folder with a qsub that writes down how it was called; it refuses what `refuse` (a shell pattern over its words) matches. */
async function withQsub<T>(version: string, refuse: string, use: (found: { readonly run: (changes: Partial<SubmitRequest>) => Promise<CommandOutput & { words: string[]; script: string }> }) => Promise<T>): Promise<T> {
  const root = await mkdtemp(path.join(tmpdir(), 'hpc-qsub-'));
  try {
    await mkdir(path.join(root, 'bin'));
    const file = path.join(root, 'bin', 'qsub');
    await writeFile(file, `#!/bin/sh\nif [ "$1" = --version ]; then echo "${version}" >&2; exit 0; fi\ncase "$*" in ${refuse}) echo 'qsub: illegal -N value' >&2; exit 2;; esac\nprintf '%s\\n' "$@" > "${root}/words"\ncat > "${root}/script"\necho 12[].srv\n`);
    await chmod(file, 0o755);
    const qstat = path.join(root, 'bin', 'qstat');
    await writeFile(qstat, '#!/bin/sh\ncase $1 in 99*) echo "qstat: Unknown Job Id $1.srv" >&2; exit 153;; esac\necho known\n');
    await chmod(qstat, 0o755);
    return await use({
      run: async (changes) => {
        const { command } = dialect.submit({ ...request, ...changes }, { ...tools, tools: { ...tools.tools, qsub: file, qstat } });
        const output = await spawnText('sh', ['-c', commandText(command)], { stdin: command.stdin ?? '' });
        const read = (name: string): Promise<string> => readFile(path.join(root, name), 'utf8').catch(() => '');
        return { ...output, words: (await read('words')).trimEnd().split('\n'), script: await read('script') };
      },
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const dependencies = (words: readonly string[]): readonly string[] => words.filter((word) => word.startsWith('-W'));
const after = (words: readonly string[], option: string): string[] => words.flatMap((word, at) => (words[at - 1] === option ? [word] : []));

describe('pbs: submitting', () => {
  it('in the words of OpenPBS', async () => {
    await withQsub('pbs_version = 23.06.06', 'nothing', async ({ run }) => {
      const { stdout, words, script } = await run({ dependencies: [{ type: 'afterany', jobIds: ['7[]', '8'] }], resources: { cpus: 4, memoryMiB: 1500.2, gpus: 1, gpuType: 'gpu_model=a100', walltimeS: 90_061, partition: 'workq', account: 'proj' } });
      assert.equal(stdout, '12[].srv\n');
      assert.deepEqual(after(words, '-J'), ['1-9%3']);
      assert.deepEqual(dependencies(words), ['-Wdepend=afterany:7[]:8']);
      // What PBS has forgotten has ended; to wait for it would be to wait for ever.
      assert.deepEqual(dependencies((await run({ dependencies: [{ type: 'afterany', jobIds: ['99[]', '8'] }, { type: 'afterok', jobIds: ['99'] }] })).words), ['-Wdepend=afterany:8,afterok:99']);
      const alone = await run({ dependencies: [{ type: 'afterany', jobIds: ['99[]', '99'] }], resources: { walltimeS: 60 } });
      assert.deepEqual([dependencies(alone.words), after(alone.words, '-l'), after(alone.words, '-J')], [[], ['walltime=00:01:00'], ['1-9%3']]);
      assert.deepEqual(after(words, '-l'), ['select=1:ncpus=4:mem=1501mb:ngpus=1:gpu_model=a100', 'walltime=25:01:01']);
      assert.deepEqual([after(words, '-q'), after(words, '-A'), after(words, '-N'), after(words, '-o'), after(words, '-m')], [['workq'], ['proj'], [request.name], ['localhost:/dev/null'], ['n']]);
      assert.ok(!words.includes('-V') && !words.includes('-t'));
      assert.match(script, /^#!\/bin\/sh\numask 0?\d{3}\n/);
      // One element is a range of two in steps of two.
      assert.deepEqual(after((await run({ array: { ranges: [{ first: 4, last: 4 }], maxConcurrent: 1 } })).words, '-J'), ['4-5:2']);
      assert.deepEqual(after((await run({ array: undefined })).words, '-J'), []);
      assert.deepEqual(after((await run({ array: undefined, resources: { nodes: 2 } })).words, '-l'), ['select=2', 'place=scatter']);
      assert.deepEqual(after((await run({ resources: { cpus: 2, extraArguments: ['-l', 'select=3:ncpus=1'] } })).words, '-l'), ['select=3:ncpus=1']);
    });
  });

  it('in the words of TORQUE', async () => {
    await withQsub('Version: 6.1.3', 'nothing', async ({ run }) => {
      const { words } = await run({ dependencies: [{ type: 'afterany', jobIds: ['7[]', '8', '9[]'] }, { type: 'afterok', jobIds: ['5'] }], resources: { cpus: 4, memoryMiB: 100, walltimeS: 60, gpus: 2 } });
      assert.deepEqual(after(words, '-t'), ['1-9%3']);
      assert.deepEqual(dependencies(words), ['-Wdepend=afteranyarray:7[]:9[],afterany:8,afterok:5']);
      const alone = await run({ dependencies: [{ type: 'afterany', jobIds: ['99[]'] }], resources: { walltimeS: 60 } });
      assert.deepEqual([dependencies(alone.words), after(alone.words, '-l'), after(alone.words, '-t')], [[], ['walltime=00:01:00'], ['1-9%3']]);
      assert.deepEqual(after(words, '-l'), ['nodes=1:ppn=4:gpus=2', 'mem=100mb', 'walltime=00:01:00']);
      assert.ok(!words.includes('-J'));
      assert.deepEqual(after((await run({ array: { ranges: [{ first: 4, last: 4 }] } })).words, '-t'), ['4-4']);
    });
  });

  it('with a short name where the long one is refused, and finds the job under both', async () => {
    await withQsub('Version: 2.5.12', `*${request.name}\\ *`, async ({ run }) => {
      const { words, stdout, exitCode } = await run({});
      assert.deepEqual([exitCode, stdout, after(words, '-N')], [0, '12[].srv\n', [shortJobName(request.name)]]);
    });
    assert.match(shortJobName(request.name), /^h[0-9a-f]{14}$/);
    assert.equal(shortJobName('ct-12345678'), 'ct-12345678');
    const [variables = ''] = [carriedVariables(request.name, request.comment)];
    assert.equal(nameOf(record('1.s', { Job_Name: 'h0', Variable_List: `PBS_O_HOME=/h,${variables},PBS_O_QUEUE=q` })), request.name);
    assert.equal(nameOf(record('1.s', { Job_Name: 'h0', 'Variable_List.HPC_AGENT_NAME': 'whole' })), 'whole');
  });

  it('a refusal for another reason is passed on as it is, and tried once', async () => {
    await withQsub('pbs_version = 1', '*', async ({ run }) => {
      const output = await run({ name: 'short' });
      assert.deepEqual([output.exitCode, output.stderr, output.stdout], [2, 'qsub: illegal -N value\n', '']);
    });
  });

  it('comments of any letters come back whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (comment) => {
        const word = carriedVariables('n', comment);
        assert.match(word, /^[A-Za-z0-9_.~=,%-]*$/);
        assert.equal(commentOf(record('1.s', { Variable_List: `A=1,${word},B=2` })), comment);
      }),
    );
  });

  it('refuses what PBS cannot do', () => {
    const submit = (changes: Partial<SubmitRequest>) => () => dialect.submit({ ...request, ...changes }, tools);
    fails(submit({ array: { ranges: [{ first: 1, last: 1 }, { first: 3, last: 4 }] } }), 'spec_invalid', /one range/);
    fails(submit({ resources: { qos: 'high' } }), 'spec_invalid', /QOS/);
    fails(submit({ resources: { partition: 'workq@elsewhere' } }), 'spec_invalid', /another PBS server/);
    fails(submit({ resources: { cpus: 1, constraint: 'a b;c' } }), 'spec_invalid', /cannot stand/);
    fails(() => dialect.submit(request, { ...tools, tools: {} }), 'config_invalid', /qsub|qstat/);
  });

  it('tells what a failed qsub means', () => {
    const query = dialect.submit(request, tools);
    const parse = (output: CommandOutput, strict: boolean): { readonly jobId: string } => query.parse(output, strict);
    fails(() => parse(said('qsub: Maximum number of jobs already in queue MSG=total number of current user\'s jobs exceeds the queue limit: user carol', 228), true), 'scheduler_throttled', /Maximum/);
    fails(() => parse(said('Connection refused\nqsub: cannot connect to server pbs01 (errno=15010)', 162), true), 'cluster_timeout', /cannot connect/);
    assert.throws(() => parse(said('qsub: End of File', 1), true), (error: unknown) => HpcError.is(error, 'cluster_timeout') && error.details?.outcome === 'unknown' && !error.retrySafe);
    assert.throws(() => parse({ stdout: '', stderr: '', exitCode: 124 }, true), (error: unknown) => HpcError.is(error, 'cluster_timeout') && error.details?.outcome === 'unknown');
    assert.throws(() => parse({ stdout: 'Welcome\n', stderr: '', exitCode: 0 }, true), (error: unknown) => HpcError.is(error, 'remote_command_failed') && error.details?.outcome === 'unknown');
    // A wrapper of the site: what it says of hours is no job.
    assert.equal(parse({ stdout: 'Welcome 1\n12[].srv.example.org\nhours left\n500\n', stderr: 'noise', exitCode: 0 }, true).jobId, '12[]');
    const plain = dialect.submit({ ...request, array: undefined }, tools);
    assert.equal(plain.parse({ stdout: 'Welcome 1\n12.srv.example.org\n', stderr: 'noise', exitCode: 0 }, true).jobId, '12');
    assert.throws(() => plain.parse({ stdout: '12.srv.example.org\n500\n', stderr: '', exitCode: 0 }, true), (error: unknown) => HpcError.is(error, 'remote_command_failed') && error.details?.outcome === 'unknown');
  });
});

describe('pbs: the starter', () => {
  it('goes to the folder, opens the logs whatever their names, and becomes the script', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'hpc-start-'));
    try {
      const workdir = path.join(root, `o'dd "x":y,z %A é$(q)`);
      await mkdir(workdir);
      const script = path.join(workdir, 'job.sh');
      await writeFile(script, '#!/bin/sh\npwd\necho "$PBS_ARRAY_INDEX" >&2\nexit 5\n');
      for (const mode of [0o755, 0o644]) {
        await chmod(script, mode);
        const { command } = dialect.submit({ ...request, scriptPath: script, workdir, stdoutPath: dialect.logPath(workdir, 'k', 'out', true), stderrPath: dialect.logPath(workdir, 'k', 'err', true) }, tools);
        const output = await spawnText('sh', [], { stdin: command.stdin ?? '', env: { PATH: process.env.PATH, PBS_JOBID: '12[4].srv', PBS_ARRAY_INDEX: '4', HOME: root } });
        assert.deepEqual([output.exitCode, output.stdout, output.stderr], [5, '', '']);
      }
      assert.equal(await readFile(dialect.resolveLogPath(dialect.logPath(workdir, 'k', 'out', true), '12[]', 4), 'utf8'), `${workdir}\n${workdir}\n`);
      assert.equal(await readFile(path.join(workdir, 'k.12_4.err'), 'utf8'), '4\n4\n');
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it('does nothing after an array that did not succeed as a whole, or that cannot be asked about', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'hpc-start-'));
    try {
      const qstat = path.join(root, 'qstat');
      await writeFile(path.join(root, 'job.sh'), 'echo ran\n');
      const run = async (answer: string, env: NodeJS.ProcessEnv = {}): Promise<string> => {
        await writeFile(qstat, `#!/bin/sh\n${answer}\n`);
        await chmod(qstat, 0o755);
        const { command } = dialect.submit({ ...request, array: undefined, scriptPath: path.join(root, 'job.sh'), workdir: root, stdoutPath: `${root}/out`, stderrPath: `${root}/err`, dependencies: [{ type: 'afterok', jobIds: ['7[]', '8'] }] }, { ...tools, tools: { ...tools.tools, qstat } });
        const { exitCode } = await spawnText('sh', [], { stdin: command.stdin ?? '', env: { PATH: process.env.PATH, PBS_JOBID: '9.srv', ...env } });
        const out = await readFile(`${root}/out`, 'utf8');
        await rm(`${root}/out`);
        return `${exitCode ?? ''} ${out.trim()}`.trim();
      };
      assert.equal(await run('printf "    job_state = F\\n    Exit_status = 0\\n"'), '0 ran');
      assert.equal(await run('printf "    job_state = F\\n    Exit_status = 1\\n"'), '75');
      assert.equal(await run('exit 255'), '75');
      assert.equal(await run('exit 255', { PBS_VERSION: 'TORQUE-6.1.3' }), '0 ran');
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it('job scripts ask for themselves in either family, also under set -u', async () => {
    const { jobId, arrayJobId, arrayIndex, cores } = dialect.jobExpressions;
    const ask = async (env: NodeJS.ProcessEnv): Promise<string> => (await spawnText('sh', ['-uc', `printf '%s|' "${jobId}" "${arrayJobId}" "${arrayIndex}" "${cores}"`], { env: { PATH: process.env.PATH, ...env } })).stdout;
    assert.equal(await ask({ PBS_JOBID: '12[4].pbs01', PBS_ARRAY_ID: '12[].pbs01', PBS_ARRAY_INDEX: '4', NCPUS: '2' }), '12[4]|12[]|4|2|');
    assert.equal(await ask({ PBS_JOBID: '12[4].srv.example.org', PBS_ARRAYID: '4', PBS_NUM_PPN: '8' }), '12[4]|12[]|4|8|');
    assert.equal((await ask({ PBS_JOBID: '12.pbs01' })).split('|')[0], '12');
    assert.equal(await ask({}), '||||');
  });
});

describe('pbs: job scripts', () => {
  it('name their shell first, and know themselves in either family', async () => {
    const template = (gpu: boolean, program: JobProgram): Promise<string> =>
      renderJobScript({ scheduler: 'pbs', program, gpu, runId: 'r', cmdSha: 'c', taskCount: 3, repoDir: '/', executor: 'e', python: '/bin/echo' }, { templatesDirectory: fileURLToPath(new URL('../../../../templates', import.meta.url)) });
    const run = (text: string, env: NodeJS.ProcessEnv) => spawnText('sh', [], { stdin: text, env: { PATH: process.env.PATH, HOME: '/', ...env } });
    const array = { kind: 'array', dispatcher: '/d.py', taskOffset: 10 } as const;
    for (const text of [await template(false, array), await template(true, array)]) {
      assert.deepEqual(text.split('\n').slice(0, 2), ['#!/bin/sh', '#PBS -S /bin/sh']);
      const shown = text.replace(/^exec .*$/m, 'echo "$HPC_TASK_ID $HPC_JOB_ID $HPC_CORES"');
      assert.equal((await run(shown, { PBS_JOBID: '12[4].pbs01', PBS_ARRAY_INDEX: '4', NCPUS: '2' })).stdout, '13 12[]_4 2\n');
      assert.equal((await run(shown, { PBS_JOBID: '12[4].srv.example.org', PBS_ARRAYID: '4', PBS_NUM_PPN: '8' })).stdout, '13 12[]_4 8\n');
      assert.equal((await run(shown, { PBS_JOBID: '12.pbs01' })).exitCode, 64);
    }
    const combiner = (await template(false, { kind: 'combiner', combiner: '/c.py', wave: 1 })).replace(/^exec .*$/m, 'echo "$HPC_JOB_ID $HPC_WAVE"');
    assert.equal((await run(combiner, { PBS_JOBID: '13.pbs01' })).stdout, '13 1\n');
  });
});

describe('pbs: what records mean', () => {
  it('how jobs end', () => {
    const end = (attributes: Readonly<Record<string, string>>, id = '1.s'): unknown => {
      const found = endOf(record(id, { job_state: 'F', ...attributes }));
      return found && [found.state, found.exitCode, found.signal];
    };
    assert.equal(end({ job_state: 'R', Exit_status: '0' }), undefined);
    assert.deepEqual(end({ Exit_status: '0', substate: '92' }), ['completed', 0, null]);
    assert.deepEqual(end({ Exit_status: '0', substate: '91' }), ['cancelled', null, null]);
    assert.deepEqual(end({ substate: '92' }), ['unknown', null, null]);
    assert.deepEqual(end({ substate: '92', depend: 'afterok:9.s@s' }), ['cancelled', null, null]);
    assert.deepEqual(end({ Exit_status: '-29' }), ['timeout', null, null]);
    assert.deepEqual(end({ Exit_status: '-4' }), ['node_fail', null, null]);
    assert.deepEqual(end({ Exit_status: '-999' }), ['failed', null, null]);
    assert.deepEqual(end({ Exit_status: 'x' }), ['unknown', null, null]);
    assert.deepEqual(end({ Exit_status: '271', substate: '93' }), ['failed', null, 15]);
    assert.deepEqual(end({ Exit_status: '271', substate: '93', 'resources_used.walltime': '00:01:05', 'Resource_List.walltime': '00:01:00' }), ['timeout', null, 15]);
    // An element with its parent's attributes says nothing; with its own it does.
    assert.deepEqual(end({ job_state: 'X', Exit_status: '0' }, '1[2].s'), ['unknown', null, null]);
    assert.deepEqual(end({ job_state: 'X', Exit_status: '0', array_index: '2' }, '1[2].s'), ['completed', 0, null]);
    // TORQUE: the same numbers, other meanings.
    assert.deepEqual(end({ job_state: 'C', exit_status: '0' }, '1[2].s'), ['completed', 0, null]);
    assert.deepEqual(end({ job_state: 'C', exit_status: '-11' }), ['timeout', null, null]);
    assert.deepEqual(end({ job_state: 'C', exit_status: '-10' }), ['out_of_memory', null, null]);
    assert.deepEqual(end({ job_state: 'C', exit_status: '271' }), ['cancelled', null, 15]);
  });

  it('ids, times and sizes', () => {
    assert.deepEqual(['12.srv', '12[].srv', '12[4].srv.b', '12[]', '12'].map(parsePbsJobId), [{ jobId: '12' }, { jobId: '12[]' }, { jobId: '12[]', index: 4 }, { jobId: '12[]' }, { jobId: '12' }]);
    for (const odd of ['', 'abc', '12[', '12[a].s', 'R108.pbs01', '12 .s']) assert.equal(parsePbsJobId(odd), undefined, odd);
    assert.deepEqual(['00:00:16', '100:00:00', '90', '1:00:00:00', '', 'x', undefined].map(parsePbsDurationS), [16, 360_000, 90, 86_400, null, null, null]);
    assert.deepEqual(['1024kb', '2gb', '100mb', '1048576', 'x', undefined].map(parsePbsSizeMiB), [1, 2048, 100, 1, null, null]);
    assert.deepEqual([perUserLimit('[u:PBS_GENERIC=2]', 'carol'), perUserLimit('[u:carol=5],[u:PBS_GENERIC=2],[o:PBS_ALL=100]', 'carol'), perUserLimit('[g:x=1]', 'carol')], [2, 5, undefined]);
  });

  it('a broken document costs one job, not all of them', () => {
    const job = (id: string, more: string): string => `        "${id}.s":{\n            "Job_Name":"n",\n            "job_state":"R",\n            "Variable_List":{\n                ${more}\n            },\n            "Priority":0\n        }`;
    const document = `{\n    "timestamp":1,\n    "Jobs":{\n${job('1', '"NAN":NaN,\n "BIG":1e999,"UNI":"gr^\u0003\u0001e"')},\n${job('2', '"EMPTY":",J={k: [1]}","BAD":"x" "y":}')},\n${job('3', '"A":"\\u0001\\t"')}\n    }\n}`;
    const { records, malformed } = readJsonForm(document, 'Job Id');
    assert.deepEqual([records.map(({ id }) => id), malformed], [['1.s', '3.s'], ['Job Id: 2.s']]);
    assert.equal(records[0]?.attributes.get('Variable_List.NAN'), 'NaN');
    assert.deepEqual(queueRows('{\n\t"timestamp":\t1\n}\n', true).rows, []);
  });

  it('a value with line breaks cannot end a job', () => {
    const forged = (value: string): string => `Job Id: 1.s\n    Job_Name = n\n    job_state = R\n    Variable_List = A=x\n${value}\n    comment = c\n\n`;
    assert.deepEqual(readRecords(forged('    job_state = F')).malformed, ['Job Id: 1.s']);
    const { records } = readRecords(forged('second line,B=2'));
    assert.deepEqual([records[0]?.attributes.get('Variable_List'), records[0]?.attributes.get('comment')], ['A=x\nsecond line,B=2', 'c']);
  });

  it('of an array that qstat did not expand, what has begun is there and not known: never gone', () => {
    const array = (more: string): string => `Job Id: 9[].s\n    Job_Name = n\n    job_state = B\n${more}\n`;
    const rows = (more: string): unknown => queueRows(array(more), true).rows.map(({ indices, state }) => [indices, state]);
    assert.deepEqual(rows('    array_indices_submitted = 0-15\n    array_indices_remaining = 8-11,15\n'), [[[{ first: 8, last: 11 }, { first: 15, last: 15 }], 'pending'], [[{ first: 0, last: 7 }, { first: 12, last: 14 }], 'unknown']]);
    assert.deepEqual(rows('    array_indices_submitted = 1-9:4\n    array_indices_remaining = -\n'), [[[{ first: 1, last: 1 }, { first: 5, last: 5 }, { first: 9, last: 9 }], 'unknown']]);
    assert.deepEqual(rows('    job_array_request = 1-3%2\n'), [[[{ first: 1, last: 3 }], 'unknown']]);
  });

  it('that a job is gone excuses no other complaint', () => {
    const answer = (stderr: string): CommandOutput => ({ stdout: '\nHPCQ-BEGIN openpbs\n\nHPCQ-RC 255\n\nHPCQ-END\n', stderr, exitCode: 0 });
    assert.deepEqual(dialect.queue(tools).parse(answer('qstat: Unknown Job Id 7.s\n'), true).rows, []);
    for (const more of ['Communication failure.', 'pbs_iff: error returned: 15031', 'qstat: End of File']) assert.throws(() => dialect.queue(tools).parse(answer(`qstat: Unknown Job Id 7.s\n${more}\n`), true), (error: unknown) => HpcError.is(error), more);
  });

  it('nodes of TORQUE', () => {
    const text = 'n1\n     state = free\n     np = 8\n     jobs = 0-2/12.srv, 5/13.srv\n     status = opsys=linux,physmem=16777216kb,ncpus=8\n     gpus = 2\n\nn2\n     state = down,offline\n     np = 4\n\n';
    assert.deepEqual(parseNodes(text).map(({ name, cpus, cpusIdle, memoryMiB, gpus }) => [name, cpus, cpusIdle, memoryMiB, gpus]), [['n1', 8, 4, 16_384, 2], ['n2', 4, 0, null, 0]]);
  });

  it('history that is off is an error of its own, never an empty answer', () => {
    for (const [stdout, stderr] of [['PBS is not configured to maintain job history\n', ''], ['', 'qstat: PBS is not configured to maintain job history\n']] as const) {
      const output = { stdout: `\nHPCQ-BEGIN openpbs\n${stdout}\nHPCQ-RC 0\n\nHPCQ-END\n`, stderr, exitCode: 0 };
      assert.throws(() => dialect.accounting(['1[]'], new Date(), tools)?.parse(output, false), (error: unknown) => HpcError.is(error, 'remote_command_failed') && error.details?.reason === 'accounting_disabled');
    }
    assert.equal(dialect.accounting([], new Date(), tools), undefined);
  });

  it('cancels elements in ranges, and whole jobs under both of their names', () => {
    const [one] = dialect.cancel([{ jobId: '12[]', indices: [{ first: 2, last: 5 }, { first: 9, last: 9 }] }, { jobId: '13' }], tools);
    assert.deepEqual(one?.command.argv.slice(4), ['/q/qdel', '2-5,9:12[]', '13[]', '13']);
    fails(() => dialect.cancel([{ jobId: '12; rm' }], tools), 'spec_invalid', /not the id/);
    const parse = (stderr: string, exitCode: number): void => one?.parse(said(stderr, exitCode), true);
    parse('qdel: Unknown Job Id 13[].s\nqdel: Request invalid for state of job 12[2].s\n', 153);
    fails(() => parse('qdel: Unknown Job Id 13[].s\nqdel: Unauthorized Request 12[].s\n', 159), 'remote_command_failed', /Unauthorized/);
    fails(() => parse('', 153), 'remote_command_failed', /qdel/);
  });
});
