/** `hpc_background.py` where things go wrong: killed supervisors, reboots, full disks, nested submissions. Real processes. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { backgroundDialect as dialect } from '../../../../src/scheduler/background/dialect.ts';
import { isTerminalJobState, type AccountingRow, type CommandOutput, type Query, type QueueRow, type SchedulerTools, type SubmitRequest } from '../../../../src/scheduler/port.ts';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { commandText, spawnText } from '../../../contract/scheduler/place.ts';

const runtimeDirectory = fileURLToPath(new URL('../../../../templates/runtime', import.meta.url));

describe('hpc_background.py', function () {
  this.timeout(60_000);
  let root: string;
  let tools: SchedulerTools;
  let variables: Record<string, string>;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(tmpdir(), 'hpc-background-'));
    await fs.mkdir(path.join(root, 'work'));
    tools = { tools: {}, python: (await spawnText('sh', ['-c', 'command -v python3'])).stdout.trim(), user: 'me', runtimeDirectory };
    variables = { HPC_AGENT_BACKGROUND_DIR: path.join(root, 'state'), HPC_AGENT_BACKGROUND_SLOTS: '4', HPC_AGENT_BACKGROUND_GRACE_S: '1' };
  });
  afterEach(async () => {
    const { rows } = await ask(dialect.queue(tools));
    for (const query of dialect.cancel([...new Set(rows.map(({ jobId }) => jobId))].map((jobId) => ({ jobId })), tools)) await ask(query);
    await until('everything ends', async () => ((await ask(dialect.queue(tools))).rows.length === 0 ? true : undefined));
    await fs.rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  const output = (query: Query<unknown>): Promise<CommandOutput> => spawnText('sh', ['-c', commandText(query.command)], { env: { ...process.env, ...variables }, ...(query.command.stdin === undefined ? {} : { stdin: query.command.stdin }) });
  const ask = async <T>(query: Query<T>): Promise<T> => query.parse(await output(query), true);
  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < 300; tries += 1) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    throw new Error(`It did not happen: ${what}`);
  }
  let scripts = 0;
  async function request(body: string, changes: Partial<SubmitRequest> = {}): Promise<SubmitRequest> {
    scripts += 1;
    const scriptPath = path.join(root, 'work', `script${scripts}.sh`);
    await fs.writeFile(scriptPath, `#!/bin/sh\n${body}\n`);
    const array = 'array' in changes ? changes.array !== undefined : true;
    return {
      name: `job-${scripts}`, comment: 'token', scriptPath, workdir: path.join(root, 'work'), array: { ranges: [{ first: 1, last: 2 }] }, dependencies: [], resources: {},
      stdoutPath: dialect.logPath(path.join(root, 'work'), 'log', 'out', array), stderrPath: dialect.logPath(path.join(root, 'work'), 'log', 'err', array), ...changes,
    };
  }
  const submit = async (body: string, changes: Partial<SubmitRequest> = {}): Promise<string> => (await ask(dialect.submit(await request(body, changes), tools))).jobId;
  const queueOf = async (jobId: string): Promise<QueueRow[]> => (await ask(dialect.queue(tools))).rows.filter((row) => row.jobId === jobId);
  async function records(jobId: string): Promise<AccountingRow[]> {
    const query = dialect.accounting([jobId], new Date(), tools);
    assert.ok(query);
    return [...(await ask(query)).rows];
  }
  const ended = (jobId: string): Promise<AccountingRow[]> =>
    until(`${jobId} ends`, async () => {
      const rows = await records(jobId);
      return rows.every(({ state }) => isTerminalJobState(state)) ? rows : undefined;
    });
  const cancel = async (jobId: string): Promise<void> => {
    for (const query of dialect.cancel([{ jobId }], tools)) await ask(query);
  };
  const read = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);
  const pids = async (file: string, count: number): Promise<number[]> => until(`${count} pids in ${file}`, async () => {
    const numbers = ((await read(file)) ?? '').trim().split('\n').filter(Boolean).map(Number);
    return numbers.length === count ? numbers : undefined;
  });
  const alive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  /** A process that nobody has reaped yet is gone, too. */
  const gone = (pid: number): Promise<true> => until(`process ${pid} ends`, async () => {
    const stat = await read(`/proc/${pid}/stat`);
    return !alive(pid) || (stat !== undefined && / [ZX] /.test(stat.slice(stat.lastIndexOf(')')))) ? true : undefined;
  });
  /** The pid of a job's supervisor: the parent of its task. */
  async function supervisorOf(task: number): Promise<number> {
    const stat = (await read(`/proc/${task}/stat`)) ?? '';
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  const job = (jobId: string, file: string): string => path.join(root, 'state', 'jobs', jobId, file);

  it('tells the truth after its supervisor was killed: running orphans run, the rest is lost with the reason', async () => {
    const gate = path.join(root, 'gate');
    const list = path.join(root, 'pids');
    const jobId = await submit(`echo $$ >> ${list}; while [ ! -e ${gate} ]; do sleep 0.05; done`, { array: { ranges: [{ first: 1, last: 3 }], maxConcurrent: 1 } });
    const [task = 0] = await pids(list, 1);
    process.kill(await supervisorOf(task), 'SIGKILL');
    const rows = await until('the loss is seen', async () => {
      const found = await queueOf(jobId);
      return found.length === 1 && found[0]?.reason === 'SupervisorKilled' ? found : undefined;
    });
    assert.deepEqual(rows.map(({ state, indices }) => [state, indices]), [['running', [{ first: 1, last: 1 }]]]);
    assert.deepEqual((await records(jobId)).map(({ state, rawState }) => [state, rawState]), [['running', 'running'], ['node_fail', 'node_fail (supervisor was killed)']]);
    await fs.writeFile(gate, '');
    const all = await ended(jobId);
    // Nobody was there to see its exit status, so it is not called completed.
    assert.ok(all.every(({ state, exitCode }) => state === 'node_fail' && exitCode === null));
    assert.deepEqual(await queueOf(jobId), []);
    assert.equal(((await read(list)) ?? '').trim().split('\n').length, 1, 'no other element ran');
  });

  it('cancels a job whose supervisor is dead, and ends its orphans with all they started', async () => {
    const list = path.join(root, 'pids');
    const jobId = await submit(`echo $$ >> ${list}; setsid sh -c 'echo $$ >> ${list}; exec sleep 300' & exec sleep 300`, { array: { ranges: [{ first: 1, last: 1 }] } });
    const [task = 0, grandchild = 0] = await pids(list, 2);
    const parent = await supervisorOf(Math.min(task, grandchild));
    process.kill(parent, 'SIGKILL');
    await until('the loss is seen', async () => ((await queueOf(jobId))[0]?.reason === 'SupervisorKilled' ? true : undefined));
    await cancel(jobId);
    await gone(task);
    await gone(grandchild);
    assert.deepEqual((await ended(jobId)).map(({ state }) => state), ['cancelled']);
  });

  it('calls what had not ended before a reboot lost, and never takes a stranger with the same pid for its task', async () => {
    const list = path.join(root, 'pids');
    const jobId = await submit(`echo $$ >> ${list}; exec sleep 300`, { array: { ranges: [{ first: 1, last: 2 }] } });
    const tasks = await pids(list, 2);
    process.kill(await supervisorOf(tasks[0] ?? 0), 'SIGKILL');
    // As the file would be found by the next boot.
    const spec = JSON.parse((await read(job(jobId, 'job.json'))) ?? '') as Record<string, unknown>;
    await fs.writeFile(job(jobId, 'job.json'), JSON.stringify({ ...spec, bootId: 'the boot before' }));
    const rows = await ended(jobId);
    assert.ok(rows.every(({ state, rawState }) => state === 'node_fail' && /^node_fail \(host rebooted at 20\d\d-/.test(rawState)), JSON.stringify(rows));
    await cancel(jobId);
    assert.ok(tasks.every(alive), 'processes of "another boot" are not ours to signal');
    for (const task of tasks) process.kill(task, 'SIGKILL');
    await Promise.all(tasks.map(gone));
  });

  it('ends an element at its walltime: TERM first, KILL after the grace, with everything it started', async () => {
    const list = path.join(root, 'pids');
    const jobId = await submit(`trap 'echo term' TERM; setsid sh -c 'echo $$ >> ${list}; trap "" TERM; while :; do sleep 0.1; done' & while :; do sleep 0.1; done`, { array: { ranges: [{ first: 1, last: 1 }] }, resources: { walltimeS: 0.5 } });
    const [left = 0] = await pids(list, 1);
    const [row] = await ended(jobId);
    assert.equal(row?.state, 'timeout');
    assert.equal(row?.signal, 9);
    assert.equal(await read(path.join(root, 'work', `log.${jobId}_1.out`)), 'term\n');
    await gone(left);
  });

  it('never runs more at once than the host has slots, over all jobs, nor a wide task on too few', async () => {
    variables.HPC_AGENT_BACKGROUND_SLOTS = '3';
    const trace = path.join(root, 'trace');
    const body = (cores: number): string => `echo "+${cores}" >> ${trace}; sleep 0.05; echo "-${cores}" >> ${trace}`;
    const jobs = await Promise.all([
      submit(body(1), { array: { ranges: [{ first: 1, last: 12 }] } }),
      submit(body(1), { array: { ranges: [{ first: 1, last: 12 }] } }),
      submit(body(3), { array: { ranges: [{ first: 1, last: 3 }] }, resources: { cpus: 3 } }),
      submit(body(2), { array: { ranges: [{ first: 1, last: 6 }], maxConcurrent: 1 }, resources: { cpus: 2 } }),
    ]);
    for (const jobId of jobs) assert.ok((await ended(jobId)).every(({ state }) => state === 'completed'));
    let busy = 0;
    let most = 0;
    for (const step of ((await read(trace)) ?? '').trim().split('\n').map(Number)) {
      busy += step;
      most = Math.max(most, busy);
    }
    assert.equal(busy, 0);
    assert.ok(most <= 3 && most > 1, `${most} cores were used at once`);
    await assert.rejects(() => submit('true', { resources: { cpus: 4 } }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.message.includes('4 cores'));
  });

  it('makes every id once, however many submit at the same moment', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => submit('true', { array: undefined })));
    assert.equal(new Set(ids).size, 12);
    for (const jobId of ids) assert.deepEqual((await ended(jobId)).map(({ state, indices }) => [state, indices]), [['completed', undefined]]);
  });

  it('a job submitted from inside a task lives on when that task is cancelled', async () => {
    const inner = await request('exec sleep 300', { name: 'inner', array: undefined });
    const query = dialect.submit(inner, tools);
    await fs.writeFile(path.join(root, 'work', 'request.json'), query.command.stdin ?? '');
    const list = path.join(root, 'pids');
    const outer = await submit(`${query.command.argv.map((word) => `'${word}'`).join(' ')} < request.json > inner.id; echo $$ >> ${list}; exec sleep 300`, { array: undefined });
    await pids(list, 1);
    const innerId = /job (\d+)/.exec((await read(path.join(root, 'work', 'inner.id'))) ?? '')?.[1] ?? '';
    await cancel(outer);
    assert.deepEqual((await ended(outer)).map(({ state }) => state), ['cancelled']);
    assert.deepEqual((await queueOf(innerId)).map(({ state }) => state), ['running']);
  });

  it('submits nothing on a full disk, and records ends and cancellations of jobs from before', async function () {
    const state = path.join(root, 'state');
    await fs.mkdir(state);
    const mounted = await spawnText('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', state]);
    // Only root can make a small disk; elsewhere a read-only limit on file size stands in for it.
    const small = mounted.exitCode === 0;
    try {
      const gate = path.join(root, 'gate');
      const running = await submit(`while [ ! -e ${gate} ]; do sleep 0.05; done`, { array: { ranges: [{ first: 1, last: 4 }], maxConcurrent: 2 } });
      await until('two run', async () => ((await records(running)).some(({ state: now }) => now === 'running') ? true : undefined));
      if (small) await spawnText('sh', ['-c', `dd if=/dev/zero of=${path.join(state, 'filler')} bs=4k 2>/dev/null; :`]);
      const refused = dialect.submit(await request('true', { array: { ranges: [{ first: 1, last: 5000 }] } }), tools);
      const failed = await spawnText('sh', ['-c', `${small ? '' : 'ulimit -f 8; trap "" XFSZ; '}${commandText(refused.command)}`], { env: { ...process.env, ...variables }, stdin: refused.command.stdin ?? '' });
      assert.throws(() => refused.parse(failed, true), (error: unknown) => HpcError.is(error, 'remote_command_failed') && !('outcome' in (error.details ?? {})));
      if (small) assert.throws(() => refused.parse(failed, true), /disk is full/);
      assert.deepEqual((await fs.readdir(path.join(state, 'jobs'))), [running], 'no half-made job is left');
      for (const query of dialect.cancel([{ jobId: running, indices: [{ first: 4, last: 4 }] }], tools)) await ask(query);
      await fs.writeFile(gate, '');
      const rows = await ended(running);
      assert.deepEqual(rows.map(({ state: end, indices }) => `${indices?.map(({ first, last }) => `${first}-${last}`).join()} ${end}`).at(-1), '4-4 cancelled');
      assert.ok(rows.slice(0, -1).every(({ state: end }) => end === 'completed'));
      assert.deepEqual(await queueOf(running), []);
    } finally {
      if (small) {
        await fs.rm(path.join(state, 'filler'), { force: true });
        await until('the small disk is free', async () => ((await spawnText('umount', [state])).exitCode === 0 ? true : undefined));
      }
    }
  });

  it('says why an element could not start', async () => {
    const jobId = await submit('true', { array: undefined, stdoutPath: '/proc/nowhere/x.out' });
    const [row] = await ended(jobId);
    assert.equal(row?.state, 'failed');
    assert.match(row?.rawState ?? '', /^failed \(standard output: /);
  });

  it('survives a hangup of the session that submitted it', async () => {
    const gate = path.join(root, 'gate');
    const query = dialect.submit(await request(`while [ ! -e ${gate} ]; do sleep 0.05; done`, { array: undefined }), tools);
    // A session of its own that ends with SIGHUP to everything in it, as a broken login does.
    const result = await spawnText('setsid', ['sh', '-c', `( ${commandText(query.command)} ); trap '' HUP; kill -HUP 0`], { env: { ...process.env, ...variables }, stdin: query.command.stdin ?? '' });
    const { jobId } = query.parse(result, true);
    await until('it runs', async () => ((await queueOf(jobId)).some(({ state }) => state === 'running') ? true : undefined));
    await fs.writeFile(gate, '');
    assert.deepEqual((await ended(jobId)).map(({ state }) => state), ['completed']);
  });

  it('uses no processor time while it waits', async () => {
    const list = path.join(root, 'pids');
    const jobId = await submit(`echo $$ >> ${list}; exec sleep 300`, { array: { ranges: [{ first: 1, last: 3 }], maxConcurrent: 1 } });
    const [task = 0] = await pids(list, 1);
    const supervisor = await supervisorOf(task);
    const switches = async (): Promise<number> => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec((await read(`/proc/${supervisor}/status`)) ?? '')?.[1]);
    // It flushes its table once, then sleeps until something happens: the count of its wake-ups stands still.
    await until('it sleeps without a wake-up for a while', async () => {
      const first = await switches();
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      return (await switches()) === first ? true : undefined;
    });
    await cancel(jobId);
    assert.ok((await ended(jobId)).every(({ state }) => state === 'cancelled'));
  });
});
