/**
 * A run that looks after itself, on a real scheduler: what another try helps goes again by the run's own rules and comes to its end, the rest
 * stops at its cap; after the cause is mended the owner sends the rest again, and the results are whole.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Cli, makeWorkspace } from './cli.ts';

const kinds = [...Array.from({ length: 14 }, () => 'ok'), 'memory', 'memory', 'late', 'late', 'traceback', 'traceback', 'module'];

/** `memory` needs more than it was given, `late` is slow in its first attempt; the others fail until somebody mends them. */
const program = `import os, sys, time

kind, attempt = os.environ["HPC_KW_KIND"], int(os.environ["HPC_ATTEMPT"])
mended = os.path.exists(os.path.join(os.environ["HPC_DIR"], "..", "mended"))
if kind == "memory":
    data = b"x" * (230 << 20)
    time.sleep(25 if attempt == 1 else 0)
if kind == "late" and attempt == 1:
    time.sleep(300)
if kind == "traceback" and not mended:
    raise ValueError("alpha is out of range")
if kind == "module" and not mended:
    import a_module_that_is_not_there
print('{"y": %s}' % os.environ["HPC_KW_X"])
`;
const tasks = `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i], "x": i}\n`;

export interface RetryPlace {
  readonly cluster: object;
  readonly walltime: string;
  readonly clean: () => Promise<unknown>;
}

interface Watched {
  readonly run: { readonly counts: Readonly<Record<string, number>>; readonly lifecycle_state: string };
  readonly retries: readonly { readonly attempt: number; readonly failure_class: string | null; readonly task_count: number; readonly change: string }[];
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

    it('recoverable tasks complete, the others stop, and the mended ones make it whole', async () => {
      const workspace = await makeWorkspace(path.join(root, 'work'), kinds.length, { '.hpc/tasks.py': tasks, 'executors/fail.py': program });
      const data = async <T>(...words: string[]): Promise<T> => (await cli.data(words, { cwd: workspace })) as unknown as T;
      const { run_id } = await data<{ run_id: string }>('submit', '--cluster', 'bed', '--command', 'python3 executors/fail.py', '--resources', JSON.stringify({ memory: '200M', walltime: place.walltime }), '--auto-retry', 'true', '--yes');
      const watched = await data<Watched>('monitor', run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '330');
      const seen = JSON.stringify(watched, undefined, 1);
      assert.deepEqual([watched.run.counts.complete, watched.run.counts.failed], [18, 3], seen);
      const total = (wanted: string): number => watched.retries.filter(({ failure_class }) => failure_class === wanted).reduce((sum, { task_count }) => sum + task_count, 0);
      assert.deepEqual([total('system_oom'), total('walltime'), watched.retries.length >= 2], [2, 2, true], seen);
      assert.ok(watched.retries.every(({ change, failure_class }) => (failure_class === 'walltime' ? /^time limit .* → / : /^memory 200M → (320M|3\d\dM|2[5-9]\dM): /).test(change)), seen);
      assert.deepEqual((await data<Watched>('monitor', run_id, '--poll-interval-seconds', '1')).retries, [], 'what stopped at its cap is left alone');

      await fs.writeFile(path.join(workspace, 'mended'), '');
      for (const category of ['python_traceback', 'import_error']) {
        const again = await data<{ task_count: number; attempt: number }>('resubmit', run_id, '--category', category, '--yes');
        assert.equal(again.task_count, category === 'import_error' ? 1 : 2, JSON.stringify(again));
      }
      const { run } = await data<Watched>('monitor', run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '120');
      assert.deepEqual([run.lifecycle_state, run.counts.complete], ['complete', kinds.length], JSON.stringify(run));
      const { report, table } = await data<{ report: { ok: boolean }; table: { rows: { parameters: { x: number }; metrics: { y: number } }[] } }>('aggregate', run_id);
      assert.equal(report.ok, true, JSON.stringify(report));
      assert.deepEqual(table.rows.map(({ parameters, metrics }) => [parameters.x, metrics.y]).sort(([a = 0], [b = 0]) => a - b), kinds.map((_, x) => [x, x]));
    });
  });
}
