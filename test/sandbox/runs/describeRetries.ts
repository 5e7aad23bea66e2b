/**
 * A run of 200 tasks that looks after itself, on a real scheduler: known ones fail in each way that happens, each is named with its proof; what
 * another try helps goes again by the run's own rules and comes to its end, the rest stops at its cap; after the cause is mended the owner
 * sends the rest again, and the results are whole.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Cli, eventually, makeWorkspace } from './cli.ts';

/** Cores of one node, on both clusters: so many tasks fill it. */
const perNode = 16;

/** How many tasks end in which way, in the order of their numbers. Those of the first two kinds begin first, each on a node of its own. */
const sweep = { node: perNode, preempted: perNode, late: 4, memory: 4, greedy: 2, traceback: 6, module: 3, ok: 149 } as const;
type Kind = keyof typeof sweep;
const kinds: readonly Kind[] = (Object.keys(sweep) as Kind[]).flatMap((kind) => Array.from({ length: sweep[kind] }, () => kind));
const tasksOf = (...wanted: readonly Kind[]): readonly number[] => kinds.flatMap((kind, task) => (wanted.includes(kind) ? [task] : []));

/**
 * In their first attempt `node` and `preempted` wait for what happens to them, and `late` is slow. `memory` needs more than it was given, `greedy` more
 * with every attempt. Those and the other two fail until somebody mends them.
 */
const program = `import os, sys, time

kind, attempt = os.environ["HPC_KW_KIND"], int(os.environ["HPC_ATTEMPT"])
mended = os.path.exists(os.path.join(os.environ["HPC_DIR"], "..", "mended"))
if kind in ("node", "preempted", "late") and attempt == 1:
    time.sleep(300)
if kind == "memory" or kind == "greedy" and not mended:
    data = b"x" * ((230 if kind == "memory" or attempt == 1 else 600) << 20)
    time.sleep(25 if kind == "greedy" or attempt == 1 else 0)
if kind == "traceback" and not mended:
    raise ValueError("alpha is out of range")
if kind == "module" and not mended:
    import a_module_that_is_not_there
print('{"y": %s, "host": %s}' % (os.environ["HPC_KW_X"], os.uname()[1].lstrip("abcdefghijklmnopqrstuvwxyz")))
`;
const tasks = `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i], "x": i}\n`;

export interface RetryPlace {
  readonly cluster: object;
  readonly resources: Readonly<Record<string, unknown>>;
  /** New tasks begin on this node only; without a node: on all. */
  readonly open: (node?: 1 | 2) => Promise<void>;
  /** Node 1 fails under its tasks, and those of node 2 have to give way. */
  readonly harm: () => Promise<void>;
  /** Node 1 comes back. */
  readonly mend: () => Promise<void>;
  /** The first piece of evidence for each class, where schedulers differ. */
  readonly proofs: Readonly<Record<'node_failure' | 'preempted' | 'walltime' | 'system_oom', readonly [certainty: string, source: string, text: RegExp]>>;
  readonly clean: () => Promise<unknown>;
}

interface Watched {
  readonly run: { readonly counts: Readonly<Record<string, number>>; readonly lifecycle_state: string };
  readonly retries: readonly { readonly attempt: number; readonly failure_class: string | null; readonly task_count: number; readonly change: string }[];
}
interface Failure {
  readonly error_class: string;
  readonly certainty: string;
  readonly message: string;
  readonly task_ids: readonly number[];
  readonly evidence: readonly { readonly source: string; readonly text: string; readonly path: string | null; readonly line: number | null }[];
  readonly retry_advice?: { readonly eligible_task_ids: readonly number[]; readonly blocked_task_ids: readonly number[] };
}
interface Aggregated {
  readonly report: { readonly ok: boolean };
  readonly table: { readonly rows: readonly { readonly parameters: { readonly x: number }; readonly metrics: { readonly y: number; readonly host: number } }[] };
}

