/**
 * What was made of files that have not changed since, so that looking again costs a `stat`. The longest unused goes first.
 *
 * Rule: the stamp (names, sizes, times, inode numbers of all the files) decides; a value is never given for another stamp.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from './errors.ts';

export class FileMemory {
  private readonly entries = new Map<string, { readonly stamp: string; readonly value: unknown }>();

  constructor(private readonly capacity = 256) {}

  /** The value for these files (or the files of a folder with that ending), made anew where one of them changed. */
  async recall<T>(purpose: string, place: { readonly file: string } | { readonly folder: string; readonly ending: string }, make: () => Promise<T>): Promise<T> {
    const key = `${purpose}:${'file' in place ? place.file : place.folder}`;
    const stamp = 'file' in place ? await stampOf([place.file]) : await stampOfFolder(place.folder, place.ending);
    const known = this.entries.get(key);
    this.entries.delete(key);
    // The same purpose always makes the same type.
    const value = known?.stamp === stamp ? (known.value as T) : await make();
    this.entries.set(key, { stamp, value });
    const oldest = this.entries.keys().next();
    if (this.entries.size > this.capacity && oldest.done !== true) this.entries.delete(oldest.value);
    return value;
  }
}

async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map(async (file) => {
      try {
        const { size, mtimeNs, ctimeNs, ino } = await fs.stat(file, { bigint: true });
        return `${path.basename(file)} ${size} ${mtimeNs} ${ctimeNs} ${ino}`;
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return `${path.basename(file)} none`;
        throw error;
      }
    }),
  );
  return stamps.join('\n');
}

async function stampOfFolder(folder: string, ending: string): Promise<string> {
  try {
    const names = (await fs.readdir(folder)).filter((name) => name.endsWith(ending)).sort();
    return await stampOf(names.map((name) => path.join(folder, name)));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 'none';
    throw error;
  }
}
