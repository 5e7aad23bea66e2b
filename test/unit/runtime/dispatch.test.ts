import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { sha256Hex } from '../../../src/foundation/ids.ts';
import { PythonFloat } from '../../../src/executors/pythonJson.ts';
import { TaskBed, until } from './taskBed.ts';

describe('the dispatcher (real Python)', function () {
  this.timeout(60_000);
  let bed: TaskBed;
  beforeEach(() => (bed = new TaskBed()));
  afterEach(() => bed.dispose());

  describe('1: which task of which run', () => {
    it('says what is missing or wrong, with hpc-agent’s words and exit codes', async () => {
      bed.freeze([{ a: 1 }]);
      const cases: [NodeJS.ProcessEnv, number, RegExp][] = [
        [{ HPC_TASK_ID: undefined }, 1, /HPC_TASK_ID env var not set/],
        [{ HPC_TASK_ID: 'x' }, 1, /not an integer/],
        [{ HPC_TASK_ID: '1' }, 1, /task_id=1 out of range \[0, 1\)/],
        [{ HPC_TASK_ID: '-1' }, 1, /out of range/],
        [{ HPC_RUN_ID: undefined }, 1, /HPC_RUN_ID env var not set/],
        [{ HPC_RUN_ID: 'nosuch' }, 1, /run sidecar not found/],
        [{ HPC_RUN_ID: '../runs/r1' }, 1, /not a run id/],
      ];
      for (const [env, code, message] of cases) {
        const ended = await bed.run(0, env);
        assert.equal(ended.code, code, ended.stderr);
        assert.match(ended.stderr, message);
      }
      assert.equal(bed.has('results'), false);
    });

    it('takes TASK_ID where there is no HPC_TASK_ID', async () => {
      bed.freeze([{ a: 1 }]);
      assert.equal((await bed.run(0, { HPC_TASK_ID: undefined, TASK_ID: '0' })).code, 0);
    });

    it('refuses an unknown sidecar version with exit 2, a damaged one with 1', async () => {
      bed.freeze([{ a: 1 }], { sidecar: { sidecar_schema_version: 3 } });
      const ended = await bed.run(0);
      assert.equal(ended.code, 2);
      assert.match(ended.stderr, /sidecar schema_version=3/);
      for (const text of ['{"sidecar', '', '[]', '{} x']) {
        bed.write('.hpc/runs/r1.json', text);
        const broken = await bed.run(0);
        assert.equal(broken.code, 1, `${text}: ${broken.stderr}`);
        assert.match(broken.stderr, /ERROR: failed to parse sidecar/);
      }
    });

    it('works from the workspace folder, by HPC_DIR, and as hpc-agent installs it', async () => {
      bed.freeze([{ a: 1 }]);
      fs.renameSync(bed.file('.hpc'), bed.file('elsewhere'));
      assert.equal((await bed.run(0)).code, 1);
      assert.equal((await bed.run(0, { HPC_DIR: bed.file('elsewhere') })).code, 0);
    });
  });

  describe('parameters', () => {
    it('reads line i by the index, and without one by scanning, the same', async () => {
      const tasks = Array.from({ length: 500 }, (_, i) => ({ index: i, text: 'x'.repeat(i % 37), f: new PythonFloat(i) }));
      for (const frozen of ['full', 'without index'] as const) {
        bed.freeze(tasks, { frozen, executor: 'echo "$INDEX $HPC_KW_TEXT $F"; echo 1 > $RESULT_DIR/metrics.json', resultDir: `${frozen}/{task_id}` });
        for (const i of [0, 36, 499]) {
          assert.equal((await bed.run(i)).stdout.trim(), `${i} ${'x'.repeat(i % 37)} ${i}.0`);
        }
      }
    });

    it('refuses parameters that are not those of the run', async () => {
      const sha = bed.freeze([{ a: 1 }, { a: 2 }]);
      const file = '.hpc/runs/r1.params.jsonl';
      const good = bed.read(file);
      bed.write(file, good.replace('2', '3'));
      assert.match((await bed.run(1)).stderr, /parameters on disk are not those of this run/);
      bed.write(file, `${good}{"a":3}\n`);
      assert.match((await bed.run(0)).stderr, /parameters on disk are not those of this run/);
      fs.rmSync(bed.file('.hpc/runs/r1.params.idx'));
      bed.write(file, good.replace('2', '3'));
      assert.match((await bed.run(0)).stderr, /does not match cmd_sha/);
      bed.write(file, good);
      assert.equal((await bed.run(0)).code, 0);
      bed.freeze([{ a: 1 }, { a: 2 }], { sidecar: { cmd_sha: `${sha.slice(0, 63)}x` } });
      assert.match((await bed.run(1)).stderr, /parameters on disk are not those of this run/);
      assert.equal(bed.has('results/1'), false);
    });

    it('asks tasks.py where nothing was frozen, unless it has changed since', async () => {
      const source = 'import this_is_beside\nprint("noise")\ndef total(): return 2\ndef resolve(i): return {"a": i, "b": [1.0, None], "é": "ü"}\n';
      bed.write('.hpc/tasks.py', source);
      bed.write('.hpc/this_is_beside.py', '');
      bed.freeze([], { frozen: 'none', executor: 'echo "$A $B"; echo 1 > $RESULT_DIR/metrics.json', sidecar: { tasks_py_sha: sha256Hex(source) } });
      assert.match((await bed.run(1)).stdout, /1 \[1\.0, None\]/);
      assert.match((await bed.run(2)).stderr, /out of range/);
      bed.write('.hpc/tasks.py', source.replace('1.0', '2.0'));
      const ended = await bed.run(0);
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, /has changed since this run was submitted/);
      assert.equal((await bed.run(0, { HPC_ALLOW_CHANGED_TASKS: '1' })).code, 0);
      fs.rmSync(bed.file('.hpc/tasks.py'));
      assert.match((await bed.run(0)).stderr, /tasks\.py not found/);
    });
  });

  it('2: makes the result folder of template, task_id, run_id and kwargs; refuses to leave its folder', async () => {
    bed.freeze([{ m: 'ridge', a: 0.5 }, { m: '../../x', a: 1 }, { m: 'a b;$(x)é', a: 1e-5 }], { resultDir: 'out/{run_id}/{m}_{a}_{task_id:03d}' });
    assert.equal((await bed.run(0)).code, 0);
    assert.ok(bed.has('out/r1/ridge_0.5_000/metrics.json'));
    const bad = await bed.run(1);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /leaves its folder/);
    assert.equal((await bed.run(2, { LC_ALL: 'C' })).code, 0);
    assert.ok(bed.has('out/r1/a b;$(x)é_1e-05_002/metrics.json'));
    bed.freeze([{ m: 1 }], { resultDir: 'out/{nosuch}' });
    assert.match((await bed.run(0)).stderr, /unknown key/);
  });

  it('measures GPUs by nvidia-smi, which ends with the task; where it cannot, nothing is said and the task runs on', async () => {
    fs.mkdirSync(bed.file('bin'));
    const tool = (text: string): void => fs.writeFileSync(bed.file('bin', 'nvidia-smi'), text, { mode: 0o755 });
    const env = { HPC_GPU_TYPE: 'Tesla T4', CUDA_VISIBLE_DEVICES: '2,3', PATH: `${bed.file('bin')}:${process.env.PATH ?? ''}` };
    // A first look, then two of each; a device that tells nothing.
    tool('#!/bin/sh\necho $$ >smi.pid\necho "$*" >smi.words\nprintf "2, 0, 1\\n3, 0, 1\\n2, 60, 1000\\n3, [N/A], 5\\n2, 80, 3000\\n"\n: >sampled\nsleep 600\n');
    bed.freeze([{ a: 1 }], { executor: 'while [ ! -e sampled ]; do sleep 0.01; done; echo 1 >"$RESULT_DIR/metrics.json"' });
    assert.equal((await bed.run(0, env)).code, 0);
    const runtime = JSON.parse(bed.read('results/0/_runtime.json')) as Record<string, unknown>;
    assert.deepEqual([runtime.gpu_busy, runtime.peak_gpu_mem_mb], [0.7, 3000]);
    assert.deepEqual(bed.events().filter(({ e }) => e === 'end').map(({ gu, gm }) => [gu, gm]), [[0.7, 3000]]);
    assert.match(bed.read('smi.words'), /--query-gpu=index,utilization\.gpu,memory\.used .*-i 2,3$/m);
    assert.throws(() => process.kill(Number(bed.read('smi.pid')), 0), /ESRCH/);
    tool('#!/bin/sh\necho "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."\nexit 9\n');
    bed.freeze([{ a: 1 }], { executor: 'echo 1 >"$RESULT_DIR/metrics.json"', resultDir: 'other/{task_id}' });
    assert.deepEqual([(await bed.run(0, env)).code, (JSON.parse(bed.read('other/0/_runtime.json')) as Record<string, unknown>).gpu_busy], [0, undefined]);
  });

  describe('3: what is done already', () => {
    it('skips it; not a 0-byte metrics.json, not when forced, not with the stamp of other parameters', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo ran; echo "{\\"v\\":$A}" > "$RESULT_DIR/metrics.json"' });
      assert.match((await bed.run(0)).stdout, /ran/);
      const again = await bed.run(0);
      assert.equal(again.code, 0);
      assert.doesNotMatch(again.stdout, /ran/);
      assert.match(again.stderr, /already complete/);
      assert.match((await bed.run(0, { HPC_FORCE_RERUN: '1' })).stdout, /ran/);
      bed.write('results/0/metrics.json', '');
      assert.match((await bed.run(0)).stdout, /ran/);
      bed.freeze([{ a: 2 }], { executor: 'echo ran; echo "{\\"v\\":$A}" > "$RESULT_DIR/metrics.json"' });
      assert.match((await bed.run(0)).stdout, /ran/);
      assert.equal(bed.read('results/0/metrics.json'), '{"v":2}\n');
      fs.rmSync(bed.file('results/0/.hpc_cmd_sha'));
      assert.doesNotMatch((await bed.run(0)).stdout, /ran/);
      assert.deepEqual(bed.events().map((event) => event.o).filter(Boolean), ['done', 'skipped', 'done', 'done', 'done', 'skipped']);
    });

    it('refuses a folder that holds another task’s result', async () => {
      bed.freeze([{ a: 1 }, { a: 2 }], { resultDir: 'results/all' });
      assert.equal((await bed.run(0)).code, 0);
      const second = await bed.run(1);
      assert.equal(second.code, 1);
      assert.match(second.stderr, /result_dir_template must differ for every task/);
    });
  });

  describe('a chain of jobs', () => {
    /** Counts to three, one step for each job, and keeps the count in its folder. */
    const steps = `n=$(cat "$RESULT_DIR/count" 2>/dev/null || echo 0); n=$((n + 1)); echo $n > "$RESULT_DIR/count"; echo "$HPC_HOP" >> "$HOME/ran"; [ $n -lt 3 ] && exit 85; echo "{\\"n\\": $n}" > "$RESULT_DIR/metrics.json"`;
    const hop = (index: number): NodeJS.ProcessEnv => ({ HPC_ATTEMPT: String(index + 1), HPC_HOP: String(index), HPC_MAX_HOPS: '4', HPC_CHAIN_FIRST: '1' });

    it('goes on in the kept work folder, and does nothing when the task is done', async () => {
      bed.freeze([{ a: 1 }], { executor: steps });
      const ends = [];
      for (let index = 0; index < 5; index += 1) ends.push((await bed.run(0, hop(index))).code);
      assert.deepEqual(ends, [85, 85, 0, 0, 0]);
      assert.equal(bed.read('ran'), '0\n1\n2\n');
      assert.equal(bed.read('results/0/metrics.json'), '{"n": 3}\n');
      assert.equal(bed.read('results/0/count'), '3\n');
      assert.deepEqual(bed.events().filter(({ e }) => e === 'end').map(({ a, o }) => [a, o]), [[1, 'paused'], [2, 'paused'], [3, 'done'], [4, 'skipped'], [5, 'skipped']]);
    });

    it('goes on after a job that was killed without a word; half a result of it is none', async () => {
      bed.freeze([{ a: 1 }], { executor: `echo x >> "$RESULT_DIR/steps"; [ "$HPC_HOP" = 1 ] && exit 0; echo '{"half": 1}' > "$RESULT_DIR/metrics.json"; touch "$HOME/ready"; sleep 60` });
      const task = bed.start(0, hop(0));
      await until('the executor is ready', () => bed.has('ready'));
      const { pid } = task.process;
      const groups = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && fs.existsSync(`/proc/${name}/stat`) && fs.readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid));
      task.process.kill('SIGKILL');
      for (const child of groups) process.kill(-Number(child), 'SIGKILL');
      await task.ended;
      const ended = await bed.run(0, hop(1));
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(bed.read('results/0/steps'), 'x\nx\n');
      assert.equal(bed.has('results/0/metrics.json'), false);
      assert.equal((await bed.run(0, hop(2))).code, 0);
      assert.equal(bed.events().at(-1)?.o, 'skipped', 'it ended well, without metrics');
    });

    it('a task that failed by itself is not tried again, and says so with the same status; one that was submitted again is left alone', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo once >> "$HOME/ran"; exit 3' });
      assert.deepEqual([(await bed.run(0, hop(0))).code, (await bed.run(0, hop(1))).code, (await bed.run(0, hop(2))).code], [3, 3, 3]);
      assert.equal(bed.read('ran'), 'once\n');
      assert.equal(bed.events().length, 2);
      assert.equal((await bed.run(0, { ...hop(5), HPC_CHAIN_FIRST: '6' })).code, 3, 'a resubmission tries it');
      const late = await bed.run(0, hop(3));
      assert.deepEqual([late.code, late.stderr.includes('submitted again since'), bed.read('ran')], [0, true, 'once\nonce\n']);
    });
  });

  describe('4: SIGTERM', () => {
    const ready = (): Promise<void> => until('the executor is ready', () => bed.has('ready'));

    it('interrupts the whole group, waits, keeps the partial output, marks and exits 130, however often it comes', async () => {
      bed.freeze([{ a: 1 }], {
        executor: `trap 'echo saved > "$RESULT_DIR/checkpoint"; exit 0' INT; (trap '' INT; while :; do sleep 0.05; echo alive > "$HOME/alive"; done) & echo half > "$RESULT_DIR/metrics.json"; touch "$HOME/ready"; while :; do sleep 0.05; done`,
      });
      const task = bed.start(0);
      await ready();
      for (let i = 0; i < 5; i++) task.process.kill('SIGTERM');
      const ended = await task.ended;
      assert.equal(ended.code, 130, ended.stderr);
      assert.equal(bed.read('results/0/_wip_0/checkpoint'), 'saved\n');
      assert.equal(bed.has('results/0/metrics.json'), false);
      const [mark] = bed.read('.hpc/runs/r1.preempt.jsonl').trim().split('\n');
      assert.deepEqual({ ...(JSON.parse(mark ?? '') as { preempt: object }).preempt, at: '' }, { at: '', grace_sec: 25 });
      const end = bed.events().at(-1);
      assert.deepEqual([end?.e, end?.o, end?.rc], ['end', 'preempted', 130]);
      // The member of the group that ignored SIGINT is gone as well: nothing makes the file again.
      fs.rmSync(bed.file('alive'), { force: true });
      await new Promise((resolve) => setTimeout(resolve, 250));
      assert.equal(bed.has('alive'), false);
    });

    it('ends an executor that ignores it: TERM after the grace, then KILL', async () => {
      bed.freeze([{ a: 1 }], { executor: `trap 'echo int >> "$HOME/seen"' INT; trap 'echo term >> "$HOME/seen"' TERM; touch "$HOME/ready"; while :; do sleep 0.05; done` });
      const task = bed.start(0, { HPC_PREEMPT_GRACE_SEC: '1' });
      await ready();
      task.process.kill('SIGTERM');
      await until('the executor was interrupted', () => bed.has('seen'));
      task.process.kill('SIGTERM');
      const ended = await task.ended;
      assert.equal(ended.code, 130);
      assert.equal(bed.read('seen'), 'int\nterm\n');
      assert.equal(bed.read('.hpc/runs/r1.preempt.jsonl').trim().split('\n').length, 1);
      assert.equal(bed.events().at(-1)?.s, 9);
    });

    it('with a grace of 0 sends TERM at once', async () => {
      bed.freeze([{ a: 1 }], { executor: `trap '' INT; touch "$HOME/ready"; exec sleep 60` });
      const task = bed.start(0, { HPC_PREEMPT_GRACE_SEC: '0' });
      await ready();
      task.process.kill('SIGTERM');
      assert.equal((await task.ended).code, 130);
      assert.equal(bed.events().at(-1)?.s, 15);
    });

    it('counts as preempted also when the scheduler signalled the executor itself', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo $$ > "$HOME/pid"; touch "$HOME/ready"; exec sleep 60' });
      const task = bed.start(0);
      await ready();
      process.kill(Number(bed.read('pid')), 'SIGTERM');
      task.process.kill('SIGTERM');
      assert.equal((await task.ended).code, 130);
    });

    it('keeps the earlier attempt’s work folder and runs again after preemption', async () => {
      bed.freeze([{ a: 1 }], { executor: 'if [ "$HPC_ATTEMPT" = 1 ]; then touch "$HOME/ready"; exec sleep 60; fi; echo 1 > "$RESULT_DIR/metrics.json"' });
      const task = bed.start(0, { HPC_ATTEMPT: '1' });
      await ready();
      task.process.kill('SIGTERM');
      await task.ended;
      assert.equal((await bed.run(0, { HPC_ATTEMPT: '2' })).code, 0);
      assert.ok(fs.readdirSync(bed.file('results/0')).some((name) => /^_wip_0_failed_\d+$/.test(name)));
      assert.deepEqual(bed.events().map((event) => [event.e, event.a]), [['start', 1], ['end', 1], ['start', 2], ['end', 2]]);
    });
  });

  describe('5: what the executor gets', () => {
    it('sets folder, ids and keywords, bare and prefixed, as str(); leaks none of an outer task', async () => {
      bed.freeze([{ alpha: 0.1, n: 3, flag: true, nothing: null, whole: new PythonFloat(1), list: [1, 'a'], uni: 'é☃' }], {
        executor: 'env > "$RESULT_DIR/env.txt"; pwd > "$RESULT_DIR/pwd.txt"; echo 1 > "$RESULT_DIR/metrics.json"',
      });
      assert.equal((await bed.run(0, { HPC_KW_OLD: 'leak', LC_ALL: 'C' })).code, 0);
      const env = new Set(bed.read('results/0/env.txt').split('\n'));
      for (const line of ['ALPHA=0.1', 'HPC_KW_ALPHA=0.1', 'N=3', 'FLAG=True', 'NOTHING=None', 'WHOLE=1.0', "LIST=[1, 'a']", 'UNI=é☃', 'HPC_RUN_ID=r1', 'HPC_TASK_ID=0']) assert.ok(env.has(line), line);
      const work = `${fs.realpathSync(bed.directory)}/results/0/_wip_0`;
      assert.ok(env.has(`RESULT_DIR=${work}`) && env.has(`HPC_RESULT_DIR=${work}`));
      assert.ok(![...env].some((line) => line.startsWith('HPC_KW_OLD')));
      assert.equal(bed.read('results/0/pwd.txt').trim(), fs.realpathSync(bed.directory));
    });

    it('never replaces a variable with a meaning of its own, and keeps to the prefix when told', async () => {
      bed.freeze([{ path: 'x', ld_preload: 'y', slurm_job_id: 'z', ok: 1 }], { executor: 'env > "$RESULT_DIR/env.txt"; echo 1 > "$RESULT_DIR/metrics.json"' });
      const ended = await bed.run(0);
      assert.equal(ended.code, 0, ended.stderr);
      assert.match(ended.stderr, /HPC_KW_PATH only/);
      const env = bed.read('results/0/env.txt');
      assert.match(env, /^HPC_KW_PATH=x$/m);
      assert.doesNotMatch(env, /^(PATH=x|LD_PRELOAD|SLURM_JOB_ID)/m);
      await bed.run(0, { HPC_KW_NAMESPACE_ONLY: '1', HPC_FORCE_RERUN: '1' });
      assert.doesNotMatch(bed.read('results/0/env.txt'), /^OK=/m);
    });

    it('runs an argument vector without a shell, with flags made of the keywords', async () => {
      bed.write('a b;$(x).py', 'import sys, os, json\njson.dump({"argv": sys.argv[1:]}, open(os.environ["RESULT_DIR"] + "/metrics.json", "w"))\n');
      bed.freeze([{ alpha: -0.5, on: true, off: false, opt: false, none: null, many: [1, 2], name: '-x $(touch boom)', file: 'p' }], {
        extra: {
          command: {
            argv: ['python3', 'a b;$(x).py', '--fixed'],
            flags: { alpha: '--alpha', on: '--on', off: '--off', opt: ['--opt', '--no-opt'], none: '--none', many: '--many', name: '--name', file: '', absent: '--absent' },
            outputs: { '--out': 'o.csv' },
          },
        },
      });
      const ended = await bed.run(0);
      assert.equal(ended.code, 0, ended.stderr);
      const { argv } = JSON.parse(bed.read('results/0/metrics.json')) as { argv: string[] };
      assert.deepEqual(argv, ['--fixed', '--alpha=-0.5', '--on', '--no-opt', '--many', '1', '2', '--name=-x $(touch boom)', '--out', `${fs.realpathSync(bed.directory)}/results/0/_wip_0/o.csv`, '--', 'p']);
      assert.equal(bed.has('boom'), false);
    });

    it('puts a subcommand between the script’s own flags and its, gives a repeated flag once per value, and keeps values from being read as options', async () => {
      bed.write('tool.py', `import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--verbose", action="store_true")
train = parser.add_subparsers(dest="cmd", required=True).add_parser("train")
train.add_argument("--tag", action="append")
train.add_argument("--layers", nargs="+", type=int)
train.add_argument("data", nargs=2)
json.dump(vars(parser.parse_args()), open(os.environ["RESULT_DIR"] + "/metrics.json", "w"))
`);
      bed.freeze([{ verbose: true, tag: ['a', '-b'], layers: 3, data: ['-x y', 'z'] }], {
        extra: { command: { argv: ['python3', 'tool.py'], flags: { verbose: '--verbose' }, subcommand: { name: 'train', flags: { tag: { each: '--tag' }, layers: '--layers', data: '' } } } },
      });
      const ended = await bed.run(0);
      assert.equal(ended.code, 0, ended.stderr);
      assert.deepEqual(JSON.parse(bed.read('results/0/metrics.json')), { verbose: true, cmd: 'train', tag: ['a', '-b'], layers: [3], data: ['-x y', 'z'] });
    });

    it('picks one of several commands by the keyword `executor`', async () => {
      const command = (word: string): object => ({ argv: ['sh', '-c', `echo ${word}; echo 1 > $RESULT_DIR/metrics.json`] });
      bed.freeze([{ executor: 'a.py' }, { executor: 'b.py' }, { executor: 'c.py' }], { extra: { commands: { 'a.py': command('first'), 'b.py': command('second') } } });
      assert.match((await bed.run(1)).stdout, /second/);
      const missing = await bed.run(2);
      assert.equal(missing.code, 127);
      assert.match(missing.stderr, /executor not found: 'c\.py'/);
    });
  });

  describe('6: the end', () => {
    it('moves files and folders, replaces older ones, stamps, and leaves no work folder or lock', async () => {
      const sha = bed.freeze([{ a: 1 }], { executor: 'mkdir "$RESULT_DIR/sub"; date +%N > "$RESULT_DIR/sub/x"; echo 2 > "$RESULT_DIR/out.csv"; echo 1 > "$RESULT_DIR/metrics.json"' });
      assert.equal((await bed.run(0)).code, 0);
      bed.write('results/0/sub/old', '');
      assert.equal((await bed.run(0, { HPC_FORCE_RERUN: '1' })).code, 0);
      assert.deepEqual(fs.readdirSync(bed.file('results/0')).sort(), ['.hpc_cmd_sha', '_runtime.json', 'metrics.json', 'out.csv', 'sub']);
      assert.deepEqual(fs.readdirSync(bed.file('results/0/sub')), ['x']);
      assert.equal(bed.read('results/0/.hpc_cmd_sha').trim(), sha);
      const runtime = JSON.parse(bed.read('results/0/_runtime.json')) as Record<string, unknown>;
      assert.deepEqual(Object.keys(runtime).slice(0, 8), ['task_id', 'run_id', 'started_at', 'ended_at', 'elapsed_sec', 'exit_code', 'node', 'gpu_type']);
      assert.deepEqual(runtime.axis_bindings, { a: 1 });
    });

    it('shows metrics.json only when everything else is there', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo 1 > "$RESULT_DIR/metrics.json"; echo 1 > "$RESULT_DIR/z"' });
      // The stamp cannot be written, so the result must stay out of sight.
      bed.write('results/0/.hpc_cmd_sha/in the way', '');
      const ended = await bed.run(0);
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, /cannot move the result into place/);
      assert.equal(bed.has('results/0/metrics.json'), false);
      fs.rmSync(bed.file('results/0/.hpc_cmd_sha'), { recursive: true });
      assert.equal((await bed.run(0)).code, 0);
      assert.deepEqual(fs.readdirSync(bed.file('results/0')).filter((name) => !name.startsWith('_wip_0_failed')).sort(), ['.hpc_cmd_sha', '_runtime.json', 'metrics.json', 'z']);
    });

    it('exits with the executor’s code and keeps what it left', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo partly > "$RESULT_DIR/metrics.json"; exit 7' });
      const ended = await bed.run(0);
      assert.equal(ended.code, 7);
      assert.match(ended.stderr, /FAILED \(exit 7\)/);
      assert.equal(bed.has('results/0/metrics.json'), false);
      assert.equal(bed.read('results/0/_wip_0/metrics.json'), 'partly\n');
      assert.equal((JSON.parse(bed.read('results/0/_runtime.json')) as { exit_code: number }).exit_code, 7);
      assert.deepEqual([bed.events().at(-1)?.o, bed.events().at(-1)?.rc], ['failed', 7]);
    });

    it('tells a killed executor by 128 + signal, through the shell and without', async () => {
      bed.freeze([{ a: 1 }], { executor: '(kill -9 $$); sleep 5' });
      assert.equal((await bed.run(0)).code, 137);
      assert.equal(bed.events().at(-1)?.s, 9);
      bed.freeze([{ a: 2 }], { extra: { command: { argv: ['sh', '-c', 'kill -11 $$'] } } });
      assert.equal((await bed.run(0)).code, 139);
      assert.equal(bed.events().at(-1)?.s, 11);
    });

    it('reports a missing executor with 127, and writes it into the events', async () => {
      bed.freeze([{ a: 1 }], { extra: { command: { argv: ['no-such-program'] } } });
      const ended = await bed.run(0);
      assert.equal(ended.code, 127);
      assert.match(ended.stderr, /executor not found: no-such-program/);
      assert.equal(bed.events().at(-1)?.rc, 127);
      bed.freeze([{ a: 1 }], { executor: 'no-such-program' });
      assert.equal((await bed.run(0)).code, 127);
    });

    it('takes an empty metrics.json for a full disk', async () => {
      bed.freeze([{ a: 1 }], { executor: ': > "$RESULT_DIR/metrics.json"' });
      const ended = await bed.run(0);
      assert.equal(ended.code, 28);
      assert.equal(bed.has('results/0/metrics.json'), false);
    });

    it('takes the last line of standard output for metrics when told so, and passes everything on', async () => {
      const extra = { metrics_from_stdout: true };
      bed.freeze([{ a: 1 }], { extra, executor: 'seq 20000; echo \'{"rmse": 0.5}\'' });
      const ended = await bed.run(0);
      assert.equal(ended.code, 0);
      assert.equal(ended.stdout.split('\n').length, 20002);
      assert.equal(bed.read('results/0/metrics.json'), '{"rmse": 0.5}\n');
      bed.freeze([{ a: 2 }], { extra, executor: 'echo \'{"rmse": 1}\'; echo 3 > "$RESULT_DIR/metrics.json"' });
      await bed.run(0);
      assert.equal(bed.read('results/0/metrics.json'), '3\n');
      bed.freeze([{ a: 3 }], { extra, executor: 'sleep 300 2>/dev/null & echo $! > "$HOME/pid"; echo \'{"rmse": 2}\'' });
      assert.equal((await bed.run(0)).code, 0, 'something left behind must not hold the task');
      process.kill(Number(bed.read('pid')), 'SIGKILL');
      assert.equal(bed.read('results/0/metrics.json'), '{"rmse": 2}\n');
      bed.freeze([{ a: 4 }], { extra, executor: 'echo nothing' });
      assert.equal((await bed.run(0)).code, 0);
      assert.equal(bed.events().at(-1)?.m, 0);
    });
  });

  describe('two copies of one task', () => {
    it('never share a folder: the second waits and finds it done', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo run >> "$HOME/runs"; touch "$HOME/ready"; while [ ! -e "$HOME/go" ]; do sleep 0.02; done; echo $$ > "$RESULT_DIR/metrics.json"' });
      const first = bed.start(0);
      await until('the first runs', () => bed.has('ready'));
      const second = bed.start(0);
      let waiting = false;
      second.process.stderr?.on('data', (chunk: string) => (waiting ||= chunk.includes('another copy')));
      await until('the second waits', () => waiting);
      bed.write('go', '');
      assert.equal((await first.ended).code, 0);
      assert.equal((await second.ended).code, 0);
      assert.equal(bed.read('runs'), 'run\n');
      assert.deepEqual(bed.events().map((event) => event.o).filter(Boolean), ['done', 'skipped']);
    });

    it('the second takes over when the first is killed, and can be stopped while it waits', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo $$ >> "$HOME/pids"; touch "$HOME/ready"; while [ ! -e "$HOME/go" ]; do sleep 0.02; done; echo 1 > "$RESULT_DIR/metrics.json"' });
      const first = bed.start(0);
      await until('the first runs', () => bed.has('ready'));
      const [second, third] = [bed.start(0), bed.start(0)];
      const waiting = new Set<number>();
      [second, third].forEach((copy, i) => copy.process.stderr?.on('data', (chunk: string) => chunk.includes('another copy') && waiting.add(i)));
      await until('both wait', () => waiting.size === 2);
      third.process.kill('SIGTERM');
      assert.equal((await third.ended).code, 130);
      first.process.kill('SIGKILL');
      process.kill(-Number(bed.read('pids').split('\n')[0]), 'SIGKILL');
      await first.ended;
      await until('the second runs', () => bed.read('pids').trim().split('\n').length === 2);
      bed.write('go', '');
      assert.equal((await second.ended).code, 0);
      assert.ok(bed.has('results/0/metrics.json'));
    });

    it('many at once on a finished and an unfinished task end with one result', async () => {
      bed.freeze([{ a: 1 }], { executor: 'echo run >> "$HOME/runs"; echo 1 > "$RESULT_DIR/metrics.json"' });
      const all = await Promise.all(Array.from({ length: 6 }, () => bed.run(0)));
      assert.deepEqual(all.map((ended) => ended.code), [0, 0, 0, 0, 0, 0]);
      assert.equal(bed.read('runs'), 'run\n');
    });

    it('without locks, the copy whose folder was taken fails and leaves the other’s result', async () => {
      bed.freeze([{ a: 1 }], { executor: 'touch "$HOME/ready"; while [ ! -e "$HOME/go" ]; do sleep 0.02; done; echo mine > "$RESULT_DIR/metrics.json" || true' });
      const first = bed.start(0);
      await until('the first runs', () => bed.has('ready'));
      // What another node does where locks do not reach it: sets the folder aside and works in its own.
      fs.renameSync(bed.file('results/0/_wip_0'), bed.file('results/0/_wip_0_failed_1'));
      fs.mkdirSync(bed.file('results/0/_wip_0'));
      bed.write('go', '');
      const ended = await first.ended;
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, /another copy of this task took over/);
      assert.equal(bed.has('results/0/metrics.json'), false);
    });
  });

  describe('events', () => {
    it('are one line each with the contract’s fields; the job’s name comes from the scheduler’s variables', async () => {
      bed.freeze([{ a: 1 }]);
      await bed.run(0, { SLURM_ARRAY_JOB_ID: '123', SLURM_ARRAY_TASK_ID: '4', HPC_ATTEMPT: '2' });
      const [begin, end] = bed.events();
      assert.deepEqual(Object.keys(begin ?? {}), ['e', 'i', 'a', 't', 'j']);
      assert.deepEqual(Object.keys(end ?? {}), ['e', 'i', 'a', 't', 'j', 'rc', 's', 'el', 'rss', 'cpu', 'o']);
      assert.deepEqual([end?.i, end?.a, end?.j, end?.rc, end?.s, end?.o], [0, 2, '123_4', 0, null, 'done']);
      assert.ok(Number(end?.rss) > 0 && Number(end?.t) > 1.6e9);
    });

    it('tell what was used: the peak of the largest process, and the processor time of all, also of a task that failed', async () => {
      bed.freeze([{ a: 1 }], { executor: `python3 -S -c 'data = b"x" * (64 << 20); sum(i * i for i in range(400000))' && python3 -S -c pass; exit 3` });
      assert.equal((await bed.run(0)).code, 3);
      const end = bed.events()[1];
      assert.ok(Number(end?.rss) > 64 && Number(end?.rss) < 640, JSON.stringify(end));
      assert.ok(Number(end?.cpu) > 0, JSON.stringify(end));
      const runtime = JSON.parse(fs.readFileSync(bed.file('results/0/_runtime.json'), 'utf8')) as Record<string, unknown>;
      assert.deepEqual([runtime.peak_rss_mib, runtime.peak_rss_of, runtime.cpu_sec], [end?.rss, 'largest process', end?.cpu]);
    });

    it('begin on a new line after a torn one, and never fail a task', async () => {
      bed.freeze([{ a: 1 }]);
      await bed.run(0);
      const [name] = fs.readdirSync(bed.file('state/events'));
      const log = bed.file('state/events', name ?? '');
      fs.appendFileSync(log, '{"e":"sta');
      await bed.run(0);
      const lines = fs.readFileSync(log, 'utf8').split('\n');
      assert.equal(lines[2], '{"e":"sta');
      assert.match(lines[3] ?? '', /"o":"skipped"/);
      assert.equal((await bed.run(0, { HPC_STATE_DIR: '/dev/null/x', HPC_FORCE_RERUN: '1' })).code, 0);
      assert.equal((await bed.run(0, { HPC_STATE_DIR: undefined, HPC_FORCE_RERUN: '1' })).code, 0);
    });

    it('of many tasks at once do not mix', async () => {
      bed.freeze(Array.from({ length: 40 }, (_, a) => ({ a })));
      await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
        for (let i = worker; i < 40; i += 8) await bed.run(i);
      }));
      const ends = bed.events().filter((event) => event.o === 'done');
      assert.deepEqual(ends.map((event) => Number(event.i)).sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i));
    });
  });

  it('says disk full by 28 and no permission by 13, before anything runs', async () => {
    bed.freeze([{ a: 1 }], { resultDir: '/dev/full/{task_id}' });
    assert.equal((await bed.run(0)).code, 1);
    bed.freeze([{ a: 1 }], { resultDir: '/proc/nosuch/{task_id}' });
    const ended = await bed.run(0);
    assert.notEqual(ended.code, 0);
    assert.match(ended.stderr, /cannot prepare/);
  });
});
