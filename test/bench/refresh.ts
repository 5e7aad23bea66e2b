/**
 * Refreshing a cluster that holds 50 runs of 1,000 tasks, over the real ssh connection: time, exchanges, bytes on the wire.
 * The queue and the accounting are files that stand-ins for squeue and sacct print: a small real Slurm would not take 50,000 tasks.
 * The peer does what a script without offsets and differences does: asks the same programs and reads all event logs.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Connection } from '../../src/connection/port.ts';
import { openRun, refreshRuns } from '../../src/runs/listRuns.ts';
import type { OpenRun } from '../../src/runs/runView.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { interleaved, program } from './measure.ts';
import { openCore, startMaster, withRoundTrip, type Bench, type Places } from './places.ts';
import { compared, oursAtMost, type Row } from './report.ts';
import { accountingText, endEvent, eventLogs, nodeOf, queueText, syntheticRuns, writeSidecars, type SyntheticRun } from './syntheticRuns.ts';

const progress = { tasks: 1000, done: 500, running: 100 };
const remoteRoot = '/home/bob/bench/workspace';
const changedTasks = 10;

export async function refresh(places: Places, short: boolean): Promise<readonly Row[]> {
  const sandbox = await places.sandbox();
  const runs = syntheticRuns(short ? 10 : 50, remoteRoot);
  await placeOnCluster(places, sandbox, runs);
  const rows: Row[] = [];
  for (const roundTripMs of short ? [100] : [0, 100]) rows.push(...(await withRoundTrip(sandbox, roundTripMs, () => measureAt(places, sandbox, runs, roundTripMs, short))));
  await sandbox.asUser('rm -rf ~/bench ~/fake ~/.bash_profile', { user: 'bob' });
  return rows;
}

async function placeOnCluster(places: Places, sandbox: Sandbox, runs: readonly SyntheticRun[]): Promise<void> {
  const staging = await places.folder('cluster');
  const write = async (name: string, text: string, mode = 0o644): Promise<void> => {
    await fs.mkdir(path.join(staging, path.dirname(name)), { recursive: true });
    await fs.writeFile(path.join(staging, name), text, { mode });
  };
  await write('.bash_profile', 'PATH="$HOME/fake:$PATH"; export PATH\n');
  await write('fake/squeue', '#!/bin/sh\nexec cat /home/bob/fake/queue\n', 0o755);
  await write('fake/sacct', '#!/bin/sh\nexec cat /home/bob/fake/accounting\n', 0o755);
  await write('fake/queue', queueText(runs, progress));
  await write('fake/accounting', accountingText(runs, progress));
  for (const run of runs) for (const [node, text] of eventLogs(run, progress)) await write(path.posix.relative('/home/bob', path.posix.join(run.stateDir, 'events', `${node}.jsonl`)), text);
  const archive = `${staging}.tar`;
  await program(['tar', '-C', staging, '--owner=0', '--group=0', '-cf', archive, '.']);
  await asBob(sandbox, 'tar --no-same-owner -C ~ -xf -', archive);
  await fs.rm(staging, { recursive: true });
}

/** Through ssh, since an archive is no text. */
async function asBob(sandbox: Sandbox, command: string, inputFile: string): Promise<void> {
  await program(['sh', '-c', 'exec ssh -F "$1" -o BatchMode=yes sandbox-bob "$2" < "$3"', 'sh', sandbox.ssh.sshConfigFile, command, inputFile]);
}

interface Measured {
  readonly ms: number;
  readonly sent: number;
  readonly received: number;
  readonly trips: number;
}

