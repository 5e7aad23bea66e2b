/** Every recorded output of a real OpenPBS, through the parsers that will meet it. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { HpcError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { accountingRows } from '../../../../src/scheduler/pbs/accountingQuery.ts';
import { pbsDialect as dialect } from '../../../../src/scheduler/pbs/dialect.ts';
import { parseNodes } from '../../../../src/scheduler/pbs/nodes.ts';
import { queueRows } from '../../../../src/scheduler/pbs/queueQuery.ts';
import { readRecords } from '../../../../src/scheduler/pbs/records.ts';
import { indicesOf } from '../../../../src/scheduler/indexRanges.ts';
import { isTerminalJobState, type CommandOutput, type SchedulerTools, type SubmitQuery, type SubmitRequest } from '../../../../src/scheduler/port.ts';
import { allRecordings, readRecording, type Recording } from './recording.ts';

const tools: SchedulerTools = { tools: { qsub: '/q/qsub', qstat: '/q/qstat', qdel: '/q/qdel', pbsnodes: '/q/pbsnodes' }, python: '/p', user: 'carol', runtimeDirectory: '/r' };
const request: SubmitRequest = { name: 'n', comment: 'c', scriptPath: '/s', workdir: '/w', dependencies: [], resources: {}, stdoutPath: '/o', stderrPath: '/e' };
const recordings = allRecordings();
const isJobs = ({ stdout }: Recording): boolean => /^\s*"Jobs":|^Job Id: /m.test(stdout);
/** What one command of one program printed; the recordings also hold lines of several. */
const isOne = (program: string) => ({ command, isCut }: Recording): boolean => !isCut && command.startsWith(`${program} `) && !/[;|&\n]|\$\(/.test(command);

/** How each of these jobs ended: state, exit status, signal. From the notes that were taken while they ran. */
const ends: Readonly<Record<string, readonly [state: string, exitCode: number | null, signal: number | null]>> = {
  '1': ['completed', 0, null], '6': ['timeout', null, null], '7': ['timeout', null, null], '8': ['out_of_memory', null, null], '10': ['failed', 3, null], '11': ['failed', null, 11], '12': ['failed', null, 9], '13': ['failed', 127, null],
  '52': ['cancelled', null, null], '60': ['completed', 0, null], '61': ['completed', 0, null], '77': ['cancelled', null, 15], '78': ['cancelled', null, null], '79[]/0': ['cancelled', null, 15], '80': ['cancelled', null, 15],
  '84[]/0': ['completed', 0, null], '84[]/3': ['failed', 7, null], '90': ['cancelled', null, null], '96': ['failed', null, 10], '107': ['cancelled', null, null], '130': ['failed', 254, null], '133': ['timeout', null, null], '134': ['cancelled', null, 15],
  '5[]/0': ['completed', 0, null], '5[]/3': ['failed', 7, null], '5[]/12': ['unknown', null, null], '5[]/13': ['unknown', null, null], '5[]/14': ['unknown', null, null], '153[]/0': ['unknown', null, null], '153[]/1': ['unknown', null, null],
};

describe('recordings of a real OpenPBS', () => {
  it('are all there and can be opened', () => {
    assert.equal(recordings.length, 341);
    assert.ok(recordings.filter(isJobs).length > 60);
  });

  it('every job of every recording is read, strictly, and ends as it did', () => {
    const seen = new Set<string>();
    for (const recording of recordings.filter(isJobs)) {
      const { name, stdout, isCut } = recording;
      // In text a record begins with its heading, in JSON with its state; what was cut is not counted.
      const expected = /^Job Id: /m.test(stdout) ? [...stdout.matchAll(/^Job Id: /gm)].length : [...stdout.matchAll(/"job_state":/g)].length;
      const { records, malformed } = readRecords(stdout.slice(Math.max(0, stdout.search(/^(\{|Job Id: )/m))));
      assert.equal(records.length, isCut ? records.length : expected, name);
      assert.deepEqual(malformed, [], name);
      assert.ok(records.every(({ attributes }) => attributes.has('Job_Name') && attributes.has('Job_Owner') && attributes.has('queue')), name);
      const body = stdout.slice(stdout.search(/^(\{|Job Id: )/m));
      queueRows(body, true);
      for (const row of accountingRows(body, true).rows) {
        for (const index of row.indices ? indicesOf(row.indices) : [undefined]) {
          const key = index === undefined ? row.jobId : `${row.jobId}/${index}`;
          const end = ends[key];
          if (!end || !(isTerminalJobState(row.state) || row.state === 'unknown')) continue;
          assert.deepEqual([row.state, row.exitCode, row.signal], end, `${name}: ${key}`);
          seen.add(key);
        }
      }
    }
    assert.deepEqual(Object.keys(ends).filter((key) => !seen.has(key)), []);
  });

  it('an array in the middle: the queue lists what is to come, the history only what has a record of its own', () => {
    const { stdout } = readRecording('qstat-t-x-f-json-array-mixed');
    assert.deepEqual(queueRows(stdout, true).rows.map(({ indices, state, node }) => [indices, state, node]), [
      [[{ first: 4, last: 7 }], 'running', 'pbs01'],
      [[{ first: 8, last: 11 }, { first: 15, last: 15 }], 'pending', ''],
    ]);
    const rows = accountingRows(stdout, true).rows;
    assert.deepEqual(rows.filter(({ state }) => state === 'completed').map(({ indices }) => indices?.[0]?.first), [0, 1, 2]);
    const three = rows.find(({ indices }) => indices?.[0]?.first === 3);
    assert.deepEqual([three?.exitCode, three?.elapsedS, three?.maxRssMiB, three?.node], [7, 4, 7232 / 1024, 'pbs01']);
  });

  it('the text and the JSON of the same job say the same', () => {
    const text = readRecords(readRecording('qstat-x-f-text-two-ids').stdout).records;
    for (const record of readRecords(readRecording('release-qstat-x-f-json-two-ids').stdout).records) {
      const other = text.find(({ id }) => id === record.id);
      for (const [key, value] of record.attributes) if (!key.startsWith('Variable_List')) assert.equal(other?.attributes.get(key), value, `${record.id} ${key}`);
    }
  });

  it('a question without an answer is no job', () => {
    for (const recording of recordings.filter((one) => !isJobs(one))) {
      if (/qstat.*-(B|Q)/.test(recording.command)) continue;
      assert.deepEqual(queueRows(recording.stdout, false).rows, [], recording.name);
      assert.deepEqual(accountingRows(recording.stdout, false).rows, [], recording.name);
    }
  });

  it('every qsub gives its id, or the reason as a typed error', () => {
    const refusals: Readonly<Record<string, readonly [code: ErrorCode, words: RegExp]>> = {
      'qsub-err-array-toolarge': ['spec_invalid', /array/i], 'qsub-err-array-toolarge-queue': ['spec_invalid', /array/i], 'qsub-err-bad-mem': ['spec_invalid', /select\.mem/], 'qsub-err-bad-walltime': ['spec_invalid', /walltime/],
      'qsub-err-queue-disabled': ['spec_invalid', /not enabled/], 'qsub-err-unknown-resource': ['spec_invalid', /nosuchres/], 'qsub-err-array-one-element': ['spec_invalid', /-J/], 'qsub-err-array-rerunable-n': ['spec_invalid', /non-rerunable/],
      'qsub-err-name-space': ['spec_invalid', /-N/], 'qsub-err-bad-select': ['spec_invalid', /select/],
    };
    const array = dialect.submit({ ...request, array: { ranges: [{ first: 1, last: 3 }] } }, tools);
    const plain = dialect.submit(request, tools);
    const queryOf = ({ stdout }: CommandOutput): SubmitQuery => (stdout.includes('[]') ? array : plain);
    const parse = (output: CommandOutput, strict: boolean): { readonly jobId: string } => queryOf(output).parse(output, strict);
    let ids = 0;
    const refused = new Set<string>();
    for (const recording of recordings.filter(isOne('qsub'))) {
      if (recording.exitCode === 0 && /^\d/m.test(recording.stdout)) {
        const { jobId } = parse(recording, true);
        const lines = recording.stdout.trim().split('\n');
        assert.equal(jobId, lines.at(-1)?.replace(/\..*/, ''), recording.name);
        assert.match(lines.at(-1) ?? '', new RegExp(queryOf(recording).jobIdPattern), recording.name);
        ids += 1;
      } else {
        assert.throws(
          () => parse(recording, true),
          (error: unknown) => {
            if (!HpcError.is(error) || error.message === '') return false;
            const expected = refusals[recording.name];
            if (expected) refused.add(recording.name);
            return expected === undefined || (error.code === expected[0] && expected[1].test(error.message) && (error.remediation ?? '') !== '');
          },
          recording.name,
        );
      }
    }
    assert.ok(ids > 25, `${ids}`);
    assert.deepEqual(Object.keys(refusals).filter((name) => !refused.has(name)), []);
    const limited = readRecording('qsub-err-maxqueued');
    assert.throws(() => parse({ ...limited, stdout: '' }, true), (error: unknown) => HpcError.is(error, 'scheduler_throttled'));
    assert.ok(dialect.submit(request, tools).throttledPatterns.some((pattern) => new RegExp(pattern).test(limited.stderr)));
  });

  it('every qdel: gone already is well, not asked is not', () => {
    const [query] = dialect.cancel([{ jobId: '1' }], tools);
    assert.ok(query);
    const failing = new Set<string>();
    for (const recording of recordings.filter(isOne('qdel'))) {
      try {
        query.parse(recording, true);
      } catch (error) {
        assert.ok(HpcError.is(error), recording.name);
        failing.add(recording.name);
      }
    }
    assert.deepEqual([...failing].filter((name) => !/down|noargs|badid|suppress|force|other/.test(name)), []);
    for (const name of ['qdel-unknown', 'qdel-several-mixed', 'qdel-array-without-brackets', 'purged-qdel', 'nohist-qdel', 'qdel-subjob-unknown']) query.parse(readRecording(name), true);
    assert.throws(() => query.parse(readRecording('down-qdel'), true), (error: unknown) => HpcError.is(error, 'cluster_timeout'));
    assert.throws(() => query.parse(readRecording('qdel-badid'), true), (error: unknown) => HpcError.is(error, 'remote_command_failed'));
  });

  it('a server that is down is an error of its own for every program', () => {
    for (const name of ['down-qstat-B', 'down-qstat-Bf-json']) {
      const { stderr, stdout, exitCode } = readRecording(name);
      const output = { stdout: `\nHPCQ-BEGIN openpbs\n${stdout}\nHPCQ-RC ${exitCode ?? 0}\n\nHPCQ-END\n`, stderr, exitCode: 0 };
      for (const query of [dialect.queue(tools), dialect.accounting(['1'], new Date(), tools)]) assert.throws(() => query?.parse(output, false), (error: unknown) => HpcError.is(error, 'cluster_timeout'), name);
    }
  });

  it('the server’s and the queues’ facts, from either form', () => {
    const part = (name: string, text: string, code = 0): string => `\nHPCL-BEGIN ${name}\n${text}\nHPCL-END ${name} ${code}\n`;
    for (const prefix of ['', 'release-']) {
      const stdout = `\nHPCQ-BEGIN openpbs\n${part('server', readRecording(`${prefix}qstat-B-f-json`).stdout)}${part('queues', readRecording(`${prefix}qstat-Q-f-json`).stdout)}${part('nodes', readRecording('pbsnodes-a').stdout)}HPCQ-END\n`;
      const limits = dialect.limits(tools).parse({ stdout, stderr: '', exitCode: 0 }, true);
      assert.deepEqual([limits.maxArraySize, limits.accounting, limits.version, limits.partitions.map(({ name }) => name)], [10_000, true, '23.06.06', ['workq', 'short', 'stopped', 'disabled', 'limited', 'route']]);
      assert.deepEqual(limits.partitions.slice(0, 3).map(({ isDefault, up, maxWalltimeS, defaultWalltimeS, cpusTotal, memoryMiBPerNode, gres }) => [isDefault, up, maxWalltimeS, defaultWalltimeS, cpusTotal, memoryMiBPerNode, gres]), [
        [true, true, undefined, 3600, 16, 32_768, 'a100:2'],
        [false, true, 600, 60, 16, 32_768, 'a100:2'],
        [false, false, undefined, undefined, 16, 32_768, 'a100:2'],
      ]);
    }
    assert.deepEqual(parseNodes(readRecording('pbsnodes-a-two-vnodes').stdout).map(({ name, cpus, cpusIdle, memoryMiB, gpus }) => [name, cpus, cpusIdle, memoryMiB, gpus]), [['pbs01', 20, 16, 36_864, 0]]);
    const { stdout, stderr } = readRecording('down-qstat-B');
    assert.throws(() => dialect.limits(tools).parse({ stdout: `\nHPCQ-BEGIN openpbs\n${part('server', stdout + stderr, 255)}HPCQ-END\n`, stderr: '', exitCode: 0 }, true), (error: unknown) => HpcError.is(error, 'cluster_timeout'));
  });

  it('cut at any letter, a job that was deleted is deleted or not read at all', () => {
    const [deleted] = readRecords(readRecording('qstat-x-f-json-deleted-77.pbs01').stdout).records;
    assert.ok(deleted);
    const attributes = [...deleted.attributes].filter(([name]) => !name.startsWith('Variable_List')).map(([name, value]) => `    ${name} = ${value}\n`);
    const text = `Job Id: ${deleted.id}\n${attributes.join('')}\n`;
    for (let length = 0; length <= text.length; length += 1) {
      const rows = accountingRows(text.slice(0, length), false).rows.map(({ state, signal }) => `${state} ${signal ?? ''}`);
      assert.deepEqual(rows, length < text.length ? [] : ['cancelled 15'], text.slice(0, length).split('\n').at(-1));
    }
  });

  it('cut anywhere, no job ends that had not ended, and none that had ends otherwise', () => {
    for (const name of ['qstat-t-x-f-json-array-mixed', 'release-qstat-t-x-f-json-array-mixed', 'qstat-x-f-text-two-ids', 'qstat-x-f-V-odd', 'qstat-f-array-mixed-parent', 'qstat-x-f-json-deleted-77.pbs01']) {
      const { stdout } = readRecording(name);
      const whole = new Map(accountingRows(stdout, false).rows.map((row) => [`${row.jobId}/${row.indices?.[0]?.first ?? ''}`, row.state]));
      const running = new Set(queueRows(stdout, false).rows.flatMap((row) => [...indicesOf(row.indices ?? [])].map((index) => `${row.jobId}/${index}`)));
      fc.assert(
        fc.property(fc.nat(stdout.length), (length) => {
          for (const row of accountingRows(stdout.slice(0, length), false).rows) if (isTerminalJobState(row.state)) assert.equal(row.state, whole.get(`${row.jobId}/${row.indices?.[0]?.first ?? ''}`));
          // What is not known is no claim.
          for (const row of queueRows(stdout.slice(0, length), false).rows.filter(({ state }) => state !== 'unknown')) for (const index of indicesOf(row.indices ?? [])) assert.ok(running.has(`${row.jobId}/${index}`));
        }),
        { numRuns: 60 },
      );
      // And framed as our programs frame it, a cut answer is no answer.
      const framed = `\nHPCQ-BEGIN openpbs\n${stdout}\nHPCQ-RC 0\n\nHPCQ-END\n`;
      dialect.queue(tools).parse({ stdout: framed, stderr: '', exitCode: 0 }, false);
      fc.assert(
        fc.property(fc.integer({ min: 1, max: framed.length }), (less) => {
          assert.throws(() => dialect.queue(tools).parse({ stdout: framed.slice(0, framed.length - less), stderr: '', exitCode: 0 }, false), (error: unknown) => HpcError.is(error));
        }),
        { numRuns: 30 },
      );
    }
  });
});
