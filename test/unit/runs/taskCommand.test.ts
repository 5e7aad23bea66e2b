import assert from 'node:assert/strict';
import type { FoundExecutor, RunDeps } from '../../../src/runs/deps.ts';
import type { EvaluatedSweep } from '../../../src/runs/evaluateSweep.ts';
import type { RunRequest } from '../../../src/runs/planRun.ts';
import { taskCommandFor, type TaskCommand } from '../../../src/runs/taskCommand.ts';

const executor = (path: string, ...names: string[]): FoundExecutor => ({ path, flags: names.map((name) => ({ name, option: `--${name}` })) }) as unknown as FoundExecutor;
const found = [executor('executors/ridge.py', 'horizon', 'alpha', 'executor_note'), executor('executors/knn.py', 'horizon', 'k')];

function commandFor(...lines: string[]): Promise<TaskCommand> {
  const deps = { executors: { discover: () => Promise.resolve(found) } } as unknown as RunDeps;
  return taskCommandFor({} as RunRequest, { lines, keyOrder: undefined, flagModules: [] } as unknown as EvaluatedSweep, deps, { signal: new AbortController().signal, progress: () => undefined });
}

describe('the command of tasks whose parameters differ', () => {
  it('gives each script every parameter that it takes, wherever it stands beside texts', async () => {
    const { extra, findings } = await commandFor('{"alpha":0.01,"executor":"executors/ridge.py","horizon":1}', '{"alpha":NaN,"executor":"executors/ridge.py","horizon":1}', '{"executor":"executors/knn.py","horizon":12,"k":45}');
    assert.deepEqual(extra.commands?.['executors/ridge.py']?.flags, { horizon: '--horizon', alpha: '--alpha' });
    assert.deepEqual(extra.commands?.['executors/knn.py']?.flags, { horizon: '--horizon', k: '--k' });
    assert.deepEqual(findings, []);
  });

  it('is not misled by texts that look like parameters, nor by what is inside one', async () => {
    const { extra, findings } = await commandFor('{"executor":"executors/ridge.py","executor_note":"\\"alpha\\":1,{\\"k\\":2","nested":{"horizon":[{"k":1}]}}');
    assert.deepEqual(extra.commands?.['executors/ridge.py']?.flags, { executor_note: '--executor_note' });
    assert.deepEqual(findings.map(({ code, message }) => [code, message.slice(0, 6)]), [['parameter_not_a_flag', 'nested']]);
  });
});
