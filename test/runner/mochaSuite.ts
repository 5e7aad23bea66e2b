/**
 * A suite of mocha files in a process of its own.
 *
 * Rule: nothing passes in silence. No files, no tests, a process that crashed, one that does not end after its last test and
 * one that leaves processes behind are each a failure.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { bundled, childProgram } from '../childProgram.ts';
import { mochaProgram, type MochaMessage } from './mochaMessages.ts';
import { runProgram } from './programs.ts';
import { failed, type Failure, type Outcome, type SuiteContext } from './suite.ts';

const graceAfterEndMs = 20_000;

export async function runMocha(files: readonly string[], { signal, logFile, spent }: SuiteContext, env: NodeJS.ProcessEnv = process.env): Promise<Outcome> {
  if (files.length === 0) return failed('test files', 'There are none.');
  const failures: Failure[] = [];
  let passes = 0;
  let ended = false;
  let lingering = false;
  let current = 'loading the files';
  let timer: NodeJS.Timeout | undefined;
  const tests = await bundled(files, path.basename(logFile, '.log'));
  const program = await runProgram(process.execPath, ['--enable-source-maps', await childProgram(mochaProgram), tests], {
    env,
    signal,
    logFile,
    ...(spent === undefined ? {} : { spent }),
    ipc: true,
    onStart: (child, end) => {
      child.on('message', (message: MochaMessage) => {
        if (message.kind === 'pass') passes += 1;
        if (message.kind === 'pass') current = `after: ${message.title}`;
        if (message.kind === 'pending') failures.push({ title: message.title, text: 'Skipped tests are not allowed.' });
        if (message.kind === 'fail') failures.push({ title: message.title, text: message.text });
        if (message.kind === 'crash') failures.push({ title: 'loading or running the files', text: message.text });
        if (message.kind === 'end') {
          ended = true;
          timer = setTimeout(() => {
            lingering = true;
            end();
          }, graceAfterEndMs);
        }
      });
    },
  });
  await fs.rm(tests, { force: true });
  clearTimeout(timer);
  const output = program.tail.trim() === '' ? '' : `\nThe end of its output:\n${program.tail.slice(-4000)}`;
  if (lingering) failures.push({ title: 'the process ends', text: `After its last test something (a server, a timer, a connection) kept it alive.${output}` });
  else if (!ended && signal.aborted) failures.push({ title: 'the suite ends', text: `Stopped ${signal.reason instanceof Error ? signal.reason.message : 'by an interrupt'}; ${current}.${output}` });
  else if (!ended && failures.length === 0) failures.push({ title: 'the suite ends', text: `The process ended (${program.signal ?? program.code}) before its last test; ${current}.${output}` });
  else if (ended && program.code !== 0 && failures.length === 0) failures.push({ title: 'the process ends well', text: `It ended with ${program.signal ?? program.code}.${output}` });
  if (program.leftovers) failures.push({ title: 'nothing is left running', text: 'Processes that the tests started outlived them.' });
  if (ended && passes + failures.length === 0) failures.push({ title: 'tests', text: 'The files hold no test.' });
  return { passed: passes, failed: failures.length, skipped: 0, failures };
}
