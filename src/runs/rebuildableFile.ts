/**
 * Files that can be asked for again: replaced by a rename, so that no reader sees half of one, but not flushed to the disk, since
 * a refresh writes many of them and a power cut costs only one longer answer.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { newToken } from '../foundation/ids.ts';

export async function writeRebuildable(file: string, value: unknown): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${newToken(4)}.tmp`);
  try {
    await fs.writeFile(temporary, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}
