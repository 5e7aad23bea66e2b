/** Reads a zip archive (a .vsix is one) with what Node has: names and sizes from the central directory, bytes inflated. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { inflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly packedBytes: number;
  readonly bytes: number;
  read(): Buffer;
}

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;

export async function readZip(file: string): Promise<readonly ZipEntry[]> {
  const zip = await fs.readFile(file);
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== endSignature) end--;
  if (end < 0) throw new Error(`${file} is not a zip archive.`);
  const entries: ZipEntry[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count--) {
    if (zip.readUInt32LE(at) !== entrySignature) throw new Error(`${file} has a damaged directory.`);
    const method = zip.readUInt16LE(at + 10);
    const packedBytes = zip.readUInt32LE(at + 20);
    const bytes = zip.readUInt32LE(at + 24);
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const header = zip.readUInt32LE(at + 42);
    entries.push({
      name,
      packedBytes,
      bytes,
      read: () => {
        const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
        const packed = zip.subarray(start, start + packedBytes);
        return method === 0 ? packed : inflateRawSync(packed);
      },
    });
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

/** Unpacks the archive into `target`, which it empties first. Names that would leave `target` are refused. */
export async function unzip(file: string, target: string): Promise<void> {
  await fs.rm(target, { recursive: true, force: true });
  for (const entry of await readZip(file)) {
    if (entry.name.endsWith('/')) continue;
    const out = path.resolve(target, entry.name);
    if (!out.startsWith(path.resolve(target) + path.sep)) throw new Error(`${file} holds ${entry.name}, which leads out of its folder.`);
    await fs.mkdir(path.dirname(out), { recursive: true });
    await fs.writeFile(out, entry.read());
  }
}
