import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FoundExecutor, RunDeps } from '../../../src/runs/deps.ts';
import type { EvaluatedSweep } from '../../../src/runs/evaluateSweep.ts';
import type { RunRequest } from '../../../src/runs/planRun.ts';
import { parseKwargs } from '../../../src/runs/kwargs.ts';
import { taskCommandFor, type TaskCommand } from '../../../src/runs/taskCommand.ts';

const executor = (path: string, ...names: string[]): FoundExecutor => ({ path, file: path, flags: names.map((name) => ({ name, option: `--${name}` })) }) as unknown as FoundExecutor;
const found = [executor('executors/ridge.py', 'horizon', 'alpha', 'executor_note'), executor('executors/knn.py', 'horizon', 'k')];

const scripts: readonly FoundExecutor[] = [
  { path: 'executors/ridge.py', file: 'executors/ridge.py', kind: 'argparse', flags: [{ name: 'fast', option: '--fast', negativeOption: '--no-fast', isSwitch: true }] },
  { path: 'executors/knn.py', file: 'executors/knn.py', kind: 'argparse', flags: [{ name: 'data', option: undefined, isSwitch: false }] },
  { path: 'a b;$(x).py', file: 'a b;$(x).py', kind: 'argparse', flags: [{ name: 'horizon', option: '--horizon', isSwitch: false }] },
  { path: 'tool.py fit', file: 'tool.py', subcommand: 'fit', kind: 'click', flags: [{ name: 'debug', option: '--debug', isSwitch: true, beforeSubcommand: true }, { name: 'tag', option: '--tag', isSwitch: false, repeats: true }, { name: 'k', option: '--k', isSwitch: false }] },
  { path: 'run.sh', file: 'run.sh', kind: 'shell', flags: [] },
];

async function commandOf(line: string, request: Partial<RunRequest>, flagModules: readonly string[] = []): Promise<TaskCommand> {
  const deps = { executors: { discover: () => Promise.resolve(scripts) } } as unknown as RunDeps;
  return taskCommandFor(request as RunRequest, { lines: [line], keyOrder: Object.keys(parseKwargs(line)), flagModules } as unknown as EvaluatedSweep, deps, { signal: new AbortController().signal, progress: () => undefined });
}

function commandFor(...lines: string[]): Promise<TaskCommand> {
  const deps = { executors: { discover: () => Promise.resolve(found) } } as unknown as RunDeps;
  return taskCommandFor({} as RunRequest, { lines, keyOrder: [...new Set(lines.flatMap((line) => Object.keys(parseKwargs(line))))], flagModules: [] } as unknown as EvaluatedSweep, deps, { signal: new AbortController().signal, progress: () => undefined });
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

describe('the command of one script', () => {
  it('is found by path, by hpc-agent’s module, by FLAGS; a shell script runs in bash', async () => {
    assert.equal((await commandOf('{}', { executor: './executors/knn.py' })).executor, 'python3 executors/knn.py');
    assert.equal((await commandOf('{}', {}, ['executors.knn'])).executor, 'python3 executors/knn.py');
    assert.equal((await commandOf('{}', { executor: 'run.sh' })).executor, 'bash run.sh');
  });

  it('keeps odd file names whole: no shell reads them', async () => {
    const { extra, executor: text } = await commandOf('{"horizon":1}', { executor: 'a b;$(x).py' });
    assert.deepEqual(extra.command?.argv, ['python3', 'a b;$(x).py']);
    assert.equal(text, `python3 'a b;$(x).py'`);
  });

  it('runs a subcommand: the script’s own flags before it, its own behind it, a repeated one once per value', async () => {
    for (const request of [commandOf('{"tag":["a"],"debug":true}', { executor: 'tool.py fit' }), commandOf('{"tag":["a"],"debug":true}', {}, ['tool.py fit'])]) {
      const { executor: text, extra } = await request;
      assert.equal(text, 'python3 tool.py fit');
      assert.deepEqual(extra.command, { argv: ['python3', 'tool.py'], flags: { debug: '--debug' }, subcommand: { name: 'fit', flags: { tag: { each: '--tag' } } } });
    }
    await assert.rejects(commandOf('{}', { executor: 'tool.py' }), { code: 'executor_not_found', remediation: 'Found: executors/ridge.py, executors/knn.py, a b;$(x).py, tool.py fit, run.sh.' });
  });

  it('gives both forms of a switch and positional values, and leaves a shell command alone', async () => {
    assert.deepEqual((await commandOf('{"fast":true}', { executor: 'executors/ridge.py' })).extra.command?.flags, { fast: ['--fast', '--no-fast'] });
    assert.deepEqual((await commandOf('{"data":"x"}', { executor: 'executors/knn.py' })).extra.command?.flags, { data: '' });
    assert.deepEqual(await commandOf('{"x":1}', { command: './go "$X"' }), { executor: './go "$X"', extra: {}, findings: [], scripts: [] });
  });

  it('warns of a parameter that the script does not take', async () => {
    const { findings } = await commandOf('{"fats":true}', { executor: 'executors/ridge.py' });
    assert.deepEqual(findings.map(({ code, severity }) => [code, severity]), [['parameter_not_a_flag', 'warning']]);
  });

  it('refuses what is not there or not said', async () => {
    await assert.rejects(commandOf('{}', { executor: 'nowhere.py' }), { code: 'executor_not_found' });
    await assert.rejects(commandOf('{}', {}), { code: 'spec_invalid' });
    await assert.rejects(commandOf('{"executor":"gone.py"}', {}), { code: 'executor_not_found' });
  });
});

describe('parseKwargs (unit)', () => {
  it('reads any JSON line as JSON does, and what only Python writes as null', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (kwargs) => assert.deepEqual(parseKwargs(JSON.stringify(kwargs)), JSON.parse(JSON.stringify(kwargs)))));
    assert.deepEqual(parseKwargs('{"a":NaN,"b":[-Infinity,"NaN, -Infinity"],"c":"\\"NaN"}'), { a: null, b: [null, 'NaN, -Infinity'], c: '"NaN' });
  });
});