export function describeRetries(name: string, open: () => Promise<RetryPlace>): void {
  describe(`retries on ${name} (sandbox)`, function () {
    this.timeout(400_000);
    let place: RetryPlace;
    let cli: Cli;
    let root: string;
    before(async () => {
      place = await open();
      cli = await Cli.build();
      root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-retry-'));
      await cli.writeClusters({ bed: place.cluster });
    });
    after(async () => {
      await place.clean();
      await cli.dispose();
      await fs.rm(root, { recursive: true, force: true });
    });

    it('of 200 tasks each failure is named with its proof; recoverable ones complete, the others stop, and the mended ones make it whole', async () => {
      const workspace = await makeWorkspace(path.join(root, 'work'), kinds.length, { '.hpc/tasks.py': tasks, 'executors/fail.py': program });
      const data = async <T>(...words: string[]): Promise<T> => (await cli.data(words, { cwd: workspace })) as unknown as T;
      const monitor = (runId: string): Promise<Watched> => data<Watched>('monitor', runId, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '200');

      await place.open(1);
      const { run_id } = await data<{ run_id: string }>('submit', '--cluster', 'bed', '--command', 'python3 executors/fail.py', '--resources', JSON.stringify({ memory: '200M', ...place.resources }), '--auto-retry', 'true', '--yes');
      const counts = async (): Promise<Readonly<Record<string, number>>> => (await data<Watched>('status', run_id)).run.counts;
      const running = (count: number): Promise<unknown> => eventually(`${count} tasks run`, async () => ((await counts()).running === count ? true : undefined), 60_000, 500);
      await running(perNode);
      await place.open(2);
      await running(2 * perNode);
      await place.harm();
      await place.open();
      const ended = await eventually('all have ended once', async () => {
        const now = await counts();
        return (now.running ?? 0) + (now.pending ?? 0) + (now.unknown ?? 0) === 0 ? now : undefined;
      }, 200_000, 2_000);
      await place.mend();
      assert.deepEqual([ended.complete, ended.failed], [sweep.ok, kinds.length - sweep.ok], JSON.stringify(ended));

      const { clusters } = await data<{ clusters: readonly Failure[] }>('failures', run_id, '--no-refresh');
      const found = JSON.stringify(clusters, undefined, 1);
      const named = (wanted: string): readonly number[] => clusters.filter(({ error_class }) => error_class === wanted).flatMap(({ task_ids }) => task_ids).sort((a, b) => a - b);
      const expected = { node_failure: tasksOf('node'), preempted: tasksOf('preempted'), walltime: tasksOf('late'), system_oom: tasksOf('memory', 'greedy'), python_traceback: tasksOf('traceback'), import_error: tasksOf('module') };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((wanted) => [wanted, named(wanted)])), expected, found);
      const proofs = { ...place.proofs, python_traceback: ['proved', 'log', /^ValueError: alpha is out of range$/], import_error: ['proved', 'log', /a_module_that_is_not_there/] } as const;
      for (const { error_class, certainty, evidence } of clusters) {
        const [sure, source, text] = proofs[error_class as keyof typeof proofs];
        assert.deepEqual([certainty, evidence[0]?.source], [sure, source], found);
        assert.match(evidence[0]?.text ?? '', text, found);
      }
      for (const alike of ['python_traceback', 'import_error', 'preempted']) assert.equal(clusters.filter(({ error_class }) => error_class === alike).length, 1, `equal failures are one: ${found}`);

      const watched = await monitor(run_id);
      const seen = JSON.stringify(watched, undefined, 1);
      const hopeless = tasksOf('greedy', 'traceback', 'module').length;
      assert.deepEqual([watched.run.counts.complete, watched.run.counts.failed], [kinds.length - hopeless, hopeless], seen);
      const changes = { node_failure: /^not on \w+1$/, preempted: /^as before$/, walltime: /^time limit .* → /, system_oom: /^memory 200M → (320M|3\d\dM|2[5-9]\dM): / } as const;
      const total = (wanted: string): number => watched.retries.filter(({ failure_class }) => failure_class === wanted).reduce((sum, { task_count }) => sum + task_count, 0);
      assert.deepEqual(Object.keys(changes).map(total), [sweep.node, sweep.preempted, sweep.late, sweep.memory + sweep.greedy], seen);
      for (const { failure_class, change } of watched.retries) assert.match(change, changes[failure_class as keyof typeof changes], seen);
      assert.deepEqual((await monitor(run_id)).retries, [], 'what stopped at its cap is left alone');
      // Whether accounting saw the peak is a matter of its interval: two tasks that ran out of memory may have different evidence, and be two groups.
      const left = (await data<{ clusters: readonly Failure[] }>('failures', run_id)).clusters.filter(({ error_class }) => error_class === 'system_oom');
      const allOf = (pick: (group: Failure) => readonly number[] | undefined): readonly number[] => left.flatMap((group) => pick(group) ?? []).sort((x, y) => x - y);
      assert.deepEqual([allOf(({ task_ids }) => task_ids), allOf(({ retry_advice }) => retry_advice?.eligible_task_ids), allOf(({ retry_advice }) => retry_advice?.blocked_task_ids)], [tasksOf('greedy'), [], tasksOf('greedy')]);

      await fs.writeFile(path.join(workspace, 'mended'), '');
      for (const [category, again] of [['python_traceback', sweep.traceback], ['import_error', sweep.module], ['system_oom', sweep.greedy]] as const) {
        const { task_count } = await data<{ task_count: number }>('resubmit', run_id, '--category', category, '--yes');
        assert.equal(task_count, again, category);
      }
      const { run } = await monitor(run_id);
      assert.deepEqual([run.lifecycle_state, run.counts.complete], ['complete', kinds.length], JSON.stringify(run));
      const { report, table } = await data<Aggregated>('aggregate', run_id);
      assert.equal(report.ok, true, JSON.stringify(report));
      const rows = table.rows.map(({ parameters, metrics }) => [parameters.x, metrics.y, metrics.host] as const).sort(([a], [b]) => a - b);
      assert.deepEqual(rows.map(([x, y]) => [x, y]), kinds.map((_, x) => [x, x]));
      assert.ok(rows.every(([x, , host]) => kinds[x] !== 'node' || host !== 1), 'the next try was elsewhere');
    });
  });
}
