/** Two runs as texts that can be compared. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { codeDifferences, ordered, parametersText, readRunFiles, type RunFiles } from '../../../../src/operations/editing/runFiles.ts';
import type { OperationContext } from '../../../../src/operations/operation.ts';

describe('Runs as texts (unit)', () => {
  let directory: string;
  let context: OperationContext;
  const git = (...argv: string[]): string => execFileSync('git', ['-C', directory, '-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main', ...argv], { encoding: 'utf8' }).trim();

  beforeEach(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-files-'));
    context = { services: { host: { trusted: () => true } }, experimentDir: directory, signal: new AbortController().signal } as unknown as OperationContext;
    await fs.mkdir(path.join(directory, '.hpc', 'runs'), { recursive: true });
  });
  afterEach(() => fs.rm(directory, { recursive: true, force: true }));

  const write = async (runId: string, some: Readonly<Record<string, unknown>>, extra: Readonly<Record<string, unknown>>): Promise<RunFiles> => {
    const sidecar = { sidecar_schema_version: 2, run_id: runId, cmd_sha: 'c', submitted_at: '2026-01-01T00:00:00Z', executor: 'x.py', result_dir_template: 'results/{task_id}', task_count: 2, cluster: 'bed', ...some, extra: { key_order: ['x'], ...extra } };
    await fs.writeFile(path.join(directory, '.hpc', 'runs', `${runId}.json`), JSON.stringify(sidecar));
    await fs.writeFile(path.join(directory, '.hpc', 'runs', `${runId}.params.jsonl`), '{"x":1}\n{"x":2.5}\n');
    return readRunFiles(runId, context);
  };

  it('are equal where the same was asked for, whatever their ids and times', async () => {
    const a = await write('20260101-000000-aaaaaaaa', { resources: { memoryMiB: 4096, cpus: 2 } }, {});
    const b = await write('20260102-000000-bbbbbbbb', { resources: { cpus: 2, memoryMiB: 4096 }, submitted_at: '2026-02-02T00:00:00Z' }, {});
    assert.equal(a.settings, b.settings);
    assert.equal(a.parameters, '0  x=1\n1  x=2.5\n');
    assert.notEqual(a.sidecar, b.sidecar);
    const c = await write('20260103-000000-cccccccc', { resources: { cpus: 2, memoryMiB: 6500 } }, {});
    assert.deepEqual(c.settings.split('\n').filter((line) => !a.settings.includes(line)), ['    "memoryMiB": 6500']);
    await assert.rejects(readRunFiles('20260109-000000-dddddddd', context));
  });

  it('show the code that changed between their commits, of the workspace alone', async () => {
    git('init', '-q');
    await fs.writeFile(path.join(directory, 'x.py'), 'one\n');
    git('add', 'x.py');
    git('commit', '-qm', 'one');
    const first = git('rev-parse', 'HEAD');
    await fs.writeFile(path.join(directory, 'x.py'), 'two\n');
    await fs.writeFile(path.join(directory, 'new.py'), 'new\n');
    git('add', '.');
    git('commit', '-qm', 'two');
    const a = await write('20260101-000000-aaaaaaaa', {}, { provenance: { git_sha: first, git_changed_files: ['y.py'] } });
    const b = await write('20260102-000000-bbbbbbbb', {}, { provenance: { git_sha: git('rev-parse', 'HEAD') } });
    assert.deepEqual(a.changedFiles, ['y.py']);
    assert.deepEqual(await codeDifferences(a, b, context), [{ path: 'new.py', left: '', right: 'new\n' }, { path: 'x.py', left: 'one\n', right: 'two\n' }]);
    assert.deepEqual(await codeDifferences(a, a, context), []);
    // A commit of somebody else's clone, and words that git would take for an option.
    assert.equal(await codeDifferences(a, { ...b, commit: 'f'.repeat(40) }, context), undefined);
    assert.equal((await write('20260103-000000-cccccccc', {}, { provenance: { git_sha: '--output=x' } })).commit, undefined);
  });

  it('are written in one order', () => {
    assert.equal(JSON.stringify(ordered({ b: [{ z: 1, a: undefined, c: 2 }], a: null })), '{"a":null,"b":[{"c":2,"z":1}]}');
    assert.equal(parametersText([]), '');
  });
});
