/** A run's life on this computer, over the wire alone, with names that break whatever is quoted by hand. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { PlanOutput, ResultsTable, RunSummary, TaskRow } from '../../../../src/operations/schemas.ts';
import { isAlive, makeDesk, until, type Desk } from './product.ts';

const odd = 'executors/a b;$(x).py';
const other = 'executors/plain.py';
/** Writes every parameter that it was given as a flag into its metrics, so that a lost one is seen. */
const script = (flags: readonly string[]): string => `import argparse, json, os, sys
p = argparse.ArgumentParser()
${flags.map((flag) => `p.add_argument("--${flag}", type=float, default=-1.0)`).join('\n')}
a = p.parse_args()
print("hello from", sys.argv[1:])
with open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w") as handle:
    json.dump({"seen_" + name: value for name, value in vars(a).items()}, handle)
`;
const sleeper = `import argparse, os, time
p = argparse.ArgumentParser()
p.add_argument("--folder")
p.add_argument("--n", type=int)
a = p.parse_args()
open(os.path.join(a.folder, "pid-%d" % a.n), "w").write("%d\\n" % os.getpid())
time.sleep(600)
`;

describe('a run on this computer (end to end)', function () {
  this.timeout(120_000);
  let desk: Desk;
  let runId: string;
  before(() => {
    desk = makeDesk();
    desk.write(odd, script(['x', 'only-here']));
    desk.write(other, script(['x', 'and-there']));
    desk.write('executors/sleeper.py', sleeper);
  });
  after(() => desk.remove());

  const data = async <T>(...words: string[]): Promise<T> => {
    const answer = await desk.run(words);
    const found = answer.data<T>();
    assert.equal(answer.code, 0, answer.stdout);
    return found;
  };

  it('finds the scripts', async () => {
    const { executors, problems } = await data<{ executors: { path: string; flags: { name: string }[] }[]; problems: unknown[] }>('discover');
    assert.deepEqual(executors.map((executor) => executor.path).sort(), [odd, other, 'executors/sleeper.py'].sort());
    assert.deepEqual(executors.find((executor) => executor.path === odd)?.flags.map(({ name }) => name), ['x', 'only_here']);
    assert.deepEqual(problems, []);
  });

  it('writes the sweep, and leaves one that is there alone', async () => {
    const axes = ['--executors', JSON.stringify([odd, other]), '--axes.x', '1,2', '--executor-axes', JSON.stringify({ [odd]: { only_here: '0.5,1.5' }, [other]: { and_there: '7' } })];
    assert.equal((await data<{ task_count: number }>('build-tasks-py', ...axes, '--yes')).task_count, 6);
    const file = path.join(desk.workspace, '.hpc', 'tasks.py');
    fs.appendFileSync(file, '\n# edited by hand\n');
    const before = fs.readFileSync(file, 'utf8');
    const again = await desk.run(['build-tasks-py', ...axes, '--yes']);
    assert.equal(again.code, 1, again.stdout);
    assert.equal(fs.readFileSync(file, 'utf8'), before);
  });

  it('plans without leaving a run', async () => {
    const plan = await data<PlanOutput>('plan', '--cluster', 'this-computer', '--resources.walltime', '5m');
    assert.deepEqual([plan.total_tasks, plan.waves, plan.verdict, plan.prior_run], [6, 1, 'pass', null]);
    assert.deepEqual((await data<{ runs: unknown[] }>('list-runs')).runs, []);
  });

  it('submits, and gives the same run when asked again', async () => {
    const submitted = await data<{ run_id: string; deduped: boolean; job_ids: string[] }>('submit', '--cluster', 'this-computer', '--yes');
    runId = submitted.run_id;
    assert.equal(submitted.deduped, false);
    const again = await data<{ run_id: string; deduped: boolean }>('submit', '--cluster', 'this-computer', '--yes');
    assert.deepEqual([again.run_id, again.deduped], [runId, true]);
  });

  it('watches it to its end', async () => {
    const { run, ended } = await data<{ run: RunSummary; ended: boolean }>('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '90');
    assert.ok(ended);
    assert.deepEqual([run.lifecycle_state, run.counts.complete, run.total_tasks, run.attention], ['complete', 6, 6, []]);
  });

  it('shows what a task wrote', async () => {
    const log = await data<{ found: boolean; text: string; ended: boolean }>('logs', runId, '0');
    assert.deepEqual([log.found, log.ended], [true, true]);
    assert.match(log.text, /hello from/);
  });

  it('reduces to one row for each task, with every parameter arrived', async () => {
    const { report, table } = await data<{ report: { ok: boolean; errors: string[] }; table: ResultsTable }>('aggregate', runId);
    assert.deepEqual([report.ok, report.errors], [true, []]);
    assert.deepEqual(table.rows.flatMap(({ tasks }) => tasks).sort(), [0, 1, 2, 3, 4, 5]);
    for (const { parameters, metrics } of table.rows) {
      assert.equal(metrics.seen_x, parameters.x);
      if (parameters.executor === odd) assert.equal(metrics.seen_only_here, parameters.only_here);
      else assert.equal(metrics.seen_and_there, parameters.and_there);
    }
    assert.deepEqual(await data<ResultsTable>('results', runId), table);
    assert.equal(fs.readFileSync(table.files.csv, 'utf8').trim().split('\n').length, 7);
    assert.ok(table.files.json.startsWith(desk.workspace));
    assert.equal((await data<{ ok: boolean }>('verify-aggregation-complete', runId)).ok, true);
  });

  it('cancels a second run: its processes end, and it says so', async () => {
    await data('build-tasks-py', '--executors', 'executors/sleeper.py', '--axes.n', '0,1', '--fixed.folder', desk.folder, '--overwrite', '--yes');
    const { run_id } = await data<{ run_id: string }>('submit', '--cluster', 'this-computer', '--yes');
    const pidOf = (n: number): number => {
      const file = path.join(desk.folder, `pid-${n}`);
      return fs.existsSync(file) ? Number(/^(\d+)\n/.exec(fs.readFileSync(file, 'utf8'))?.[1] ?? 0) : 0;
    };
    const pid = await until(() => pidOf(0) || pidOf(1));
    const refused = await desk.run(['cancel', run_id]);
    assert.equal(refused.code, 1);
    assert.ok(isAlive(pid), 'without a yes nothing is cancelled');
    const { cancelled_tasks } = await data<{ cancelled_tasks: number }>('cancel', run_id, '--yes');
    assert.equal(cancelled_tasks, 2);
    await until(() => [pidOf(0), pidOf(1)].every((one) => one === 0 || !isAlive(one)));
    const { run } = await until(async () => {
      const found = await data<{ run: RunSummary; tasks: TaskRow[] }>('status', run_id, '--task-ids', '0,1');
      return found.run.counts.cancelled === 2 && found;
    });
    assert.equal(run.lifecycle_state, 'cancelled');
    const first = await data<{ run: RunSummary }>('status', runId);
    assert.equal(first.run.lifecycle_state, 'complete');
    assert.equal((await data<{ runs: RunSummary[] }>('list-runs')).runs.length, 2);
  });
});
