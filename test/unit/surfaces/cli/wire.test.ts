/** The wire: one line of JSON, the exit status, input from flags and --spec, help; and what a terminal, a pipe and an interrupt do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import type { ErrorEnvelope } from '../../../../src/operations/envelope.ts';
import { answerOf, cliProgram, isAlive, makeDesk, until, type Answer, type Desk } from './product.ts';

const catalogue = await loadCatalogue();

const errorOf = (answer: Answer): ErrorEnvelope => {
  const envelope = answer.envelope();
  assert.ok(!envelope.ok, answer.stdout);
  return envelope;
};

describe('the command line’s wire (contract)', function () {
  this.timeout(60_000);
  let desk: Desk;
  before(() => {
    desk = makeDesk();
  });
  after(() => desk.remove());

  it('answers with one line and status 0', async () => {
    const answer = await desk.run(['capabilities']);
    assert.equal(answer.code, 0);
    const { ok, idempotent } = answer.envelope() as { ok: boolean; idempotent: boolean };
    assert.deepEqual({ ok, idempotent, stderr: answer.stderr }, { ok: true, idempotent: true, stderr: '' });
    const data = answer.data<{ subcommands: string[]; journal_dir: string }>();
    assert.deepEqual(data.subcommands, catalogue.map(({ name }) => name));
    assert.ok(data.journal_dir.startsWith(desk.home));
  });

  it('knows verbs of two words, by either form', async () => {
    const two = await desk.run(['clusters', 'list']);
    assert.equal(two.code, 0);
    assert.deepEqual(two.envelope(), (await desk.run(['clusters-list'])).envelope());
    assert.deepEqual(two.data<{ clusters: { name: string }[] }>().clusters.map(({ name }) => name), ['this-computer']);
  });

  it('ends with 1 where the user has to change something', async () => {
    for (const [words, code] of [
      [['nonsense'], 'spec_invalid'],
      [['status', 'no-such-run'], 'spec_invalid'],
      [['plan', '--cluster', 'elsewhere'], 'cluster_unknown'],
      [['status', 'r', '--nonsense'], 'spec_invalid'],
      [['status'], 'spec_invalid'],
      [['build-tasks-py', '--yes', '--executors', 'none.py'], 'executor_not_found'],
    ] as const) {
      const answer = await desk.run(words);
      const error = errorOf(answer);
      assert.deepEqual([answer.code, error.error_code, error.category, error.retry_safe], [1, code, 'user', false], words.join(' '));
      assert.ok(error.remediation, `${words.join(' ')}: says what to do`);
    }
  });

  it('ends with 2 where a cluster cannot be reached, without asking anybody', async () => {
    desk.write('.hpc/clusters.yaml', 'clusters:\n  far:\n    scheduler: slurm\n    connection: ssh\n    host: 127.0.0.1\n    port: 1\n    user: nobody\n    scratch: /scratch\n');
    desk.write('.hpc/tasks.py', 'FLAGS = {}\ndef total():\n    return 1\ndef resolve(i):\n    return {"x": i}\n');
    try {
      const answer = await desk.run(['plan', '--cluster', 'far', '--command', 'true']);
      const error = errorOf(answer);
      assert.deepEqual([answer.code, error.error_code, error.category, error.retry_safe], [2, 'ssh_unreachable', 'network', true], answer.stdout);
      const checked = await desk.run(['preflight', '--cluster', 'far']);
      assert.equal(checked.code, 2);
      assert.equal(checked.data<{ all_ok: boolean }>().all_ok, false);
    } finally {
      fs.rmSync(path.join(desk.workspace, '.hpc'), { recursive: true });
    }
  });

  it('ends with 3 where a file of ours cannot be understood', async () => {
    desk.write('.hpc/runs/broken.json', '{"sidecar_schema_version": 99, "run_id": "broken"}');
    const answer = await desk.run(['status', 'broken']);
    const error = errorOf(answer);
    assert.deepEqual([answer.code, error.category], [3, 'internal']);
    assert.match(error.message, /broken/);
    fs.rmSync(path.join(desk.workspace, '.hpc'), { recursive: true });
  });

  it('takes the input from --spec, a file or standard input; flags win', async () => {
    desk.write('executors/one.py', 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--x", type=int)\np.add_argument("--as-spelled")\np.parse_args()\n');
    desk.write('spec file.json', JSON.stringify({ executors: ['executors/one.py'], axes: { x: '1,2,3' }, dry_run: true }));
    const count = async (words: readonly string[], stdin = ''): Promise<number> => (await desk.run(words, { stdin })).data<{ task_count: number }>().task_count;
    assert.equal(await count(['build-tasks-py', '--spec', 'spec file.json']), 3);
    assert.equal(await count(['build-tasks-py', '--spec', '-', '--axes', '{"x": "1:5"}'], fs.readFileSync(path.join(desk.workspace, 'spec file.json'), 'utf8')), 5);
    // A parameter by the spelling of its flag, too.
    const spelled = await desk.run(['build-tasks-py', '--spec', 'spec file.json', '--fixed.as-spelled', 'yes']);
    assert.deepEqual(spelled.data<{ preview: unknown[] }>().preview[0], { as_spelled: 'yes', x: 1 });
    for (const [spec, stdin, message] of [['-', '{', /not JSON/], ['-', '[]', /JSON object/], ['missing.json', '', /Cannot read/], ['-', '{"unknown_key": 1}', /unknown_key/]] as const) {
      const error = errorOf(await desk.run(['build-tasks-py', '--spec', spec], { stdin }));
      assert.equal(error.error_code, 'spec_invalid');
      assert.match(error.message, message);
    }
  });

  it('helps with each verb and with all, in text', async () => {
    const all = await desk.run(['--help']);
    assert.equal(all.code, 0);
    for (const { name } of catalogue) assert.ok(all.stdout.includes(`  ${name} `), name);
    assert.equal((await desk.run([])).stdout, all.stdout);
    const one = await desk.run(['clusters', 'describe', '--help']);
    assert.equal(one.code, 0);
    assert.match(one.stdout, /^hpc-agent clusters-describe/);
    assert.match((await desk.run(['plan', '-h'])).stdout, /--resources\.gpu-type/);
    assert.match((await desk.run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('speaks to people with --human: tables, and errors with what to do', async () => {
    const list = await desk.run(['clusters', 'list', '--human']);
    assert.match(list.stdout, /^cluster +scheduler +target .*\n─+ {2}.*\nthis-computer +background/);
    assert.equal((await desk.run(['list-runs', '--human'])).stdout, 'No runs yet.\n');
    const wrong = await desk.run(['plan', '--cluster', 'elsewhere', '--human']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /^Error \(cluster_unknown\): .*elsewhere.*\nWhat to do: /);
    assert.match((await desk.run(['nonsense', '--human'])).stdout, /^Error \(spec_invalid\): There is no verb "nonsense"/);
  });

  it('does nothing without a yes where nobody can be asked, and does not wait for one', async () => {
    const child = await desk.start(['build-tasks-py', '--executors', 'executors/one.py', '--axes.x', '1']);
    // Standard input stays open: who waits for an answer waits for ever.
    const answer = await answerOf(child);
    assert.equal(answer.code, 1);
    assert.match(errorOf(answer).message, /^Not done, because it was not confirmed: Write .*tasks\.py/);
    assert.ok(!fs.existsSync(path.join(desk.workspace, '.hpc', 'tasks.py')));
  });

  it('asks the person at a terminal, and does it after a yes only', async () => {
    for (const [typed, written] of [['n', false], ['y', true]] as const) {
      const answer = await atTerminal(desk, ['build-tasks-py', '--executors', 'executors/one.py', '--axes.x', '1'], typed);
      assert.match(answer, /Write .*tasks\.py\. \[y\/N\]/);
      assert.equal(fs.existsSync(path.join(desk.workspace, '.hpc', 'tasks.py')), written, typed);
    }
    fs.rmSync(path.join(desk.workspace, '.hpc'), { recursive: true });
  });

  it('says nothing when the reader of its pipe has gone', async () => {
    const child = await desk.start(['capabilities']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  it('ends what it does at an interrupt, and still answers', async () => {
    const started = path.join(desk.folder, 'started');
    desk.write('.hpc/tasks.py', `import os, time\nopen(${JSON.stringify(started)}, "w").write("%d\\n" % os.getpid())\ntime.sleep(600)\nFLAGS = {}\ndef total():\n    return 1\ndef resolve(i):\n    return {}\n`);
    const child = await desk.start(['plan', '--cluster', 'this-computer', '--command', 'true']);
    const answer = answerOf(child);
    const pid = await until(() => fs.existsSync(started) && Number(/^(\d+)\n/.exec(fs.readFileSync(started, 'utf8'))?.[1]));
    child.kill('SIGINT');
    const error = errorOf(await answer);
    assert.deepEqual([(await answer).code, error.category, error.retry_safe], [1, 'user', true]);
    assert.match(error.message, /Cancelled/);
    await until(() => !isAlive(pid));
    fs.rmSync(path.join(desk.workspace, '.hpc'), { recursive: true });
  });

  it('keeps its state in HPC_AGENT_HOME and leaves the home folder alone', async () => {
    desk.write('.hpc/tasks.py', 'FLAGS = {}\ndef total():\n    return 1\ndef resolve(i):\n    return {}\n');
    const other = path.join(desk.folder, 'another home');
    const answer = await desk.run(['plan', '--cluster', 'this-computer', '--command', 'true'], { env: { HPC_AGENT_HOME: other } });
    assert.equal(answer.code, 0, answer.stdout);
    assert.ok(fs.existsSync(other));
    assert.deepEqual(fs.readdirSync(desk.userHome), []);
  });
});

/** Runs the program on a terminal of its own (Python's pty) and types a line when it is asked. */
async function atTerminal(desk: Desk, words: readonly string[], typed: string): Promise<string> {
  const program = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen, sent = b"", False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if not sent and b"[y/N]" in seen:
        os.write(fd, sys.argv[1].encode() + b"\\r")
        sent = True
os.waitpid(pid, 0)
sys.stdout.write(seen.decode("utf-8", "replace"))
`;
  const child = spawn('python3', ['-c', program, typed, process.execPath, await cliProgram(), ...words], { cwd: desk.workspace, env: { ...desk.env, TERM: 'xterm' } });
  return (await answerOf(child)).stdout;
}
