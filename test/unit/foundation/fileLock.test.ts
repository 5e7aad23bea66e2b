import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { withFileLock } from '../../../src/foundation/fileLock.ts';
import { ended, says, start } from './children/run.ts';

describe('fileLock (unit)', function () {
  this.timeout(120_000);
  let folder: string;
  let lock: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-lock-'));
    lock = path.join(folder, 'sub', 'x.lock');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('several processes lose no increment', async () => {
    const counter = path.join(folder, 'counter');
    fs.writeFileSync(counter, '0');
    const children = Array.from({ length: 4 }, () => start('incrementUnderLock.ts', lock, counter, '25'));
    assert.deepEqual(await Promise.all(children.map(ended)), [0, 0, 0, 0]);
    assert.equal(fs.readFileSync(counter, 'utf8'), '100');
    assert.deepEqual(fs.readdirSync(path.dirname(lock)), []);
  });

  it('a killed holder is taken over by exactly one of many, at once', async () => {
    const holder = start('holdLock.ts', lock);
    await says(holder);
    await assert.rejects(withFileLock(lock, () => Promise.resolve(), { timeoutMs: 0 }), (error) => HpcError.is(error, 'cluster_timeout') && error.message.includes(String(holder.pid)));
    holder.kill('SIGKILL');
    await ended(holder);
    const counter = path.join(folder, 'counter');
    fs.writeFileSync(counter, '0');
    const children = Array.from({ length: 3 }, () => start('incrementUnderLock.ts', lock, counter, '10'));
    assert.deepEqual(await Promise.all(children.map(ended)), [0, 0, 0]);
    assert.equal(fs.readFileSync(counter, 'utf8'), '30');
  });

  it('many takers of one dead lock are never inside together', async () => {
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    const gone = start('incrementUnderLock.ts', lock, path.join(folder, 'none'), '0');
    await ended(gone);
    for (let round = 0; round < 30; round += 1) {
      fs.writeFileSync(lock, JSON.stringify({ host: os.hostname(), pid: gone.pid, token: 'dead' }));
      let inside = 0;
      await Promise.all(
        Array.from({ length: 6 }, () =>
          withFileLock(lock, async () => {
            inside += 1;
            assert.equal(inside, 1);
            await new Promise((resolve) => setImmediate(resolve));
            inside -= 1;
          }),
        ),
      );
    }
    assert.deepEqual(fs.readdirSync(path.dirname(lock)), []);
  });

  it('believes a holder on another host while it is fresh, and not when its heartbeat is old', async () => {
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    const foreign = JSON.stringify({ host: 'another-host', pid: 1, token: 't' });
    fs.writeFileSync(lock, foreign);
    await assert.rejects(withFileLock(lock, () => Promise.resolve(), { timeoutMs: 0 }), (error) => HpcError.is(error, 'cluster_timeout') && error.message.includes('another-host'));
    assert.equal(fs.readFileSync(lock, 'utf8'), foreign);
    const old = new Date(Date.now() - 120_000);
    fs.utimesSync(lock, old, old);
    assert.equal(await withFileLock(lock, () => Promise.resolve('mine'), { timeoutMs: 0 }), 'mine');
  });

  it('a process of the same number that began later is not the holder', async function () {
    if (process.platform !== 'linux') return;
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    const boot = `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fs.readlinkSync('/proc/self/ns/pid')}`;
    for (const earlier of [{ boot, start: '1' }, { boot: `another-boot ${boot.split(' ')[1] ?? ''}` }]) {
      fs.writeFileSync(lock, JSON.stringify({ host: os.hostname(), pid: process.pid, token: 't', ...earlier }));
      assert.equal(await withFileLock(lock, () => Promise.resolve('mine'), { timeoutMs: 0 }), 'mine');
    }
  });

  it('frees the lock when the body throws, and gives up waiting when aborted', async () => {
    await assert.rejects(withFileLock(lock, () => Promise.reject(new Error('body'))), /body/);
    await withFileLock(lock, async () => {
      const controller = new AbortController();
      const waiting = withFileLock(lock, () => Promise.resolve(), { signal: controller.signal });
      controller.abort();
      await assert.rejects(waiting, (error) => CancelledError.is(error));
    });
    assert.deepEqual(fs.readdirSync(path.dirname(lock)), []);
  });
});
