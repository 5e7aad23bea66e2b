/** Rebuilds a text from the differences that `hpc_remote.py` sends: literal lines, and [start, count] copies of old lines. */
import { sha256Hex } from '../foundation/ids.ts';

export function textHash(text: string): string {
  return sha256Hex(text).slice(0, 16);
}

/** Undefined where the parts do not fit the old text, or the result is not the one that was meant. */
export function applyDifference(old: string, parts: readonly unknown[], hash: string): string | undefined {
  const oldLines = old.split('\n');
  const lines: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') {
      lines.push(part);
      continue;
    }
    if (!Array.isArray(part)) return undefined;
    const [start, count] = part as [unknown, unknown];
    if (typeof start !== 'number' || typeof count !== 'number' || start < 0 || start + count > oldLines.length) return undefined;
    for (let index = start; index < start + count; index += 1) lines.push(oldLines[index] ?? '');
  }
  const text = lines.join('\n');
  return textHash(text) === hash ? text : undefined;
}
