import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { withAdvisoryLock } from '../../../src/foundation/advisoryLock.ts';
import { HpcError } from '../../../src/foundation/errors.ts';

/** A python3 in which the file's name is taken away between opening and locking it, once, as another program does that ends just then. */
const robbed = `#!/bin/sh
code=$4
shift 4
exec python3 -S -E -c "import fcntl, os, sys
lock, names = fcntl.flock, [sys.argv[1]]
def flock(handle, how):
    if names:
        os.unlink(names.pop())
    lock(handle, how)
fcntl.flock = flock
$code" "$@"
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

  it('is the lock of the file that has the name, when another program takes the name away', async () => {
    const python = path.join(folder, 'robbed');
    await fs.writeFile(python, robbed, { mode: 0o755 });
    await withAdvisoryLock(lock, async () => {
      await fs.access(lock);
      assert.equal(isFree(), false);
    }, { ...options, python });
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
