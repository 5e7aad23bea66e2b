/**
 * The lock that other programs take on a file that we share with them: `flock` on a POSIX system, the first byte of the lock file on Windows. Node has
 * neither, so a small Python holds it while a function runs.
 *
 * Rules: it is taken always, whether or not anybody else has locked yet: what begins while we write would be lost. The lock is on the file that has the
 * name, also where others take the name away when they end. The holder ends with this process, as its standard input ends. Where no Python can be
 * started and nobody has locked, no program that takes this lock is on this computer.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { HpcError } from './errors.ts';

const busyStatus = 75;

const holder = `
import os, sys, time
try:
    import fcntl
    def take(handle):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
except ImportError:
    import msvcrt
    def take(handle):
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
deadline = time.time() + float(sys.argv[2])
while True:
    handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
    try:
        take(handle)
        if os.path.samestat(os.fstat(handle), os.stat(sys.argv[1])):
            break
    except OSError:
        pass
    os.close(handle)
    if time.time() > deadline:
        sys.exit(${busyStatus})
    time.sleep(0.01)
sys.stdout.write("held")
sys.stdout.flush()
sys.stdin.read()
`;

const isThere = (file: string): Promise<boolean> => fs.stat(file).then(() => true, () => false);

/** Runs `body` under the lock; the lock file is made where it is missing, its folder must be there. Throws `cluster_timeout` where another program keeps it. */
export async function withAdvisoryLock<T>(file: string, body: () => Promise<T>, options: { readonly timeoutMs: number; readonly python?: string }): Promise<T> {
  const hadLock = await isThere(file);
  const python = options.python ?? (process.platform === 'win32' ? 'python' : 'python3');
  const child = spawn(python, ['-S', '-E', '-c', holder, file, String(options.timeoutMs / 1000)], { stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code]) => code as number | null, () => 'not started' as const);
  try {
    const held = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
    if (held) return await body();
    const end = await ended;
    if (end === 'not started' && !hadLock) return await body();
    throw end === busyStatus
      ? new HpcError('cluster_timeout', `Another program holds ${file}.`, { remediation: 'Wait until it ended: what is to be written is written the next time.' })
      : new HpcError('cluster_timeout', `${file} cannot be locked: it needs a Python 3 (\`${python}\`) on this computer.`, { remediation: 'Install Python 3, or remove that file if no other program uses this folder any more.' });
  } finally {
    child.stdin.end();
    await ended;
  }
}
