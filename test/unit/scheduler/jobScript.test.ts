/** Job scripts as shells run them: dash and bash, odd paths, everything that can be missing. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { renderJobScript, type JobScriptInput } from '../../../src/scheduler/jobScript.ts';
import { spawnText } from '../../contract/scheduler/place.ts';

const templatesDirectory = fileURLToPath(new URL('../../../templates', import.meta.url));
const shells = ['dash', 'bash', 'sh'];

describe('jobScript', function () {
  this.timeout(60_000);
  let root: string;
  let base: JobScriptInput;
  let python: string;

  before(async () => {
    // The program itself: the one on PATH can be a wrapper that changes PATH.
    python = (await spawnText('python3', ['-c', 'import sys; print(sys.executable)'])).stdout.trim();
  });
  beforeEach(async () => {
    root = path.join(await fs.mkdtemp(path.join(tmpdir(), 'hpc-script-')), `o'dd "re po" é$(x)`);
    await fs.mkdir(root);
    // Prints what the dispatcher would be given.
    await fs.writeFile(path.join(root, 'dispatch.py'), 'import os, sys, json\nprint(json.dumps({"env": dict(os.environ), "argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid(), "executable": sys.executable}))\n');
    base = {
      scheduler: 'slurm', gpu: false, program: { kind: 'array', dispatcher: path.join(root, 'dispatch.py'), taskOffset: 1000 }, runId: 'run-1', cmdSha: 'abc', taskCount: 1200, repoDir: root,
      executor: `python "a b;$(x).py" --it's`, python, hpcVariables: { HPC_DIR: path.join(root, '.hpc'), HPC_ATTEMPT: '2' },
    };
  });
  afterEach(async () => {
    await fs.rm(path.dirname(root), { recursive: true, force: true });
  });

  interface Ran { exitCode: number | null; stderr: string; saw: { env: Record<string, string>; argv: string[]; cwd: string } | undefined }
  async function run(shell: string, input: JobScriptInput, env: Record<string, string>, override?: { name: string; text: string }): Promise<Ran> {
    const script = await renderJobScript(input, { templatesDirectory, ...(override ? { override } : {}) });
    const file = path.join(root, 'job script.sh');
    await fs.writeFile(file, script);
    const { stdout, stderr, exitCode } = await spawnText(shell, [file], { env: { PATH: process.env.PATH ?? '', HOME: root, ...env } });
    const line = stdout.trim().split('\n').at(-1) ?? '';
    return { exitCode, stderr, saw: line.startsWith('{') ? (JSON.parse(line) as NonNullable<Ran['saw']>) : undefined };
  }
  const element = { SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_JOB_ID: '123', SLURM_JOB_ID: '130' };

  for (const shell of shells) {
    it(`gives the dispatcher its task, its variables and its folder (${shell})`, async () => {
      const { exitCode, stderr, saw } = await run(shell, { ...base, env: { VALUE: `it's\n  "two" $lines\\`, OMP_NUM_THREADS: '3' } }, { ...element, SLURM_CPUS_PER_TASK: '4' });
      assert.equal(exitCode, 0, stderr);
      const env = saw?.env ?? {};
      const expected = {
        HPC_TASK_ID: '1006', TASK_OFFSET: '1000', HPC_JOB_ID: '123_7', HPC_RUN_ID: 'run-1', HPC_CMD_SHA: 'abc', HPC_TASK_COUNT: '1200', REPO_DIR: root, EXECUTOR: base.executor, HPC_ATTEMPT: '2', HPC_DIR: path.join(root, '.hpc'),
        MKL_NUM_THREADS: '4', HPC_CORES: '4', OMP_NUM_THREADS: '3', PYTHONHASHSEED: '0', VALUE: `it's\n  "two" $lines\\`, PYTHONPATH: root, LC_ALL: 'C.UTF-8',
      };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, env[key]])), expected);
      assert.equal(saw?.cwd, root);
      assert.deepEqual(saw.argv, [path.join(root, 'dispatch.py')]);
    });
  }

  it('refuses to run outside an array, and with an index that is no number', async () => {
    for (const env of [{}, { SLURM_ARRAY_TASK_ID: '' }, { SLURM_ARRAY_TASK_ID: '4294967294x' }] as Record<string, string>[]) {
      const { exitCode, stderr, saw } = await run('sh', base, env);
      assert.equal(exitCode, 64);
      assert.match(stderr, /only as an element of a job array/);
      assert.equal(saw, undefined);
    }
  });

  it('speaks Grid Engine’s variables, whose plain jobs have an element called undefined', async () => {
    const { saw } = await run('sh', { ...base, scheduler: 'sge' }, { JOB_ID: '26', SGE_TASK_ID: '3', NSLOTS: '2' });
    assert.deepEqual([saw?.env.HPC_TASK_ID, saw?.env.HPC_JOB_ID, saw?.env.OMP_NUM_THREADS], ['1002', '26_3', '2']);
    const plain = { JOB_ID: '27', SGE_TASK_ID: 'undefined', NSLOTS: '1' };
    const { exitCode, stderr } = await run('sh', { ...base, scheduler: 'sge' }, plain);
    assert.equal(exitCode, 64, stderr);
    const combined = await run('sh', { ...base, scheduler: 'sge', program: { kind: 'combiner', combiner: path.join(root, 'dispatch.py'), wave: 0 } }, plain);
    assert.deepEqual([combined.exitCode, combined.saw?.env.HPC_JOB_ID], [0, '27'], combined.stderr);
  });

  it('speaks the background scheduler’s variables', async () => {
    const { saw } = await run('sh', { ...base, scheduler: 'background' }, { HPC_BACKGROUND_ARRAY_INDEX: '1', HPC_BACKGROUND_ARRAY_JOB_ID: '26', HPC_BACKGROUND_JOB_ID: '26', HPC_BACKGROUND_CPUS: '2' });
    assert.equal(saw?.env.HPC_TASK_ID, '1000');
    assert.equal(saw.env.HPC_JOB_ID, '26_1');
    assert.equal(saw.env.OMP_NUM_THREADS, '2');
  });

  it('hands its process to the program, so that signals reach it', async () => {
    await fs.writeFile(path.join(root, 'dispatch.py'), 'import os, signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(130)))\nos.kill(int(open("pid").read()), signal.SIGTERM)\ntime.sleep(30)\n');
    const script = await renderJobScript(base, { templatesDirectory });
    await fs.writeFile(path.join(root, 'job.sh'), script);
    const { stdout, exitCode } = await spawnText('sh', ['-c', 'cd "$1" && echo $$ > pid && exec sh job.sh', 'sh', root], { env: { PATH: process.env.PATH ?? '', ...element } });
    assert.equal(stdout, 'told\n');
    assert.equal(exitCode, 130);
  });

  it('runs the combiner as a plain job', async () => {
    const { saw, stderr } = await run('sh', { ...base, program: { kind: 'combiner', combiner: path.join(root, 'dispatch.py'), wave: 3, extraArguments: ['--force'] } }, { SLURM_JOB_ID: '9' });
    assert.deepEqual(saw?.argv.slice(1), ['--wave', '3', '--run-id', 'run-1', '--force'], stderr);
    assert.equal(saw?.env.HPC_JOB_ID, '9');
    assert.equal(saw.env.HPC_WAVE, '3');
    assert.equal(saw.env.HPC_TASK_ID, undefined);
  });

  it('leaves one proof that it began, and goes on where it cannot', async () => {
    const markerPath = path.join(root, 'st ate', 'started');
    await run('sh', { ...base, markerPath }, element);
    const first = await fs.readFile(markerPath, 'utf8');
    assert.match(first, /^123_7 \S+ 20\d\d-\S+Z\n$/);
    await run('sh', { ...base, markerPath }, { ...element, SLURM_ARRAY_TASK_ID: '8' });
    assert.equal(await fs.readFile(markerPath, 'utf8'), first);
    const copy = await run('sh', { ...base, markerPath }, { ...element, SLURM_ARRAY_JOB_ID: '999' });
    assert.deepEqual([copy.exitCode, copy.saw], [75, undefined]);
    assert.match(copy.stderr, /second copy of the submission/);
    const { exitCode, stderr } = await run('sh', { ...base, markerPath: '/proc/nowhere/x' }, element);
    assert.equal(exitCode, 0);
    assert.match(stderr, /cannot write/);
  });

  it('loads modules, conda and a virtual environment, and says which one failed', async () => {
    await fs.mkdir(path.join(root, 'lmod', 'init'), { recursive: true });
    await fs.writeFile(path.join(root, 'lmod', 'init', 'sh'), 'module() { [ "$1 $2" = "load bad" ] && return 1; LOADED="$LOADED $2"; export LOADED; }\n');
    await fs.writeFile(path.join(root, 'conda.sh'), 'conda() { [ "$1" = activate ] && export CONDA_DEFAULT_ENV="$2"; }\n');
    await fs.mkdir(path.join(root, 'v env', 'bin'), { recursive: true });
    await fs.writeFile(path.join(root, 'v env', 'bin', 'activate'), `PATH='${path.join(root, 'v env', 'bin').replaceAll("'", "'\\''")}':$PATH; export PATH VIRTUAL=1\n`);
    await fs.symlink(python, path.join(root, 'v env', 'bin', 'python'));
    const env = { ...element, LMOD_PKG: path.join(root, 'lmod') };
    for (const shell of shells) {
      const { saw, stderr } = await run(shell, { ...base, modules: ['python/3.11', 'cuda/12 x'], condaSource: path.join(root, 'conda.sh'), condaEnv: 'my env', venv: path.join(root, 'v env/') }, env);
      assert.equal(saw?.env.LOADED, ' python/3.11 cuda/12 x', stderr);
      assert.equal(saw.env.CONDA_DEFAULT_ENV, 'my env');
      assert.equal(saw.env.VIRTUAL, '1');
    }
    for (const [change, words] of [[{ modules: ['bad'] }, /module bad/], [{ condaSource: '/nowhere/conda.sh' }, /nowhere\/conda\.sh/], [{ condaEnv: 'x' }, /no conda/], [{ venv: '/nowhere' }, /\/nowhere/], [{ repoDir: '/nowhere/repo' }, /\/nowhere\/repo/]] as const) {
      const { exitCode, stderr, saw } = await run('sh', { ...base, ...change }, env);
      assert.ok(exitCode !== 0 && saw === undefined);
      assert.match(stderr, words);
    }
  });

  it('uses uv’s environment without a process in between', async () => {
    const bin = path.join(root, 'bin');
    await fs.mkdir(path.join(root, '.venv', 'bin'), { recursive: true });
    await fs.mkdir(bin);
    await fs.writeFile(path.join(bin, 'uv'), '#!/bin/sh\n[ "$1" = sync ] && : > synced\n', { mode: 0o755 });
    await fs.writeFile(path.join(root, '.venv', 'bin', 'activate'), 'PATH="$PWD/.venv/bin:$PATH"; export PATH\n');
    await fs.symlink(python, path.join(root, '.venv', 'bin', 'python'));
    const { saw, stderr } = await run('sh', { ...base, runtime: 'uv' }, { ...element, PATH: `${bin}:${process.env.PATH ?? ''}` });
    assert.equal(saw?.env.PATH?.split(':')[0], path.join(root, '.venv', 'bin'), stderr);
    await fs.access(path.join(root, 'synced'));
  });

  it('enters a container with the run’s folder in it', async () => {
    const bin = path.join(root, 'bin');
    await fs.mkdir(bin);
    for (const name of ['apptainer', 'srun']) await fs.writeFile(path.join(bin, name), `#!/bin/sh\nexec ${python} "$FAKE" "$@"\n`, { mode: 0o755 });
    const env = { ...element, PATH: `${bin}:${process.env.PATH ?? ''}`, FAKE: path.join(root, 'dispatch.py') };
    const { saw, stderr } = await run('sh', { ...base, gpu: true, env: { A: 'x y' }, container: { runtime: 'apptainer', image: '/im g.sif', mounts: ['/data:/data:ro'], nv: true, cleanenv: true, env: { B: 'a=1,b=2' } } }, env);
    assert.deepEqual(saw?.argv.slice(1), ['exec', '--nv', '--cleanenv', '--bind', root, '--bind', '/data:/data:ro', '--pwd', root, '/im g.sif', 'python3', '-S', '-E', path.join(root, 'dispatch.py')], stderr);
    assert.equal(saw?.env.APPTAINERENV_HPC_TASK_ID, '1006');
    assert.deepEqual([saw.env.APPTAINERENV_A, saw.env.APPTAINERENV_B, saw.env.SINGULARITYENV_B], ['x y', 'a=1,b=2', 'a=1,b=2']);
    assert.equal(saw.env.CUBLAS_WORKSPACE_CONFIG, ':4096:8');
    const pyxis = await run('sh', { ...base, cpus: 4, env: { A: 'x y' }, container: { runtime: 'pyxis', image: 'nvcr.io#x', mounts: ['/data'], writableTmpfs: true, fakeroot: true, env: { B: 'a=1,b=2' } } }, env);
    assert.deepEqual(
      pyxis.saw?.argv.slice(1, 9),
      ['--ntasks=1', '--cpus-per-task=4', '--export=ALL', '--container-image=nvcr.io#x', `--container-mounts=${root}:${root},/data:/data`, `--container-workdir=${root}`, '--container-writable', '--container-remap-root'],
      pyxis.stderr,
    );
    assert.equal(pyxis.saw.argv[9], '--container-env=B,A,OMP_NUM_THREADS,MKL_NUM_THREADS,OPENBLAS_NUM_THREADS,PYTHONHASHSEED');
    assert.equal(pyxis.saw.env.B, 'a=1,b=2');
    await assert.rejects(renderJobScript({ ...base, repoDir: '/a:b', container: { runtime: 'apptainer', image: 'x' } }, { templatesDirectory }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.message.includes('colon'));
    await assert.rejects(renderJobScript({ ...base, scheduler: 'background', container: { runtime: 'pyxis', image: 'x' } }, { templatesDirectory }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.message.includes('pyxis'));
  });

  it('copies the data to the node once for all elements, and reads it in place where it cannot', async () => {
    const data = path.join(root, 'da ta');
    const local = path.join(root, 'local');
    await fs.mkdir(data);
    await fs.mkdir(local);
    await fs.writeFile(path.join(data, 'x'), '1');
    const input = { ...base, nfsDataDir: data };
    const both = await Promise.all(['1', '2', '3'].map((index) => run('sh', input, { ...element, SLURM_ARRAY_TASK_ID: index, TMPDIR: local })));
    const folder = both[0]?.saw?.env.LOCAL_DATA_DIR ?? '';
    assert.ok(folder.startsWith(local) && both.every(({ saw }) => saw?.env.LOCAL_DATA_DIR === folder));
    assert.equal(await fs.readFile(path.join(folder, 'x'), 'utf8'), '1');
    const without = await run('sh', input, { ...element, TMPDIR: '/nowhere' });
    assert.equal(without.saw?.env.LOCAL_DATA_DIR, data);
    assert.match(without.stderr, /read in place/);
  });

  it('passes any value whole through any shell', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !text.includes('\0') && !/[\ud800-\udfff](?![\udc00-\udfff])/.test(text)), fc.constantFrom(...shells), async (value, shell) => {
        const { saw, stderr } = await run(shell, { ...base, env: { VALUE: value }, description: [value] }, element);
        assert.equal(saw?.env.VALUE, value, stderr);
      }),
      { numRuns: 40, examples: [["'", 'dash'], ['{{ runId }} {% raw %}', 'sh'], ['a\r\n\n\n\nb \n', 'bash'], ['`id` $(id) ${x} \\', 'dash'], ['~', 'sh'], ['-n', 'dash']] },
    );
  });

  it('refuses variables that would send a task astray', async () => {
    for (const env of [{ HPC_TASK_ID: '1' }, { SLURM_ARRAY_TASK_ID: '1' }, { 'A B': '1' }, { 'X;id': '1' }, { HPC_KW_SEED: '1' }] as Record<string, string>[]) {
      await assert.rejects(renderJobScript({ ...base, env }, { templatesDirectory }), (error: unknown) => HpcError.is(error, 'spec_invalid') && error.message.includes(Object.keys(env)[0] ?? ''));
    }
  });

  it('takes a workspace’s own template, with our shared parts', async () => {
    const override = { name: '.hpc/templates/mine.njk', text: '#!/bin/bash\r\n{% include "preamble.sh.njk" %}\r\nexport MINE={{ runId | q }}\r\n{% include "preamble_launch.sh.njk" %}\r\n' };
    const { saw, stderr } = await run('bash', base, element, override);
    assert.equal(saw?.env.MINE, 'run-1', stderr);
    assert.equal(saw.env.HPC_TASK_ID, '1006');
    for (const [text, words] of [['#!/bin/sh\n{{ nothing }}', /mine\.njk.*undefined/s], ['#!/bin/sh\n{% if %}', /mine\.njk/], ['echo', /first line/], ['', /empty/], ['#!/bin/sh\n{% include "../package.json" %}', /mine\.njk/]] as const) {
      await assert.rejects(renderJobScript(base, { templatesDirectory, override: { ...override, text } }), (error: unknown) => HpcError.is(error, 'config_invalid') && words.test(error.message) && error.remediation?.includes('mine.njk') === true, text);
    }
  });

  it('holds no scheduler directives', async () => {
    for (const gpu of [false, true]) assert.doesNotMatch(await renderJobScript({ ...base, gpu }, { templatesDirectory }), /^#(SBATCH|\$|PBS)/m);
  });
});
