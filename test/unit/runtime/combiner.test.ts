import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import fc from 'fast-check';
import type { PythonObject } from '../../../src/executors/pythonJson.ts';
import { python, runtimeDirectory, TaskBed, type RunOptions } from './taskBed.ts';

interface Wave {
  readonly wave: number | null;
  readonly run_id: string;
  readonly task_ids: number[];
  readonly task_ids_compact: string;
  readonly grid_points: Record<string, Record<string, number>>;
  readonly errors: string[];
  readonly notes: string[];
  readonly statistics: Record<string, Record<string, { count: number; min: number; max: number; std: number }>>;
  readonly params: Record<string, object>;
  readonly grid_tasks: Record<string, string>;
}

describe('the combiner (real Python)', function () {
  this.timeout(60_000);
  let bed: TaskBed;
  let sha = '';
  beforeEach(() => (bed = new TaskBed()));
  afterEach(() => bed.dispose());

  const freeze = (tasks: readonly PythonObject[], options: RunOptions = {}): void => {
    sha = bed.freeze(tasks, options);
  };
  const result = (task: number, metrics: unknown, stamp: string | null = sha): void => {
    bed.write(`results/${task}/metrics.json`, typeof metrics === 'string' ? metrics : JSON.stringify(metrics));
    if (stamp !== null) bed.write(`results/${task}/.hpc_cmd_sha`, `${stamp}\n`);
  };
  const wave = (name = 'wave_0'): Wave => JSON.parse(bed.read('_combiner', 'r1', `${name}.json`)) as Wave;
  const combine = async (...args: string[]): Promise<Wave> => {
    const ended = await bed.combine(...(args.length > 0 ? args : ['--wave', '0', '--force']));
    assert.equal(ended.code, 0, ended.stderr);
    return wave();
  };

  it('means weighted by n_samples per grid point, with count, spread, parameters and runtime samples beside', async () => {
    freeze([{ a: 0.5, m: 'x y' }, { a: 1, m: 'k' }], { sidecar: { wave_map: { 0: [0, 1] } } });
    result(0, { rmse: 2, n_samples: 3 });
    result(1, { rmse: 4, mae: 1 });
    bed.write('results/0/_runtime.json', '{"task_id":0,"elapsed_sec":1.5}');
    const combined = await combine('--wave', '0');
    assert.deepEqual(combined.grid_points, { '0.5_x_y': { n_samples: 3, rmse: 2 }, '1_k': { mae: 1, rmse: 4 } });
    assert.deepEqual([combined.wave, combined.run_id, combined.task_ids, combined.task_ids_compact, combined.errors, combined.notes], [0, 'r1', [0, 1], '0-1', [], []]);
    assert.deepEqual(combined.params['1_k'], { a: 1, m: 'k' });
    const runtime = JSON.parse(bed.read('_combiner/r1/wave_0.runtime.json')) as { samples: object[] };
    assert.deepEqual(runtime, { wave: 0, run_id: 'r1', samples: [{ task_id: 0, elapsed_sec: 1.5 }] });
    assert.deepEqual(fs.readdirSync(bed.file('_combiner/r1')).sort(), ['wave_0.json', 'wave_0.runtime.json']);
  });

  it('joins the values in the order of resolve() when it is told', async () => {
    freeze([{ alpha: 1, seed: 7, horizon: 5 }], { extra: { key_order: ['horizon', 'alpha', 'seed'] } });
    result(0, { rmse: 1 });
    assert.deepEqual(Object.keys((await combine()).grid_points), ['5_1_7']);
  });

  it('gathers repetitions (seeds) in one point', async () => {
    freeze([1, 2, 3].map((seed) => ({ alpha: 1, seed })), { extra: { replicate_keys: ['seed'] } });
    [2, 4, 9].forEach((rmse, i) => result(i, { rmse, n_samples: i + 1 }));
    const combined = await combine();
    assert.deepEqual(combined.grid_points, { 1: { n_samples: 6, rmse: 37 / 6 } });
    assert.deepEqual(combined.statistics['1']?.rmse, { count: 3, min: 2, max: 9, std: Math.sqrt(13) });
    assert.equal(combined.grid_tasks['1'], '0-2');
  });

  it('keeps points apart whose names look alike', async () => {
    freeze([{ a: 'x', b: 'y_z' }, { a: 'x_y', b: 'z' }]);
    result(0, { v: 1 });
    result(1, { v: 2 });
    const combined = await combine();
    assert.equal(Object.keys(combined.grid_points).length, 2);
    assert.deepEqual(Object.values(combined.grid_points).map((point) => point.v).sort(), [1, 2]);
    assert.match(combined.notes[0] ?? '', /2 grid points share the name x_y_z/);
  });

  it('lists what is missing, empty, damaged, foreign or another task’s; counts none of it', async () => {
    freeze(Array.from({ length: 9 }, (_, a) => ({ a })));
    result(1, '');
    result(2, '{"rmse": ');
    result(3, { rmse: 1 }, 'f'.repeat(64));
    result(4, [1]);
    result(5, { rmse: 1 });
    bed.write('results/5/_runtime.json', '{"task_id":4}');
    result(6, { rmse: 6 }, null);
    result(7, { rmse: 7 });
    fs.mkdirSync(bed.file('results/8/metrics.json'), { recursive: true });
    const combined = await combine();
    assert.deepEqual(combined.grid_points, { 6: { rmse: 6 }, 7: { rmse: 7 } });
    const expected = [/^task 0: metrics.json not found/, /^task 1: metrics.json is empty/, /^task 2: failed to read/, /^task 3: /, /^task 4: metrics.json is not an object/, /^task 5: /, /^task 8: failed to read/];
    assert.equal(combined.errors.length, expected.length);
    expected.forEach((pattern, i) => assert.match(combined.errors[i] ?? '', pattern));
    assert.match(combined.errors[3] ?? '', /belongs to other parameters \(cmd_sha ffffffffffff\)/);
    assert.match(combined.errors[5] ?? '', /is that of task 4/);
    assert.match(combined.notes[0] ?? '', /tasks 6: no \.hpc_cmd_sha/);
  });

  it('flattens nested metrics; leaves out what has no honest mean, and says so; writes JSON that all can read', async () => {
    freeze([{ s: 0 }, { s: 1 }], { extra: { replicate_keys: ['s'] } });
    result(0, '{"test": {"rmse": 1, "deep": {"x": true}}, "label": "a", "loss": NaN, "big": 1' + '0'.repeat(400) + ', "n_samples": -1, "__proto__": 2, "none": null}');
    result(1, '{"test": {"rmse": 2}, "label": "b", "loss": 1.0, "big": 2, "n_samples": 1}');
    const combined = await combine();
    const [point] = Object.values(combined.grid_points);
    assert.deepEqual(Object.entries(point ?? {}).filter(([key]) => key !== '__proto__'), [['n_samples', 2], ['test.deep.x', 1], ['test.rmse', 1.5]]);
    assert.deepEqual(combined.notes.map((note) => note.replace(/^task \d+: /, '')), ['n_samples -1 is not a count: weighted as 1', ...[['big', 'is not finite', '0'], ['label', 'is not a number', '0-1'], ['loss', 'is not finite', '0'], ['none', 'is not a number', '0']].map(([name, reason, tasks]) => `metric ${name} ${reason} in tasks ${tasks}: no mean at their grid points`)]);
  });

  it('never replaces a wave without --force, refuses unknown waves and parameters that are not the run’s', async () => {
    freeze([{ a: 1 }]);
    result(0, { v: 1 });
    await combine('--wave', '0');
    const again = await bed.combine('--wave', '0');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /output already exists/);
    assert.match((await bed.combine('--wave', '5')).stderr, /wave 5 not in wave_map/);
    assert.match((await bed.combine()).stderr, /--wave not given/);
    bed.write('.hpc/runs/r1.params.jsonl', '{"a":2}\n');
    assert.match((await bed.combine('--wave', '0', '--force')).stderr, /does not match this run's cmd_sha/);
    assert.equal(wave().grid_points['1']?.v, 1);
  });

  it('--all combines what is not combined yet, and reduces over all tasks at once', async () => {
    freeze([0, 1, 2].map((seed) => ({ a: 1, seed })), { sidecar: { wave_map: { 0: [0, 2], 1: [1] } }, extra: { replicate_keys: ['seed'] } });
    [1, 2, 6].forEach((v, i) => result(i, { v }));
    await combine('--wave', '0');
    const before = fs.statSync(bed.file('_combiner/r1/wave_0.json')).mtimeMs;
    assert.equal((await bed.combine('--all')).code, 0);
    assert.equal(fs.statSync(bed.file('_combiner/r1/wave_0.json')).mtimeMs, before);
    assert.equal(wave('wave_0').grid_points['1']?.v, 3.5);
    assert.equal(wave('wave_1').grid_points['1']?.v, 2);
    assert.equal(wave('all').grid_points['1']?.v, 3);
    assert.deepEqual(wave('all').task_ids, [0, 1, 2]);
  });

  it('reads the results of the dispatcher, and asks tasks.py where nothing was frozen', async () => {
    bed.write('.hpc/tasks.py', 'def total(): return 2\ndef resolve(i): return {"a": i}\n');
    freeze([{ a: 0 }, { a: 1 }], { frozen: 'none', executor: 'echo "{\\"v\\": $A}" > $RESULT_DIR/metrics.json' });
    assert.equal((await bed.run(0)).code, 0);
    assert.equal((await bed.run(1)).code, 0);
    assert.deepEqual((await combine()).grid_points, { 0: { v: 0 }, 1: { v: 1 } });
  });

  describe('numbers', () => {
    const evaluate = (expression: string, input: unknown): unknown => {
      const program = `import sys, json, math\nsys.path.insert(0, ${JSON.stringify(runtimeDirectory)})\nsys.dont_write_bytecode = True\nimport _hpc_combiner as c\nprint(json.dumps([${expression} for x in json.load(sys.stdin)]))`;
      const ended = spawnSync(python, ['-c', program], { input: JSON.stringify(input), encoding: 'utf8' });
      assert.equal(ended.status, 0, ended.stderr);
      return JSON.parse(ended.stdout);
    };

    it('sums equal math.fsum within the last place, in any order', () => {
      const term = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e150, max: 1e150 });
      const lists = fc.sample(fc.array(fc.oneof(term, fc.double({ noNaN: true, min: -10, max: 10 })), { maxLength: 60 }), { numRuns: 1000, seed: 5 });
      lists.push([1, 1e100, 1, -1e100], [], [0.1, 0.2, -0.3]);
      const rows = evaluate('[c.neumaier_sum(x), math.fsum(x), c.neumaier_sum(sorted(x)), sum(map(abs, x)), len(x)]', lists) as number[][];
      const epsilon = 2 ** -52;
      for (const [ours = 0, exact = 0, sorted = 0, absolute = 0, count = 0] of rows) {
        const bound = epsilon * Math.abs(exact) + count ** 2 * epsilon ** 2 * absolute;
        assert.ok(Math.abs(ours - exact) <= bound && Math.abs(sorted - exact) <= bound, `${ours} ${sorted} ${exact}`);
      }
      assert.equal(rows.at(-3)?.[0], 2);
    });

    it('task ids are written compactly and hold the same ids', () => {
      assert.deepEqual(evaluate('c.compact_task_ids(x)', [[3, 7, 12, 13, 14], [], [5], [2, 1, 1]]), ['3,7,12-14', '', '5', '1-2']);
      const lists = fc.sample(fc.uniqueArray(fc.nat(60)), { numRuns: 300, seed: 9 });
      (evaluate('c.compact_task_ids(x)', lists) as string[]).forEach((text, i) => {
        const back = text === '' ? [] : text.split(',').flatMap((part) => {
          const [first = 0, last = first] = part.split('-').map(Number);
          return Array.from({ length: last - first + 1 }, (_, k) => first + k);
        });
        assert.deepEqual(back, [...(lists[i] ?? [])].sort((a, b) => a - b));
      });
    });
  });
});
