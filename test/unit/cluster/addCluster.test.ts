import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import fc from 'fast-check';
import { addCluster, insertCluster } from '../../../src/cluster/addCluster.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { TestFiles } from './testFiles.ts';

const settings = { scheduler: 'slurm', host: 'h', constraints: { max_walltime: '24:00:00' }, modules: ['a/1.10', 'no'] };
const block = (indent = ''): string => ['new:', '  scheduler: slurm', '  host: h', '  constraints:', '    max_walltime: "24:00:00"', '  modules:', '    - a/1.10', '    - "no"'].map((line) => `${indent}${line}\n`).join('');
const insert = async (text: string, replace = false): Promise<string> => (await insertCluster(text, 'new', settings, 'c.yaml', replace)).text;
const refused = (code: string, message: RegExp) => (error: unknown): boolean => error instanceof HpcError && error.code === code && message.test(error.message);

describe('adding a cluster (unit)', () => {
  describe('to the text', () => {
    it('makes an empty file', async () => assert.equal(await insert(''), block()));
    it('keeps every byte of what is there', async () => {
      const old = '# mine\n\na:   {scheduler: slurm,host: x}   # odd   spacing\nb:\n    scheduler:   sge\n    host: "y"\n    # auto_daisy_chain: true\n';
      assert.equal(await insert(old), old + block());
    });
    it('goes below "clusters:" with its indentation, before what follows', async () => {
      const old = 'clusters:\n    a:\n        scheduler: slurm\n        host: x\n        # last word on a\n\n# about z\nx-z: {a: 1}\n';
      assert.equal(await insert(old), `clusters:\n    a:\n        scheduler: slurm\n        host: x\n        # last word on a\n${block('    ')}\n# about z\nx-z: {a: 1}\n`);
    });
    it('keeps Windows line ends, a missing last line end and comments alone', async () => {
      assert.equal(await insert('a: {scheduler: slurm, host: x}\r\n'), `a: {scheduler: slurm, host: x}\r\n${block().replaceAll('\n', '\r\n')}`);
      assert.equal(await insert('a: {scheduler: slurm, host: x}'), `a: {scheduler: slurm, host: x}\n${block()}`);
      assert.equal(await insert('# nothing yet\n'), `# nothing yet\n${block()}`);
    });
    it('replaces only the entry, where asked', async () => {
      const old = '# top\na: {host: x}\n# about new\nnew:\n  host: old # gone\n  modules: [b]\n# about z\nz: {host: y}\n';
      assert.equal(await insert(old, true), `# top\na: {host: x}\n# about new\n${block()}# about z\nz: {host: y}\n`);
      assert.equal(await insert('new: {host: x}\nz: {host: y}', true), `${block()}z: {host: y}`);
      await assert.rejects(insert(old), refused('spec_invalid', /already has a cluster "new"/));
    });
    it('manages flow style and an empty wrapper', async () => {
      for (const old of ['{a: {host: x}}\n', 'clusters: {a: {host: x}}\n', 'clusters:\n', 'clusters: # none yet\n']) {
        const text = await insert(old);
        assert.match(text, /new/);
        assert.equal(text.includes('a:'), old.includes('a:'), text);
        assert.equal(text.includes('# none yet'), old.includes('# none yet'), text);
      }
    });
    it('refuses to touch a file that cannot be read, or an anchor that others need', async () => {
      await assert.rejects(insert('a: "x\nb: {host: y}\n'), refused('config_invalid', /c\.yaml:\d+:\d+: /));
      await assert.rejects(insert('new: &n {host: x}\nb: {<<: *n}\n', true), refused('config_invalid', /without changing something else/));
    });
    it('validates before writing: wrong values, unknown keys, bad names', async () => {
      await assert.rejects(insertCluster('', 'new', { scheduler: 'slrm' }, 'c.yaml', false), refused('spec_invalid', /Did you mean "slurm"/));
      await assert.rejects(insertCluster('', 'new', { schedulr: 'slurm' }, 'c.yaml', false), refused('spec_invalid', /Did you mean "scheduler"/));
      for (const name of ['', 'a b', '../x', 'x-base']) await assert.rejects(insertCluster('', name, settings, 'c.yaml', false), HpcError, name);
    });
    it('reads back what was put in, whatever the texts', async () => {
      await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((text) => text.trim() !== '' && !/[\x00-\x1f\x7f]/.test(text)), async (text) => {
        const done = await insertCluster('# c\na: {host: x}\n', 'new', { scheduler: 'slurm', account: text, modules: [text] }, 'c.yaml', false);
        assert.ok(done.text.startsWith('# c\na: {host: x}\n'));
      }), { numRuns: 150 });
    });
  });

  describe('to the files', () => {
    const files = new TestFiles();
    beforeEach(() => files.setUp());
    afterEach(() => files.tearDown());

    it('writes the user file and gives the cluster as it now is', async () => {
      const added = await addCluster({ name: 'new', settings, scope: 'user' }, files.store());
      assert.deepEqual([added.file, added.profile.constraints.maxWalltimeS, added.profile.modules], [files.userFile, 86_400, ['a/1.10', 'no']]);
      assert.equal(await files.read(files.userFile), block());
      assert.deepEqual(await fs.readdir(path.dirname(files.userFile)), ['clusters.yaml']);
      assert.equal((await files.store().get('new')).origins.host?.line, 3);
    });
    it('writes the workspace file, but not of a workspace that is not trusted', async () => {
      await addCluster({ name: 'new', settings, scope: 'workspace' }, files.store());
      assert.equal(await files.read(files.workspaceFile), block());
      await assert.rejects(addCluster({ name: 'n2', settings, scope: 'workspace' }, files.store({ trusted: false })), refused('spec_invalid', /not trusted/));
    });
    it('shows without writing', async () => {
      const added = await addCluster({ name: 'new', settings, scope: 'user', dryRun: true }, files.store());
      assert.equal(added.entry, block());
      await assert.rejects(fs.access(files.userFile));
    });
    it('writes nothing that would not make a cluster', async () => {
      await assert.rejects(addCluster({ name: 'new', settings: { scheduler: 'slurm' }, scope: 'user' }, files.store()), refused('config_invalid', /has no host/));
      await assert.rejects(fs.access(files.userFile));
    });
    it('keeps a linked file a link, and its permissions', async () => {
      const real = path.join(files.root, 'dotfiles.yaml');
      await files.write(real, '# dots\n');
      await fs.chmod(real, 0o600);
      await fs.mkdir(path.dirname(files.userFile), { recursive: true });
      await fs.symlink(real, files.userFile);
      await addCluster({ name: 'new', settings, scope: 'user' }, files.store());
      assert.ok((await fs.lstat(files.userFile)).isSymbolicLink());
      assert.equal((await fs.stat(real)).mode & 0o777, 0o600);
      assert.equal(await files.read(real), `# dots\n${block()}`);
    });
    it('loses none of several that are added at once', async () => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      await Promise.all(names.map((name) => addCluster({ name, settings, scope: 'user' }, files.store())));
      assert.deepEqual((await files.store().list()).profiles.map(({ name }) => name).sort(), [...names, 'this-computer']);
    });
  });
});
