/** Several processes watch one cluster: one of them asks, and all see the same. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { RunWatch } from '../../../../src/runs/watch/runWatch.ts';
import { requireRun, viewOfRun } from '../../../../src/runs/listRuns.ts';
import { observeCluster } from '../../../../src/runs/observeCluster.ts';
import { childProgram } from '../../../childProgram.ts';
import { makePlace, queueRow, type Place } from '../place.ts';

interface Look {
  readonly role: 'observer' | 'reader' | 'none';
  readonly asked: boolean;
  readonly problem?: string;
}

interface Watcher {
  readonly child: ChildProcess;
  readonly looks: Look[];
}

const runId = '20260102-000001-abcdef01';

describe('several watchers of one cluster (unit)', function () {
  this.timeout(120_000);
  let place: Place;
  let program: string;
  const watchers: Watcher[] = [];
  before(async () => {
    program = await childProgram(path.join(import.meta.dirname, 'children', 'watcher.ts'));
  });

  const start = (workspace: string, intervalMs: number): Watcher => {
    const child = spawn(process.execPath, [program, place.directory, workspace, String(intervalMs)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const watcher: Watcher = { child, looks: [] };
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) watcher.looks.push(JSON.parse(line) as Look);
    });
    watchers.push(watcher);
    return watcher;
  };
  const end = async ({ child }: Watcher): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const observers = (): readonly Watcher[] => watchers.filter(({ looks }) => looks.at(-1)?.role === 'observer');
  const questions = (): number => watchers.reduce((sum, { looks }) => sum + looks.filter(({ asked }) => asked).length, 0);

  beforeEach(async () => {
    place = await makePlace();
    await place.writeRun({ run_id: runId, task_count: 10, submitted_at: new Date().toISOString() }, [{ wave: 0, first: 0, count: 10, jobId: '77' }]);
    await place.says('squeue', queueRow('77_[1-10]', 'PENDING', '', 'Resources'));
    await (await place.session.facts()).runtime.install();
  });
  afterEach(async () => {
    await Promise.all(watchers.splice(0).map(end));
    await place.dispose();
  });

  it('one of three asks, and the queue is asked as often as it says', async () => {
    for (let window = 0; window < 3; window += 1) start('work', 400);
    await until(() => watchers.every(({ looks }) => looks.length >= 6));
    const asked = questions();
    assert.equal(observers().length, 1);
    for (const watcher of watchers) if (!observers().includes(watcher)) assert.deepEqual(watcher.looks.filter((look) => look.asked), [], 'a reader asks nothing');
    // The last question may not be told yet.
    const queue = await place.asked('squeue');
    assert.ok(queue >= asked && queue <= asked + 1, `${queue} questions to the queue, ${asked} told`);
  });

  it('a killed observer is replaced by exactly one of the others', async () => {
    for (let window = 0; window < 3; window += 1) start('work', 400);
    await until(() => observers().length === 1 && watchers.every(({ looks }) => looks.length >= 3));
    const [dead] = observers();
    assert.ok(dead);
    await end(dead);
    watchers.splice(watchers.indexOf(dead), 1);
    const before = questions();
    await until(() => questions() >= before + 3);
    assert.equal(observers().length, 1);
    assert.equal(watchers.filter(({ looks }) => looks.some(({ asked }) => asked)).length, 1, 'one took over, the other went on reading');
  });

  it('what the observer heard of another workspace is there for its window, which asks nothing', async () => {
    const other = await makePlace({ directory: place.directory, workspace: 'other' });
    const otherRun = '20260102-000002-abcdef01';
    await other.writeRun({ run_id: otherRun, task_count: 5 }, [{ wave: 0, first: 0, count: 5, jobId: '78' }]);
    await place.says('squeue', queueRow('77_[1-10]', 'PENDING', '', 'Resources') + queueRow('78_1', 'RUNNING', 'node1') + queueRow('78_[2-5]', 'PENDING', '', 'Resources'));
    const first = start('work', 400);
    await until(() => first.looks.some(({ asked }) => asked));
    const second = start('other', 400);
    await until(() => second.looks.length >= 8);
    assert.deepEqual(second.looks.filter(({ asked, role }) => asked || role === 'observer'), []);
    await until(async () => (await viewOfRun(other.experimentDir, otherRun, other.deps))?.counts.running === 1);
    await place.says('squeue', queueRow('78_1', 'RUNNING', 'node1') + queueRow('78_2', 'RUNNING', 'node1') + queueRow('78_[3-5]', 'PENDING', '', 'Resources') + queueRow('77_[1-10]', 'PENDING', '', 'Resources'));
    await until(async () => (await viewOfRun(other.experimentDir, otherRun, other.deps))?.counts.running === 2);
    assert.deepEqual(second.looks.filter(({ asked }) => asked), []);
    other.connection.dispose();
  });

  it('an explicit refresh asks at once, and saves the observer a question', async () => {
    const window = start('work', 60_000);
    await until(() => window.looks.length >= 1);
    const before = await place.asked('squeue');
    await observeCluster(place.session, [await requireRun(runId, place.deps)], place.deps, { force: true });
    assert.equal(await place.asked('squeue'), before + 1);
    // The news of it wakes the watcher.
    await until(() => window.looks.length >= 2);
    assert.equal(window.looks.at(-1)?.asked, false);
  });

  it('a window that needs answers sooner is served by the one that asks already', async () => {
    const slow = start('work', 600_000);
    await until(() => slow.looks.some(({ asked }) => asked));
    const quick = start('work', 300);
    await until(() => slow.looks.filter(({ asked }) => asked).length >= 4);
    assert.deepEqual(quick.looks.filter(({ asked }) => asked), []);
  });

  it('one process leaves and takes the lease as its runs come and go', async () => {
    place.setNow(Date.now());
    const watch = new RunWatch(place.deps.clock);
    const target = { cluster: 'bed', folders: [{ deps: place.deps, retries: false }], intervalMs: 1000 };
    const first = await watch.tick(target, place.call);
    assert.deepEqual([first?.role, first?.asked], ['observer', true]);
    assert.deepEqual([(await watch.tick(target, place.call))?.asked], [false], 'the answer is not old yet');
    place.setNow(Date.now() + 10_000);
    await place.says('squeue', '!slurm_load_jobs error: Unable to contact slurm controller');
    const failed = await watch.tick(target, place.call);
    assert.ok(failed?.problem);
    assert.equal(failed.nextMs, 2000);
    const again = await watch.tick(target, place.call);
    assert.deepEqual([again?.asked, again?.role], [false, 'observer'], 'it pauses after a failure');
    await watch.close();
    assert.deepEqual((await fs.readdir(place.deps.journal.clusterDirectory('bed'))).filter((name) => name.endsWith('.lock')), []);
  });
});
