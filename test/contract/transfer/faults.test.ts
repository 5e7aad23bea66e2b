/** What breaks in the middle: killed programs, full disks, archives that lie. Nothing may be torn, and the next push heals. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Connection, ExecResult, StreamOptions } from '../../../src/connection/port.ts';
import { packBlocks } from '../../../src/connection/transfer/blocks.ts';
import { pullTree } from '../../../src/connection/transfer/pullTree.ts';
import { pushTree } from '../../../src/connection/transfer/pushTree.ts';
import { tarHeader, tarMember, tarPadding } from '../../../src/connection/transfer/tarFormat.ts';
import { makeRig, openLocal, picture, runtimeDir, write, type Rig } from './rig.ts';

/** The process of the far side's program for this rig, told by its working folder: no other test's is there. */
function programIn(folder: string): number | undefined {
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (fs.readlinkSync(`/proc/${name}/cwd`) === folder && fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('hpc_manifest')) return Number(name);
    } catch {
      // Gone meanwhile.
    }
  }
  return undefined;
}

describe('transfer: faults (integration)', function () {
  this.timeout(180_000);
  let connection: Connection;
  let rig: Rig;
  before(() => (connection = openLocal()));
  after(() => connection.dispose());
  beforeEach(() => (rig = makeRig()));
  afterEach(() => rig.remove());

  it('a program killed at any moment leaves every file old or new, and the next push heals', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `d${i % 9}/f${i}`);
    const content = (version: number, name: string): string => `${version}:${name}:`.repeat(100 + version * 7);
    write(rig.local, Object.fromEntries(names.map((name) => [name, content(0, name)])));
    await pushTree(connection, rig.options());
    let killed = 0;
    for (let version = 1; version <= 15; version += 1) {
      const before = picture(rig.remote);
      write(rig.local, Object.fromEntries(names.map((name) => [name, content(version, name)])));
      const pushed = pushTree(connection, rig.options()).then(
        () => 'whole',
        () => 'broken',
      );
      let ended = false;
      void pushed.then(() => (ended = true));
      // From the first staged file on, at a moment that depends on how far it has come.
      const goal = (version * 37) % 260;
      while (!ended) {
        let staged = 0;
        try {
          const [stage] = fs.readdirSync(path.join(rig.remote, '.hpc/staging'));
          staged = stage === undefined ? 0 : fs.readdirSync(path.join(rig.remote, '.hpc/staging', stage)).length;
        } catch {
          // Not begun, or over.
        }
        const moving = staged > 0 && fs.readFileSync(path.join(rig.remote, names[0] ?? ''), 'utf8') === content(version, names[0] ?? '');
        const progress = moving ? 400 - staged : staged;
        if (progress > goal) {
          const pid = programIn(rig.remote);
          if (pid !== undefined) {
            process.kill(pid, 'SIGKILL');
            killed += 1;
          }
          break;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await pushed;
      const after = picture(rig.remote);
      for (const name of names) assert.ok(after[name] === before[name] || after[name] === content(version, name), `${name} is torn`);
      await pushTree(connection, rig.options());
      assert.deepEqual(picture(rig.remote), picture(rig.local));
      assert.deepEqual(fs.readdirSync(path.join(rig.remote, '.hpc')).sort(), ['manifest', 'owner.json']);
    }
    assert.ok(killed >= 8, `only ${killed} of 15 were killed in time`);
  });

  it('a full disk is a typed error with a remedy, leaves the old files, and the next push heals', async function () {
    const mount = path.join(rig.folder, 'far', 'disk');
    fs.mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount]);
    try {
      const remoteRoot = path.join(mount, 'proj');
      write(rig.local, { 'a.py': 'old a', 'b.py': 'old b' });
      await pushTree(connection, rig.options({ remoteRoot }));
      write(rig.local, { 'a.py': 'new a', 'big.bin': Buffer.alloc(5_000_000, 1), 'z.py': 'z' });
      await assert.rejects(pushTree(connection, rig.options({ remoteRoot })), (error) => HpcError.is(error, 'remote_command_failed') && error.details?.reason === 'no_space' && (error.remediation ?? '').includes('make room'));
      assert.deepEqual(picture(remoteRoot), { 'a.py': 'old a', 'b.py': 'old b' });
      write(rig.local, { 'big.bin': 'small now' });
      await pushTree(connection, rig.options({ remoteRoot }));
      assert.deepEqual(picture(remoteRoot), picture(rig.local));
    } finally {
      execFileSync('umount', [mount]);
    }
  });

  it('a stream damaged or cut on its way changes nothing', async () => {
    write(rig.local, { 'a.py': 'old' });
    await pushTree(connection, rig.options());
    write(rig.local, { 'a.py': 'new', 'big.bin': randomBytes(400_000) });
    for (const harm of [(block: Uint8Array) => Buffer.from(block.subarray(0, block.length / 2)), (block: Uint8Array) => Buffer.from(block).fill(7, block.length - 30_000, block.length - 29_000)]) {
      const harmed = harming(connection, harm);
      await assert.rejects(pushTree(harmed, rig.options()), (error) => HpcError.is(error, 'remote_command_failed') && error.remediation !== undefined);
      assert.deepEqual(picture(rig.remote), { 'a.py': 'old' });
    }
    await pushTree(connection, rig.options());
    assert.deepEqual(picture(rig.remote), picture(rig.local));
  });

  it('archives that lead out, were not asked for or not promised are refused on a pull', async () => {
    const file = (name: string, data: string, listed: string = name): [Record<string, unknown>, Buffer] => [
      { missing: [], passed: [], unchanged: 0, bytes: data.length, files: [[listed, data.length, 0, 'r']] },
      Buffer.concat([tarHeader(name, data.length), Buffer.from(data), tarPadding(data.length), tarMember('verdict', Buffer.from('good'))]),
    ];
    const link = Buffer.from(tarHeader('results/l', 0));
    link.write('2', 156, 'latin1');
    link.write('/etc', 157, 'latin1');
    link.fill(' ', 148, 156);
    link.write(`${link.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const outside = path.join(rig.folder, 'evil');
    const archives: [string, Record<string, unknown>, Buffer][] = [
      ['parent', ...file('../evil', 'x')],
      ['inner parent', ...file('results/../../evil', 'x')],
      ['absolute', ...file(outside, 'x')],
      ['not asked for', ...file('.bashrc', 'x')],
      ['not the promised name', ...file('../evil', 'x', 'results/a')],
      ['a link', file('results/l', '')[0], link],
    ];
    for (const [what, listing, body] of archives) {
      const reply = replaying(connection, Buffer.concat([tarMember('listing', Buffer.from(JSON.stringify(listing))), body, Buffer.alloc(1024)]));
      await assert.rejects(
        pullTree(reply, { localRoot: rig.local, remoteRoot: rig.remote, runtimeDir, patterns: ['results/**'] }),
        (error) => HpcError.is(error) && error.details?.reason === 'refused_member',
        what,
      );
      assert.deepEqual(picture(rig.local), {}, what);
      assert.equal(fs.existsSync(outside), false, what);
    }
    const good = file('results/a', 'fine');
    const reply = replaying(connection, Buffer.concat([tarMember('listing', Buffer.from(JSON.stringify(good[0]))), good[1], Buffer.alloc(1024)]));
    await pullTree(reply, { localRoot: rig.local, remoteRoot: rig.remote, runtimeDir, patterns: ['results/**'] });
    assert.deepEqual(picture(rig.local), { 'results/a': 'fine' });
  });

  it('a pull that is cut keeps finished files whole and leaves no rubbish', async () => {
    const listing = { missing: [], passed: [], unchanged: 0, bytes: 8, files: [['results/a', 4, 0, 'r'], ['results/b', 4, 0, 'r']] };
    const member = (name: string): Buffer => Buffer.concat([tarHeader(name, 4), Buffer.from('data'), tarPadding(4), tarMember('verdict', Buffer.from('good'))]);
    const reply = replaying(connection, Buffer.concat([tarMember('listing', Buffer.from(JSON.stringify(listing))), member('results/a'), member('results/b').subarray(0, 520)]), true);
    await assert.rejects(pullTree(reply, { localRoot: rig.local, remoteRoot: rig.remote, runtimeDir, patterns: ['results/**'] }), (error) => HpcError.is(error, 'remote_command_failed') && error.retrySafe);
    assert.deepEqual(picture(rig.local), { 'results/a': 'data' });
  });
});

/** A connection whose streamed input is harmed. */
function harming(connection: Connection, harm: (block: Uint8Array) => Uint8Array): Connection {
  return Object.assign(Object.create(connection) as Connection, {
    exec: (command: Parameters<Connection['exec']>[0], options: StreamOptions = {}): Promise<ExecResult> => {
      const { input } = options;
      async function* harmed(): AsyncGenerator<Uint8Array> {
        let first = true;
        for await (const block of input ?? []) {
          yield first ? harm(block) : block;
          first = false;
        }
      }
      return connection.exec(command, { ...options, input: harmed() });
    },
  });
}

/** A far side that answers any pull with these bytes. */
function replaying(connection: Connection, tar: Buffer, cut = false): Connection {
  return Object.assign(Object.create(connection) as Connection, {
    exec: async (_command: unknown, options: StreamOptions = {}): Promise<ExecResult> => {
      options.onStdout?.(Buffer.from('Welcome!\n\nhpc-transfer-stream\n'));
      // oxlint-disable-next-line typescript/require-await
      async function* whole(): AsyncGenerator<Uint8Array> {
        yield tar;
      }
      for await (const block of packBlocks(whole())) if (!cut || block[0] !== 2) options.onStdout?.(block);
      return { stdout: '', stderr: '', exitCode: 0 };
    },
  });
}
