/** The same promises from every dialect, each with its real daemon. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { quoteWord } from '../../../src/foundation/quoting.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { indicesOf } from '../../../src/scheduler/indexRanges.ts';
import { isTerminalJobState, type AccountingRow, type IndexRange, type JobState, type Query, type QueueRow, type SubmitRequest } from '../../../src/scheduler/port.ts';
import type { Lack, SchedulerPlace } from './place.ts';
import { parseBothWays } from './readByPattern.ts';

export function describeScheduler(title: string, open: () => Promise<SchedulerPlace>): void {
  describe(title, function () {
    this.timeout(180_000);
    let place: SchedulerPlace;
    const started = new Date();

    before(async () => {
      place = await open();
    });
    after(async () => {
      const rows = await ask(place.dialect.queue(place.tools));
      for (const query of place.dialect.cancel(rows.rows.filter(({ name }) => name.startsWith('ct-')).map(({ jobId }) => ({ jobId })), place.tools)) await ask(query);
      await place.dispose();
    });

    const lacks = (what: Lack): boolean => place.lacks?.includes(what) ?? false;
    async function ask<T>(query: Query<T>, variables?: Readonly<Record<string, string>>): Promise<T> {
      return parseBothWays(query, await place.run(query.command, variables));
    }
    async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
      for (let tries = 0; tries < 600; tries += 1) {
        const found = await look();
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      throw new Error(`It did not happen: ${what}`);
    }
    async function must(text: string): Promise<string> {
      const { stdout, stderr, exitCode } = await place.script(text);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    }
    function name(): string {
      return `ct-${randomBytes(4).toString('hex')}`;
    }
    async function writeScript(body: string, folder = place.directory): Promise<string> {
      const file = `${folder}/${randomBytes(4).toString('hex')}.sh`;
      await must(`mkdir -p ${quoteWord(folder)} && printf '%s' ${quoteWord(`#!/bin/sh\n${body}\n`)} > ${quoteWord(file)} && chmod 755 ${quoteWord(file)}`);
      return file;
    }
    const index = (): string => place.dialect.jobExpressions.arrayIndex;
    async function submit(body: string, changes: Partial<SubmitRequest> = {}, variables?: Readonly<Record<string, string>>): Promise<{ jobId: string; request: SubmitRequest }> {
      const workdir = changes.workdir ?? place.directory;
      const request: SubmitRequest = {
        name: name(),
        comment: `token-${randomBytes(8).toString('hex')}`,
        scriptPath: await writeScript(body, workdir),
        workdir,
        array: { ranges: [{ first: 1, last: 3 }] },
        dependencies: [],
        resources: { cpus: 1, memoryMiB: 50, walltimeS: 300 },
        stdoutPath: place.dialect.logPath(workdir, 'log', 'out', changes.array !== undefined || !('array' in changes)),
        stderrPath: place.dialect.logPath(workdir, 'log', 'err', changes.array !== undefined || !('array' in changes)),
        ...changes,
      };
      const query = place.dialect.submit(request, place.tools);
      const output = await place.run(query.command, variables);
      const { jobId } = query.parse(output, true);
      const line = output.stdout.split('\n').find((text) => new RegExp(query.jobIdPattern).test(text));
      assert.equal(line && new RegExp(query.jobIdPattern).exec(line)?.[1], jobId, 'the pattern for the remote program finds the same id');
      return { jobId, request };
    }
    async function queueOf(jobId: string): Promise<readonly QueueRow[]> {
      return (await ask(place.dialect.queue(place.tools))).rows.filter((row) => row.jobId === jobId && !isTerminalJobState(row.state));
    }
    async function recordsOf(jobId: string): Promise<readonly AccountingRow[]> {
      const query = place.dialect.accounting([jobId], started, place.tools);
      assert.ok(query);
      return (await ask(query)).rows;
    }
    function states(rows: readonly { indices?: readonly IndexRange[]; state: JobState }[]): Record<string, JobState> {
      return Object.fromEntries(rows.flatMap(({ indices, state }) => [...indicesOf(indices ?? [{ first: 0, last: 0 }])].map((element) => [String(element), state])));
    }
    /** The job's elements once all of them have ended in accounting. */
    function ended(jobId: string, count: number): Promise<readonly AccountingRow[]> {
      return until(`${jobId} ends with ${count} elements`, async () => {
        const rows = await recordsOf(jobId);
        const all = Object.values(states(rows));
        return all.length === count && all.every(isTerminalJobState) ? rows : undefined;
      });
    }
    const release = (file: string): Promise<string> => must(`: > ${quoteWord(file)}`);
    const waitFor = (file: string): string => `while [ ! -e ${quoteWord(file)} ]; do sleep 0.1; done`;

    it('runs an array: queue while it runs, then accounting with exit codes, memory, comment and logs', async () => {
      const gate = `${place.directory}/${name()}`;
      const { jobId, request } = await submit(`echo "out ${index()}"; echo "err ${index()}" >&2; ${waitFor(gate)}; [ ${index()} = 2 ] && exit 7; [ ${index()} = 3 ] && kill -9 $$; exit 0`);
      assert.match(jobId, /^\d+(\[\])?$/);
      const running = await until('all three run', async () => {
        const rows = await queueOf(jobId);
        return Object.values(states(rows)).filter((state) => state === 'running').length === 3 ? rows : undefined;
      });
      assert.ok(running.every((row) => row.name === request.name && row.node !== ''));
      assert.deepEqual(Object.keys(states(running)).sort(), ['1', '2', '3']);
      await release(gate);
      const rows = await ended(jobId, 3);
      assert.deepEqual(states(rows), { 1: 'completed', 2: 'failed', 3: 'failed' });
      const of = (element: number): AccountingRow | undefined => rows.find(({ indices }) => indices?.some(({ first, last }) => first <= element && element <= last));
      assert.equal(of(1)?.exitCode, 0);
      assert.equal(of(2)?.exitCode, 7);
      assert.equal(of(3)?.signal, 9);
      assert.ok(rows.every((row) => row.name === request.name && row.comment === (lacks('comments') ? '' : request.comment) && row.node !== '' && row.elapsedS !== null));
      for (const element of [1, 2, 3]) {
        assert.equal(await must(`cat ${quoteWord(place.dialect.resolveLogPath(request.stdoutPath, jobId, element))}`), `out ${element}\n`);
        assert.equal(await must(`cat ${quoteWord(place.dialect.resolveLogPath(request.stderrPath, jobId, element))}`), `err ${element}\n`);
      }
      assert.deepEqual(await queueOf(jobId), []);
    });

    it('honours index lists and the limit of concurrent elements, and shows what waits as ranges', async () => {
      const gate = `${place.directory}/${name()}`;
      // Who takes one range only is given one; splitting is the caller's.
      const ranges = place.dialect.acceptsIndexLists ? [{ first: 2, last: 2 }, { first: 5, last: 7 }, { first: 9, last: 9 }] : [{ first: 5, last: 9 }];
      const wanted = [...indicesOf(ranges)];
      const { jobId } = await submit(waitFor(gate), { array: { ranges, maxConcurrent: 1 } });
      const rows = await until('one runs and four wait', async () => {
        const found = await queueOf(jobId);
        const all = Object.values(states(found));
        return all.filter((state) => state === 'running').length === 1 && all.filter((state) => state === 'pending').length === 4 ? found : undefined;
      });
      assert.deepEqual(Object.keys(states(rows)).map(Number).sort((a, b) => a - b), wanted);
      await release(gate);
      assert.deepEqual(Object.keys(states(await ended(jobId, 5))).map(Number).sort((a, b) => a - b), wanted);
    });

    it('starts a dependent job only after the others ended, and never when afterok cannot hold', async () => {
      const gate = `${place.directory}/${name()}`;
      const trace = `${place.directory}/${name()}`;
      const first = await submit(`${waitFor(gate)}; echo first >> ${quoteWord(trace)}; exit 3`, { array: { ranges: [{ first: 1, last: 1 }] } });
      const any = await submit(`echo any >> ${quoteWord(trace)}`, { array: undefined, dependencies: [{ type: 'afterany', jobIds: [first.jobId] }] });
      const afterSuccess = { array: undefined, dependencies: [{ type: 'afterok', jobIds: [first.jobId] }] } as const;
      const ok = lacks('afterok') ? undefined : await submit(`echo ok >> ${quoteWord(trace)}`, afterSuccess);
      if (lacks('afterok')) await assert.rejects(submit('true', afterSuccess), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.remediation !== undefined);
      const waiting = await until('the dependent job waits', async () => (await queueOf(any.jobId)).find(({ state }) => state === 'pending'));
      assert.equal(waiting.reason, 'Dependency');
      assert.equal(waiting.indices, undefined);
      await release(gate);
      await ended(any.jobId, 1);
      assert.equal(await must(`cat ${quoteWord(trace)}`), 'first\nany\n');
      if (!ok) return;
      await until('the other one leaves the queue', async () => ((await queueOf(ok.jobId)).length === 0 ? true : undefined));
      assert.deepEqual(Object.values(states(await recordsOf(ok.jobId))).filter((state) => state === 'completed'), []);
    });

    it('finds a job by its exact name while it waits or runs, and after it ended', async () => {
      const gate = `${place.directory}/${name()}`;
      const { jobId, request } = await submit(waitFor(gate));
      const find = async (wanted: string): Promise<Map<string, JobState>> => {
        const found = new Map<string, JobState>();
        for (const query of place.dialect.findByName(wanted, started, place.tools)) for (const job of await ask(query)) found.set(job.jobId, job.state);
        return found;
      };
      assert.deepEqual([...(await find(request.name)).keys()], [jobId]);
      assert.deepEqual([...(await find(request.name.slice(0, -1))).keys()], []);
      await release(gate);
      await ended(jobId, 3);
      assert.deepEqual([...(await find(request.name))], [[jobId, 'completed']]);
    });

    it('cancels elements, then the rest; cancelling what is gone succeeds', async () => {
      const gate = `${place.directory}/${name()}`;
      const { jobId } = await submit(waitFor(gate), { array: { ranges: [{ first: 1, last: 6 }], maxConcurrent: 2 } });
      const cancel = async (indices?: readonly IndexRange[]): Promise<void> => {
        for (const query of place.dialect.cancel([indices === undefined ? { jobId } : { jobId, indices }], place.tools)) await ask(query);
      };
      await until('two run', async () => (Object.values(states(await queueOf(jobId))).filter((state) => state === 'running').length === 2 ? true : undefined));
      await cancel([{ first: 1, last: 1 }, { first: 5, last: 6 }]);
      await until('three are left', async () => (Object.keys(states(await queueOf(jobId))).join() === '2,3,4' ? true : undefined));
      await release(gate);
      const rows = await until('the others end well', async () => {
        const found = states(await recordsOf(jobId));
        return ['2', '3', '4'].every((element) => found[element] === 'completed') ? found : undefined;
      });
      assert.equal(rows['1'], lacks('cancelled') ? 'failed' : 'cancelled');
      await cancel();
      await cancel([{ first: 2, last: 3 }]);
      for (const query of place.dialect.cancel([{ jobId: '999999999' }], place.tools)) await ask(query);
    });

    it('cancels a whole job, waiting elements included', async () => {
      const wanted = lacks('cancelled') ? 'failed' : 'cancelled';
      const { jobId } = await submit('sleep 600', { array: { ranges: [{ first: 1, last: 4 }], maxConcurrent: 1 } });
      await until('one runs', async () => ((await queueOf(jobId)).some(({ state }) => state === 'running') ? true : undefined));
      for (const query of place.dialect.cancel([{ jobId }], place.tools)) await ask(query);
      await until('nothing is left', async () => ((await queueOf(jobId)).length === 0 ? true : undefined));
      const rows = await until('it is recorded', async () => {
        const found = await recordsOf(jobId);
        return Object.values(states(found)).includes(wanted) ? found : undefined;
      });
      assert.ok(rows.every(({ state }) => state === wanted));
    });

    it('answers the same in a polluted environment', async () => {
      const gate = `${place.directory}/${name()}`;
      const variables = {
        SQUEUE_FORMAT: '%j', SQUEUE_STATES: 'F', SQUEUE_USERS: 'root', SACCT_FORMAT: 'JobName', SLURM_TIME_FORMAT: 'relative', SLURM_CLUSTERS: 'nowhere', SLURM_BITSTR_LEN: '4', SBATCH_ARRAY_INX: '1-99', SBATCH_TIMELIMIT: '1',
        SBATCH_WAIT: '1', SBATCH_JOB_NAME: 'wrong', SBATCH_OUTPUT: '/nowhere', SCANCEL_STATE: 'COMPLETED', SLURM_JOB_ID: '1', SLURM_ARRAY_TASK_ID: '77', HPC_BACKGROUND_ARRAY_INDEX: '77', HPC_BACKGROUND_JOB_ID: '1', PYTHONPATH: '/nowhere', PYTHONHOME: '/nowhere', TZ: 'Asia/Tokyo', LC_ALL: 'C',
        SGE_TASK_ID: '77', SGE_LONG_QNAMES: '99', SGE_DEBUG_LEVEL: '2 0 0 0 0 0 0 0', SGE_SINGLE_LINE: '0', JOB_ID: '1', JOB_NAME: 'wrong', NSLOTS: '64', QUEUE: 'nowhere.q', PE: 'nowhere',
        PBS_JOBID: '1.wrong', PBS_ARRAY_INDEX: '77', PBS_ARRAYID: '77', PBS_ARRAY_ID: '1[].wrong', PBS_DPREFIX: '#WRONG', PBS_O_WORKDIR: '/nowhere', NCPUS: '64',
      };
      const { jobId, request } = await submit(waitFor(gate), {}, variables);
      const rows = await until('it runs', async () => {
        const found = (await ask(place.dialect.queue(place.tools), variables)).rows.filter((row) => row.jobId === jobId);
        return Object.values(states(found)).filter((state) => state === 'running').length === 3 ? found : undefined;
      });
      assert.ok(rows.every((row) => row.name === request.name));
      await release(gate);
      await ended(jobId, 3);
      const accounting = place.dialect.accounting([jobId], started, place.tools);
      assert.ok(accounting);
      assert.deepEqual(states((await ask(accounting, variables)).rows), { 1: 'completed', 2: 'completed', 3: 'completed' });
      // Not every source knows an ended job, but one must, and none may tell of another.
      const found = new Set<string>();
      for (const query of place.dialect.findByName(request.name, started, place.tools)) for (const job of await ask(query, variables)) found.add(job.jobId);
      assert.deepEqual([...found], [jobId]);
    });

    it('works in a folder with spaces, quotes, percent signs and other alphabets', async () => {
      const workdir = `${place.directory}/o'dd "dir" 100%A é$(x)`;
      const { jobId, request } = await submit('pwd', { workdir, array: { ranges: [{ first: 4, last: 4 }] } });
      assert.deepEqual(states(await ended(jobId, 1)), { 4: 'completed' });
      assert.equal(await must(`cat ${quoteWord(place.dialect.resolveLogPath(request.stdoutPath, jobId, 4))}`), `${workdir}\n`);
    });

    it('states its limits', async () => {
      const limits = await ask(place.dialect.limits(place.tools));
      assert.equal(limits.accounting, true);
      assert.ok(limits.partitions.length > 0 && limits.partitions.every(({ cpusTotal, up }) => cpusTotal > 0 && up));
      assert.equal(limits.partitions.filter(({ isDefault }) => isDefault).length, 1);
      assert.ok((limits.maxArraySize ?? 0) > 1);
    });

    it('refuses what cannot run, with the reason and without leaving a job to be found', async () => {
      const wanted = name();
      await assert.rejects(
        () => submit('true', { name: wanted, ...(place.refused?.request ?? { resources: { cpus: 1, memoryMiB: 900_000_000 } }) }),
        (error: unknown) => HpcError.is(error, 'spec_invalid') && (place.refused?.words ?? /memory/i).test(error.message) && error.remediation !== undefined,
      );
      for (const query of place.dialect.findByName(wanted, started, place.tools)) assert.deepEqual(await ask(query), []);
      await assert.rejects(() => submit('true', { name: 'a b' }), (error: unknown) => HpcError.is(error, 'spec_invalid'));
    });

    it('does not take a command that could not be run for an empty queue', async () => {
      const query = place.dialect.queue(place.tools);
      for (const output of [
        { stdout: '', stderr: '', exitCode: 0 },
        { stdout: '', stderr: 'Killed', exitCode: 137 },
        { stdout: '', stderr: '', exitCode: null },
        { stdout: 'Welcome!\nhave a nice day\n', stderr: '', exitCode: 0 },
      ]) assert.throws(() => query.parse(output, false), (error: unknown) => HpcError.is(error));
      const real = await place.run(query.command);
      assert.deepEqual(query.parse({ ...real, stdout: `*** Welcome | to 12_[3] ***\nHPC 1\n${real.stdout}bye\n` }, true), query.parse(real, true));
    });
  });
}
