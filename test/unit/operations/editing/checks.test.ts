/** The files that people write, judged from their text. */
import assert from 'node:assert/strict';
import { outlineTasks } from '../../../../src/executors/checkTasks.ts';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { problemOfFailure, problemsOfSweep, readScriptText } from '../../../../src/operations/editing/checkPython.ts';
import { checkAxesText, checkClustersText, checkPlaybookText } from '../../../../src/operations/editing/checkYaml.ts';
import type { TextProblem } from '../../../../src/operations/editing/textProblem.ts';

const brief = (problems: readonly TextProblem[]): unknown[] => problems.map(({ severity, code, line, column, fixes }) => [severity, code, line, column, ...fixes.flatMap((fix) => (fix.kind === 'replace' ? [fix.text] : fix.kind === 'removeBlock' ? ['-'] : []))]);

describe('Files of ours, judged by their text (unit)', () => {
  it('clusters.yaml: what the reader says, at its place, with what mends it', async () => {
    const text = 'bed:\n  schduler: slurm\n  connection: opensh\n  defaults:\n    memory: lots\n    walltme: 1h\n';
    const problems = await checkClustersText(text, 'clusters.yaml');
    assert.deepEqual(brief(problems), [
      ['warning', 'unknown_key', 2, 3, 'scheduler', '-'],
      ['error', 'invalid_value', 3, 15, 'openssh'],
      ['error', 'invalid_value', 5, 13],
      ['warning', 'unknown_key', 6, 5, 'walltime', '-'],
    ]);
    assert.deepEqual(brief(await checkClustersText('a:\n  scheduler: [', 'c')).map((row) => (row as unknown[]).slice(0, 2)), [['error', 'file']]);
    assert.deepEqual(await checkClustersText('bed: {scheduler: slurm, host: login.example.org, scratch: ~/s}\n', 'c'), []);
  });

  it('axes.yaml: its form, its names, and that it fits the sweep', async () => {
    const good = 'axes_schema_version: 1\naxes:\n  - name: alpha\n    size: 3\n  - name: seed\n    size: 2\nhomogeneous_axes: [seed]\n';
    assert.deepEqual(await checkAxesText(good, 6), []);
    assert.deepEqual(brief(await checkAxesText(good, 7)), [['warning', 'axes_product', 2, 1]]);
    assert.deepEqual(brief(await checkAxesText(good.replace('[seed]', '[sed]'))), [['warning', 'unknown_axis', 7, 20, 'alpha', 'seed']]);
    assert.deepEqual(brief(await checkAxesText(good.replace('size: 2', 'size: 0').replace('homogeneous_axes', 'homogenous_axes').replace(': 1\n', ': 2\n'))), [
      ['error', 'invalid_value', 1, 22, '1'],
      ['error', 'invalid_value', 6, 11],
      ['warning', 'unknown_key', 7, 1, 'homogeneous_axes', '-'],
    ]);
    assert.deepEqual(brief(await checkAxesText('axes: 3')), [['error', 'invalid_value', 1, 7], ['error', 'missing_key', 1, 1]]);
    assert.equal((await checkAxesText('axes: [')).at(0)?.code, 'yaml');
  });

  it('playbook.yaml: what a plan would refuse, and words that are near', async () => {
    assert.deepEqual(await checkPlaybookText('walltime_rules:\n  - below_quantile: 0.95\n    severity: warning\n', 'playbook.yaml'), []);
    assert.deepEqual(brief(await checkPlaybookText('walltime_rules:\n  - below_quantile: 2\n', 'p')), [['error', 'playbook_parse_error', 2, 1]]);
    assert.deepEqual(brief(await checkPlaybookText('waltime_rules: []\n', 'p')), [['warning', 'unknown_key', 1, 1, 'walltime_rules', '-']]);
  });

  it('tasks.py: what is missing, what is reserved, and never a dict within a dict', async () => {
    const codes = async (text: string): Promise<unknown[]> => (await outlineTasks(text)).faults.map(({ code, place, name }) => [code, place.line, place.column, ...(name === undefined ? [] : [name])]);
    const end = '\ndef total():\n    return len(_TASKS)\n\ndef resolve(i):\n    return dict(_TASKS[i])\n';
    assert.deepEqual(await codes(`_TASKS = [{"alpha": a, "opts": {"PATH": 1}} for a in [1, 2]]${end}`), []);
    assert.deepEqual(await codes(`FLAGS = {"train": [{"name": "path"}]}\n_TASKS = [{"path": a, "hpc_x": 1} for a in [1]]${end}`), [['reserved_name', 2, 12, 'path'], ['reserved_name', 2, 23, 'hpc_x']]);
    assert.deepEqual(await codes('from shared import total\n\ndef resolve(i):\n    return {"class": i}\n'), [['reserved_name', 4, 13, 'class']]);
    assert.deepEqual(await codes('x = 1\n'), [['total_missing', 1, 1], ['resolve_missing', 1, 1]]);
    assert.deepEqual(await codes('total = lambda: 3\ndef resolve():\n    return {}\n'), [['resolve_parameters', 2, 12]]);
    assert.deepEqual((await codes('def total(:\n    return 1\n')).map((row) => (row as unknown[])[0]), ['syntax_error']);
    const outline = await outlineTasks(`import optuna, math\nFLAGS = {"lib.train": [], "x.py": []}\n_TASKS = []${end}`);
    assert.deepEqual([outline.imports, outline.executors.map(({ name }) => name), outline.totalLine], [['math', 'optuna'], ['lib.train', 'x.py'], 4]);
  });

  it('an evaluation that failed is shown at the line that is at fault; what says nothing of the file is not', () => {
    const failed = problemOfFailure(new HpcError('spec_invalid', '.hpc/tasks.py: resolve(3) raised KeyError: 3 (.hpc/tasks.py, line 9)', { details: { finding: 'resolve_raised', line: 9, file: 'x' }, remediation: 'Correct it.' }));
    assert.deepEqual([failed?.line, failed?.code, failed?.message], [9, 'resolve_raised', 'resolve(3) raised KeyError: 3']);
    assert.equal(problemOfFailure(new HpcError('config_invalid', 'no Python')), undefined);
    const finding = { severity: 'warning' as const, code: 'reserved_name', message: 'The parameter "path" reaches the executor only as HPC_KW_PATH: x.' };
    const sweep = { taskCount: 1, cmdSha: '', parameters: [], findings: [finding, { severity: 'warning' as const, code: 'duplicate_tasks', message: '2 repeat' }], run: undefined };
    const parameters = [{ name: 'path', line: 4, column: 3, length: 6 }];
    assert.deepEqual(brief(problemsOfSweep(sweep, { parameters, totalLine: 7, problems: [] })), [['warning', 'reserved_name', 4, 3], ['warning', 'duplicate_tasks', 7, 1]]);
    const said: TextProblem = { severity: 'warning', code: 'reserved_name', line: 4, column: 3, message: '', remediation: '', fixes: [] };
    assert.equal(problemsOfSweep(sweep, { parameters, totalLine: 7, problems: [said] }).length, 1);
  });

  it('a script is known by its flags, with the lines that declare them', async () => {
    const script = await readScriptText('train.py', 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--alpha", type=float)\nargs = p.parse_args()\n');
    assert.deepEqual(script?.flags.map(({ name, option, line }) => [name, option, line]), [['alpha', '--alpha', 3]]);
    assert.equal(await readScriptText('src/library.py', 'def f():\n    return 1\n'), undefined);
    assert.equal(await readScriptText('test_x.py', 'print(1)\n'), undefined);
  });
});
