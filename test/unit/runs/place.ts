/**
 * A workspace, a user's home and a cluster in one temporary folder. The cluster is real as far as `hpc_remote.py` goes: a fake
 * connection runs it here, with scheduler programs that print what the test wrote and count how often they were asked.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { ClusterStore } from '../../../src/cluster/clusterStore.ts';
import { readRuntimeFiles } from '../../../src/cluster/remoteRuntime.ts';
import { ClusterSession } from '../../../src/cluster/session.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import type { CallOptions, RunDeps } from '../../../src/runs/deps.ts';
import { Journal } from '../../../src/runs/journal.ts';
import { writeSidecar, type Sidecar } from '../../../src/runs/sidecar.ts';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { createFakeConnection, type FakeCall, type FakeConnection, type FakeReply } from '../../contract/connection/fakeConnection.ts';
import type { RemoteCommand } from '../../../src/connection/port.ts';

const root = path.resolve(import.meta.dirname, '../../..');

export interface Place {
  readonly directory: string;
  readonly experimentDir: string;
  /** The cluster's folder of the workspace. */
  readonly remoteRoot: string;
  readonly connection: FakeConnection;
  readonly session: ClusterSession;
  readonly deps: RunDeps;
  readonly call: CallOptions;
  /** Sets the clock, milliseconds since the epoch; it stands still. */
  setNow(ms: number): void;
  nowMs(): number;
  /** What `squeue` and `sacct` print; a string that begins with `!` is printed on standard error with status 1. */
  says(program: 'squeue' | 'sacct', text: string): Promise<void>;
  /** How often a program was run. */
  asked(program: 'squeue' | 'sacct' | 'scancel'): Promise<number>;
  scancelled(): Promise<readonly string[]>;
  writeRun(run: Partial<Sidecar> & { readonly run_id: string; readonly task_count: number }, arrays: readonly PlacedArray[]): Promise<Sidecar>;
  dispose(): Promise<void>;
}

export interface PlacedArray {
  readonly wave: number;
  readonly first: number;
  readonly count: number;
  readonly jobId: string | null;
}

async function runLocally(command: RemoteCommand, call: FakeCall): Promise<FakeReply> {
  const [program, ...args] = command.argv ?? ['/bin/sh', '-c', command.script];
  const child = spawn(program ?? '', args, { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...command.env }, ...(command.cwd === undefined ? {} : { cwd: command.cwd }) });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => (call.onStdout ? call.onStdout(chunk) : out.push(chunk)));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that is not there does not read.
  child.stdin.on('error', () => undefined);
  if (call.input) Readable.from(call.input).pipe(child.stdin);
  else child.stdin.end(command.stdin ?? '');
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString(), exitCode };
}

