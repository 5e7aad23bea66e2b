/** A log of 200 MB: its end as the editor shows it, against `tail`; and what came in since, against the same. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inflateSync } from 'node:zlib';
import { emptyLog, logDocumentText, pieceBytes, withPiece, type LogState } from '../../src/surfaces/vscode/documents/logText.ts';
import { interleaved, program } from './measure.ts';
import { root, type Places } from './places.ts';
import { compared, type Row } from './report.ts';

const megabytes = 200;

/** One question to the program of the login node, as a connection puts it. */
async function ask(request: object): Promise<{ readonly offset: number; readonly size: number; readonly data: string }> {
  const child = spawn('python3', [path.join(root, 'templates', 'runtime', 'hpc_remote.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
  child.stdin.end(JSON.stringify({ v: 1, verb: 'tail', ...request }));
  await once(child, 'close');
  return JSON.parse(inflateSync(Buffer.from(output.replace(/^HPC1 /, '').trim(), 'base64')).toString('utf8')) as { offset: number; size: number; data: string };
}

async function read(file: string, state: LogState): Promise<LogState> {
  const from = state.nextOffset === undefined ? { lines: 100_000 } : { offset: state.nextOffset };
  const { offset, size, data } = await ask({ path: file, max_bytes: pieceBytes, ...from });
  const bytes = Buffer.from(data, 'base64');
  return withPiece(state, { path: file, found: true, text: bytes.toString('utf8'), offset, size, next_offset: offset + bytes.length, ended: false });
}

export async function logs(places: Places, short: boolean): Promise<readonly Row[]> {
  const file = path.join(await places.folder('logs'), 'task.out');
  const block = `${'\u001b[32mstep\u001b[0m 12 % \rstep 100 % '.padEnd(98, 'x')}\n`.repeat(10_000);
  const handle = await fs.open(file, 'w');
  try {
    for (let written = 0; written < megabytes * 1e6; written += block.length) await handle.write(block);
  } finally {
    await handle.close();
  }
  let state = emptyLog;
  const open = async (): Promise<void> => {
    state = await read(file, emptyLog);
    const text = logDocumentText(state, 'stdout');
    if (!text.startsWith('⋯ ') || text.length < 100_000 || text.includes('\u001b')) throw new Error('the end of the log is not what it should be');
  };
  const follow = async (): Promise<void> => {
    await fs.appendFile(file, 'one more line\n');
    state = await read(file, state);
    if (!logDocumentText(state, 'stdout').endsWith('one more line\n')) throw new Error('the new line is not there');
  };
  const tail = (bytes: number) => (): Promise<void> => program(['tail', '-c', String(bytes), file]).then(() => undefined);
  const rounds = short ? 3 : 15;
  const opened = await interleaved({ ours: { run: open }, peer: { run: tail(pieceBytes) } }, rounds, 1);
  const followed = await interleaved({ ours: { run: follow }, peer: { run: tail(14) } }, rounds, 1);
  return [
    compared('logs', `${megabytes} MB, its last 512 KiB as text`, opened.ours, { name: 'tail -c', values: opened.peer }, { note: 'ours: with the start of Python, made readable' }),
    compared('logs', 'a line more, as text', followed.ours, { name: 'tail -c', values: followed.peer }, { note: 'ours: with the start of Python' }),
  ];
}
