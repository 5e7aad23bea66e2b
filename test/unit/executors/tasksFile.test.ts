import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { canonicalPythonJson, PythonFloat, type PythonValue } from '../../../src/executors/pythonJson.ts';
import { parseSweep } from '../../../src/executors/sweepValues.ts';
import { sweepGroups, taskAt, type TasksSpec } from '../../../src/executors/taskSpec.ts';
import { executorModule, inspectTasksPy, renderTasksPy, writeTasksPy } from '../../../src/executors/tasksFile.ts';
import { python } from '../runtime/taskBed.ts';

/** What real Python makes of the rendered files: their tasks as canonical lines. */
function tasksOf(texts: readonly string[]): string[][] {
  const program = 'import json,sys\nfor text in json.load(sys.stdin):\n    g = {}\n    exec(compile(text.encode("utf-8"), "tasks.py", "exec"), g)\n    print(json.dumps([json.dumps(g["resolve"](i), sort_keys=True, separators=(",", ":")) for i in range(g["total"]())]))';
  const ended = spawnSync(python, ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(ended.status, 0, ended.stderr);
  return ended.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as string[]);
}
const one = (spec: TasksSpec): string[] => tasksOf([renderTasksPy(spec).text])[0] ?? [];
const none = { executors: [] };

describe('tasks.py', () => {
  it('row-major, the last axis fastest; fixed values; several executors; windows', () => {
    const spec: TasksSpec = {
      executors: [{ path: 'executors/a.py', flags: [{ name: 'alpha', type: 'float', default: 1, help: 'Strength' }] }, { path: 'executors/b;$(x).py', flags: [] }],
      fixed: { data: 'x' },
      axes: [{ name: 'alpha', values: [new PythonFloat(1), 0.1] }, { name: 'window', points: parseSweep('2020-01-01..2020-02-29/1m').values as never }],
    };
    const { text, taskCount, axesYaml, preview } = renderTasksPy(spec);
    assert.equal(taskCount, 8);
    assert.equal(tasksOf([text])[0]?.[1], '{"alpha":1.0,"data":"x","end":"2020-03-01","executor":"executors/a.py","start":"2020-02-01"}');
    assert.match(text, /"executors\.a": \[\n {8}\{"name": "alpha", "type": float, "default": 1\.0, "help": "Strength"\},/);
    assert.match(text, /"executors\/b;\$\(x\)\.py": \[\]/);
    assert.match(axesYaml ?? '', /- name: executor\n {4}size: 2\n {2}- name: alpha\n {4}size: 2\n {2}- name: window\n {4}size: 2\n/);
    assert.equal(preview.length, 4);
    assert.deepEqual(preview.at(-1), { data: 'x', executor: 'executors/b;$(x).py', alpha: 0.1, start: '2020-02-01', end: '2020-03-01' });
  });

  it('hpc-agent’s five generators', () => {
    assert.deepEqual(one({ ...none, generator: { kind: 'enumerated', items: [{ a: 1 }, { b: 'x' }] } }), ['{"a":1}', '{"b":"x"}']);
    assert.deepEqual(one({ ...none, generator: { kind: 'cartesian_product', axes: { a: [1, 2], b: ['x'] } } }), ['{"a":1,"b":"x"}', '{"a":2,"b":"x"}']);
    assert.deepEqual(one({ ...none, generator: { kind: 'items_x_seeds', items: [{ a: 1 }, { a: 2 }], seeds: [7, 8] } }), ['{"a":1,"seed":7}', '{"a":1,"seed":8}', '{"a":2,"seed":7}', '{"a":2,"seed":8}']);
    assert.deepEqual(one({ ...none, generator: { kind: 'items_x_seeds', items: [{ a: 1 }, { b: 2 }], seeds: [7] } }), ['{"a":1,"seed":7}', '{"b":2,"seed":7}']);
    assert.deepEqual(one({ ...none, generator: { kind: 'numeric_logspace', param: 'lr', low: 1e-4, high: 1, n: 5 } }), ['0.0001', '0.001', '0.01', '0.1', '1.0'].map((v) => `{"lr":${v}}`));
    assert.deepEqual(one({ ...none, generator: { kind: 'numeric_linspace', param: 'x', low: 0, high: 1, n: 3 } }), ['0.0', '0.5', '1.0'].map((v) => `{"x":${v}}`));
  });

  it('groups follow one another, each with its own parameters', () => {
    const lines = one({ ...none, fixed: { h: 1 }, groups: [{ fixed: { executor: 'a.py' }, axes: [{ name: 'alpha', values: [1, 2] }] }, { fixed: { executor: 'b.py' }, axes: [] }, { fixed: { executor: 'c.py' }, axes: [{ name: 'k', values: [3, 4, 5, 6, 7, 8] }] }] });
    assert.equal(lines.length, 9);
    assert.deepEqual([lines[1], lines[2], lines[8]], ['{"alpha":2,"executor":"a.py","h":1}', '{"executor":"b.py","h":1}', '{"executor":"c.py","h":1,"k":8}']);
  });

  const invalid: [string, TasksSpec, RegExp][] = [
    ...['home', 'Path', 'omp_num_threads', 'hpc_x', 'SLURM_JOB_ID', 'sge_x', 'pbs_x', 'pythonpath', 'ld_preload', 'shell', 'user', 'task_id', 'result_dir'].map((name): [string, TasksSpec, RegExp] => [name, { ...none, axes: [{ name, values: [1] }] }, /cannot be the name of a parameter: .* meaning of (its|their) own/]),
    ...['', 'a-b', '1a', 'a b', 'class', 'None', '__x', 'a;b'].map((name): [string, TasksSpec, RegExp] => [name, { ...none, axes: [{ name, values: [1] }] }, /cannot be the name of a parameter/]),
    ['reserved inside a point', { ...none, axes: [{ name: 'w', points: [{ path: 1 }] }] }, /"path" cannot/],
    ['a name twice', { ...none, fixed: { a: 1 }, axes: [{ name: 'a', values: [1] }] }, /"a" is given twice/],
    ['a name twice in a group', { ...none, fixed: { a: 1 }, groups: [{ fixed: { a: 2 }, axes: [] }] }, /"a" is given twice/],
    ['names alike', { ...none, axes: [{ name: 'a', values: [1] }, { name: 'A', values: [1] }] }, /would be one environment variable/],
    ['points and axes', { ...none, axes: [{ name: 'w', points: [{ a: 1 }] }, { name: 'a', values: [1] }] }, /given twice/],
    ['a value twice', { ...none, axes: [{ name: 'a', values: [1, 2, 1] }] }, /value 1 of a is given twice/],
    ['no values', { ...none, axes: [{ name: 'a', values: [] }] }, /has no values/],
    ['uneven points', { ...none, axes: [{ name: 'w', points: [{ a: 1 }, { b: 1 }] }] }, /Point 1/],
    ['too many', { ...none, maxTasks: 5, axes: [{ name: 'a', values: [1, 2, 3] }, { name: 'b', values: [1, 2] }] }, /6 tasks; 5 is the most/],
    ['two forms', { ...none, axes: [], generator: { kind: 'enumerated', items: [] } }, /not by several/],
    ['log of 0', { ...none, generator: { kind: 'numeric_logspace', param: 'a', low: 0, high: 1, n: 3 } }, /above 0/],
    ['n of 1', { ...none, generator: { kind: 'numeric_linspace', param: 'a', low: 0, high: 1, n: 1 } }, /at least 2/],
  ];
  for (const [what, spec, message] of invalid) it(`refuses ${what === '' ? 'an empty name' : what}`, () => assert.throws(() => renderTasksPy(spec), (error: unknown) => HpcError.is(error, 'spec_invalid') && message.test(error.message)));

  it('1 and 1.0 are two values; names that shadow what the file uses are safe', () => {
    assert.deepEqual(one({ ...none, axes: [{ name: 'a', values: [1, new PythonFloat(1), true] }] }), ['{"a":1}', '{"a":1.0}', '{"a":true}']);
    assert.equal(one({ ...none, axes: [{ name: 'range', values: [0, 1, 2, 3, 4, 5] }, { name: 'float', values: [NaN, 1] }, { name: 'float_', values: [0, 1, 2, 3, 4, 5] }] }).length, 72);
    assert.equal(executorModule('a/b-c.py'), 'a/b-c.py');
  });

  it('resolve(i) of the written file is taskAt(i), for any values', () => {
    const scalar: fc.Arbitrary<PythonValue> = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer(), fc.double().map((n) => (Number.isInteger(n) ? new PythonFloat(n) : n)), fc.boolean(), fc.constant(null), fc.bigInt({ min: 2n ** 60n, max: 2n ** 90n }));
    const values = fc.uniqueArray(scalar, { minLength: 1, maxLength: 8, selector: canonicalPythonJson });
    const specs = fc.sample(fc.record({ axes: fc.array(values, { maxLength: 3 }), fixed: fc.array(scalar, { maxLength: 2 }) }), { numRuns: 150, seed: 2 }).map(({ axes, fixed }): TasksSpec => ({
      executors: [],
      fixed: Object.fromEntries(fixed.map((value, i) => [`fixed${i}`, value])),
      axes: axes.map((list, i) => ({ name: `axis${i}`, values: list })),
    }));
    const results = tasksOf(specs.map((spec) => renderTasksPy(spec).text));
    specs.forEach((spec, i) => {
      const groups = sweepGroups(spec);
      assert.equal(results[i]?.length, renderTasksPy(spec).taskCount);
      results[i]?.forEach((line, task) => assert.equal(line, canonicalPythonJson(taskAt(groups, task))));
    });
  });

  describe('on disk', () => {
    let directory: string;
    const clock = { now: () => new Date('2026-01-02T03:04:05Z') };
    const spec = (...values: number[]): TasksSpec => ({ ...none, axes: [{ name: 'a', values }] });
    const read = (name: string): string => fs.readFileSync(path.join(directory, '.hpc', name), 'utf8');
    beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc tasks '))));
    afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

    it('is never replaced without being asked; replaced ones are kept; the same text is no change', async () => {
      const first = await writeTasksPy(directory, spec(1), { clock });
      assert.ok(first.written && first.backup === undefined);
      assert.equal((await writeTasksPy(directory, spec(1), { clock })).written, false);
      await assert.rejects(writeTasksPy(directory, spec(2), { clock }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.details?.existing === 'ours');
      fs.appendFileSync(path.join(directory, '.hpc', 'tasks.py'), '# mine\n');
      await assert.rejects(writeTasksPy(directory, spec(2), { clock }), (error: unknown) => HpcError.is(error) && error.details?.existing === 'edited');
      const edited = read('tasks.py');
      const second = await writeTasksPy(directory, spec(2, 3), { clock, overwrite: true });
      assert.equal(second.backup, path.join(directory, '.hpc', 'tasks.py.20260102-030405.bak'));
      assert.equal(read('tasks.py.20260102-030405.bak'), edited);
      assert.match(read('axes.yaml'), /size: 2/);
      const third = await writeTasksPy(directory, { ...none, generator: { kind: 'enumerated', items: [{ a: 1 }, { b: 1 }, { c: 1 }] } }, { clock, overwrite: true });
      assert.match(third.backup ?? '', /-1\.bak$/);
      assert.match(read('axes.yaml'), /name: task\n {4}size: 3/);
    });

    it('knows its own files from others, whatever the line ends', () => {
      const { text } = renderTasksPy(spec(1));
      assert.deepEqual([text, text.replaceAll('\n', '\r\n'), text.replace('[1]', '[2]'), 'def total(): ...\n', ''].map(inspectTasksPy), ['ours', 'ours', 'edited', 'foreign', 'foreign']);
    });
  });
});
