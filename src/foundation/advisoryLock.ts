/**
 * The lock that other programs take on a file that we share with them: `flock` on a POSIX system, the first byte of the lock file on Windows. Node has
 * neither, so a small Python holds it while a function runs.
 *
 * Rules: the lock file is never made here: where it is not there, nobody else ever locked, and nothing is started. Whoever changes the shared file
 * looks again (`appeared`) before the change is put in place. The holder ends with this process, as its standard input ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { HpcError } from './errors.ts';

const holder = `
import os, sys, time
handle = os.open(sys.argv[1], os.O_RDWR)
deadline = time.time() + float(sys.argv[2])
try:
    import fcntl
    def take():
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
except ImportError:
    import msvcrt
    def take():
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
while True:
    try:
        take()
        break
    except OSError:
        if time.time() > deadline:
            sys.exit(75)
        time.sleep(0.01)
sys.stdout.write("held")
sys.stdout.flush()
sys.stdin.read()
`;

export type LockOutcome<T> = { readonly value: T } | 'appeared';

const isThere = (file: string): Promise<boolean> => fs.stat(file).then(() => true, () => false);

/**
 * Runs `body` under the lock where the lock file is there. `body` gets a question that it asks just before its change: whether the lock file has appeared
 * meanwhile, so that the change must not be made; it then gives `appeared`, and is run again, under the lock.
 */
export async function withAdvisoryLock<T>(file: string, body: (appeared: () => Promise<boolean>) => Promise<LockOutcome<T>>, options: { readonly timeoutMs: number }): Promise<T> {
  for (;;) {
    const locked = await isThere(file);
    const outcome = locked ? await held(file, () => body(() => Promise.resolve(false)), options.timeoutMs) : await body(() => isThere(file));
    if (outcome !== 'appeared') return outcome.value;
  }
}

async function held<T>(file: string, body: () => Promise<T>, timeoutMs: number): Promise<T> {
  const child = spawn(process.platform === 'win32' ? 'python' : 'python3', ['-S', '-E', '-c', holder, file, String(timeoutMs / 1000)], { stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  const ended = once(child, 'close').then(([code]) => code as number | null, () => null);
  try {
    const took = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
    if (!took) {
      const busy = (await ended) === 75;
      throw new HpcError('cluster_timeout', busy ? `Another program holds ${file}.` : `${file} cannot be locked: it needs a Python 3 (\`python3\`) on this computer.`, {
        remediation: busy ? 'Wait until it ended: what is to be written is written the next time.' : 'Install Python 3, or remove that file if no other program uses this folder any more.',
      });
    }
    return await body();
  } finally {
    child.stdin.on('error', () => undefined);
    child.stdin.end();
    await ended;
  }
}
