/**
 * Append-only JSON lines. A line is appended with one write, so that lines of several processes do not mix; a crash can
 * tear only the last one. A reader therefore skips what it cannot parse, says how much it skipped, and never fails.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { readTextIfThere } from './atomicFile.ts';

export interface JsonLines {
  readonly values: readonly unknown[];
  /** Lines that are not JSON: torn by a crash, or foreign. */
  readonly skipped: number;
  /** Length in bytes (UTF-8) of the text up to and including the last newline: where the next read may begin. */
  readonly completeBytes: number;
}

/** Parses what is complete (ends with a newline); an unfinished tail is left for the next read. */
export function parseJsonLines(text: string): JsonLines {
  const end = text.lastIndexOf('\n') + 1;
  const values: unknown[] = [];
  let skipped = 0;
  for (const line of text.slice(0, end).split('\n')) {
    if (line.trim() === '') continue;
    try {
      values.push(JSON.parse(line));
    } catch {
      skipped += 1;
    }
  }
  return { values, skipped, completeBytes: Buffer.byteLength(text.slice(0, end)) };
}

/** Appends one value durably. Begins a new line first where a crash has left a torn one, so that it costs only itself. */
export async function appendJsonLine(file: string, value: unknown): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  const handle = await fs.open(file, 'a+');
  try {
    const { size } = await handle.stat();
    let prefix = '';
    if (size > 0) {
      const last = Buffer.alloc(1);
      await handle.read(last, 0, 1, size - 1);
      if (last[0] !== 0x0a) prefix = '\n';
    }
    await handle.appendFile(`${prefix}${JSON.stringify(value)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** All values of the file; none where there is no file. An unfinished last line counts when it parses. */
export async function readJsonLines(file: string): Promise<JsonLines> {
  const text = (await readTextIfThere(file)) ?? '';
  const complete = parseJsonLines(text);
  const tail = text.slice(text.lastIndexOf('\n') + 1);
  if (tail.trim() === '') return complete;
  const rest = parseJsonLines(`${tail}\n`);
  return { values: [...complete.values, ...rest.values], skipped: complete.skipped + rest.skipped, completeBytes: complete.completeBytes };
}
