import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { spawn } from 'node:child_process';
import { HpcError } from '../../../src/foundation/errors.ts';
import { sha256Hex } from '../../../src/foundation/ids.ts';
import { evaluateTasks, readEvaluator, type EvaluatedTasks, type EvaluateOptions, type RunProgram } from '../../../src/executors/evaluate.ts';
import { freezeParams } from '../../../src/executors/paramsFile.ts';
import { python, repository } from '../runtime/taskBed.ts';

const runLocally: RunProgram = (command, { signal, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const child = spawn(command.argv[0] ?? '', command.argv.slice(1), { cwd: command.cwd, timeout: timeoutMs, ...(signal && { signal }) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(command.stdin);
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), exitCode }));
  });

describe('evaluating tasks.py (real Python)', function () {
  this.timeout(60_000);
  let directory: string;
  let program: string;
  before(async () => (program = await readEvaluator(repository)));
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc evaluate '));
    fs.mkdirSync(path.join(directory, '.hpc'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  const evaluate = async (source: string, options: Partial<EvaluateOptions> = {}): Promise<EvaluatedTasks> => {
    fs.writeFileSync(path.join(directory, '.hpc', 'tasks.py'), source);
    return await evaluateTasks({ run: runLocally, python, cwd: directory, program, ...options });
  };
  const refused = async (source: string, finding: string, message: RegExp, line?: number, options: Partial<EvaluateOptions> = {}): Promise<void> => {
    await assert.rejects(evaluate(source, options), (error: unknown) => {
      assert.ok(HpcError.is(error, 'spec_invalid'), String(error));
      assert.equal(error.details?.finding, finding);
      assert.match(error.message, message);
      if (line !== undefined) assert.equal(error.details?.line, line);
      return true;
    });
  };

  it('keeps the lines as Python prints them, hashes as hpc-agent does, and knows order and flags', async () => {
    const source = 'FLAGS = {"m.a": [{"name": "x", "type": float, "default": 1.0}], "m.b": []}\n_T = [{"b": 1.0, "a": "é\\U0001f600", "c": [1e-5, -0.0, 10**30, None]}, {"b": 2, "a": "", "c": {"y": 1, "x": True}}]\ndef total(): return len(_T)\ndef resolve(i): return _T[i]\n';
    const result = await evaluate(source);
    assert.deepEqual(result.lines, ['{"a":"\\u00e9\\ud83d\\ude00","b":1.0,"c":[1e-05,-0.0,1000000000000000000000000000000,null]}', '{"a":"","b":2,"c":{"x":true,"y":1}}']);
    assert.equal(result.cmdSha, sha256Hex(result.lines.join('\n')));
    assert.equal(result.cmdSha, freezeParams(result.lines).cmdSha);
    assert.equal(result.tasksPySha, sha256Hex(source));
    assert.deepEqual(result.keyOrder, ['b', 'a', 'c']);
    assert.deepEqual(result.flags?.['m.a']?.map(({ name, type, default: value }) => [name, type, value]), [['x', 'float', 1]]);
    assert.deepEqual(result.problems, []);
    assert.equal(fs.existsSync(path.join(directory, '.hpc', '__pycache__')), false);
  });

  it('asks total() and resolve(i) exactly once', async () => {
    const result = await evaluate('n = 0\ndef total():\n    global n\n    n += 1\n    return 3\ndef resolve(i):\n    global n\n    n += 1\n    return {"n": n}\n');
    assert.deepEqual(result.lines, ['{"n":2}', '{"n":3}', '{"n":4}']);
  });

  it('is not confused by anything that user code prints, leaves running or redirects', async () => {
    const noise = 'import os, sys, threading, atexit, time\nprint("hpc-0 end {}")\nos.write(1, b"raw noise without newline")\nos.system("echo child")\nthreading.Thread(target=lambda: time.sleep(600)).start()\natexit.register(lambda: print("bye"))\nsys.stdout = open(os.devnull, "w")\nsys.path.clear()\n';
    const result = await evaluate(`${noise}def total(): return 2\ndef resolve(i):\n    os.write(1, b"more")\n    print(i)\n    return {"i": i}\n`);
    assert.deepEqual(result.lines, ['{"i":0}', '{"i":1}']);
  });

  it('finds modules beside tasks.py and in the workspace, and hpc-agent’s flag helpers where it is not installed', async () => {
    fs.writeFileSync(path.join(directory, '.hpc', 'beside.py'), 'A = 1\n');
    fs.writeFileSync(path.join(directory, 'inroot.py'), 'B = 2\n');
    const result = await evaluate('import beside, inroot\nfrom claude_hpc.executor_cli import flag, generic_args, gpu_args\nFLAGS = {"m": [*generic_args(), flag("k", int, default=3)]}\ndef total(): return 1\ndef resolve(i): return {"a": beside.A, "b": inroot.B}\n');
    assert.deepEqual(result.lines, ['{"a":1,"b":2}']);
    assert.equal(result.flags?.m?.at(-1)?.default, 3);
  });

  it('says where tasks.py fails', async () => {
    await refused('import nosuchmodule\n', 'tasks_py_import_error', /ModuleNotFoundError.*line 1/, 1);
    await refused('x = 1\ndef total(:\n', 'tasks_py_import_error', /SyntaxError/, 2);
    await refused('def helper():\n    return 1 / 0\nA = helper()\n', 'tasks_py_import_error', /ZeroDivisionError/, 2);
    await refused('def total(): return 1\n', 'tasks_py_import_error', /does not define resolve/);
    await refused('import sys\nsys.exit(0)\n', 'tasks_py_import_error', /SystemExit/, 2);
    await refused('def total(): return 2\ndef resolve(i):\n    return {"a": [1][i]}\n', 'resolve_raised', /IndexError/, 3);
    await refused('def total(): return 1\ndef resolve(i): return [i]\n', 'resolve_returned_non_dict', /must return a dict, not list/);
    await refused('def total(): return 1\ndef resolve(i): return {1: 2}\n', 'literal_value_not_allowed', /key 1 is not a string/);
    await refused('def total(): return 1\ndef resolve(i): return {"a": {1, 2}}\n', 'literal_value_not_allowed', /set'? is not JSON serializable/);
    await refused('a = []\na.append(a)\ndef total(): return 1\ndef resolve(i): return {"a": a}\n', 'literal_value_not_allowed', /[Cc]ircular/);
    for (const value of ['-1', '"3"', 'None', 'True', '2.0', '10**9']) await refused(`def total(): return ${value}\ndef resolve(i): return {}\n`, 'total_invalid', /total\(\)/);
    await refused('def total(): return 1\ndef resolve(i):\n    while True:\n        pass\n', 'tasks_py_timeout', /did not finish within 1 s/, undefined, { timeoutS: 1 });
    await assert.rejects(evaluateTasks({ run: runLocally, python, cwd: directory, program, tasksFile: '.hpc/other.py' }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.details?.finding === 'tasks_py_missing');
  });

  it('does not believe half an answer', async () => {
    await assert.rejects(evaluate('import os\nos._exit(0)\n'), (error: unknown) => HpcError.is(error, 'remote_command_failed'));
    const good = 'def total(): return 3\ndef resolve(i): return {"i": i}\n';
    const broken = (change: (stdout: string) => string): RunProgram => async (command, options) => {
      const result = await runLocally(command, options);
      return { ...result, stdout: change(result.stdout) };
    };
    for (const change of [(s: string) => s.replace('"i":1', '"i":7'), (s: string) => s.replace('{"i":1}\n', ''), (s: string) => s.slice(0, -20), () => '', (s: string) => s.replace(/ end .*/, ' end {')]) {
      await assert.rejects(evaluate(good, { run: broken(change) }), (error: unknown) => HpcError.is(error, 'remote_command_failed'));
    }
    const banner = await evaluate(good, { run: broken((s) => `Welcome!\nhpc- begin\n${s}Goodbye\n`) });
    assert.equal(banner.taskCount, 3);
  });

  it('warns of repeated tasks, names that mean something else, values that are not finite; zero tasks is an answer', async () => {
    const codes = async (source: string): Promise<string[]> => (await evaluate(source)).problems.map((problem) => problem.code);
    assert.deepEqual(await codes('def total(): return 3\ndef resolve(i): return {"path": "x", "i": i // 2}\n'), ['duplicate_tasks', 'reserved_name']);
    assert.deepEqual(await codes('def total(): return 2\ndef resolve(i): return {"i": i, "x": float("nan") if i else "[NaN]"}\n'), ['non_finite_value']);
    const none = await evaluate('def total(): return 0\ndef resolve(i): return {}\n');
    assert.deepEqual([none.taskCount, none.lines, none.problems[0]?.code, none.cmdSha], [0, [], 'no_tasks', sha256Hex('')]);
  });

  it('takes 100,000 tasks whole', async () => {
    const result = await evaluate('def total(): return 100000\ndef resolve(i): return {"alpha": i / 7, "name": "task %d" % i}\n');
    assert.equal(result.lines.length, 100_000);
    assert.equal(result.lines[99_999], '{"alpha":14285.57142857143,"name":"task 99999"}');
  });

  it('passes cancellation on', async () => {
    await assert.rejects(evaluate('', { signal: AbortSignal.abort() }), /cancelled/);
  });
});