async function measureAt(places: Places, sandbox: Sandbox, runs: readonly SyntheticRun[], roundTripMs: number, short: boolean): Promise<readonly Row[]> {
  // Observations are not older or younger than the code thinks: time is moved instead of waited for.
  let skipMs = 0;
  const clock = { now: (): Date => new Date(Date.now() + skipMs) };
  const pass = (ms: number) => (): Promise<void> => {
    skipMs += ms;
    return Promise.resolve();
  };
  const results = { first: [] as Measured[], unchanged: [] as Measured[], accounting: [] as Measured[], changed: [] as Measured[] };
  const master = await startMaster(sandbox, 'sandbox-bob');
  const everything = `cat ${remoteRoot}/.hpc/state/*/events/*.jsonl`;
  const peers = { all: `~/fake/squeue; ~/fake/sacct; ${everything}`, queue: `~/fake/squeue; ${everything}` };
  const peerBytes = { all: 0, queue: 0 };
  const ask = (which: keyof typeof peers) => async (): Promise<void> => void (peerBytes[which] = (await program([...master.ssh, peers[which]])).length);
  const rounds = short ? 2 : 3;
  let core: Bench | undefined;
  let open: readonly OpenRun[] = [];
  let connection: Connection | undefined;
  let done = 0;

  const begin = async (): Promise<void> => {
    core?.services.dispose();
    core = await openCore(places, sandbox, { alias: 'sandbox-bob', clock });
    await writeSidecars(core.experimentDir, 'bench', remoteRoot, runs, progress.tasks);
    const deps = core.services.runDeps(core.experimentDir);
    open = (await Promise.all(runs.map(({ runId }) => openRun(deps.experimentDir, runId, deps)))).filter((run) => run !== undefined);
    const session = await deps.session('bench');
    ({ connection } = session);
    // Warm: connected, environment known, runtime there.
    await (await session.facts()).runtime.call('exec', { env: {}, commands: [] });
  };
  const refreshNow = (into: Measured[]) => async (): Promise<void> => {
    if (!core || !connection) throw new Error('there is no cluster yet');
    const before = connection.statistics;
    const since = performance.now();
    const problems = await refreshRuns(open, core.services.runDeps(core.experimentDir), core.context);
    const ms = performance.now() - since;
    if (problems[0]) throw problems[0].error;
    const { bytesSent, bytesReceived, roundTrips } = connection.statistics;
    into.push({ ms, sent: bytesSent - before.bytesSent, received: bytesReceived - before.bytesReceived, trips: roundTrips - before.roundTrips });
  };
  const change = async (): Promise<void> => {
    await pass(2000)();
    const task = progress.done + done;
    done += 1;
    const lines = runs.slice(0, changedTasks).map((run) => `printf %s ${`'${endEvent(run, task)}'`} >> ${run.stateDir}/events/${nodeOf(task)}.jsonl`);
    const ended = new Map(runs.slice(0, changedTasks).map((run) => [run.runId, done]));
    await must(sandbox, `${lines.join('\n')}\ncat > ~/fake/queue <<'END'\n${queueText(runs, progress, ended)}END\n`);
  };
  try {
    const first = await interleaved({ ours: { before: begin, run: refreshNow(results.first) }, peer: { run: ask('all') } }, rounds, 0);
    const unchanged = await interleaved({ ours: { before: pass(2000), run: refreshNow(results.unchanged) }, peer: { run: ask('queue') } }, 2 * rounds, 0);
    const accounting = await interleaved({ ours: { before: pass(61_000), run: refreshNow(results.accounting) }, peer: { run: ask('all') } }, rounds, 0);
    const changed = await interleaved({ ours: { before: change, run: refreshNow(results.changed) }, peer: { run: ask('queue') } }, 2 * rounds, 0);
    const group = `refresh of ${runs.length} runs of 1,000 tasks ${roundTripMs === 0 ? 'on loopback' : `at ${roundTripMs} ms`}`;
    const name = 'ssh, ControlMaster: squeue, all logs';
    const rowsOf = (what: string, measured: readonly Measured[], times: { ours: number[]; peer: number[] }, bytes: number, inOneTrip: boolean): Row[] => [
      compared(group, what, times.ours, { name, values: times.peer }),
      compared(group, `${what}: received`, measured.map(({ received }) => received / 1000), { name, values: measured.map(() => bytes / 1000) }, { unit: 'KB' }),
      compared(group, `${what}: exchanges`, measured.map(({ trips }) => trips), undefined, { unit: 'trips', ...(inOneTrip ? { budget: oursAtMost(1) } : {}), note: `sent ${(Math.max(...measured.map(({ sent }) => sent)) / 1000).toFixed(1)} KB` }),
    ];
    return [
      ...rowsOf('first, with accounting', results.first, first, peerBytes.all, false),
      ...rowsOf('nothing changed', results.unchanged, unchanged, peerBytes.queue, true),
      ...rowsOf('nothing changed, with accounting', results.accounting, accounting, peerBytes.all, true),
      ...rowsOf(`${changedTasks} tasks ended`, results.changed, changed, peerBytes.queue, true),
    ];
  } finally {
    await master.end();
    core?.services.dispose();
    await must(sandbox, `cat > ~/fake/queue <<'END'\n${queueText(runs, progress)}END\n`);
  }
}

async function must(sandbox: Sandbox, script: string): Promise<void> {
  // On standard input: the text is longer than a command line may be.
  const { exitCode, stderr } = await sandbox.asUser('bash -s', { user: 'bob', stdin: script });
  if (exitCode !== 0) throw new Error(stderr);
}
