import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { discoverExecutors } from '../../../src/executors/discover.ts';
import { reservedReason } from '../../../src/executors/reservedNames.ts';
import { parseSweepValues } from '../../../src/executors/sweepValues.ts';
import { renderTasksPy } from '../../../src/executors/tasksFile.ts';
import { python, repository, runtimeDirectory } from './taskBed.ts';

interface Sweep {
  readonly executors: string[];
  readonly axes: Record<string, string>;
  readonly executor_axes: Record<string, Record<string, string>>;
}

describe('the sample workspace', function () {
  this.timeout(60_000);
  const sample = path.join(repository, 'templates', 'sample');
  const sweep = JSON.parse(fs.readFileSync(path.join(sample, 'sweep.json'), 'utf8')) as Sweep;
  const axes = (texts: Record<string, string>): { name: string; values: ReturnType<typeof parseSweepValues> }[] => Object.entries(texts).map(([name, text]) => ({ name, values: parseSweepValues(text) }));

  it('has two executors that discovery understands, and a sweep of 24 tasks over both', async () => {
    const { executors, problems } = await discoverExecutors(sample, { signal: new AbortController().signal });
    assert.deepEqual(problems, []);
    assert.deepEqual(executors.map((executor) => [executor.path, executor.flags.map((flag) => flag.name)]), [
      ['executors/ml_knn.py', ['horizon', 'k', 'lags', 'seed']],
      ['executors/ml_ridge.py', ['horizon', 'alpha', 'lags', 'seed']],
    ]);
    const groups = sweep.executors.map((executor) => ({ fixed: { executor }, axes: [...axes(sweep.axes), ...axes(sweep.executor_axes[executor] ?? {})] }));
    assert.equal(renderTasksPy({ executors: executors.map(({ path: file }) => ({ path: file, flags: [] })), groups }).taskCount, 24);
  });

  it('gives the same sound numbers every time', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc sample '));
    try {
      for (const [script, flags, best] of [['ml_ridge.py', ['--alpha', '0.01'], 0.354979989], ['ml_knn.py', ['--k', '1'], 0.385239212]] as const) {
        const texts = [1, 2].map(() => {
          const ended = spawnSync(python, ['-B', path.join(sample, 'executors', script), ...flags], { cwd: directory, encoding: 'utf8', env: { PATH: process.env.PATH, RESULT_DIR: directory } });
          assert.equal(ended.status, 0, ended.stderr);
          return fs.readFileSync(path.join(directory, 'metrics.json'), 'utf8');
        });
        assert.equal(texts[0], texts[1]);
        const metrics = JSON.parse(texts[0] ?? '') as Record<string, number>;
        assert.equal(metrics.n_samples, 227);
        assert.ok(Math.abs((metrics.rmse ?? 0) - best) < 1e-6, texts[0]);
        assert.ok((metrics.mae ?? 1) < (metrics.rmse ?? 0));
      }
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('names that parameters must not have', () => {
  it('are the same for authoring and for the dispatcher', () => {
    const program = `import sys, json\nsys.dont_write_bytecode = True\nsys.path.insert(0, ${JSON.stringify(runtimeDirectory)})\nimport _hpc_task as t\nprint(json.dumps([sorted(t.RESERVED), list(t.RESERVED_PREFIXES)]))`;
    const [names, prefixes] = JSON.parse(spawnSync(python, ['-c', program], { encoding: 'utf8' }).stdout) as [string[], string[]];
    assert.ok(names.length > 20 && prefixes.length > 10);
    for (const name of [...names, ...prefixes.map((prefix) => `${prefix}X`)]) assert.ok(reservedReason(name.toLowerCase()), name);
    const source = fs.readFileSync(path.join(repository, 'src', 'executors', 'reservedNames.ts'), 'utf8');
    const words = /new Set\(\s*([\s\S]*?)\.split/.exec(source)?.[1]?.match(/[A-Z][A-Z_]+/g) ?? [];
    assert.deepEqual([...words].sort(), names);
  });
});
