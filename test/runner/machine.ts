/**
 * What makes this machine faster for thousands of short programs, where it can be had.
 *
 * Rule: nothing here is needed. Where it is missing, the tests run as they are.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';

const enoughBytes = 6 * 2 ** 30;

/** A new folder for temporary files that no disk is behind, where programs may be run from it and there is room. */
export async function folderInMemory(): Promise<string | undefined> {
  try {
    const { type, bavail, bsize } = await fs.statfs('/dev/shm');
    const tmpfs = 0x01021994;
    if (type !== tmpfs || bavail * bsize < enoughBytes || os.freemem() < enoughBytes) return undefined;
    const folder = await fs.mkdtemp('/dev/shm/hpc-');
    // As /tmp: some tests are other users.
    await fs.chmod(folder, 0o1777);
    const probe = path.join(folder, 'probe');
    await fs.writeFile(probe, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const runs = await promisify(execFile)(probe).then(() => true, () => false);
    await fs.rm(runs ? probe : folder, { recursive: true });
    return runs ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** PATH with the folder of the interpreter itself in front: what version managers put there instead takes three times as long to start. */
export async function pathToPython(before: string): Promise<string> {
  const interpreter = await promisify(execFile)('python3', ['-c', 'import sys; print(sys.executable)']).then(({ stdout }) => stdout.trim(), () => '');
  const folder = path.dirname(interpreter);
  return !path.isAbsolute(interpreter) || before.split(':').find((one) => one !== '') === folder ? before : [folder, before].join(':');
}
