/** The same promises, kept over every connection. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Connection } from '../../../src/connection/port.ts';
import { pullTree } from '../../../src/connection/transfer/pullTree.ts';
import { pushTree } from '../../../src/connection/transfer/pushTree.ts';
import type { PushOptions, PushResult } from '../../../src/connection/transfer/transferOptions.ts';
import { isExecutable, makeRig, picture, runtimeDir, write, type Rig } from './rig.ts';

const reason = (expected: string) => (error: unknown): boolean => HpcError.is(error) && error.details?.reason === expected && error.remediation !== undefined;

export function describeTransfer(title: string, open: () => Promise<{ connection: Connection; stop: () => Promise<void> }>): void {
  describe(`transfer over ${title}`, function () {
    this.timeout(120_000);
    let connection: Connection;
    let stop: () => Promise<void>;
    let rig: Rig;

    before(async () => {
      ({ connection, stop } = await open());
      await connection.environment();
    });
    after(async () => {
      connection.dispose();
      await stop();
    });
    beforeEach(() => (rig = makeRig()));
    afterEach(() => rig.remove());

    const push = (more: Partial<PushOptions> = {}): Promise<PushResult> => pushTree(connection, rig.options(more));
    const trips = async (body: () => Promise<unknown>): Promise<number> => {
      const before = connection.statistics.roundTrips;
      await body();
      return connection.statistics.roundTrips - before;
    };
    const pull = (more: { files?: string[]; patterns?: string[]; maxBytes?: number; maxFiles?: number; signal?: AbortSignal }): ReturnType<typeof pullTree> =>
      pullTree(connection, { localRoot: rig.local, remoteRoot: rig.remote, runtimeDir, ...more });

    it('copies a tree with odd names, modes, times and links, and costs one exchange when nothing changed, two when something did', async () => {
      write(rig.local, { 'a.py': 'print(1)\n', 'sub dir/it\'s "b".txt': 'b', 'new\nline.txt': 'n', 'ü/日本.txt': 'u', empty: '', [`${'long'.repeat(30)}/${'name'.repeat(30)}.txt`]: 'l', 'bin.dat': Buffer.from([0, 255, 10, 13]) });
      write(rig.local, { 'run.sh': '#!/bin/sh\n' });
      fs.chmodSync(path.join(rig.local, 'run.sh'), 0o755);
      fs.symlinkSync('../a.py', path.join(rig.local, 'sub dir/link'));
      fs.symlinkSync(path.join(rig.local, 'ü'), path.join(rig.local, 'absolute'));
      fs.utimesSync(path.join(rig.local, 'a.py'), 1_600_000_000.25, 1_600_000_000.25);
      const first = await push();
      assert.equal(first.sentFiles, 10);
      const { absolute, ...rest } = picture(rig.local);
      assert.deepEqual(picture(rig.remote), { ...rest, absolute: '-> ü' });
      assert.ok(absolute?.startsWith('-> /'));
      assert.ok(isExecutable(path.join(rig.remote, 'run.sh')) && !isExecutable(path.join(rig.remote, 'a.py')));
      assert.equal(fs.statSync(path.join(rig.remote, 'a.py')).mtimeMs, 1_600_000_000_250);
      let again: PushResult | undefined;
      assert.equal(await trips(async () => (again = await push())), 1);
      assert.equal(again?.unchangedFiles, 10);
      write(rig.local, { 'a.py': 'print(2)\n' });
      assert.equal(await trips(push), 2);
      assert.equal(picture(rig.remote)['a.py'], 'print(2)\n');
      assert.equal(fs.existsSync(path.join(rig.remote, '.hpc/staging')), false);
    });

    it('corrects times and modes without sending content', async () => {
      write(rig.local, { 'a.sh': 'x'.repeat(1000) });
      await push();
      fs.chmodSync(path.join(rig.local, 'a.sh'), 0o755);
      fs.utimesSync(path.join(rig.local, 'a.sh'), 1_500_000_000, 1_500_000_000);
      const { sentFiles, touchedFiles } = await push();
      assert.deepEqual({ sentFiles, touchedFiles }, { sentFiles: 0, touchedFiles: 1 });
      const stats = fs.statSync(path.join(rig.remote, 'a.sh'));
      assert.equal(stats.mtimeMs, 1_500_000_000_000);
      assert.ok(isExecutable(path.join(rig.remote, 'a.sh')));
    });

    it('notices a hand edit on the far side, even one with the same size and time, and a deleted file', async () => {
      write(rig.local, { 'a.py': 'print(1)\n', 'b.py': 'b', 'c.py': 'c' });
      fs.utimesSync(path.join(rig.local, 'a.py'), 1_600_000_000, 1_600_000_000);
      await push();
      const a = path.join(rig.remote, 'a.py');
      fs.writeFileSync(a, 'print(9)\n');
      fs.utimesSync(a, 1_600_000_000, 1_600_000_000);
      fs.rmSync(path.join(rig.remote, 'b.py'));
      fs.rmSync(path.join(rig.folder, 'cache'), { recursive: true });
      assert.equal((await push()).sentFiles, 2);
      assert.deepEqual(picture(rig.remote), picture(rig.local));
      assert.equal((await push()).unchangedFiles, 3);
    });

    it('leaves ignored files, secrets and links that lead outside at home, and says so for the last two', async () => {
      write(rig.local, {
        '.gitignore': '*.log\ndata/\n!keep.log\n', '.hpcignore': '!notes.log\n*.ckpt\n', 'x.log': '', 'keep.log': 'k', 'notes.log': 'n', 'm.ckpt': '', 'data/big': '',
        'sub/.gitignore': '!deep.log\n/only.txt\n', 'sub/deep.log': 'd', 'sub/only.txt': '', 'sub/sub/only.txt': 'o', '.git/config': '', 'node_modules/x/y.js': '',
        'venv/pyvenv.cfg': '', 'venv/lib/x.py': '', '.hpc/state/x': '', '.hpc/runs/r.json': '', '.hpc/tasks.py': 't', 'id_ed25519': 'k', 'deploy.key': '-----BEGIN OPENSSH PRIVATE KEY-----\n', 'cert.pem': '-----BEGIN CERTIFICATE-----\n',
      });
      fs.symlinkSync('/etc/passwd', path.join(rig.local, 'out'));
      const { skipped } = await push();
      assert.deepEqual(skipped.map(({ path: name, reason: why }) => [name, why]).sort(), [['deploy.key', 'secret'], ['id_ed25519', 'secret'], ['out', 'link_leads_outside']]);
      assert.deepEqual(Object.keys(picture(rig.remote)).sort(), ['.gitignore', '.hpcignore', 'cert.pem', 'keep.log', 'notes.log', 'sub/.gitignore', 'sub/deep.log', 'sub/sub/only.txt']);
      assert.equal(fs.readFileSync(path.join(rig.remote, '.hpc/tasks.py'), 'utf8'), 't');
      assert.equal(fs.existsSync(path.join(rig.remote, '.hpc/runs')), false);
    });

    it('sends files made in memory in the same stream, and not again while they stay', async () => {
      write(rig.local, { 'a.py': 'a' });
      const extraFiles = [{ path: '.hpc/runs/r1.json', data: '{}\n' }, { path: 'jobs/j.sh', data: '#!/bin/sh\n', mode: 0o755 }];
      assert.equal(await trips(() => push({ extraFiles })), 2);
      assert.equal(fs.readFileSync(path.join(rig.remote, '.hpc/runs/r1.json'), 'utf8'), '{}\n');
      assert.ok(isExecutable(path.join(rig.remote, 'jobs/j.sh')));
      assert.equal(await trips(() => push({ extraFiles })), 1);
      await assert.rejects(push({ extraFiles: [{ path: '../x', data: '' }] }), (error) => HpcError.is(error, 'spec_invalid'));
    });

    it('refuses targets that are not ours or too near to a root', async () => {
      write(rig.local, { 'a.py': 'a' });
      write(rig.remote, { 'theirs.txt': 't', 'a.py': 'old' });
      await assert.rejects(push(), reason('not_ours'));
      await assert.rejects(push({ mode: 'mirror', adopt: true }), reason('not_ours'));
      assert.deepEqual(picture(rig.remote, { state: true }), { 'theirs.txt': 't', 'a.py': 'old' });
      await push({ adopt: true });
      assert.deepEqual(picture(rig.remote), { 'theirs.txt': 't', 'a.py': 'a' });
      await assert.rejects(push({ owner: { workspaceId: 'workspace-2', user: 'bob', host: 'desk' } }), reason('other_owner'));
      fs.symlinkSync('/', path.join(rig.folder, 'root'));
      const home = (await connection.environment()).home;
      for (const remoteRoot of ['/', '/tmp', home, '~', path.join(rig.folder, 'root'), path.join(rig.folder, 'root', 'scratch'), path.join(rig.remote, '../../..'), '/home/somebody', 'relative/x']) {
        await assert.rejects(push({ remoteRoot }), reason('target_refused'), remoteRoot);
      }
      for (const refuse of [rig.remote, path.join(rig.remote, 'users/alice')]) await assert.rejects(push({ refuseRoots: [refuse] }), reason('target_refused'), refuse);
    });

    it('mirrors: asks with the list, deletes only after a yes, never results, state or ignored files', async () => {
      write(rig.local, { '.gitignore': '*.tmp\n', 'a.py': 'a', 'old/b.py': 'b', 'old/c.py': 'c' });
      await push();
      fs.rmSync(path.join(rig.local, 'old'), { recursive: true });
      write(rig.remote, { 'results/1/metrics.json': '{}', 'logs/x.out': 'o', '_combiner/w': '', 'scratch.tmp': 't', 'hand.txt': 'h', '.venv/x': '', 'env2/pyvenv.cfg': '', 'env2/lib/x': '', '.hpc/events': 'e' });
      const before = picture(rig.remote, { state: true });
      await assert.rejects(push({ mode: 'mirror' }), reason('not_confirmed'));
      let reported: readonly string[] = [];
      const confirm = (answer: boolean) => (deletions: { count: number; paths: readonly string[] }): Promise<boolean> => {
        reported = deletions.paths;
        assert.equal(deletions.count, deletions.paths.length);
        return Promise.resolve(answer);
      };
      await assert.rejects(push({ mode: 'mirror', confirmDeletions: confirm(false) }), (error) => CancelledError.is(error));
      assert.deepEqual(picture(rig.remote, { state: true }), before);
      const deletedWhileAsked = async (deletions: { paths: readonly string[]; count: number }): Promise<boolean> => {
        // What changes between the question and the deletion was not agreed to.
        write(rig.remote, { 'hand.txt': 'now longer', 'late.txt': 'l' });
        return confirm(true)(deletions);
      };
      const { deleted } = await push({ mode: 'mirror', confirmDeletions: deletedWhileAsked });
      assert.deepEqual(reported, ['hand.txt', 'old/b.py', 'old/c.py']);
      assert.deepEqual(deleted, ['old/b.py', 'old/c.py']);
      const { 'old/b.py': _b, 'old/c.py': _c, ...kept } = picture(rig.remote);
      assert.equal(_b ?? _c, undefined);
      assert.deepEqual(Object.keys(kept).sort(), ['.gitignore', '.venv/x', '_combiner/w', 'a.py', 'env2/lib/x', 'env2/pyvenv.cfg', 'hand.txt', 'late.txt', 'logs/x.out', 'results/1/metrics.json', 'scratch.tmp']);
      assert.equal(fs.existsSync(path.join(rig.remote, 'old')), false);
    });

    it('does not write through a link of the far side, nor over a folder that is not ours', async () => {
      write(rig.local, { 'a.py': 'a' });
      await push();
      const outside = path.join(rig.folder, 'outside');
      fs.mkdirSync(outside);
      fs.symlinkSync(outside, path.join(rig.remote, 'data'));
      write(rig.local, { 'data/x.txt': 'x' });
      await assert.rejects(push(), reason('conflict'));
      assert.deepEqual(picture(outside), {});
      fs.rmSync(path.join(rig.remote, 'data'));
      write(rig.remote, { 'other/theirs': 't' });
      write(rig.local, { other: 'a file' });
      await assert.rejects(push(), reason('conflict'));
      assert.equal(fs.readFileSync(path.join(rig.remote, 'other/theirs'), 'utf8'), 't');
    });

    it('two pushes at once both end well, or one is refused as busy; a dead holder is taken over', async () => {
      write(rig.local, Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}.txt`, `content ${i}`])));
      const cacheDirs = ['c1', 'c2'].map((name) => path.join(rig.folder, name));
      await Promise.all(cacheDirs.map((cacheDir) => push({ cacheDir })));
      assert.deepEqual(picture(rig.remote), picture(rig.local));
      const lock = path.join(rig.remote, '.hpc/transfer.lock');
      const machine = `${(await connection.run({ argv: ['uname', '-n'] })).stdout.trim()} ${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fs.readlinkSync('/proc/self/ns/pid')}`;
      const started = (pid: number): string => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19] ?? '';
      write(rig.local, { 'f0.txt': 'new' });
      fs.writeFileSync(lock, `${machine}\n${process.pid}\n${started(process.pid)}\ntoken\n`);
      await assert.rejects(push({ lockWaitS: 0 }), reason('busy'));
      // The same process number, but of a process that began at another time: the holder is dead.
      fs.writeFileSync(lock, `${machine}\n${process.pid}\n1\ntoken\n`);
      await push({ lockWaitS: 0 });
      assert.deepEqual(picture(rig.remote), picture(rig.local));
      assert.equal(fs.existsSync(lock), false);
    });

    it('an abort in the middle leaves the far side as it was', async () => {
      write(rig.local, { 'a.py': 'a' });
      await push();
      const before = picture(rig.remote);
      write(rig.local, { 'a.py': 'b', 'big.bin': Buffer.alloc(12_000_000, 'incompressible? no matter') });
      const abort = new AbortController();
      await assert.rejects(push({ signal: abort.signal, onProgress: ({ done }) => (done ?? 0) > 3_000_000 && abort.abort() }), (error) => CancelledError.is(error));
      assert.deepEqual(picture(rig.remote), before);
      await push();
      assert.deepEqual(picture(rig.remote), picture(rig.local));
      assert.deepEqual(fs.readdirSync(path.join(rig.remote, '.hpc')).sort(), ['manifest', 'owner.json']);
    });

    it('says which workspace folder cannot be read, and leaves a link that goes in circles at home', async () => {
      write(rig.local, { 'a.py': 'a' });
      fs.symlinkSync('loop', path.join(rig.local, 'loop'));
      assert.deepEqual((await push()).skipped.map((file) => file.path), ['loop']);
      await assert.rejects(push({ localRoot: path.join(rig.folder, 'nowhere') }), (error) => HpcError.is(error, 'config_invalid') && error.message.includes('nowhere'));
    });

    it('random trees, changed on both sides, end as expected', async () => {
      const name = fc.constantFrom('a', 'b', 'c', 'a b', "q'", 'ü');
      const file = fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')), fc.constantFrom('', 'x', 'y', 'xx', 'z'.repeat(3000)));
      const tree = fc.array(file, { maxLength: 8 });
      const lay = (root: string, files: readonly (readonly [string, string])[]): void => {
        for (const [where, data] of files) {
          // A later file wins over an earlier one in its way.
          const parts = where.split('/');
          parts.slice(0, -1).forEach((_, index) => {
            const folder = path.join(root, ...parts.slice(0, index + 1));
            if (fs.statSync(folder, { throwIfNoEntry: false })?.isFile()) fs.rmSync(folder);
          });
          fs.rmSync(path.join(root, where), { recursive: true, force: true });
          write(root, { [where]: data });
        }
      };
      await fc.assert(
        fc.asyncProperty(tree, tree, tree, fc.boolean(), async (start, near, far, wipe) => {
          const own = makeRig();
          try {
            const mirror = { mode: 'mirror' as const, confirmDeletions: () => Promise.resolve(true), protect: [] };
            lay(own.local, start);
            await pushTree(connection, own.options(mirror));
            assert.deepEqual(picture(own.remote), picture(own.local));
            if (wipe) fs.readdirSync(own.local).forEach((entry) => fs.rmSync(path.join(own.local, entry), { recursive: true }));
            lay(own.local, near);
            lay(own.remote, far);
            await pushTree(connection, own.options(mirror));
            assert.deepEqual(picture(own.remote), picture(own.local));
            const again = await pushTree(connection, own.options(mirror));
            assert.equal(again.sentFiles + again.touchedFiles + again.deleted.length, 0);
          } finally {
            own.remove();
          }
        }),
        { numRuns: 25 },
      );
    });

    it('pulls by pattern and by name, skips what is here, says what is missing', async () => {
      write(rig.remote, { 'results/1/m.json': '{"a":1}', 'results/2/m.json': '{}', 'results/2/big.bin': Buffer.alloc(3_000_000, 7), 'results/ü\n.txt': 'u', 'logs/a.out': 'o', 'logs/a.err': 'e' });
      fs.symlinkSync('/etc/passwd', path.join(rig.remote, 'results/link'));
      const first = await pull({ patterns: ['results/**'], files: ['logs/a.out', 'logs/none'] });
      assert.deepEqual([...first.pulled].sort(), ['logs/a.out', 'results/1/m.json', 'results/2/big.bin', 'results/2/m.json', 'results/ü\n.txt']);
      assert.deepEqual(first.missing, ['logs/none']);
      assert.deepEqual(first.skipped.map((file) => file.path), ['results/link']);
      const { 'results/link': _link, 'logs/a.err': _err, ...expected } = picture(rig.remote);
      assert.ok(_link && _err);
      assert.deepEqual(picture(rig.local), expected);
      write(rig.remote, { 'results/1/m.json': '{"a":2}' });
      const second = await pull({ patterns: ['results/**'] });
      assert.deepEqual({ pulled: second.pulled, unchanged: second.unchangedFiles }, { pulled: ['results/1/m.json'], unchanged: 3 });
      assert.equal(picture(rig.local)['results/1/m.json'], '{"a":2}');
    });

    it('keeps the limits of a pull, refuses names that lead out, and says when there is nothing', async () => {
      write(rig.remote, { 'results/a': 'x'.repeat(2000) });
      await assert.rejects(pull({ patterns: ['results/**'], maxBytes: 1000 }), reason('too_many'));
      await assert.rejects(pull({ files: ['../x'] }), (error) => HpcError.is(error, 'spec_invalid'));
      await assert.rejects(pullTree(connection, { localRoot: rig.local, remoteRoot: `${rig.remote}x`, runtimeDir, patterns: ['**'] }), (error) => HpcError.is(error, 'outputs_missing'));
      fs.symlinkSync(rig.folder, path.join(rig.local, 'results'));
      await assert.rejects(pull({ patterns: ['results/**'] }), reason('refused_member'));
      assert.equal(fs.existsSync(path.join(rig.folder, 'a')), false);
      await assert.rejects(pull({ patterns: ['results/**'], signal: AbortSignal.abort() }), (error) => CancelledError.is(error));
    });
  });
}
