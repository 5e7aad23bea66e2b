import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { compilePattern, matcherOf } from '../../../../src/connection/transfer/glob.ts';
import { walkTree } from '../../../../src/connection/transfer/walk.ts';
import { isSafeRelativePath } from '../../../../src/connection/transfer/tree.ts';

describe('transfer: what travels (unit)', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-walk-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true }));
  const lay = (files: Readonly<Record<string, string>>): void => {
    for (const [name, data] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), data);
    }
  };

  it('reads .gitignore as git does', async () => {
    lay({
      '.gitignore': '# comment\n*.log\n!important.log\n/top.txt\nbuild/\ndocs/*.html\n**/cache/**\n\\#odd\ntrail \nfoo/**/bar\n!build/keep.txt\n',
      'sub/.gitignore': '!x.log\nlocal.*\n', 'sub/deep/.gitignore': '*\n!.gitignore\n!yes.txt\n',
      'x.log': '', 'important.log': '', 'top.txt': '', 'sub/top.txt': '', 'build/a': '', 'build/keep.txt': '', 'sub/build/b': '', 'docs/a.html': '', 'docs/s/b.html': '', 'a/cache/b': '', 'cache/c': '',
      '#odd': '', trail: '', 'foo/bar': '', 'foo/x/y/bar': '', 'sub/x.log': '', 'sub/local.txt': '', 'sub/deep/no.txt': '', 'sub/deep/yes.txt': '', 'sub/A.LOG': '',
    });
    execFileSync('git', ['init', '-q'], { cwd: folder });
    const git = execFileSync('git', ['-c', 'core.excludesFile=/dev/null', 'ls-files', '-z', '--others', '--exclude-standard'], { cwd: folder }).toString().split('\0').filter(Boolean);
    assert.deepEqual([...(await walkTree(folder)).files.keys()].sort(), git.sort());
  });

  it('.hpcignore decides over the .gitignore beside it, and judges paths that are only on the far side', async () => {
    lay({ '.gitignore': '*.csv\nout/\n', '.hpcignore': '!small.csv\n*.png\n', 'small.csv': '', 'big.csv': '', 'a.png': '' });
    const { files, rules } = await walkTree(folder);
    assert.deepEqual([...files.keys()].sort(), ['.gitignore', '.hpcignore', 'small.csv']);
    const judged = ['x/y.csv', 'out/deep/file', 'small.csv', 'x/__pycache__/y', 'x/a.py'].map((name) => [name, rules.ignoresDeep(name)]);
    assert.deepEqual(judged, [['x/y.csv', true], ['out/deep/file', true], ['small.csv', false], ['x/__pycache__/y', true], ['x/a.py', false]]);
  });

  it('reports names that are not UTF-8, devices and links that lead outside, by the path they have', async function () {
    if (process.platform !== 'linux') return;
    fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), '');
    lay({ 'good\uFFFD': '', 'in/a': '' });
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);
    fs.symlinkSync('in/a', path.join(folder, 'fine'));
    fs.symlinkSync('gone', path.join(folder, 'dangling'));
    fs.symlinkSync('../..', path.join(folder, 'in/up'));
    fs.symlinkSync('in/up', path.join(folder, 'chain'));
    const { files, skipped } = await walkTree(folder);
    assert.deepEqual([...files.keys()].sort(), ['dangling', 'fine', 'good\uFFFD', 'in/a']);
    assert.deepEqual(skipped.map(({ path: name, reason }) => `${name} ${reason}`).sort(), ['bad\uFFFD name_not_utf8', 'chain link_leads_outside', 'in/up link_leads_outside', 'pipe not_a_file']);
  });

  it('leaves out what the caller excludes, folders with all that is in them', async () => {
    lay({ 'results/run/a': '', 'results.py': '', 'deep/results/b': '', '_combiner/x.json': '', 'a.py': '' });
    const isExcluded = matcherOf(['results', 'results/**', '_combiner', '_combiner/**'].map(compilePattern));
    assert.deepEqual([...(await walkTree(folder, { isExcluded })).files.keys()].sort(), ['a.py', 'deep/results/b', 'results.py']);
  });

  it('knows a path that stays inside', () => {
    for (const good of ['a', 'a/b', '...', 'a/..b', ' ', '-x']) assert.ok(isSafeRelativePath(good), good);
    for (const bad of ['', '/', '/a', '..', 'a/../b', 'a/..', './a', 'a//b', 'a/', 'a\0b']) assert.ok(!isSafeRelativePath(bad), bad);
  });
});
