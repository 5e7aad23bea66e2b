import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { readResults, verifyAggregation } from '../../../src/runs/aggregateRun.ts';
import { writeSidecar, type Sidecar, type Submission } from '../../../src/runs/sidecar.ts';
import { endEvent, makePlace, startEvent, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';

describe('the invariants of aggregated results (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    await place.writeRun({ run_id: runId, task_count: 4, extra: { key_order: ['x'] } }, [{ wave: 0, first: 0, count: 2, jobId: '10' }, { wave: 1, first: 2, count: 2, jobId: '11' }]);
  });
  afterEach(() => place.dispose());

  const combined = (gridTasks: Readonly<Record<string, string>>, more: Readonly<Record<string, unknown>> = {}): unknown => ({
    run_id: runId,
    wave: null,
    task_ids: [],
    grid_points: Object.fromEntries(Object.keys(gridTasks).map((name, index) => [name, { y: index / 2 }])),
    params: Object.fromEntries(Object.keys(gridTasks).map((name) => [name, { x: name }])),
    grid_tasks: gridTasks,
    errors: [],
    notes: [],
    ...more,
  });
  const write = async (name: string, value: unknown): Promise<void> => {
    const file = path.join(place.experimentDir, '_combiner', runId, name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
  };
  const waves = async (): Promise<void> => {
    await write('wave_0.json', combined({ a: '0-1' }, { wave: 0 }));
    await write('wave_1.json', combined({ b: '2-3' }, { wave: 1 }));
  };

  it('hold where every task is in the files once', async () => {
    await waves();
    await write('all.json', combined({ a: '0-1', b: '2,3' }));
    const report = await verifyAggregation(runId, place.deps);
    assert.equal(report.ok, true);
    assert.deepEqual([report.missing_tasks, report.duplicate_tasks, report.unexpected_tasks, report.missing_waves, report.errors], [[], [], [], [], []]);
  });

  const broken: readonly (readonly [string, unknown, Readonly<Record<string, unknown>>])[] = [
    ['a missing task', { a: '0-1', b: '2' }, { missing_tasks: [3], all_tasks_present: false }],
    ['a task that was counted twice', { a: '0-2', b: '2-3' }, { duplicate_tasks: [2], all_tasks_present: true }],
    ['a task of somebody else', { a: '0-1', b: '2-4' }, { unexpected_tasks: [4] }],
  ];
  for (const [what, grid, expected] of broken) {
    it(`fail for ${what}`, async () => {
      await waves();
      await write('all.json', combined(grid as Record<string, string>));
      const report = await verifyAggregation(runId, place.deps);
      assert.equal(report.ok, false);
      assert.deepEqual({ ...report, ...expected }, report);
    });
  }

  it('fail for files of another run, errors of the combiner, results without proof of their origin, a wave that is not there', async () => {
    const whole = { a: '0-1', b: '2-3' };
    await waves();
    for (const more of [{ run_id: 'another' }, { errors: ['task 2: metrics.json is no JSON'] }, { notes: ['2 results have no .hpc_cmd_sha'] }]) {
      await write('all.json', combined(whole, more));
      assert.equal((await verifyAggregation(runId, place.deps)).ok, false, JSON.stringify(more));
    }
    await write('all.json', combined(whole));
    await write('wave_1.json', combined({ b: '2-3' }, { wave: 1, run_id: 'another' }));
    const report = await verifyAggregation(runId, place.deps);
    assert.deepEqual([report.ok, report.missing_waves, report.all_waves_combined], [false, [1], false]);
  });

  it('fail for files of waves that cannot count, each named with why', async () => {
    await write('all.json', combined({ a: '0-1', b: '2-3' }, { attempts: { 1: '0,2,3', 2: '1' } }));
    const good = combined({ a: '0-1' }, { wave: 0, attempts: { 1: '0', 2: '1' } });
    const cases: readonly (readonly [unknown, RegExp])[] = [
      ['{"run_id": "2026', /^wave_0\.json is torn$/],
      [combined({ a: '0-1' }, { wave: 0, run_id: 'another' }), /^wave_0\.json belongs to run another$/],
      [combined({ a: '0-1' }, { wave: 0, cmd_sha: 'd'.repeat(64) }), /^wave_0\.json was made of other parameters \(cmd_sha dddddddddddd\)$/],
      [combined({ a: '0-1' }, { wave: 1 }), /^wave_0\.json is that of wave 1$/],
      [combined({ a: '0-2' }, { wave: 0 }), /^wave_0\.json holds tasks 2, which are not its own$/],
      [combined({ a: '0' }, { wave: 0 }), /^wave_0\.json was written before the results of tasks 1$/],
      [combined({ a: '0-1' }, { wave: 0, attempts: { 1: '0-1' } }), /^wave_0\.json has an older attempt’s results of tasks 1$/],
    ];
    await write('wave_1.json', combined({ b: '2-3' }, { wave: 1 }));
    for (const [file, message] of cases) {
      await write('wave_0.json', file);
      const report = await verifyAggregation(runId, place.deps);
      assert.deepEqual([report.ok, report.missing_waves, report.refused_files.length], [false, [0], 1], JSON.stringify(report));
      assert.match(report.refused_files[0] ?? '', message);
    }
    await write('wave_0.json', good);
    assert.equal((await verifyAggregation(runId, place.deps)).ok, true);
  });

  it('fail where the tasks made their results anew since, by what they themselves reported', async () => {
    const sidecar = JSON.parse(await fs.readFile(path.join(place.experimentDir, '.hpc', 'runs', `${runId}.json`), 'utf8')) as Sidecar;
    const attempt = { number: 2, request_id: 'A', at: '', automatic: false, groups: [], arrays: [{ key: 'r2a0', wave: 0, group: 0, tasks: [[1, 2]] as [number, number][], job_name: 'again', job_id: '20' }], combiner: { key: 'r2c', job_name: 'c', job_id: '21' } };
    await writeSidecar(place.experimentDir, { ...sidecar, extra: { ...sidecar.extra, submission: { ...sidecar.extra?.submission, attempts: [attempt] } as Submission } });
    const events = path.join(place.deps.journal.observationDirectory(place.experimentDir, runId), 'events');
    await fs.mkdir(events, { recursive: true });
    // Task 1 made its result again; task 2 found the one of its first attempt and kept it.
    await fs.writeFile(path.join(events, 'node1.jsonl'), [1, 2].map((task) => startEvent('20', task, task, 1_767_350_000, 2) + endEvent('20', task, task, 1_767_350_060, task === 1 ? 'done' : 'skipped', 0, 2)).join(''));
    await waves();
    await write('all.json', combined({ a: '0-1', b: '2-3' }, { attempts: { 1: '0-3' } }));
    const report = await verifyAggregation(runId, place.deps);
    assert.deepEqual([report.ok, report.refused_files], [false, ['all.json has an older attempt’s results of tasks 1']]);
    await write('all.json', combined({ a: '0-1', b: '2-3' }, { attempts: { 1: '0,2-3', 2: '1' } }));
    assert.equal((await verifyAggregation(runId, place.deps)).ok, true);
  });

  it('fail where nothing was fetched, and a torn file is named', async () => {
    const report = await verifyAggregation(runId, place.deps);
    assert.deepEqual([report.ok, report.missing_tasks, report.missing_waves], [false, [0, 1, 2, 3], [0, 1]]);
    await write('all.json', '{"run_id": "2026');
    await assert.rejects(verifyAggregation(runId, place.deps), (error) => HpcError.is(error, 'combiner_failed') && error.message.includes('all.json'));
  });

  it('whole results are read without asking the cluster', async () => {
    await waves();
    await write('all.json', combined({ a: '0-1', b: '2-3' }));
    const before = place.connection.statistics.roundTrips;
    const table = await readResults(runId, { partial: true }, place.deps, place.call);
    assert.equal(place.connection.statistics.roundTrips, before);
    assert.deepEqual([table.partial, table.rows.map(({ tasks }) => tasks)], [false, [[0, 1], [2, 3]]]);
    assert.match(await fs.readFile(table.files.csv, 'utf8'), /^x,y,tasks\r\na,0,0 1\r\nb,0.5,2 3\r\n$/);
  });
});
