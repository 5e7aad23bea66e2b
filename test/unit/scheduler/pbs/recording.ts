/** Verbatim outputs of a real OpenPBS server and its clients of two generations. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandOutput } from '../../../../src/scheduler/port.ts';

const folder = fileURLToPath(new URL('recordings/', import.meta.url));

export interface Recording extends CommandOutput {
  readonly name: string;
  readonly command: string;
  /** Very long outputs were cut when they were recorded. */
  readonly isCut: boolean;
}

export function readRecording(name: string): Recording {
  // As the far side's answers come: bytes that are no UTF-8 are replaced.
  const text = readFileSync(`${folder}${name}.txt`, 'utf8');
  const match = /^### command \(user [^)]*\): ([\s\S]*?)\n### exit: (-?\d+)[^\n]*\n### stdout\n([\s\S]*?)(### \(stdout had no final newline\)\n)?### stderr\n([\s\S]*?)### end/.exec(text);
  if (!match) {
    const head = /^### command \(user [^)]*\): ([^\n]*)\n### exit: (-?\d+)[^\n]*\n### stdout\n([\s\S]*)$/.exec(text);
    if (!head) throw new Error(`${name} is not a recording`);
    return { name, command: head[1] ?? '', exitCode: Number(head[2]), stdout: head[3] ?? '', stderr: '', isCut: true };
  }
  const [, command = '', exit, stdout = '', bare, stderr = ''] = match;
  return { name, command, exitCode: Number(exit), stdout: bare === undefined ? stdout : stdout.replace(/\n$/, ''), stderr, isCut: false };
}

export function allRecordings(): readonly Recording[] {
  return readdirSync(folder).filter((file) => file.endsWith('.txt')).sort().map((file) => readRecording(file.slice(0, -4)));
}