/** With `directory`, another process's view of a place that is there already, by the real clock. */
export async function makePlace(there?: { readonly directory: string; readonly workspace?: string }): Promise<Place> {
  const directory = there?.directory ?? (await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-runs-')));
  const at = (...parts: string[]): string => path.join(directory, ...parts);
  const experimentDir = at(there?.workspace ?? 'work');
  const remoteRoot = at('far', 'work');
  for (const folder of [there?.workspace ?? 'work', 'home', 'far/work', 'bin']) await fs.mkdir(at(folder), { recursive: true });
  for (const program of there ? [] : ['squeue', 'sacct', 'scancel', 'sbatch', 'scontrol', 'sinfo']) {
    const file = at('bin', program);
    await fs.writeFile(`${file}.says`, '');
    await fs.writeFile(file, `#!/bin/sh\necho "$*" >>'${file}.asked'\nif grep -q '^!' '${file}.says'; then tail -c +2 '${file}.says' >&2; exit 1; fi\ncat '${file}.says'\n`, { mode: 0o755 });
  }
  if (!there) await fs.writeFile(at('home', 'clusters.yaml'), JSON.stringify({ bed: { scheduler: 'slurm', host: 'fake', scratch: at('far') } }));
  const tools = Object.fromEntries(['squeue', 'sacct', 'scancel', 'sbatch', 'scontrol', 'sinfo'].map((name) => [name, at('bin', name)]));
  const connection = createFakeConnection({ environment: { home: at('far'), python: 'python3', tools, variables: { HOME: at('far'), PATH: process.env.PATH ?? '' } }, reply: runLocally });
  const profile = await new ClusterStore({ workspaceDirectory: experimentDir, trusted: true, home: directory, env: { HPC_AGENT_HOME: at('home') } }).get('bed');
  const session = new ClusterSession({ profile, connection, dialect: dialectFor('slurm'), runtime: await readRuntimeFiles(root), log: silentLog, localHome: at('home') });
  let now = Date.parse('2026-01-02T10:00:00Z');
  const journal = new Journal(at('home'));
  const unused = (what: string) => (): never => {
    throw new Error(`${what} is not there in this test`);
  };
  const deps: RunDeps = {
    experimentDir,
    journal,
    clock: { now: () => (there ? new Date() : new Date(now)) },
    log: silentLog,
    version: '0.0.0',
    assetsDirectory: root,
    home: at('home'),
    trusted: true,
    executors: { evaluate: unused('evaluate'), freeze: unused('freeze'), discover: unused('discover') },
    local: connection,
    profile: () => Promise.resolve(profile),
    session: () => Promise.resolve(session),
  };
  const lines = async (file: string): Promise<readonly string[]> => (await fs.readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return {
    directory,
    experimentDir,
    remoteRoot,
    connection,
    session,
    deps,
    call: { signal: new AbortController().signal, progress: () => undefined },
    setNow: (ms) => {
      now = ms;
    },
    nowMs: () => now,
    says: (program, text) => fs.writeFile(at('bin', `${program}.says`), text),
    asked: async (program) => (await lines(at('bin', `${program}.asked`))).length,
    scancelled: () => lines(at('bin', 'scancel.asked')),
    writeRun: async (run, arrays) => {
      const stateDir = path.join(remoteRoot, '.hpc', 'state', run.run_id);
      await fs.mkdir(path.join(stateDir, 'events'), { recursive: true });
      const waves = [...new Set(arrays.map(({ wave }) => wave))];
      const seen = new Map<number, number>();
      const placed = arrays.map(({ wave, first, count, jobId }) => {
        const number = seen.get(wave) ?? 0;
        seen.set(wave, number + 1);
        return { key: `w${wave}a${number}`, wave, first_task: first, task_count: count, job_name: `run-w${wave}a${number}-0123456789`, job_id: jobId };
      });
      const sidecar: Sidecar = {
        sidecar_schema_version: 2,
        cmd_sha: 'c'.repeat(64),
        submitted_at: deps.clock.now().toISOString(),
        executor: 'true',
        result_dir_template: 'results/{run_id}/task_{task_id}',
        cluster: 'bed',
        remote_path: remoteRoot,
        job_ids: placed.flatMap(({ job_id }) => job_id ?? []),
        ...run,
        extra: {
          ...run.extra,
          submission: {
            token: '0123456789abcdef',
            run_name: 'run',
            workspace_id: 'a'.repeat(32),
            scheduler: 'slurm',
            state_dir: stateDir,
            arrays: placed,
            combiners: waves.map((wave) => ({ key: `w${wave}c`, wave, job_name: `run-w${wave}c-0123456789`, job_id: placed.some((array) => array.wave === wave && array.job_id === null) ? null : String(900_000 + Number(placed.find((array) => array.wave === wave)?.job_id)) })),
            max_concurrent: null,
            env: {},
            logs: Object.fromEntries(placed.map(({ key }) => [key, { out: `${stateDir}/logs/${key}_%A_%a.out`, err: `${stateDir}/logs/${key}_%A_%a.err` }])),
          },
        },
      };
      await writeSidecar(experimentDir, sidecar);
      await journal.write({
        schema_version: 1, run_id: sidecar.run_id, profile: 'run', cluster: 'bed', ssh_target: 'fake', remote_path: remoteRoot, job_name: 'run', job_ids: sidecar.job_ids ?? [],
        total_tasks: sidecar.task_count, submitted_at: sidecar.submitted_at, experiment_dir: experimentDir, stage: 'monitor', status: 'in_flight',
      });
      return sidecar;
    },
    dispose: async () => {
      connection.dispose();
      await fs.rm(directory, { recursive: true, force: true });
    },
  };
}

export const queueRow = (id: string, state: string, node = '', reason = 'None', name = 'run-w0a0-0123456789'): string => `HPCQ|${id}|${state}|${reason}|${node}|${name}|HPCE\n`;

export function accountingRow(id: string, state: string, exit = '0:0', node = 'node1'): string {
  return `${[id, state, exit, '61', '', node, 'cpu', 'token', 'run-w0a0-0123456789', id.replace('_', '')].join('\u001f')}\n`;
}

export const startEvent = (job: string, task: number, index: number, t = 1_767_340_000, attempt = 1): string => `{"e":"start","i":${task},"a":${attempt},"t":${t}.125,"j":"${job}_${index}"}\n`;
export const endEvent = (job: string, task: number, index: number, t = 1_767_340_060, outcome = 'done', rc = 0, attempt = 1): string =>
  `{"e":"end","i":${task},"a":${attempt},"t":${t}.250,"j":"${job}_${index}","rc":${rc},"s":null,"el":60.125,"rss":41.5,"o":"${outcome}"}\n`;
