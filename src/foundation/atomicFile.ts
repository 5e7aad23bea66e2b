/**
 * Files that a crash cannot tear: written beside the target, flushed to the disk, then renamed over it.
 * The directory is flushed too, so that after a power cut the file is there whole, old or new.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { randomBytes } from 'node:crypto';
import { HpcError, messageOf, systemCodeOf } from './errors.ts';

async function flushDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory; there, NTFS journals the rename.
  if (process.platform === 'win32') return;
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes the whole file durably; makes the directory where it is missing. `exclusive` refuses to replace a file (EEXIST). */
export async function writeFileAtomic(file: string, data: string | Uint8Array, options: { mode?: number; exclusive?: boolean } = {}): Promise<void> {
  const directory = path.dirname(file);
  const temporary = path.join(directory, `.${path.basename(file)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    await fs.mkdir(directory, { recursive: true });
    const handle = await fs.open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.exclusive) {
      await fs.link(temporary, file);
      await fs.unlink(temporary);
    } else {
      await fs.rename(temporary, file);
    }
    await flushDirectory(directory);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    if (options.exclusive && systemCodeOf(error) === 'EEXIST') throw error;
    throw new HpcError('config_invalid', `Cannot write ${file}: ${messageOf(error)}.`, {
      cause: error,
      remediation: systemCodeOf(error) === 'ENOSPC' ? 'The disk is full: make room, then try again. The old file is untouched.' : 'Check that the folder exists and may be written. The old file is untouched.',
    });
  }
}

export async function writeJsonAtomic(file: string, value: unknown, options: { mode?: number; exclusive?: boolean } = {}): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`, options);
}

/** The file's text, or undefined where there is none. Other failures throw. */
export async function readTextIfThere(file: string): Promise<string | undefined> {
  try {
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
