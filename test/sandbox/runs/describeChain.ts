/**
 * Tasks that take longer than one job may, on a real scheduler: they go on in jobs that were queued from the start, in the folder that the one
 * before left, and what is done or failed by itself costs no further work.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Cli, eventually, makeWorkspace } from './cli.ts';

const kinds = ['quick', 'long', 'steps', 'broken'];

/** `long` takes more time than one job has, `steps` stops by itself at each checkpoint. Each counts in its folder, and once more beside it. */
const program = `import json, os, sys, time

kind, folder = os.environ["HPC_KW_KIND"], os.environ["RESULT_DIR"]
with open(os.path.join(os.environ["HPC_DIR"], "..", "ran." + kind), "a") as log:
    log.write(os.environ["HPC_HOP"])
state = os.path.join(folder, "checkpoint")
done = int(open(state).read()) if os.path.exists(state) else 0
if kind == "broken":
    raise ValueError("alpha is out of range")
need = {"quick": 1, "long": int(os.environ["LONG"]), "steps": 3}[kind]
while done < need:
    time.sleep(1 if kind == "long" else 0)
    done += 1
    with open(state + ".new", "w") as file:
        file.write(str(done))
    os.rename(state + ".new", state)
    if kind == "steps" and done < need:
        sys.exit(85)
print(json.dumps({"steps": done}))
`;
const tasks = `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i]}\n`;

export interface ChainPlace {
  readonly cluster: object;
  readonly walltime: string;
  /** Seconds of work of the long task: more than one job has, less than two. */
  readonly long: number;
  readonly read: (file: string) => Promise<string>;
  readonly clean: () => Promise<unknown>;
  /** The first jobs are so short that they may be over before they are seen. */
  readonly brief?: boolean;
  /** Of the command line, where the cluster is this computer. */
  readonly env?: Readonly<Record<string, string>>;
  /** More to be seen while the first job of the chain runs into its limit. */
  readonly meanwhile?: (cli: Cli, root: string) => Promise<void>;
}

interface Status {
  readonly run: { readonly lifecycle_state: string; readonly counts: Readonly<Record<string, number>>; readonly chain?: { readonly max_hops: number; readonly tasks_by_link: readonly number[] }; readonly remote_path: string };
  readonly tasks: readonly { readonly task_id: number; readonly state: string; readonly attempt: number; readonly evidence: string }[];
}

export function describeChain(name: string, open: () => Promise<ChainPlace>): void {
  describe(`a chain of jobs on ${name}`, function () {
    this.timeout(300_000);
    let place: ChainPlace;
    let cli: Cli;
    let root: string;
    before(async () => {
      place = await open();
      cli = await Cli.build();
      root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-chain-'));
      await cli.writeClusters({ bed: place.cluster });
    });
    after(async () => {
      await place.clean();
      await cli.dispose();
      await fs.rm(root, { recursive: true, force: true });
    });

    it('goes on past the time limit from its checkpoint; a healthy hop is no failure; what is done or failed is left alone', async () => {
      const workspace = await makeWorkspace(path.join(root, 'work'), kinds.length, { '.hpc/tasks.py': tasks, 'work.py': program });
      const data = async <T>(...words: string[]): Promise<T> => (await cli.data(words, { cwd: workspace, ...(place.env ? { env: place.env } : {}) })) as unknown as T;
      const { run_id, job_ids } = await data<{ run_id: string; job_ids: string[] }>('submit', '--cluster', 'bed', '--command', 'python3 work.py', '--resources', JSON.stringify({ walltime: place.walltime }), '--env', JSON.stringify({ LONG: String(place.long) }), '--chain', '{"max_hops": 3}', '--yes');
      assert.equal(job_ids.length, 4, 'all jobs of the chain are queued at once');
      const status = async (): Promise<Status> => data<Status>('status', run_id, '--task-ids', '0,1,2,3');
      if (place.brief !== true) {
        const early = await eventually('the other tasks have ended their first job', async () => {
          const seen = await status();
          return seen.tasks[0]?.state === 'complete' && seen.tasks[3]?.state === 'failed' && seen.tasks[2]?.attempt === 2 ? seen : undefined;
        });
        assert.deepEqual([early.tasks[1]?.state, early.tasks[2]?.state, early.run.lifecycle_state, early.run.counts.failed], ['running', 'pending', 'in_flight', 1], JSON.stringify(early));
      }
      await place.meanwhile?.(cli, root);
      await data('monitor', run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '240');
      const end = await status();
      assert.deepEqual([end.run.counts.complete, end.run.counts.failed, end.run.chain], [3, 1, { max_hops: 3, tasks_by_link: [2, 1, 1, 0] }], JSON.stringify(end));
      assert.deepEqual(end.tasks.map(({ attempt }) => attempt), [1, 2, 3, 1]);
      const there = (file: string): Promise<string> => place.read(`${end.run.remote_path}/${file}`);
      // The last link comes and goes without a trace of its own.
      await eventually('the chain has run out', async () => ((await data<{ jobs: { state: string }[] }>('job-list', '--cluster', 'bed')).jobs.some(({ state }) => ['pending', 'running', 'held', 'completing'].includes(state)) ? undefined : true), 90_000);
      assert.deepEqual(await Promise.all(['quick', 'long', 'steps', 'broken'].map((kind) => there(`ran.${kind}`))), ['0', '01', '012', '0']);
      assert.equal((await there(`results/${run_id}/task_1/metrics.json`)).trim(), JSON.stringify({ steps: place.long }).replace(':', ': '));
      const { clusters } = await data<{ clusters: { category: string; count: number }[] }>('failures', run_id);
      assert.deepEqual(clusters.map(({ category, count }) => [category, count]), [['python_traceback', 1]]);
    });
  });
}
