/** What a folder that nobody trusts can bring about by what lies in it: nothing is run, and no connection is opened. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../../src/foundation/clock.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { noProgress } from '../../../src/foundation/progress.ts';
import { loadCatalogue } from '../../../src/operations/catalogue.ts';
import { createServices } from '../../../src/operations/createServices.ts';
import { codeDifferences, readRunFiles } from '../../../src/operations/editing/runFiles.ts';
import { countSweep } from '../../../src/operations/editing/sweepOutline.ts';
import type { OperationContext } from '../../../src/operations/operation.ts';
import { openWatch } from '../../../src/operations/watch.ts';
import { needsTrust } from '../../../src/surfaces/vscode/core.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const planted = '20260301-120000-planted';

function sidecar(runId: string, folder: string, sha: string): Readonly<Record<string, unknown>> {
  return {
    sidecar_schema_version: 2,
    run_id: runId,
    cmd_sha: 'c'.repeat(64),
    submitted_at: new Date().toISOString(),
    executor: 'true',
    result_dir_template: 'results/{run_id}/task_{task_id}',
    task_count: 1,
    cluster: 'trap',
    remote_path: folder,
    job_ids: ['1'],
    extra: {
      provenance: { git_sha: sha },
      submission: {
        token: '0123456789abcdef', run_name: 'planted', workspace_id: 'a'.repeat(32), scheduler: 'slurm', state_dir: folder, max_concurrent: null, env: {},
        arrays: [{ key: 'w0a0', wave: 0, first_task: 0, task_count: 1, job_name: 'planted-w0a0-0123456789', job_id: '1' }],
        combiners: [], logs: { w0a0: { out: `${folder}/o`, err: `${folder}/e` } },
      },
    },
  };
}

describe('A folder that nobody trusts (unit)', function () {
  this.timeout(60_000);
  let folder: string;
  let server: net.Server;
  let connections = 0;
  let trusted = false;
  let context: OperationContext;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-untrusted-'));
    const home = path.join(folder, 'home');
    const workspace = path.join(folder, 'work');
    fs.mkdirSync(path.join(workspace, '.hpc', 'runs'), { recursive: true });
    fs.mkdirSync(home);
    server = net.createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    // The user's own cluster: the folder's records name it, as anybody can guess a colleague's.
    fs.writeFileSync(path.join(home, 'ssh_config'), 'Host *\n  IdentityFile none\n');
    fs.writeFileSync(path.join(home, 'clusters.yaml'), JSON.stringify({ trap: { scheduler: 'slurm', connection: 'ssh', host: '127.0.0.1', port, ssh_config_file: path.join(home, 'ssh_config'), scratch: '/tmp' } }));
    // A repository whose configuration has git run something.
    const git = (...argv: string[]): string => execFileSync('git', ['-C', workspace, '-c', 'user.name=a', '-c', 'user.email=a@b', ...argv], { encoding: 'utf8' }).trim();
    git('init', '-q');
    const commits = ['one', 'two'].map((text) => {
      fs.writeFileSync(path.join(workspace, 'code.py'), `${text}\n`);
      git('add', 'code.py');
      git('commit', '-qm', text);
      return git('rev-parse', 'HEAD');
    });
    fs.writeFileSync(path.join(workspace, '.hpc', 'tasks.py'), `open(${JSON.stringify(path.join(folder, 'evaluated'))}, "w").close()\n\n\ndef total():\n    return 1\n\n\ndef resolve(i):\n    return {}\n`);
    for (const [index, id] of [planted, `${planted}-2`].entries()) {
      fs.writeFileSync(path.join(workspace, '.hpc', 'runs', `${id}.json`), JSON.stringify(sidecar(id, workspace, commits[index] ?? '')));
      fs.writeFileSync(path.join(workspace, '.hpc', 'runs', `${id}.params.jsonl`), '{}\n');
    }
    const services = createServices({
      version: '0.0.0', assetsDirectory: root, userHome: home, home, env: {}, log: silentLog, clock: systemClock,
      prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') },
      trusted: () => trusted,
    });
    context = { services, experimentDir: workspace, signal: new AbortController().signal, progress: noProgress };
  });

  after(() => {
    context.services.dispose();
    server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  afterEach(() => {
    trusted = false;
  });

  /** By its words: the loader of the tests has two copies of the class. */
  const isRefusal = (error: unknown): boolean => String(error).includes('not trusted');

  it('has every question about its runs answered from the record, or refused', async () => {
    const questions = (await loadCatalogue()).filter((operation) => !needsTrust(operation));
    let asked = 0;
    for (const operation of questions) {
      // What a person asks of a cluster by its name is the person's own.
      const keys = Object.keys(operation.inputSchema().properties ?? {});
      if (!keys.includes('run_id') && operation.name !== 'list-runs') continue;
      asked += 1;
      const input = { ...(keys.includes('run_id') ? { run_id: planted } : {}), ...(keys.includes('task_id') ? { task_id: 0 } : {}), ...(keys.includes('path') ? { path: 'x' } : {}), ...(keys.includes('refresh') ? { refresh: true } : {}) };
      await operation.invoke(input, context).catch((error: unknown) => assert.match(String(error), /^HpcError/, operation.name));
    }
    assert.ok(asked >= 7, `${asked} operations`);
    const watch = await openWatch(context);
    const answer = await watch.look({ cluster: 'trap', folders: [context.experimentDir], intervalMs: 1, onlyConnected: false }, context);
    watch.dispose();
    assert.ok(isRefusal(answer.problem), String(answer.problem));
    assert.equal(connections, 0);
  });

  it('connects when it is trusted: the trap works', async () => {
    trusted = true;
    const status = (await loadCatalogue()).find(({ name }) => name === 'logs');
    await assert.rejects(async () => status?.invoke({ run_id: planted, task_id: 0 }, context));
    assert.ok(connections > 0);
  });

  it('does not have its tasks.py evaluated, nor git run', async () => {
    await assert.rejects(countSweep(context), isRefusal);
    const deps = context.services.runDeps(context.experimentDir);
    await assert.rejects(deps.executors.evaluate({ run: () => assert.fail('run'), python: 'python3', cwd: context.experimentDir, signal: context.signal }), isRefusal);
    const [left, right] = await Promise.all([readRunFiles(planted, context), readRunFiles(`${planted}-2`, context)]);
    await assert.rejects(codeDifferences(left, right, context), isRefusal);
    assert.ok(!fs.existsSync(path.join(folder, 'evaluated')));
    trusted = true;
    assert.deepEqual((await codeDifferences(left, right, context))?.map(({ path: name }) => name), ['code.py']);
  });
});
