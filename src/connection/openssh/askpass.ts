/**
 * The program that ssh starts to ask somebody, and our end of it.
 *
 * Rule: an answer travels over a socket in the private folder and the program's own output, and nowhere else: not in arguments, the environment or
 * a file. Without an answer the program fails.
 */
import { writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import type { Disposable } from '../../foundation/disposable.ts';
import { quoteWord } from '../../foundation/quoting.ts';
import type { PrivateFolder } from './privateFolder.ts';

export type Answer = (prompt: string, hint: string) => Promise<string | undefined>;

export interface Askpass extends Disposable {
  /** For the environment of an ssh process that may ask. */
  readonly environment: Readonly<Record<string, string>>;
  /** Who answers from now on; undefined: nobody. */
  answerer: Answer | undefined;
}

/** Runs as a program of its own, by plain Node or by the editor's. */
const helper = (socket: string): string => `'use strict';
const socket = require('node:net').connect(${JSON.stringify(socket)});
let reply = '';
socket.on('connect', () => socket.write(JSON.stringify({ prompt: process.argv[2] || '', hint: process.env.SSH_ASKPASS_PROMPT || '' }) + '\\n'));
socket.on('data', (data) => (reply += data));
socket.on('error', () => process.exit(1));
socket.on('end', () => {
  let answer;
  try {
    answer = JSON.parse(reply).answer;
  } catch {}
  if (typeof answer !== 'string') process.exit(1);
  process.stdout.write(answer + '\\n', () => process.exit(0));
});
`;

const longestQuestion = 64 * 1024;

export async function startAskpass(folder: PrivateFolder, platform: NodeJS.Platform = process.platform): Promise<Askpass> {
  const windows = platform === 'win32';
  const socketPath = windows ? `\\\\.\\pipe\\hpc-agent-${path.basename(folder.path)}` : folder.file('ask');
  const program = folder.file(windows ? 'askpass.cmd' : 'askpass');
  await writeFile(folder.file('askpass.cjs'), helper(socketPath), { mode: 0o600 });
  const text = windows
    ? `@echo off\r\nset ELECTRON_RUN_AS_NODE=1\r\n"${process.execPath}" "${folder.file('askpass.cjs')}" %*\r\n`
    : `#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec ${quoteWord(process.execPath)} ${quoteWord(folder.file('askpass.cjs'))} "$@"\n`;
  await writeFile(program, text, { mode: 0o700 });

  const askpass: { answerer: Answer | undefined } = { answerer: undefined };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let asked = '';
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      asked += data;
      if (asked.length > longestQuestion) socket.destroy();
      if (!asked.endsWith('\n')) return;
      const { prompt, hint } = JSON.parse(asked) as { prompt: string; hint: string };
      const answering = askpass.answerer?.(prompt, hint) ?? Promise.resolve(undefined);
      answering.then(
        (answer) => socket.end(answer === undefined ? '' : JSON.stringify({ answer })),
        () => socket.end(),
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  server.unref();
  return Object.assign(askpass, {
    environment: {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: 'force',
      // Before OpenSSH 8.4 the program is used only where there is a display, and no terminal.
      DISPLAY: process.env.DISPLAY ?? ':0',
    },
    dispose: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
}
