import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { withAdvisoryLock } from '../../../src/foundation/advisoryLock.ts';
import { HpcError } from '../../../src/foundation/errors.ts';

/** Holds the lock until its input ends; then takes the file's name away first, as some versions of Python's filelock do. */
const otherProgram = `
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
os.unlink(sys.argv[1])
`;

describe('the lock that other programs take', function () {
  this.timeout(30_000);
  let folder: string;
  let lock: string;
  const options = { timeoutMs: 10_000 };
  const isFree = (): boolean => spawnSync('python3', ['-c', 'import fcntl,sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)', lock], { stdio: 'ignore' }).status === 0;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-lock-'));
    lock = path.join(folder, 'a b.json.lock');
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it('is held while the function runs, also by the first who ever locks, and given back after it, also when it throws', async () => {
    assert.equal(await withAdvisoryLock(lock, () => Promise.resolve(isFree()), options), false);
    assert.equal(isFree(), true);
    await assert.rejects(withAdvisoryLock(lock, () => Promise.reject(new Error('mine')), options), /mine/);
    assert.equal(isFree(), true);
  });

  it('is the lock of the file that has the name, when another program takes the name away as it ends', async () => {
    const other = spawn('python3', ['-c', otherProgram, lock], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const held = withAdvisoryLock(lock, () => Promise.resolve(isFree()), options);
    other.stdin.end();
    await once(other, 'close');
    assert.equal(await held, false);
  });

  it('says who is busy, and runs nothing', async () => {
    let ran = false;
    await withAdvisoryLock(lock, async () => {
      const waited = withAdvisoryLock(lock, () => Promise.resolve((ran = true)), { timeoutMs: 100 });
      await assert.rejects(waited, (error: unknown) => error instanceof HpcError && error.code === 'cluster_timeout' && error.message.includes(lock));
    }, options);
    assert.equal(ran, false);
  });

  it('without a Python nobody else has locked either; where somebody has, it says what is missing', async () => {
    const without = { ...options, python: path.join(folder, 'no-python') };
    assert.equal(await withAdvisoryLock(lock, () => Promise.resolve(1), without), 1);
    await fs.writeFile(lock, '');
    await assert.rejects(withAdvisoryLock(lock, () => Promise.resolve(1), without), /needs a Python 3/);
  });
});
