/** A person at work on the sandbox's cluster: workspaces, the verbs, and what the cluster says afterwards. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Sandbox } from '../sandbox.ts';
import { Cli, makeWorkspace, type CliEnd, type Envelope } from './cli.ts';
import { byKey, jobsNamed, resultsOf, traceTasks } from './ledger.ts';

export interface RunSummary {
  readonly run_id: string;
  readonly lifecycle_state: string;
  readonly counts: Readonly<Record<'complete' | 'running' | 'pending' | 'failed' | 'cancelled' | 'unknown', number>>;
  readonly evidence: readonly string[];
  readonly attention: readonly { readonly kind: string; readonly message: string; readonly task_ids: readonly number[] }[];
  readonly stale_reason: string | null;
  readonly job_ids: readonly string[];
  readonly remote_path: string;
}

export interface Submitted {
  readonly run_id: string;
  readonly remote_path: string;
  readonly job_ids: readonly string[];
}

export const square = 'printf \'{"y": %s}\\n\' "$HPC_KW_X"';
/** Writes its result when the file is there: the test says when. */
export const whenReleased = 'echo waiting; echo "trouble $HPC_KW_X" >&2; while [ ! -e "$HOME/released-$HPC_KW_GATE" ]; do sleep 0.2; done; printf \'{"y": %s}\\n\' "$HPC_KW_X"';

export class Desk {
  private count = 0;

  private constructor(
    readonly sandbox: Sandbox,
    readonly cli: Cli,
    readonly root: string,
    private readonly prefix: string,
  ) {}

  static async open(sandbox: Sandbox): Promise<Desk> {
    const cli = await Cli.build();
    const { ssh } = sandbox;
    const cluster = (host: string): unknown => ({ scheduler: 'slurm', host, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch', constraints: { max_array_size: 2, max_concurrent_jobs: 1 } });
    await cli.writeClusters({ bed: cluster(ssh.aliases.plain), noisy: cluster(ssh.aliases.noisy), tcsh: cluster(ssh.aliases.tcsh), second: cluster(ssh.aliases.second) });
    return new Desk(sandbox, cli, await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-desk-')), `d${Date.now().toString(36)}x`);
  }

  async close(): Promise<void> {
    await this.sandbox.asUser('rm -rf "$HOME"/scratch/hpc-agent "$HOME"/released-*; scancel --user="$USER"');
    await this.cli.dispose();
    await fs.rm(this.root, { recursive: true, force: true });
  }

  /** A workspace of four tasks (two arrays in two waves on these clusters) and its own run name. */
  async work(options: { readonly gate?: string; readonly total?: number; readonly folder?: string; readonly files?: Readonly<Record<string, string>> } = {}): Promise<Work> {
    const name = `${this.prefix}${(this.count += 1)}`;
    const total = options.total ?? 4;
    const tasks = `def total():\n    return ${total}\n\n\ndef resolve(i):\n    return {"x": i${options.gate === undefined ? '' : `, "gate": ${JSON.stringify(options.gate)}`}}\n`;
    const workspace = await makeWorkspace(path.join(this.root, options.folder ?? name), total, { '.hpc/tasks.py': tasks, ...options.files });
    return new Work(this, workspace, name, total);
  }

  async release(gate: string): Promise<void> {
    await this.sandbox.asUser(`touch "$HOME/released-${gate}"`);
  }
}

export class Work {
  constructor(
    private readonly desk: Desk,
    readonly workspace: string,
    readonly name: string,
    private readonly total: number,
  ) {}

  call(...words: string[]): Promise<CliEnd> {
    return this.desk.cli.run(words, { cwd: this.workspace });
  }

  submitCall(cluster = 'bed', command = square, ...more: string[]): Promise<CliEnd> {
    return this.call('submit', '--cluster', cluster, ...(command === '' ? [] : ['--command', command]), '--run-name', this.name, '--yes', ...more);
  }

  async submit(cluster = 'bed', command = square, ...more: string[]): Promise<Submitted> {
    const { envelope, code, stderr } = await this.submitCall(cluster, command, ...more);
    if (envelope?.ok !== true) throw new Error(`submit: exit ${code}: ${JSON.stringify(envelope)} ${stderr.slice(-2000)}`);
    return envelope.data as unknown as Submitted;
  }

  async status(run: Submitted, ...words: string[]): Promise<RunSummary> {
    return ((await this.desk.cli.data(['status', run.run_id, ...words], { cwd: this.workspace })) as unknown as { run: RunSummary }).run;
  }

  async monitor(run: Submitted): Promise<RunSummary> {
    return ((await this.desk.cli.data(['monitor', run.run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '180'], { cwd: this.workspace })) as unknown as { run: RunSummary }).run;
  }

  /** Ids of the jobs on the cluster, by key. */
  async jobs(): Promise<ReadonlyMap<string, readonly string[]>> {
    return byKey(await jobsNamed(this.desk.sandbox, `${this.name}-`), this.name);
  }

  /** The run ended well, and the cluster itself has each job once, each task begun once, each result once. */
  async provesWhole(run: Submitted, starts = 1): Promise<void> {
    const summary = await this.monitor(run);
    assert.equal(summary.lifecycle_state, 'complete', JSON.stringify(summary));
    assert.equal(summary.counts.complete, this.total);
    const jobs = await this.jobs();
    for (const [key, ids] of jobs) assert.equal(ids.length, 1, `${key} is there ${ids.length} times: ${ids.join()}`);
    assert.deepEqual([...jobs].filter(([key]) => !key.endsWith('c')).map(([, ids]) => ids[0]).sort(), [...summary.job_ids].sort());
    const results = await resultsOf(this.desk.sandbox, run.remote_path, run.run_id);
    assert.equal(results.size, this.total);
    for (const [task, text] of results) assert.equal((JSON.parse(text) as { y: number }).y, task);
    const traces = await traceTasks(this.desk.sandbox, `${run.remote_path}/.hpc/state/${run.run_id}`);
    assert.equal(traces.size, this.total);
    if (starts === 1) for (const [task, trace] of traces) assert.deepEqual([trace.starts, trace.ends], [1, 1], `task ${task}`);
  }
}

/** A typed error that tells what to do. */
export function expectError(end: CliEnd, ...codes: readonly string[]): Envelope {
  const { envelope } = end;
  assert.equal(envelope?.ok, false, `an error was expected: ${JSON.stringify(envelope)} ${end.stderr.slice(-500)}`);
  assert.ok(codes.includes(envelope.error_code ?? ''), JSON.stringify(envelope));
  assert.ok((envelope.remediation ?? '') !== '', `there is no remedy: ${JSON.stringify(envelope)}`);
  return envelope;
}
